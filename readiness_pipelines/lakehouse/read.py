"""Read exact versions, by field id, as SQL for DuckDB."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from readiness_pipelines.errors import PublishConflict, VersionNotFound
from readiness_pipelines.flow import TableVersion
from readiness_pipelines.lakehouse.catalog import Lakehouse
from readiness_pipelines.lakehouse.filters import is_in
from readiness_pipelines.lakehouse.stage import duckdb_type

if TYPE_CHECKING:
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table

_TRIES = 5  # a reader that meets a publish of what it reads looks again; five in a row is a storm


def relation(lake: Lakehouse, versions: Sequence[TableVersion]) -> str:
    """Return SQL, usable after FROM, for the rows of exactly these versions (at least one, all of one table).

    Columns are the table's present ones, found by field id, so a renamed column keeps its data and a dropped one stays
    gone. Raises VersionNotFound for a version that is no longer kept.
    """
    table = lake.load(versions[0].table)
    paths = [path for version_paths in _files(lake, table, versions) for path in version_paths]
    return read_files(table.schema(), paths)


def read_files(schema: Schema, paths: Sequence[str]) -> str:
    """Return SQL for the rows of Parquet files, their columns found by field id; no files, no rows, same columns."""
    if not paths:
        columns = ", ".join(f"CAST(NULL AS {duckdb_type(f.field_type)}) AS {_quoted(f.name)}" for f in schema.fields)
        return f"(SELECT {columns} WHERE false)"
    listed = ", ".join(_literal(p) for p in paths)
    fields = ", ".join(
        f"{f.field_id}: {{name: {_literal(f.name)}, type: {_literal(duckdb_type(f.field_type))}, default_value: NULL}}"
        for f in schema.fields
    )
    return f"read_parquet([{listed}], schema = MAP {{{fields}}})"


def _files(lake: Lakehouse, table: Table, versions: Sequence[TableVersion]) -> list[list[str]]:
    """Return the files of each version: current ones from one plan of `main`, others from their own snapshot."""
    name = versions[0].table
    wanted = [v.partition for v in versions]
    for _ in range(_TRIES):
        current = lake.ledger.current_versions(name, wanted)
        planned = _plan(table, table.metadata.current_snapshot_id, [v.partition for v in versions if current.get(v.partition) == v])
        if lake.ledger.current_versions(name, wanted) == current and _is_settled(lake, table, current):
            return [planned.get(v.partition, []) if current.get(v.partition) == v else _at_own_snapshot(table, v) for v in versions]
        table = lake.load(name)
    raise PublishConflict(f"{name}: is being published faster than it can be read; run it again")


def _is_settled(lake: Lakehouse, table: Table, current: dict[str, TableVersion]) -> bool:
    """Whether the head that was planned is what the ledger speaks of: no publish of these partitions is under way."""
    known = all(table.metadata.snapshot_by_id(v.snapshot_id) is not None for v in current.values())
    newer = lake.ledger.last_done(next(iter(current.values())).table) if current else None
    return known and (newer is None or table.metadata.snapshot_by_id(newer.snapshot_id) is not None)


def _at_own_snapshot(table: Table, version: TableVersion) -> list[str]:
    if table.metadata.snapshot_by_id(version.snapshot_id) is None:
        raise VersionNotFound(f"{version} is no longer kept; `readiness status` names the versions that are")
    return _plan(table, version.snapshot_id, [version.partition]).get(version.partition, [])


def _plan(table: Table, snapshot_id: int | None, partitions: Sequence[str]) -> dict[str, list[str]]:
    if not partitions or snapshot_id is None:
        return {}
    files: dict[str, list[str]] = {}
    for task in table.scan(row_filter=is_in("partition_key", partitions), snapshot_id=snapshot_id).plan_files():
        if task.delete_files:
            raise NotImplementedError(f"{task.file.file_path}: has row-level deletes; another writer changed this table")
        files.setdefault(task.file.partition[0], []).append(task.file.file_path.removeprefix("file://"))
    return {partition: sorted(paths) for partition, paths in files.items()}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
