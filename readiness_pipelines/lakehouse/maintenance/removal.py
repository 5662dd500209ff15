"""Removal: all that is not current of some partitions goes at once, whoever could still have wanted it.

Maintenance lets versions age before they expire, and files before they are orphans. Where rows must be nowhere any more
nothing may age: superseded versions expire now, pins on them are taken away, staged files go whatever their age.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.lakehouse.catalog import Lakehouse
from readiness_pipelines.lakehouse.files import planned
from readiness_pipelines.lakehouse.maintenance.compaction import complete
from readiness_pipelines.lakehouse.maintenance.guards import refuse_current, refuse_elsewhere, refuse_unjudged
from readiness_pipelines.lakehouse.maintenance.references import current_paths, references
from readiness_pipelines.lakehouse.pins import PREFIX, held_by, unpin
from readiness_pipelines.lakehouse.quarantine import VERSION, purge_quarantine, quarantine_table
from readiness_pipelines.lakehouse.snapshots import expire_snapshots
from readiness_pipelines.lakehouse.stage import folder_of
from readiness_pipelines.lakehouse.steps import reached
from readiness_pipelines.lakehouse.storage import real_path

_NOTHING = datetime.datetime(1, 1, 1)  # noqa: DTZ001 UTC, as everywhere: no compaction was released before


@dataclass(frozen=True)
class Removed:
    """What went: versions that expired, pins that were taken away, rows of quarantine, files."""

    versions: int = 0
    pins: tuple[str, ...] = ()
    quarantined: int = 0
    files: int = 0


def refuse_foreign(lake: Lakehouse, table: str) -> None:
    """Raise ReadinessError if the table has a branch or tag that is no pin of ours: it holds files that nobody here may take."""
    iceberg = lake.find(table)
    refs = sorted(iceberg.metadata.refs) if iceberg is not None else []
    if foreign := [name for name in refs if name != "main" and not name.startswith(PREFIX)]:
        raise ReadinessError(
            f"{table}: the branch or tag {foreign[0]!r} holds versions of this table, and was not made by this package; nothing "
            "was changed: drop it with what made it, then do the same again"
        )


def remove(lake: Lakehouse, table: str, partitions: Collection[str], *, kept: Mapping[str, Collection[str]]) -> Removed:
    """Leave of these partitions of the table nothing but the version on `main` and the newest candidate's files.

    Of its quarantine the rows of the candidates `kept` (version keys, by partition) stay. Safe to repeat and to kill: the
    ledger says of a version that it is expired before its first file goes. Raises as `refuse_foreign` and `maintain` do.
    """
    iceberg = lake.find(table)
    if iceberg is None:
        return Removed()
    refuse_unjudged(lake, table, iceberg)
    refuse_foreign(lake, table)
    complete(lake, table)
    pins = _holding(lake, table, partitions)
    for name in pins:
        unpin(lake, table, name=name.removeprefix(PREFIX))
        reached("unpinned")
    gone = lake.ledger.upkeep.expired(table)
    going = [s.version for s in lake.ledger.upkeep.superseded(table) if s.version.partition in partitions and s.version not in gone]
    lake.ledger.upkeep.record_expired(going)
    reached("expiry_recorded")
    expire_snapshots(lake, table)
    reached("snapshots_dropped")
    rows = sum(_purged(lake, table, partition, kept.get(partition, ())) for partition in sorted(partitions))
    names = [table, *([quarantine_table(table)] if lake.find(quarantine_table(table)) is not None else [])]
    for name in names[1:]:
        expire_snapshots(lake, name)
    lake.ledger.upkeep.make_durable()
    files = 0
    for partition in sorted(partitions):
        with lake.ledger.alone(table, partition):
            files += sum(_swept(lake, name, partition) for name in names)
    return Removed(len(going), tuple(f"{table}: {name.removeprefix(PREFIX)}" for name in pins), rows, files)


def _purged(lake: Lakehouse, table: str, partition: str, kept: Collection[str]) -> int:
    if lake.find(quarantine_table(table)) is None:
        return 0
    going = sorted(_candidates(lake, table, partition) - set(kept))
    purged = purge_quarantine(lake, table, partition=partition, version_keys=going) if going else 0
    if purged:
        reached("quarantine_purged")
    return purged


def _candidates(lake: Lakehouse, table: str, partition: str) -> set[str]:
    """Return the version keys of all candidates of the partition that have rows in quarantine."""
    iceberg = lake.load(quarantine_table(table))
    place = [field.name for field in iceberg.spec().fields].index(VERSION)
    return {str(file.partition[place]) for file in planned(iceberg) if str(file.partition[0]) == partition}


def _holding(lake: Lakehouse, table: str, partitions: Collection[str]) -> list[str]:
    """Return the branches and tags beside `main` that hold other files of these partitions than the current ones."""
    iceberg = lake.find(table)
    if iceberg is None:
        return []
    current = current_paths(iceberg)
    return [name for name, files in held_by(iceberg).items() if any(p in partitions and not paths <= current for p, paths in files)]


def _swept(lake: Lakehouse, table: str, partition: str) -> int:
    """Delete the files of the partition that nothing kept refers to, of whatever age: nobody else is in its step."""
    known = references(lake, table, released_before=_NOTHING)
    refuse_elsewhere(lake, table, known.kept)
    there = {real_path(found.path) for found in lake.storage.listed(f"{lake.settings.staging}/{table}/{folder_of(partition)}")}
    there |= {path for path, of in known.partitions.items() if of == partition and path in known.expired}
    going = sorted(there - known.kept)
    refuse_current(lake, table, going)
    return sum(1 for _ in _deleted(lake, going))


def _deleted(lake: Lakehouse, going: Collection[str]) -> Iterator[str]:
    for path in going:
        if lake.storage.size(path) is not None:
            lake.storage.delete(path)
            reached("file_deleted")
            yield path
