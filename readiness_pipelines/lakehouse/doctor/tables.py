"""Whether the catalog holds every table as the ledger knows it; else the metadata file of the warehouse that does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from readiness_pipelines.errors import BrokenInvariant, CatalogBehindLedger
from readiness_pipelines.lakehouse.catalog import Lakehouse, identifier, path_of, uri_of
from readiness_pipelines.lakehouse.doctor.finding import Finding
from readiness_pipelines.lakehouse.files import planned
from readiness_pipelines.lakehouse.maintenance.places import metadata_files
from readiness_pipelines.lakehouse.snapshots import settle, unsettled

_RECENT = 10  # publications: of two candidates, the one that knows more of them is the later state


def table_findings(lake: Lakehouse, table: str) -> Iterator[Finding]:
    """Yield how the catalog's table and the ledger disagree: the catalog is behind, or the ledger lacks what is on `main`."""
    try:
        iceberg = lake.load(table)
    except CatalogBehindLedger as error:
        found = str(error).partition(", but ")[0]
        best = newest_agreeing(lake, table)
        if best is None:
            todo = "no metadata file in the warehouse agrees with the ledger: put the warehouse back from its backup"
            yield Finding(table, found, todo)
        else:
            todo = f"registers it at {Path(best).name}, the newest that agrees with the ledger"
            yield Finding(table, found, todo, lambda: register(lake, table, best))
        return
    new = unsettled(lake, iceberg, table)
    for version in new:
        known = lake.ledger.current_version(table, version.partition)
        found = f"main holds {version}, the ledger says {known or 'nothing was published'}"
        yield Finding(table, found, "records the publication", lambda: _settle(lake, table))
    committed = {version.partition for version in new}
    for partition, key in lake.ledger.upkeep.open_intents(table).items():
        if partition not in committed:
            found = f"{partition}: the publication of {key[:12]} was begun, and its commit is not on main"
            yield Finding(table, found, f"run the partition again: readiness backfill --again --from {partition} --to {partition}")


def newest_agreeing(lake: Lakehouse, table: str) -> str | None:
    """Return the path of the metadata file to believe, or None.

    It knows the last commit that the ledger knows; of those, it knows most of the publications recorded last; of those,
    it has the highest sequence number and was written last; and everything its `main` refers to is there.
    """
    last = lake.ledger.upkeep.last_commit(table)
    recent = set(lake.ledger.upkeep.recent_commits(table, _RECENT))
    ranked: list[tuple[tuple[int, int, int], str]] = []
    for found in metadata_files(lake, table):
        told = _read(lake, found.path)
        known = {s.get("snapshot-id") for s in told.get("snapshots", ())}
        if last is not None and last.snapshot_id in known:
            rank = (len(recent & known), int(told["last-sequence-number"]), int(told["last-updated-ms"]))
            ranked.append((rank, found.path))
    return next((path for _, path in sorted(ranked, reverse=True) if _is_whole(lake, path)), None)


def register(lake: Lakehouse, table: str, metadata: str) -> None:
    """Make the catalog's table the one that a metadata file describes."""
    from pyiceberg.exceptions import NamespaceAlreadyExistsError, NoSuchTableError

    with suppress(NamespaceAlreadyExistsError):
        lake.catalog.create_namespace(identifier(table)[:-1])
    with suppress(NoSuchTableError):
        lake.catalog.drop_table(identifier(table))  # the catalog's entry alone; no file of it goes
    lake.catalog.register_table(identifier(table), uri_of(metadata))
    lake.load(table)


def catalog_tables(lake: Lakehouse) -> list[str]:
    """Return the names of all tables in the catalog."""
    names: list[str] = []
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        namespace = waiting.pop()
        waiting += lake.catalog.list_namespaces(namespace)
        names += [".".join(each) for each in lake.catalog.list_tables(namespace)] if namespace else []
    return sorted(set(names))


def _settle(lake: Lakehouse, table: str) -> None:
    settle(lake, lake.load(table), table)


def _read(lake: Lakehouse, path: str) -> dict[str, Any]:
    try:
        with lake.storage.open(path) as file:
            found = json.loads(file.read())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_whole(lake: Lakehouse, metadata: str) -> bool:
    """Return whether every file is there that `main` of this metadata refers to: a commit that lost leaves none of its own."""
    from pyiceberg.table import StaticTable

    try:
        iceberg = StaticTable.from_metadata(uri_of(metadata), lake.storage.catalog_properties)
        return all(lake.storage.size(path_of(file.file_path)) is not None for file in planned(iceberg))
    except (OSError, ValueError, BrokenInvariant):
        return False
