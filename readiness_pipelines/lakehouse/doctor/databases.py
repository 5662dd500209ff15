"""The two databases as files: whether they are there and whole, and how a damaged catalog is put aside."""

from __future__ import annotations

import datetime
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from readiness_pipelines.errors import ServiceUnreachable
from readiness_pipelines.lakehouse.catalog import catalog_url, uri_of
from readiness_pipelines.lakehouse.doctor.finding import Finding
from readiness_pipelines.lakehouse.storage import Storage
from readiness_pipelines.settings import Settings

_CATALOG_TABLE = "iceberg_tables"
_PATIENCE_S = 30.0  # as long as whoever writes to either of them waits


def ledger_findings(settings: Settings) -> Iterator[Finding]:
    """Yield what is wrong with the ledger. Nothing can be repaired: nobody else knows what was admitted, and why.

    Raises ServiceUnreachable where its file cannot be looked at now.
    """
    if settings.ledger_url:
        return  # the server answers for its files; whether it can be reached is told when it is asked
    file = settings.ledger_file
    restore = f"put {file.name} back from its backup: nothing else knows what was admitted; then run the doctor again"
    if not file.exists():
        if settings.catalog_file.exists() or Path(settings.warehouse).exists():
            yield Finding("ledger", f"there is a warehouse, and no {file.name}", restore)
    elif wrong := _wrong_with(file, what="ledger", table="publications"):
        yield Finding("ledger", f"{file.name} {wrong}", restore)


def catalog_findings(settings: Settings, *, is_needed: bool) -> Iterator[Finding]:
    """Yield what is wrong with the catalog's file; where it is `needed`, it must also be there.

    Raises ServiceUnreachable where the file cannot be looked at now: a catalog that is only locked is not a damaged one.
    """
    file = _catalog_file(settings)
    if file is None:
        return  # the server answers for its files
    if not file.exists():
        if is_needed:
            yield Finding("catalog", f"there is no {file.name}", "makes a new one of the newest metadata", lambda: renew(settings))
    elif wrong := _wrong_with(file, what="catalog", table=_CATALOG_TABLE if is_needed else None):
        todo = f"puts it aside and makes a new one of the newest metadata; or put {file.name} back from its backup"
        yield Finding("catalog", f"{file.name} {wrong}", todo, lambda: renew(settings))


def renew(settings: Settings) -> None:
    """Put the catalog's file aside, if there is one, under a name that says when, and make an empty one."""
    from readiness_pipelines.lakehouse.sqlcatalog import SharedCatalog

    catalog = _catalog_file(settings)
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S.%f")
    for ending in ("", "-wal", "-shm", "-journal"):
        file = Path(f"{catalog}{ending}")
        if catalog is not None and file.exists():
            file.rename(f"{catalog}.damaged-{stamp}{ending}")
    properties = Storage.of(settings).catalog_properties
    SharedCatalog.open(catalog_url(settings), warehouse=uri_of(settings.warehouse), **properties)


def _catalog_file(settings: Settings) -> Path | None:
    """Return SQLite's file, wherever the settings place it; None for a catalog on a server."""
    url = catalog_url(settings)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def _wrong_with(file: Path, *, what: str, table: str | None) -> str | None:
    """Return what SQLite says of the file, or None if it is whole and has the table. Only damage is wrong with a file."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=_PATIENCE_S)) as connection:
            said = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)")]
            names = {str(row[0]) for row in connection.execute("SELECT name FROM sqlite_master")}
    except sqlite3.OperationalError as error:  # locked, not to be opened, a disk that fails: nothing was learnt about it
        if error.sqlite_errorname == "SQLITE_IOERR_SHORT_READ":  # the file ends before the database does
            return f"cannot be read ({error}: it was cut)"
        is_locked = "locked" in str(error)
        todo = "end the program that keeps it locked" if is_locked else "see that the file can be read and written"
        message = f"{what} unreachable at {file}: {error}; {todo}, and run the doctor again"
        raise ServiceUnreachable(message, service=what, is_locked=is_locked) from None
    except sqlite3.DatabaseError as error:  # not a database, or malformed
        return f"cannot be read ({error})"
    if said != ["ok"]:
        return f"is damaged ({'; '.join(said)[:200]})"
    return None if table is None or table in names else f"has no table {table}: it was emptied"
