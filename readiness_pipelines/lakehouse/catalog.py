"""The lakehouse: an Iceberg catalog, the ledger beside it, and DuckDB connections to work in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import duckdb
from sqlalchemy import URL

from readiness_pipelines.errors import CatalogBehindLedger, LedgerBehindCatalog, ReadinessError, ServiceUnreachable
from readiness_pipelines.flow import TableVersion
from readiness_pipelines.lakehouse.storage import Storage
from readiness_pipelines.ledger import Ledger
from readiness_pipelines.ledger.server import shown, url_of
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
    storage: Storage

    @classmethod
    def open(cls, settings: Settings) -> Lakehouse:
        """Return the lakehouse of these settings, with its ledger.

        Raises ReadinessError if a path holds a character that a file pattern or URI would misread, or for a catalog,
        ledger or warehouse of a kind that we do not know; ServiceUnreachable if the ledger is not there.
        """
        for what, place in (("READINESS_STATE", str(settings.state)), ("READINESS_WAREHOUSE", settings.warehouse)):
            if wrong := sorted(_NOT_IN_PATHS & set(place)):
                raise ReadinessError(
                    f"{place!r} has {' '.join(wrong)} in its path, which URIs and file patterns cannot hold; "
                    f"set {what} to a place without"
                )
        _refuse_misread(settings)
        catalog_url(settings)
        return cls(settings, Ledger(settings.ledger_url or settings.ledger_file), Storage.of(settings))

    @cached_property
    def catalog(self) -> Catalog:
        """Return the Iceberg catalog, made if there is none and never was.

        Raises ServiceUnreachable if it, or the warehouse, is not there, and CatalogBehindLedger where the ledger knows
        publications and there is no catalog, or none that can be read.
        """
        from sqlalchemy.exc import DatabaseError

        from readiness_pipelines.lakehouse.sqlcatalog import SharedCatalog

        if not self._has_catalog() and (known := self.ledger.upkeep.tables()):
            raise self._behind(self.ledger.upkeep.last_commit(known[0]), "there is no catalog")
        self.storage.make_ready()
        try:
            return SharedCatalog.open(
                catalog_url(self.settings), warehouse=uri_of(self.settings.warehouse), **self.storage.catalog_properties
            )
        except (DatabaseError, ServiceUnreachable) as error:
            if not _is_damage(error):
                raise
            raise self._behind(None, "the catalog's file is damaged") from None

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
            config["memory_limit"] = self.settings.duckdb_memory  # of a form that _refuse_misread lets through
        if self.storage.is_local:
            return duckdb.connect(config=config)
        from readiness_pipelines.lakehouse.duckfiles import DuckFiles

        engine = duckdb.connect(config={**config, "autoinstall_known_extensions": False})  # it would download its own S3
        engine.register_filesystem(DuckFiles(self.storage.s3))
        return engine

    def location(self, table: str) -> str:
        """Return the URI under which the Iceberg metadata of a table lies."""
        return uri_of("/".join((self.settings.warehouse, *identifier(table))))

    def load(self, table: str) -> Table:
        """Return the Iceberg table at its newest metadata.

        Raises CatalogBehindLedger if the ledger knows a commit that the catalog does not hold, or the catalog cannot be
        read, and pyiceberg's NoSuchTableError if there never was such a table.
        """
        for attempt in range(_LOADS):
            last = self.ledger.upkeep.last_commit(table)  # before the catalog, so that a commit between the two is no alarm
            try:
                return self._loaded(table, last)
            except CatalogBehindLedger:
                if attempt == _LOADS - 1:  # what is found missing was tidied away meanwhile, or is really gone
                    raise
        raise AssertionError("unreachable: the loop ends by return or raise")

    def _loaded(self, table: str, last: TableVersion | None) -> Table:
        from pyiceberg.exceptions import NoSuchTableError
        from sqlalchemy.exc import DatabaseError

        try:
            loaded = self.catalog.load_table(identifier(table))
        except NoSuchTableError:
            if last is None:
                raise
            raise self._behind(last, "the catalog has no such table") from None
        except FileNotFoundError:
            raise self._behind(last, f"metadata files of {table} that the catalog names are gone") from None
        except (DatabaseError, ServiceUnreachable) as error:
            if not _is_damage(error):
                raise
            raise self._behind(last, "the catalog's file is damaged") from None
        if last is not None and loaded.metadata.snapshot_by_id(last.snapshot_id) is None:
            raise self._behind(last, f"the catalog does not know snapshot {last.snapshot_id}")
        return loaded

    def require_catalog(self) -> None:
        """Raise CatalogBehindLedger unless the catalog holds every table that the ledger knows, at its last commit or later.

        Raises LedgerBehindCatalog where the ledger is blank and the catalog holds a table that was published to.
        """
        known = self.ledger.upkeep.tables()
        for table in known:
            self.load(table)
        if not known and self.ledger.upkeep.is_blank() and self._has_catalog():
            self._require_ledger()

    def _has_catalog(self) -> bool:
        file = self.settings.catalog_file
        return bool(self.settings.catalog_url) or (file.exists() and file.stat().st_size > 0)

    def _require_ledger(self) -> None:
        from readiness_pipelines.lakehouse.sqlcatalog import published_tables

        published = published_tables(self.catalog)
        if published and self.ledger.upkeep.is_blank():  # still: a publication is begun there before it is committed here
            raise LedgerBehindCatalog(
                f"the ledger knows no publication, but the catalog at {shown(catalog_url(self.settings))} holds "
                f"{len(published)} tables that were published to, such as {published[0]}: the ledger is new or was lost, and "
                "nothing is run on it; put it back from its backup, then `readiness doctor` says what is wrong"
            )

    def find(self, table: str) -> Table | None:
        """Return the Iceberg table as `load` does, or None if there never was one."""
        from pyiceberg.exceptions import NoSuchTableError

        try:
            return self.load(table)
        except NoSuchTableError:
            return None

    def _behind(self, last: TableVersion | None, found: str) -> CatalogBehindLedger:
        said = f"the ledger says that {last} was published" if last else "the ledger says that there is something to read"
        catalog = shown(catalog_url(self.settings))
        return CatalogBehindLedger(
            f"{found}, but {said}: the catalog at {catalog} or the warehouse at {self.settings.warehouse} is missing, damaged "
            "or an older copy, and nothing is run on it; `readiness doctor` says what is wrong and what can be repaired"
        )


def _is_damage(error: Exception) -> bool:
    return any(text in str(error) for text in ("not a database", "malformed"))


def catalog_url(settings: Settings) -> URL:
    """Return where the catalog is, as a SQLAlchemy URL."""
    if settings.catalog_url:
        return url_of(settings.catalog_url, variable="READINESS_CATALOG")
    return URL.create("sqlite", database=str(settings.catalog_file))


def _refuse_misread(settings: Settings) -> None:
    """Raise ReadinessError for a setting that would be taken for something else than it looks like."""
    uri, memory = settings.warehouse_uri, settings.duckdb_memory
    if uri and (uri != uri.strip() or re.match(r"\w+:(?!/)|\w+:/(?!/)|\w+://(/|$)|\w+://.*//", uri)):
        raise ReadinessError(f"READINESS_WAREHOUSE is {uri!r}, expected a folder, or s3://bucket/prefix")
    if memory and not re.fullmatch(r"\s*[0-9]+(\.[0-9]+)?\s*([KMGT]i?B|%)\s*", memory, re.IGNORECASE):
        raise ReadinessError(f"READINESS_MEMORY is {memory!r}, expected a size as DuckDB writes it, such as 1GB or 512MB")


def identifier(table: str) -> tuple[str, ...]:
    """Return Iceberg's identifier of `<product>.<layer>.<name>`."""
    return tuple(table.split("."))


def uri_of(path: str) -> str:
    """Return the URI by which Iceberg's metadata names a file that we name by `path` (absolute, or a URI already)."""
    return path if "://" in path else _FILE + path


def path_of(uri: str) -> str:
    """Return the path by which we name a file: the inverse of `uri_of`."""
    return uri.removeprefix(_FILE)
