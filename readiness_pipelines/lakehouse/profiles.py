"""Profiles of drift: what is kept of admitted versions besides their rows, in one table of the product.

The table `<product>.drift.profiles` has one row per column of a profile, and one per layout. A profile is named by table,
partition, version key and layout, and written once; what it was computed from never changes, so neither does it.
Of columns that are not public it holds no ends and no category of few rows, but names of categories: whoever reads them
here must not pass them on.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from readiness_pipelines.flow import TableVersion, digest
from readiness_pipelines.lakehouse.catalog import Lakehouse, path_of
from readiness_pipelines.lakehouse.columns import literal
from readiness_pipelines.lakehouse.commits import Attempts
from readiness_pipelines.lakehouse.files import data_file, one_of, planned, replace_files
from readiness_pipelines.lakehouse.history import PARTITION_PROPERTY, VERSION_PROPERTY
from readiness_pipelines.lakehouse.quarantine import VERSION
from readiness_pipelines.lakehouse.read import rows_of
from readiness_pipelines.lakehouse.snapshots import settle, surplus
from readiness_pipelines.lakehouse.stage import stage
from readiness_pipelines.lakehouse.steps import reached
from readiness_pipelines.lakehouse.tables import PARTITION, ColumnSpec, TableSpec, ensure_table

if TYPE_CHECKING:
    import duckdb
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

Key = tuple[str, str]  # partition and version key of the table that was profiled

_MOST_FILES = 16  # of a layout: a commit that finds as many puts their rows into its own file, so that reading stays quick
_KEY = ("source_partition", "source_version")
_MEASURED = (
    ColumnSpec("row_count", "long", doc="rows of the version"),
    ColumnSpec("n", "long", doc="rows with a value"),
    ColumnSpec("nulls", "long"),
    ColumnSpec("infinities", "long"),
    ColumnSpec("mean", "double"),
    ColumnSpec("m2", "double", doc="sum of squared distances to the mean"),
    ColumnSpec("low", "double"),
    ColumnSpec("high", "double"),
    ColumnSpec("counts", "list<long>", doc="one per bin of the layout"),
    ColumnSpec("other", "long"),
    ColumnSpec("unseen", "long"),
)
_COLUMNS = (
    ColumnSpec(PARTITION, "string", required=True, doc="the digest of the layout"),
    ColumnSpec(VERSION, "string", required=True, doc="the digest of what was written together"),
    ColumnSpec("definition", "string", doc="the layout as JSON, in its one row; null in a profile's"),
    ColumnSpec("source_table", "string", doc="the table that was profiled"),
    ColumnSpec("source_partition", "string"),
    ColumnSpec("source_version", "string"),
    ColumnSpec("column_name", "string"),
    *_MEASURED,
)


def profiles_table(product: str) -> str:
    """Return the name of the table that keeps the profiles of a product."""
    return f"{product}.drift.profiles"


def write_profiles(
    lake: Lakehouse,
    product: str,
    table: str,
    profiles: Mapping[Key, Sequence[Mapping[str, Any]]],
    *,
    layout: str,
    definition: str,
) -> int:
    """Keep the profiles of versions of `table` over one layout, and the layout, in one commit; return how many were new.

    A profile has a row per column: `column_name` and what was measured. Written once per table, version and layout,
    also when several processes do it at the same time or one was killed while doing it; what is there already stays as
    it is. Nothing is committed when nothing is new.
    """
    name = profiles_table(product)
    ensure_table(lake, TableSpec(name, _COLUMNS, partitioned_by=(PARTITION, VERSION)))
    for attempt in Attempts(f"keep profiles of {table}", turn=partial(lake.ledger.committing, name)):
        with attempt.once(), lake.connect() as con:
            iceberg = lake.load(name)
            settle(lake, iceberg, name)
            there = _files_of(iceberg, layout)
            kept = _rows(iceberg, there)
            is_known = con.execute(f"SELECT 1 FROM {kept} WHERE definition IS NOT NULL LIMIT 1").fetchone() is not None
            new = sorted(profiles.keys() - _keys(con, kept, table))
            if is_known and not new:
                return 0
            going = there if len(there) >= _MOST_FILES else []
            rows = [] if is_known else [{"definition": definition}]
            rows += [_named(table, key, row) for key in new for row in profiles[key]]
            coming = _staged(con, lake, iceberg, rows, layout=layout, batch=digest(table, new, uuid.uuid4().hex), going=going)
            reached("profiles_staged")
            _commit(lake, iceberg, name, coming, going)
            return len(new)
    raise AssertionError("unreachable: the loop ends by return or raise")


def read_profiles(
    lake: Lakehouse, product: str, table: str, keys: Collection[Key], *, layout: str
) -> dict[Key, list[dict[str, Any]]]:
    """Return the rows of those of the versions of `table` that are kept over the layout: a row per column, in no order."""
    iceberg = lake.find(profiles_table(product))
    if iceberg is None or not keys:
        return {}
    names = ["column_name", *(c.name for c in _MEASURED)]
    with lake.connect() as con:
        con.register("_wanted", pa.table({part: pa.array([key[i] for key in keys], pa.string()) for i, part in enumerate(_KEY)}))
        found = con.execute(
            f"SELECT {', '.join((*_KEY, *names))} FROM {_rows(iceberg, _files_of(iceberg, layout))} "
            f"SEMI JOIN _wanted USING ({', '.join(_KEY)}) WHERE source_table = {literal(table)}"
        ).fetchall()
    rows: dict[Key, list[dict[str, Any]]] = {}
    for partition, version, *values in found:
        rows.setdefault((partition, version), []).append(dict(zip(names, values, strict=True)))
    return rows


def read_layout(lake: Lakehouse, product: str, layout: str) -> str | None:
    """Return the layout with this digest as JSON, or None if no profile over it was ever kept."""
    iceberg = lake.find(profiles_table(product))
    if iceberg is None:
        return None
    rows = _rows(iceberg, _files_of(iceberg, layout))
    with lake.connect() as con:
        found = con.execute(f"SELECT definition FROM {rows} WHERE definition IS NOT NULL LIMIT 1").fetchone()
    return str(found[0]) if found else None


def _files_of(iceberg: Table, layout: str) -> list[DataFile]:
    return planned(iceberg, one_of(PARTITION, [layout]))


def _rows(iceberg: Table, files: Sequence[DataFile]) -> str:
    return rows_of(iceberg.schema(), [path_of(file.file_path) for file in files], [c.name for c in _COLUMNS], "true")


def _keys(con: duckdb.DuckDBPyConnection, kept: str, table: str) -> set[Key]:
    sql = f"SELECT DISTINCT {', '.join(_KEY)} FROM {kept} WHERE source_table = {literal(table)}"
    return {(str(partition), str(version)) for partition, version in con.execute(sql).fetchall()}


def _named(table: str, key: Key, row: Mapping[str, Any]) -> dict[str, Any]:
    return {"source_table": table, **dict(zip(_KEY, key, strict=True)), **row}


def _staged(
    con: duckdb.DuckDBPyConnection,
    lake: Lakehouse,
    iceberg: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    layout: str,
    batch: str,
    going: Sequence[DataFile],
) -> list[DataFile]:
    """Stage the rows, and those of the files that go, as one file."""
    new = [{PARTITION: layout, VERSION: batch, **row} for row in rows]
    con.register("_new", pa.Table.from_pylist(new, iceberg.schema().as_arrow()))
    older = f"SELECT * REPLACE ({literal(batch)} AS {VERSION}) FROM {_rows(iceberg, going)}"
    sql = f"SELECT * FROM _new UNION ALL BY NAME {older}"
    name = ".".join(iceberg.name())
    staged = stage(con, lake, name, sql, partition=layout, version_key=batch, attempt=uuid.uuid4().hex[:12])
    return [data_file(iceberg, lake.storage, file, {PARTITION: layout, VERSION: batch}) for file in staged]


def _commit(lake: Lakehouse, iceberg: Table, name: str, coming: Sequence[DataFile], going: Sequence[DataFile]) -> None:
    layout, batch = (str(coming[0].partition[i]) for i in (0, 1))
    properties = {PARTITION_PROPERTY: layout, VERSION_PROPERTY: batch}
    dropping = surplus(lake, iceberg, name)
    snapshot = replace_files(iceberg, going=going, coming=coming, properties=properties, dropping=dropping)
    reached("profiles_committed")
    lake.ledger.record_done(TableVersion(name, layout, batch, snapshot))
