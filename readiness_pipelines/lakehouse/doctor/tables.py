"""Whether the catalog holds every table as the ledger knows it; else the metadata file of the warehouse that does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from readiness_pipelines.errors import BrokenInvariant, CatalogBehindLedger
from readiness_pipelines.lakehouse.catalog import Lakehouse, identifier, path_of, uri_of
from readiness_pipelines.lakehouse.doctor.contents import UNREADABLE, is_judged
from readiness_pipelines.lakehouse.doctor.finding import Finding, run_again
from readiness_pipelines.lakehouse.files import planned
from readiness_pipelines.lakehouse.maintenance.compaction import COMPACTED_PROPERTY
from readiness_pipelines.lakehouse.maintenance.places import metadata_files
from readiness_pipelines.lakehouse.snapshots import settle, unsettled

_ALL = 2**31 - 1


def table_findings(lake: Lakehouse, table: str) -> Iterator[Finding]:
    """Yield how the catalog's table and the ledger disagree: the catalog is behind, or the ledger lacks what is on `main`."""
    try:
        iceberg = lake.load(table)
    except CatalogBehindLedger as error:
        yield _behind(lake, table, str(error).partition(", but ")[0])
        return
    new = unsettled(lake, iceberg, table)
    for version in new:
        if is_judged(iceberg) and lake.ledger.verdict_of(table, version.partition, version.version_key) is None:
            continue  # a publication has a verdict: it is the wrong ledger, which current_findings says
        known = lake.ledger.current_version(table, version.partition)
        found = f"main holds {version}, the ledger says {known or 'nothing was published'}"
        yield Finding(table, found, "records the publication", lambda: _settle(lake, table))
    committed = {version.partition for version in new}
    for partition, key in lake.ledger.upkeep.open_intents(table).items():
        newest = lake.ledger.latest_verdict(table, partition)
        is_over = newest is not None and (newest.version_key != key or not newest.outcome.is_admitted)
        if partition not in committed and not is_over:  # what was judged since is in its place, and may be held
            found = f"{partition}: the publication of {key[:12]} was begun, and its commit is not on main"
            yield Finding(table, found, run_again(table, partition))


@dataclass(frozen=True)
class Candidate:
    """One metadata file that knows the last commit that the ledger knows. The greatest `rank` was written last."""

    path: str
    rank: tuple[int, int, int]  # sequence number, time, number of the file: a pin or an expiry changes the last two alone
    is_known: bool  # the ledger knows what its `main` was published by
    manifest_lists: tuple[str, ...]


def newest_agreeing(lake: Lakehouse, table: str) -> Candidate | None:
    """Return the metadata file to believe, or None.

    It knows the last commit that the ledger knows, everything its `main` refers to is there, and its `main` is a commit
    that the ledger knows, if there is such a file: another may be of a commit that never happened. Of those, one whose
    snapshots all have their manifest lists; of those, the one written last.
    """
    found = sorted(_candidates(lake, table), key=lambda each: (each.is_known, each.rank), reverse=True)
    there = [each for each in found if _is_whole(lake, each.path)]
    known = [each for each in there if each.is_known] or there
    return next((each for each in known if _are_there(lake, each.manifest_lists)), known[0] if known else None)


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


def _behind(lake: Lakehouse, table: str, found: str) -> Finding:
    best = newest_agreeing(lake, table)
    if best is None:
        todo = "no metadata file in the warehouse agrees with the ledger: put the warehouse back from its backup"
        return Finding(table, found, todo)
    name = Path(best.path).name
    if not best.is_known:
        found += f", and the metadata that is left, {name}, is of a commit that the ledger does not know"
        return Finding(table, found, "put the catalog back from its backup, and the warehouse if it is older than the ledger")
    todo = f"registers it at {name}, the newest that agrees with the ledger"
    return Finding(table, found, todo, lambda: register(lake, table, best.path))


def _candidates(lake: Lakehouse, table: str) -> Iterator[Candidate]:
    last = lake.ledger.upkeep.last_commit(table)
    if last is None:
        return
    commits = {last.snapshot_id, *lake.ledger.upkeep.recent_commits(table, _ALL)}
    for found in metadata_files(lake, table):
        told = _read(lake, found.path)
        snapshots = {int(s["snapshot-id"]): s for s in told.get("snapshots", ())}
        if last.snapshot_id in snapshots:
            number = Path(found.path).name.partition("-")[0]
            yield Candidate(
                found.path,
                (int(told.get("last-sequence-number", 0)), int(told["last-updated-ms"]), int(number) if number.isdigit() else 0),
                _published(snapshots, told.get("refs", {}).get("main", {}).get("snapshot-id")) in commits,
                tuple(path_of(s["manifest-list"]) for s in snapshots.values() if "manifest-list" in s),
            )


def _published(snapshots: Mapping[int, Mapping[str, Any]], head: int | None) -> int | None:
    """Return the commit that published what `main` holds: compactions, recorded or not, change no row."""
    while head is not None and head in snapshots and COMPACTED_PROPERTY in snapshots[head].get("summary", {}):
        parent = snapshots[head].get("parent-snapshot-id")
        if parent not in snapshots:
            break
        head = parent
    return head


def _settle(lake: Lakehouse, table: str) -> None:
    settle(lake, lake.load(table), table)


def _read(lake: Lakehouse, path: str) -> dict[str, Any]:
    try:
        with lake.storage.open(path) as file:
            found = json.loads(file.read())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _are_there(lake: Lakehouse, paths: Sequence[str]) -> bool:
    return all(lake.storage.size(path) is not None for path in paths)


def _is_whole(lake: Lakehouse, metadata: str) -> bool:
    """Return whether every file is there that `main` of this metadata refers to: a commit that lost leaves none of its own."""
    from pyiceberg.table import StaticTable

    try:
        iceberg = StaticTable.from_metadata(uri_of(metadata), lake.storage.catalog_properties)
        return _are_there(lake, [path_of(file.file_path) for file in planned(iceberg)])
    except (OSError, BrokenInvariant, *UNREADABLE):
        return False
