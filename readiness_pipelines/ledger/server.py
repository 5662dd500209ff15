"""SQL databases by URL: which may be named, what of a URL is shown, and their failures in the operator's words.

The ledger and the Iceberg catalog are opened through here. A password is in the URL alone, and a URL is never shown.
"""

from __future__ import annotations

import functools
import importlib.util
import os
from typing import Any

import sqlalchemy as sa

from readiness_pipelines.errors import ReadinessError, ServiceUnreachable

POSTGRESQL = "postgresql+psycopg2"  # the driver that dagster-postgres brings: one for everything
_SQLITE = ("sqlite", "sqlite+pysqlite")
_CONNECT_S, _IDLE_S = 10, 30  # a dead host is noticed in seconds, also behind a connection that only waits
_LOCK_TIMEOUT_MS = 30_000
_LOCKED = "55P03"  # PostgreSQL's code: somebody held a lock for longer than that
_NOT_ALLOWED = "42501"  # and its code for a right that the role has not
_WRITABLE = "see that its file can be read and written"
_SQLITE_FAILURES = {  # what SQLite says, and what to do then
    "database is locked": "end what keeps it locked",
    "database or disk is full": "free disk space",
    "disk I/O error": _WRITABLE,
    "readonly database": _WRITABLE,
    "unable to open database file": _WRITABLE,
    "file is not a database": "put its file back from the backup",
    "disk image is malformed": "put its file back from the backup",
}


def url_of(text: str, *, variable: str) -> sa.URL:
    """Return the URL that the environment's `variable` holds.

    Raises ReadinessError for a database or driver that is not ours, or one that is not installed; the URL is not shown.
    """
    expected = f"expected {POSTGRESQL}://user:password@host:port/database, or sqlite:////folder/file.db"
    try:
        url = sa.make_url(text)
    except sa.exc.ArgumentError:
        raise ReadinessError(f"{variable} is no URL, {expected}") from None
    if url.drivername in _SQLITE:
        if url.database in (None, "", ":memory:"):
            raise ReadinessError(f"{variable} is a database in memory, which ends with the process; {expected}")
        return url
    if url.drivername != POSTGRESQL:
        raise ReadinessError(f"{variable} names the database or driver {url.drivername!r}, {expected}")
    if importlib.util.find_spec("psycopg2") is None:
        raise ReadinessError(
            f"{variable} is on PostgreSQL, and psycopg2 is not installed: pip install 'readiness-pipelines[postgres]'"
        )
    return url


def shown(url: sa.URL) -> str:
    """Return what may be shown of a URL: `host:port/database`, or the file."""
    if url.drivername in _SQLITE:
        return url.database or "memory"
    return f"{url.host or 'localhost'}:{url.port or 5432}/{url.database or ''}"


def postgres_engine(url: sa.URL, *, what: str) -> sa.Engine:
    """Return this process's engine of a PostgreSQL database; one per URL, so that opening often opens no more connections.

    `what` is what the database is to us (`ledger`, `catalog`), for messages.
    """
    return _postgres_engine(url, what, os.getpid())


@functools.lru_cache(maxsize=16)
def _postgres_engine(url: sa.URL, what: str, _process: int) -> sa.Engine:  # a forked process must not use its parent's
    own = {"connect_timeout": _CONNECT_S, "keepalives_idle": _IDLE_S, "application_name": f"readiness {what}"}
    arguments = {name: value for name, value in own.items() if name not in url.query}
    arguments["options"] = f"{url.query.get('options', '')} -c lock_timeout={_LOCK_TIMEOUT_MS}".strip()
    engine = sa.create_engine(url, pool_pre_ping=True, connect_args=arguments)
    tell_failures(engine, what=what)
    return engine


def tell_failures(engine: sa.Engine, *, what: str) -> None:
    """Let the engine raise ServiceUnreachable, in one line, where its database cannot be reached or used."""

    def tell(context: sa.engine.ExceptionContext) -> None:
        next_step = _next_step(context)
        if next_step is None or context.is_pre_ping:  # a pooled connection that has died is replaced, silently
            return
        reason = str(context.original_exception).split("\n")[0].strip()  # the rest guesses at causes
        hidden = engine.url.password
        said = reason.replace(str(hidden), "***") if hidden else reason
        raise ServiceUnreachable(
            f"{what} unreachable at {shown(engine.url)}: {said[:300]}; {next_step}, and run it again",
            service=what,
            is_locked=getattr(context.original_exception, "pgcode", None) == _LOCKED,
        )

    sa.event.listen(engine, "handle_error", tell)


def _next_step(context: sa.engine.ExceptionContext) -> str | None:
    """Return what an operator does about it, or None if the database is there and usable."""
    error: Any = context.original_exception
    if context.dialect.name == "sqlite":
        return next((step for said, step in _SQLITE_FAILURES.items() if said in str(error)), None)
    if getattr(error, "pgcode", None) == _LOCKED:
        return "end what keeps it locked"
    if getattr(error, "pgcode", None) == _NOT_ALLOWED:
        return "grant its role SELECT and INSERT on the tables and USAGE on the sequences"
    never_connected = context.connection is None and isinstance(context.sqlalchemy_exception, sa.exc.OperationalError)
    return "see that it runs and lets us in" if context.is_disconnect or never_connected else None
