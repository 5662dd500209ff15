"""PyIceberg's SQL catalog, on SQLite or PostgreSQL, opened so that several processes can share it."""

from __future__ import annotations

import time

from pyiceberg.catalog import Catalog
from pyiceberg.catalog.sql import IcebergTables, SqlCatalog
from pyiceberg.table import Table, Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.update import TableUpdate
from pyiceberg.typedef import Identifier
from sqlalchemy import URL, select
from sqlalchemy.exc import DBAPIError

from readiness_pipelines.errors import ServiceUnreachable
from readiness_pipelines.ledger.server import postgres_engine, tell_failures

_PATIENCE_S = 30


class SharedCatalog(SqlCatalog):
    """A catalog in one SQL database. Writers wait for each other; what cannot be reached is a ServiceUnreachable."""

    @classmethod
    def open(cls, url: URL, **properties: str) -> SharedCatalog:
        """Return the catalog, made if it was not there; several processes may make it at the same time."""
        deadline = time.monotonic() + _PATIENCE_S
        if url.get_backend_name() == "sqlite":
            url = url.update_query_dict({"timeout": str(_PATIENCE_S)})
        while True:
            try:
                return cls("readiness", uri=url.render_as_string(hide_password=False), **properties)
            except (DBAPIError, ServiceUnreachable) as error:
                if not _is_shared_making(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def _init_catalog(self) -> None:
        if self.engine.dialect.name == "postgresql":
            self.engine = postgres_engine(self.engine.url, what="catalog")
        else:
            tell_failures(self.engine, what="catalog")
        super()._init_catalog()

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


def _is_shared_making(error: Exception) -> bool:
    return any(text in str(error) for text in ("already exists", "database is locked"))


def published_tables(catalog: Catalog) -> list[str]:
    """Return the names of the catalog's tables that have more than their empty root snapshot, by name; no quarantine."""
    names: list[str] = []
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        namespace = waiting.pop()
        waiting += catalog.list_namespaces(namespace)
        for each in catalog.list_tables(namespace) if namespace else []:
            metadata = catalog.load_table(each).metadata
            if any((s.sequence_number or 0) > 1 for s in metadata.snapshots) and len(metadata.spec().fields) == 1:
                names.append(".".join(each))
    return sorted(set(names))
