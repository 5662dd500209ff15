"""Read exact versions: by field id, from exactly the files that make them up."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from readiness_pipelines.errors import ReadinessError, VersionNotFound
from readiness_pipelines.flow import TableVersion
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
    the schema. A version without rows gives none. Raises VersionNotFound for a version that was superseded and whose
    snapshot is not kept, or that never existed; ReadinessError for no version at all, versions of several tables,
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
    """Return the table, and the paths of the files: of current versions at one head, of each other at its snapshot."""
    for _ in range(_LOOKS):
        iceberg = lake.find(table)
        if iceberg is None:
            raise _not_found(versions[0], "no such table was ever made")
        main = all_on_main(lake, iceberg, table, [v.partition for v in versions])
        keys = {partition: version.version_key for partition, version in main.items()}
        older = [v for v in versions if keys.get(v.partition) != v.version_key]
        gone = [v for v in older if not _is_kept(iceberg, v)]
        if not gone:
            current = [v.partition for v in versions if v not in older]
            files = planned(iceberg, one_of(PARTITION, current)) if current else []
            for v in older:
                files += planned(iceberg, one_of(PARTITION, [v.partition]), snapshot_id=v.snapshot_id)
            return iceberg, [path_of(file.file_path) for file in files]
        if lake.ledger.current_version(table, gone[0].partition) != gone[0]:
            break
        time.sleep(_LOOK_AGAIN_S)  # it became current after this look at the table: look again
    now = lake.ledger.current_version(table, gone[0].partition)
    raise _not_found(gone[0], f"the current version is {now}" if now else "that partition was never published")


def _is_kept(iceberg: Table, version: TableVersion) -> bool:
    """Return whether the snapshot that published this very version can still be read."""
    snapshot = iceberg.metadata.snapshot_by_id(version.snapshot_id)
    properties = snapshot.summary.additional_properties if snapshot and snapshot.summary else {}
    wanted = (version.partition, version.version_key)
    return (properties.get(PARTITION_PROPERTY), properties.get(VERSION_PROPERTY)) == wanted


def _not_found(version: TableVersion, found: str) -> VersionNotFound:
    return VersionNotFound(
        f"{version} (snapshot {version.snapshot_id}) is not kept: {found}. Read a version that `readiness status` "
        "names, or run the partition again from the inputs of that version"
    )
