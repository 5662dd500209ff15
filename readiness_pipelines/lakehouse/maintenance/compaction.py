"""Compaction: the rows of a partition that lie in several files come into one. The version stays what it was."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from readiness_pipelines.errors import BrokenInvariant
from readiness_pipelines.flow import StagedFile, TableVersion
from readiness_pipelines.lakehouse.catalog import Lakehouse, path_of
from readiness_pipelines.lakehouse.commits import Attempts
from readiness_pipelines.lakehouse.files import data_file, one_of, planned, replace_files
from readiness_pipelines.lakehouse.history import on_main
from readiness_pipelines.lakehouse.maintenance.places import is_quarantine
from readiness_pipelines.lakehouse.maintenance.references import listed_paths
from readiness_pipelines.lakehouse.read import described, rows_of
from readiness_pipelines.lakehouse.snapshots import settle, surplus
from readiness_pipelines.lakehouse.stage import stage
from readiness_pipelines.lakehouse.steps import reached
from readiness_pipelines.lakehouse.storage import real_path
from readiness_pipelines.lakehouse.tables import PARTITION

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

COMPACTED_PROPERTY = "readiness.compacted"  # not the property of a publication: the version stays the one that was published


@dataclass(frozen=True)
class Compaction:
    """One partition whose rows lay in `files` files, of `bytes` together, and lie in one of `bytes_after` now."""

    version: TableVersion
    files: int
    bytes: int
    bytes_after: int = 0


def compactable(lake: Lakehouse, table: str) -> list[Compaction]:
    """Return the partitions of the table whose rows lie in several files, by partition. A quarantine's never do."""
    found = {partition: [f.file_size_in_bytes for f in files] for partition, files in _by_partition(lake.load(table)).items()}
    several = sorted(partition for partition, sizes in found.items() if len(sizes) > 1)
    versions = lake.ledger.current_versions(table, several)
    return [Compaction(versions[p], len(found[p]), sum(found[p])) for p in several if p in versions]


def compact(lake: Lakehouse, version: TableVersion) -> Compaction | None:
    """Put the rows of a current version into one file; None if it lies in one already, or is not current any more.

    None too if the partition holds other files than the ledger says the version has: rows that no gate has admitted stay
    where they can be told from the others, and `readiness doctor` names them.
    Nothing is committed unless the new file has the same rows: as many, and equal in every column (by digests that do not
    depend on their order). Raises BrokenInvariant if they differ.
    """
    table, partition = version.table, version.partition
    staged: tuple[StagedFile, ...] = ()
    written: set[str] = set()
    for attempt in Attempts(f"compact {table}/{partition}"):
        with attempt.once():
            iceberg = lake.load(table)
            settle(lake, iceberg, table)
            there = planned(iceberg, one_of(PARTITION, [partition]))
            paths = {path_of(file.file_path) for file in there}
            current = on_main(lake, iceberg, table, partition)
            if len(there) < 2 or current is None or current.version_key != version.version_key:
                return None
            if not _are_listed(lake, current, paths):
                return None
            if paths != written:
                staged, written = _rewritten(lake, current, sorted(paths)), paths
                reached("rewritten")
            commit = replace_files(
                iceberg,
                going=there,
                coming=[data_file(iceberg, lake.storage, file, {PARTITION: partition}) for file in staged],
                properties={COMPACTED_PROPERTY: partition},
                dropping=surplus(lake, iceberg, table),
            )
            reached("compacted")
            lake.ledger.upkeep.record_compaction(current, staged, commit_id=commit)
            reached("compaction_recorded")
            before = sum(file.file_size_in_bytes for file in there)
            return Compaction(current, len(there), before, sum(file.bytes for file in staged))
    raise AssertionError("unreachable: the loop ends by return or raise")


def _are_listed(lake: Lakehouse, version: TableVersion, paths: Collection[str]) -> bool:
    """Return whether the ledger says somewhere that exactly these files hold the rows of the version's key."""
    found = frozenset(map(real_path, paths))
    said = lake.ledger.upkeep.listings(version.table, version.partition)
    return any(each.version_key == version.version_key and listed_paths(each) == found for each in said)


def complete(lake: Lakehouse, table: str) -> int:
    """Record compactions that were cut short between their commit and their record; return how many.

    One is recorded where the partition is a single file, which the ledger does not know, and that has the version's rows.
    """
    iceberg, completed = lake.load(table), 0
    named = {path for said in lake.ledger.upkeep.listings(table) for path in listed_paths(said)}
    for partition, files in _by_partition(iceberg).items():
        (path, *others) = [path_of(file.file_path) for file in files]
        if others or real_path(path) in named:
            continue
        version = on_main(lake, iceberg, table, partition)
        listed = lake.ledger.upkeep.files_of(version) if version else None
        if version is None or listed is None:
            continue  # not ours to explain: `readiness doctor` names it
        with lake.connect() as con:
            rows, before = (_rows(lake, table, paths) for paths in ([path], [f.path for f in listed]))
            if proof(con, rows) != proof(con, before):
                continue
        lake.ledger.upkeep.record_compaction(
            version, [described(lake, path, rows=files[0].record_count)], commit_id=_head(lake, table)
        )
        completed += 1
    return completed


def _head(lake: Lakehouse, table: str) -> int:
    return lake.load(table).metadata.refs["main"].snapshot_id


def _by_partition(iceberg: Table) -> dict[str, list[DataFile]]:
    """Return the files on `main` of each partition; none of a quarantine, where a version is rows beside others'."""
    found: dict[str, list[DataFile]] = defaultdict(list)
    if not is_quarantine(iceberg):
        for file in planned(iceberg):
            found[str(file.partition[0])].append(file)
    return found


def _rewritten(lake: Lakehouse, version: TableVersion, paths: Sequence[str]) -> tuple[StagedFile, ...]:
    rows, attempt = _rows(lake, version.table, paths), f"compacted-{uuid.uuid4().hex[:12]}"
    with lake.connect() as con:
        sql = f"SELECT * FROM {rows}"
        staged = stage(con, lake, version.table, sql, partition=version.partition, version_key=version.version_key, attempt=attempt)
        before, after = proof(con, rows), proof(con, _rows(lake, version.table, [f.path for f in staged]))
    if before != after:
        raise BrokenInvariant(
            f"{version}: {before[0]} rows in {len(paths)} files, {after[0]} in the one they were to come into, or others; "
            "nothing was committed: please report this"
        )
    return staged


def _rows(lake: Lakehouse, table: str, paths: Sequence[str]) -> str:
    schema = lake.load(table).schema()
    return rows_of(schema, paths, [f.name for f in schema.fields], "true")


def proof(con: duckdb.DuckDBPyConnection, rows: str) -> tuple[object, ...]:
    """Return how many rows a relation has, and two digests of their values in all columns, the same in whatever order."""
    found = con.execute(f"SELECT count(*), sum(hash(r)::HUGEINT), bit_xor(hash(r)) FROM {rows} AS r").fetchone()
    return found or ()
