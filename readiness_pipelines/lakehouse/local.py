"""PyIceberg's SQL catalog on SQLite, opened so that several processes can share one file."""

from __future__ import annotations

import time
from pathlib import Path

from pyiceberg.catalog.sql import IcebergTables, SqlCatalog
from pyiceberg.table import Table, Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.update import TableUpdate
from pyiceberg.typedef import Identifier
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

_PATIENCE_S = 30


class LocalCatalog(SqlCatalog):
    """A catalog in one SQLite file. Writers wait for each other instead of failing."""

    @classmethod
    def open(cls, file: Path, *, warehouse: str) -> LocalCatalog:
        """Return the catalog, made if it was not there; several processes may make it at the same time."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return cls("readiness", uri=f"sqlite:///{file}?timeout={_PATIENCE_S}", warehouse=warehouse)
            except OperationalError as error:
                if not _is_shared_making(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def __init__(self, name: str, **properties: str) -> None:
        self._parsed: dict[tuple[str, ...], Table] = {}  # newest seen of each table: never changed, often asked for
        super().__init__(name, **properties)

    def load_table(self, identifier: str | Identifier) -> Table:
        """Return the table at its newest metadata, parsed only when it has changed. Raises NoSuchTableError."""
        key = self.identifier_to_tuple(identifier)
        table = self._parsed.get(key)
        if table is None or table.metadata_location != self._metadata_location(key):
            table = self._parsed[key] = super().load_table(identifier)
        return Table(key, table.metadata, table.metadata_location, table.io, self)

    def _metadata_location(self, key: tuple[str, ...]) -> str | None:
        c = IcebergTables
        query = select(c.metadata_location).where(
            c.catalog_name == self.name, c.table_namespace == ".".join(key[:-1]), c.table_name == key[-1]
        )
        with self.engine.connect() as connection:
            return connection.execute(query).scalar()


class QuickTransaction(Transaction):
    """A transaction whose pending state is worked out once per change, not at every look at it.

    PyIceberg copies the whole metadata deeply at each of some 15 looks per commit: most of a commit's time, and growing
    with every snapshot that is kept. The copies are never changed afterwards, so one will do for all looks.
    """

    _seen: tuple[TableMetadata, tuple[TableUpdate, ...], TableMetadata] | None = None

    @property
    def table_metadata(self) -> TableMetadata:
        """Return the metadata with the pending changes applied."""
        base, updates = self._table.metadata, self._updates
        if self._seen is None or self._seen[0] is not base or self._seen[1] is not updates:
            self._seen = (base, updates, super().table_metadata)
        return self._seen[2]


def _is_shared_making(error: OperationalError) -> bool:
    return any(text in str(error) for text in ("already exists", "database is locked"))
