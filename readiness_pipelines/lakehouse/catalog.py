"""The lakehouse: an Iceberg catalog, the ledger beside it, and DuckDB connections to work in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import duckdb

from readiness_pipelines.errors import CatalogBehindLedger
from readiness_pipelines.ledger import Ledger
from readiness_pipelines.settings import Settings

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table


@dataclass(frozen=True)
class Lakehouse:
    """One catalog, one warehouse, one ledger. Opening is cheap; the catalog is opened when first asked for."""

    settings: Settings
    ledger: Ledger

    @classmethod
    def open(cls, settings: Settings) -> Lakehouse:
        """Return the lakehouse of these settings, making its folders if they are not there."""
        for folder in (settings.state, settings.warehouse, settings.staging):
            folder.mkdir(parents=True, exist_ok=True)
        return cls(settings, Ledger(settings.ledger_file))

    @cached_property
    def catalog(self) -> Catalog:
        from pyiceberg.catalog.sql import SqlCatalog

        return SqlCatalog(
            "readiness",
            uri=f"sqlite:///{self.settings.catalog_file}",
            warehouse=f"file://{self.settings.warehouse}",
        )

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Return a new DuckDB connection: UTC, spilling into the state folder, rows kept in their order."""
        spill = self.settings.state / "duckdb"
        spill.mkdir(parents=True, exist_ok=True)
        config: dict[str, str] = {"temp_directory": str(spill), "TimeZone": "UTC"}
        if self.settings.duckdb_memory:
            config["memory_limit"] = self.settings.duckdb_memory
        con = duckdb.connect()
        for name, value in config.items():
            con.execute(f"SET {name} = '{value}'")
        return con

    def location(self, table: str) -> str:
        """Return the URI under which the files of a table lie."""
        return f"file://{self.settings.warehouse / table.replace('.', '/')}"

    def load(self, table: str) -> Table:
        """Return the Iceberg table at its newest metadata.

        Raises CatalogBehindLedger if the ledger knows of a publication that the catalog does not hold.
        """
        from pyiceberg.exceptions import NoSuchTableError

        try:
            loaded = self.catalog.load_table(identifier(table))
        except NoSuchTableError:
            if self.ledger.last_done(table) is None:
                raise
            raise CatalogBehindLedger(self._behind(table, "the catalog has no such table")) from None
        last = self.ledger.last_done(table)
        if last is not None and loaded.metadata.snapshot_by_id(last.snapshot_id) is None:
            raise CatalogBehindLedger(self._behind(table, f"the catalog does not know snapshot {last.snapshot_id}"))
        return loaded

    def _behind(self, table: str, found: str) -> str:
        return (
            f"{table}: {found}, but the ledger says {self.ledger.last_done(table)} was published. The catalog "
            f"({self.settings.catalog_file.name}) is missing or an older copy; put it back before anything is run"
        )


def identifier(table: str) -> tuple[str, ...]:
    """Return Iceberg's identifier of `<product>.<layer>.<name>`."""
    return tuple(table.split("."))
