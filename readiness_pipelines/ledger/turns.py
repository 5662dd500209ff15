"""One process at a time at one thing: whoever shares a ledger shares these locks.

Beside a SQLite ledger they are locks on local files; in a PostgreSQL ledger they are its session-level advisory locks, so
that they hold between hosts. Both are freed when their holder dies, however it dies.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa

from readiness_pipelines.errors import ServiceUnreachable

_FILES = 1024  # at most: two things that share a file by chance only wait for each other
_LONGEST_WAIT_S = 10  # a wait inside the driver cannot be interrupted; but who waits again is the last in the line


def _number(name: str) -> int:
    return int(hashlib.sha256(name.encode()).hexdigest(), 16)


@contextmanager
def by_file(folder: Path, name: str) -> Iterator[None]:
    """Hold the lock of `name` on a file in `folder`, which lies on a local disk."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{_number(name) % _FILES:04d}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def by_session(connection: sa.Connection, name: str) -> Iterator[None]:
    """Hold the lock of `name` in the database session of `connection`, between and beside its transactions."""
    key = _number(name) % 2**63
    while not _is_taken(connection, key):
        pass
    try:
        yield
    finally:
        if not connection.invalidated:  # else the session is gone, and the lock with it
            with suppress(ServiceUnreachable):  # as much
                connection.rollback()
                connection.execute(sa.select(sa.func.pg_advisory_unlock(key)))
                connection.rollback()


def _is_taken(connection: sa.Connection, key: int) -> bool:
    """Stand in line for the lock for a while, and return whether it was our turn; no transaction stays open."""
    try:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LONGEST_WAIT_S}s'")
        connection.execute(sa.select(sa.func.pg_advisory_lock(key)))
    except ServiceUnreachable as error:
        if not error.is_locked:
            raise
        return False
    finally:
        if not connection.invalidated:
            connection.rollback()
    return True
