"""Read exact versions: by field id, from exactly the files that make them up."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from readiness_pipelines.errors import ReadinessError, VersionExpired, VersionNotFound
from readiness_pipelines.flow import StagedFile, TableVersion
from readiness_pipelines.lakehouse.catalog import Lakehouse, path_of
from readiness_pipelines.lakehouse.columns import duckdb_type, literal, quoted, read_map
from readiness_pipelines.lakehouse.files import one_of, planned
from readiness_pipelines.lakehouse.history import PARTITION_PROPERTY, VERSION_PROPERTY, all_on_main
from readiness_pipelines.lakehouse.tables import PARTITION

if TYPE_CHECKING:
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table

_LOOKS, _LOOK_AGAIN_S = 3, 0.05  # at the table, while the ledger knows a newer state of it


def relation(lake: Lakehouse, versions: Sequence[TableVersion], *, columns: Sequence[str] | None = None) -> str:
    """Return SQL to select FROM: the rows of exactly these versions, all of one table.

    Columns (default: all, in the table's order) have today's names and types, also in rows written before a change of
    the schema. A version without rows gives none. Raises VersionExpired for a version that was superseded and is not kept
    any more, VersionNotFound for one that never existed; ReadinessError for no version at all, versions of several tables,
    two of one partition, or a column the table has not.
    """
    table = _only_table(versions)
    iceberg, files = _locate(lake, table, versions)
    schema = iceberg.schema()
    names = [f.name for f in schema.fields] if columns is None else list(columns)
    if unknown := sorted(set(names) - {f.name for f in schema.fields}):
        there = ", ".join(f.name for f in schema.fields)
        raise ReadinessError(f"{table} has no column {', '.join(unknown)}; it has {there}")
    return rows_of(schema, files, names, f"{PARTITION} IN ({', '.join(literal(v.partition) for v in versions)})")


def file_list(lake: Lakehouse, version: TableVersion) -> tuple[str, ...]:
    """Return the paths of the files that make up the version, sorted. Raises as `relation` does."""
    return tuple(sorted(_locate(lake, version.table, [version])[1]))


def files_on_main(lake: Lakehouse, version: TableVersion) -> tuple[StagedFile, ...]:
    """Return the files that hold the rows of a current version, as a verdict names them.

    `main` says which they are: a compaction may have put others in the place of those of its verdict. Raises as
    `relation` does, and for a version that is not current.
    """
    known = {f.path: f for said in lake.ledger.upkeep.listings(version.table, version.partition) for f in said.files}
    iceberg, paths = _locate(lake, version.table, [version])
    rows = {path_of(f.file_path): f.record_count for f in planned(iceberg, one_of(PARTITION, [version.partition]))}
    return tuple(known.get(path) or described(lake, path, rows=rows[path]) for path in sorted(paths))


def described(lake: Lakehouse, path: str, *, rows: int) -> StagedFile:
    """Describe a file on `main` that the ledger does not: a compaction that was cut short before its last step."""
    return StagedFile(path, rows, lake.storage.size(path) or 0, lake.storage.sha256(path))


def rows_of(schema: Schema, paths: Sequence[str], names: Sequence[str], condition: str) -> str:
    """Return SQL to select FROM: the columns `names` of the Parquet files' rows that satisfy `condition`.

    Columns are found in the files by field id; one that a file has not is NULL there.
    """
    if not paths:
        types = {f.name: duckdb_type(f.field_type) for f in schema.fields}
        return f"(SELECT {', '.join(f'CAST(NULL AS {types[n]}) AS {quoted(n)}' for n in names)} WHERE false)"
    listed = ", ".join(literal(path) for path in paths)
    source = f"read_parquet([{listed}], schema={read_map(schema)})"
    return f"(SELECT {', '.join(map(quoted, names))} FROM {source} WHERE {condition})"


def _only_table(versions: Sequence[TableVersion]) -> str:
    tables = sorted({v.table for v in versions})
    if len(tables) != 1:
        found = ", ".join(tables) or "no version at all"
        raise ReadinessError(f"a relation is over versions of one table; found {found}")
    if len({v.partition for v in versions}) != len(versions):
        raise ReadinessError(f"a relation reads each partition of {tables[0]} at one version; found one of them twice")
    return tables[0]


def _locate(lake: Lakehouse, table: str, versions: Sequence[TableVersion]) -> tuple[Table, list[str]]:
    """Return the table, and the paths of the files: of current versions at one head, of each other as the ledger names them."""
    for _ in range(_LOOKS):
        iceberg = lake.find(table)
        if iceberg is None:
            raise _not_found(versions[0], "no such table was ever made")
        main = all_on_main(lake, iceberg, table, [v.partition for v in versions])
        keys = {partition: version.version_key for partition, version in main.items()}
        older = [v for v in versions if keys.get(v.partition) != v.version_key]
        kept = {v: _files_of_older(lake, iceberg, v) for v in older}
        gone = [v for v, files in kept.items() if files is None]
        if not gone:
            current = [v.partition for v in versions if v not in older]
            files = [path_of(f.file_path) for f in planned(iceberg, one_of(PARTITION, current))] if current else []
            return iceberg, files + [path for paths in kept.values() for path in paths or ()]
        if lake.ledger.current_version(table, gone[0].partition) != gone[0]:
            break
        time.sleep(_LOOK_AGAIN_S)  # it became current after this look at the table: look again
    now = lake.ledger.current_version(table, gone[0].partition)
    raise _not_found(gone[0], f"the current version is {now}" if now else "that partition was never published")


def _files_of_older(lake: Lakehouse, iceberg: Table, version: TableVersion) -> list[str] | None:
    """Return the files of a version that is not current: the ledger names them, whatever became of its snapshot.

    None if it was never published. Raises VersionExpired if its files are not kept.
    """
    upkeep = lake.ledger.upkeep
    newest = upkeep.publication_of(version)
    if newest is not None:
        if at := upkeep.expired_at(newest):
            raise _expired(lake, version, at)
        files = upkeep.files_of(newest)
        if files is not None:
            return [file.path for file in files]
    if not _is_kept(iceberg, version):
        return None
    return [path_of(f.file_path) for f in planned(iceberg, one_of(PARTITION, [version.partition]), snapshot_id=version.snapshot_id)]


def _is_kept(iceberg: Table, version: TableVersion) -> bool:
    """Return whether the snapshot that published this very version can still be read."""
    snapshot = iceberg.metadata.snapshot_by_id(version.snapshot_id)
    properties = snapshot.summary.additional_properties if snapshot and snapshot.summary else {}
    wanted = (version.partition, version.version_key)
    return (properties.get(PARTITION_PROPERTY), properties.get(VERSION_PROPERTY)) == wanted


def _expired(lake: Lakehouse, version: TableVersion, at: str) -> VersionExpired:
    now = lake.ledger.current_version(version.table, version.partition)
    return VersionExpired(
        f"{version} expired on {at[:19].replace('T', ' ')} UTC: it was superseded, and its files are not kept any more. Read the "
        f"current version, {now}, or run the partition again from the inputs of that one; a version that is pinned does not expire"
    )


def _not_found(version: TableVersion, found: str) -> VersionNotFound:
    return VersionNotFound(
        f"{version} (snapshot {version.snapshot_id}) is not kept: {found}. Read a version that `readiness status` "
        "names, or run the partition again from the inputs of that version"
    )
