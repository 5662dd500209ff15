"""The lakehouse: an Iceberg catalog, the ledger beside it, and DuckDB connections to work in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import duckdb

from readiness_pipelines.errors import CatalogBehindLedger, ReadinessError
from readiness_pipelines.flow import TableVersion
from readiness_pipelines.ledger import Ledger
from readiness_pipelines.settings import Settings

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table

_NOT_IN_PATHS = set("*?[]#%")  # DuckDB reads some of them as a pattern, Iceberg's URIs the others as syntax
_FILE = "file://"
_LOADS = 3  # a metadata file can be tidied away by another process between our two reads


@dataclass(frozen=True)
class Lakehouse:
    """One catalog, one warehouse, one ledger. Opening is cheap: the catalog is opened when first asked for."""

    settings: Settings
    ledger: Ledger

    @classmethod
    def open(cls, settings: Settings) -> Lakehouse:
        """Return the lakehouse of these settings, with the ledger kept beside it.

        Raises ReadinessError if the state folder's path holds a character that a file pattern or URI would misread.
        """
        if wrong := sorted(_NOT_IN_PATHS & set(str(settings.state))):
            raise ReadinessError(
                f"state folder {str(settings.state)!r} has {' '.join(wrong)} in its path, which URIs and file patterns "
                "cannot hold; set READINESS_STATE to a folder without"
            )
        return cls(settings, Ledger(settings.ledger_file))

    @cached_property
    def catalog(self) -> Catalog:
        """Return the Iceberg catalog: SQLite in the state folder."""
        from readiness_pipelines.lakehouse.local import LocalCatalog

        self.settings.warehouse.mkdir(parents=True, exist_ok=True)
        return LocalCatalog.open(self.settings.catalog_file, warehouse=uri_of(str(self.settings.warehouse)))

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Return a new DuckDB connection: in memory, UTC, spilling into the state folder.

        Its temporary tables, views and variables are its own and end with it. Memory and threads are those of one
        engine per lakehouse, so that two connections together keep the limit.
        """
        con = self._engine.cursor()
        con.execute("SET TimeZone = 'UTC'")
        return con

    @cached_property
    def _engine(self) -> duckdb.DuckDBPyConnection:
        spill = str(self.settings.state / "duckdb")
        config: dict[str, str | bool | int | float | list[str]] = {"temp_directory": spill}
        if self.settings.duckdb_memory:
            config["memory_limit"] = self.settings.duckdb_memory
        return duckdb.connect(config=config)

    def location(self, table: str) -> str:
        """Return the URI under which the Iceberg metadata of a table lies."""
        return uri_of(str(self.settings.warehouse.joinpath(*identifier(table))))

    def load(self, table: str) -> Table:
        """Return the Iceberg table at its newest metadata.

        Raises CatalogBehindLedger if the ledger knows a publication that the catalog does not hold, and pyiceberg's
        NoSuchTableError if there never was such a table.
        """
        from pyiceberg.exceptions import NoSuchTableError

        last = self.ledger.last_done(table)  # before the catalog, so that a commit between the two is no alarm
        for attempt in range(_LOADS):
            try:
                loaded = self.catalog.load_table(identifier(table))
                break
            except NoSuchTableError:
                if last is None:
                    raise
                raise self._behind(last, "the catalog has no such table") from None
            except FileNotFoundError:
                if attempt == _LOADS - 1:
                    raise self._behind(last, f"metadata files of {table} that the catalog names are gone") from None
        if last is not None and loaded.metadata.snapshot_by_id(last.snapshot_id) is None:
            raise self._behind(last, f"the catalog does not know snapshot {last.snapshot_id}")
        return loaded

    def find(self, table: str) -> Table | None:
        """Return the Iceberg table as `load` does, or None if there never was one."""
        from pyiceberg.exceptions import NoSuchTableError

        try:
            return self.load(table)
        except NoSuchTableError:
            return None

    def _behind(self, last: TableVersion | None, found: str) -> CatalogBehindLedger:
        said = f"the ledger says that {last} was published" if last else "the catalog expects them"
        return CatalogBehindLedger(
            f"{found}, but {said}: {self.settings.catalog_file.name} or the warehouse in {self.settings.state} is "
            "missing or an older copy; put it back before anything is run"
        )


def identifier(table: str) -> tuple[str, ...]:
    """Return Iceberg's identifier of `<product>.<layer>.<name>`."""
    return tuple(table.split("."))


def uri_of(path: str) -> str:
    """Return the URI by which Iceberg's metadata names a file that we name by `path` (absolute, or a URI already)."""
    return path if "://" in path else _FILE + path


def path_of(uri: str) -> str:
    """Return the path by which we name a file: the inverse of `uri_of`."""
    return uri.removeprefix(_FILE)
