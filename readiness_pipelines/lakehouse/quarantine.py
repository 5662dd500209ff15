"""Quarantine: the rows a gate refused, with all their reasons, kept beside the table they were meant for.

The table `<product>.<layer>.<name>_quarantine` has one row per refused row of a candidate. Rows of a candidate are
written once, whatever happens in between; which candidates are current is the ledger's knowledge, so no row is changed.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import duckdb

from readiness_pipelines.flow import StagedFile, TableVersion
from readiness_pipelines.lakehouse.catalog import Lakehouse, path_of
from readiness_pipelines.lakehouse.columns import duckdb_type, iceberg_type, literal, quoted
from readiness_pipelines.lakehouse.commits import Attempts
from readiness_pipelines.lakehouse.files import data_file, one_of, planned, replace_files
from readiness_pipelines.lakehouse.history import PARTITION_PROPERTY, VERSION_PROPERTY
from readiness_pipelines.lakehouse.read import rows_of
from readiness_pipelines.lakehouse.snapshots import surplus
from readiness_pipelines.lakehouse.stage import stage
from readiness_pipelines.lakehouse.tables import PARTITION, ColumnSpec, TableSpec, ensure_table

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

VERSION = "version_key"

_COLUMNS = (
    ColumnSpec("row_id", "string", required=True, doc="names the refused row for ever"),
    ColumnSpec(PARTITION, "string", required=True, doc="the partition of the candidate"),
    ColumnSpec(VERSION, "string", required=True, doc="the version key of the candidate that held the row"),
    ColumnSpec("reasons", "list<string>", doc="every reason for which the row was refused"),
    ColumnSpec("row_values", "string", doc="the row as it came, as JSON"),
    ColumnSpec("delivery_sha256", "string", doc="sha256 of the delivered file; null in gold"),
    ColumnSpec("record_number", "long", doc="1-based number of the record in the file; null in gold"),
    ColumnSpec("quarantined_at", "string", doc="UTC time, ISO 8601"),
)


def quarantine_table(table: str) -> str:
    """Return the name of the quarantine table of `table`."""
    return f"{table}_quarantine"


def write_quarantine(
    lake: Lakehouse, con: duckdb.DuckDBPyConnection, table: str, select_sql: str, *, partition: str, version_key: str
) -> int:
    """Keep the refused rows of one candidate of `table`; return how many the candidate has in quarantine now.

    `select_sql` gives row_id, reasons, row_values, delivery_sha256, record_number. Written once per (partition, version
    key), also when several processes do it at the same time or one was killed while doing it: rows that are there are
    replaced only if the SELECT gives others, or other reasons for them. Nothing is committed when nothing changes.
    """
    name = quarantine_table(table)
    counted = con.execute(f"SELECT count(*) FROM ({select_sql})").fetchone()
    rows = int(counted[0]) if counted else 0
    if rows == 0 and lake.find(name) is None:
        return 0
    ensure_table(lake, TableSpec(name, _COLUMNS, partitioned_by=(PARTITION, VERSION)))
    key = {PARTITION: partition, VERSION: version_key}
    properties = {PARTITION_PROPERTY: partition, VERSION_PROPERTY: version_key}
    staged: tuple[StagedFile, ...] = ()
    for attempt in Attempts(f"quarantine {table}/{partition}", turn=partial(lake.ledger.committing, name)):
        with attempt.once():
            iceberg = lake.load(name)
            there = _files_of(iceberg, key)
            if sum(file.record_count for file in there) == rows and _say_the_same(con, iceberg, there, select_sql):
                return rows
            if rows and not staged:
                staged = _stage(con, lake, name, select_sql, partition, version_key)
            coming = [data_file(iceberg, lake.storage, file, key) for file in staged]
            dropping = surplus(lake, iceberg, name)
            snapshot = replace_files(iceberg, going=there, coming=coming, properties=properties, dropping=dropping)
            lake.ledger.record_done(TableVersion(name, partition, version_key, snapshot))
            return rows
    raise AssertionError("unreachable: the loop ends by return or raise")


def purge_quarantine(lake: Lakehouse, table: str, *, partition: str, version_keys: Sequence[str]) -> int:
    """Take the rows of these candidates out of the partition's quarantine, in one commit; return how many went.

    Safe to repeat. The files go with the next maintenance.
    """
    name, keys = quarantine_table(table), list(version_keys)
    for attempt in Attempts(f"purge quarantine {table}/{partition}", turn=partial(lake.ledger.committing, name)):
        with attempt.once():
            iceberg = lake.load(name)
            going = [file for key in keys for file in _files_of(iceberg, {PARTITION: partition, VERSION: key})]
            if not going:
                return 0
            properties = {PARTITION_PROPERTY: partition, VERSION_PROPERTY: keys[-1]}
            dropping = surplus(lake, iceberg, name)
            snapshot = replace_files(iceberg, going=going, coming=[], properties=properties, dropping=dropping)
            lake.ledger.record_done(TableVersion(name, partition, keys[-1], snapshot))
            return sum(file.record_count for file in going)
    raise AssertionError("unreachable: the loop ends by return or raise")


def quarantined(lake: Lakehouse, table: str, *, partition: str | None = None) -> str:
    """Return SQL to select FROM: the rows of `table` in quarantine, of all candidates there ever were.

    Only those of `partition` if it is given. Gives no rows, with the right columns, where nothing was ever refused.
    """
    iceberg = lake.find(quarantine_table(table))
    if iceberg is None:
        empty = (f"CAST(NULL AS {duckdb_type(iceberg_type(c.type))}) AS {quoted(c.name)}" for c in _COLUMNS)
        return f"(SELECT {', '.join(empty)} WHERE false)"
    wanted = None if partition is None else one_of(PARTITION, [partition])
    paths = [path_of(file.file_path) for file in planned(iceberg, wanted)]
    condition = "true" if partition is None else f"{PARTITION} = {literal(partition)}"
    return rows_of(iceberg.schema(), paths, [c.name for c in _COLUMNS], condition)


def _say_the_same(con: duckdb.DuckDBPyConnection, iceberg: Table, there: list[DataFile], select_sql: str) -> bool:
    """Return whether the rows that are there are the SELECT's, by id and reasons: a rule that could not be judged before
    can have given them another."""
    if not there:
        return True
    kept = rows_of(iceberg.schema(), [path_of(file.file_path) for file in there], ["row_id", "reasons"], "true")
    more = con.execute(f"SELECT 1 FROM (SELECT row_id, reasons FROM ({select_sql}) EXCEPT SELECT * FROM {kept}) LIMIT 1").fetchone()
    return more is None


def _files_of(iceberg: Table, key: dict[str, str]) -> list[DataFile]:
    from pyiceberg.expressions import And

    return planned(iceberg, And(*(one_of(column, [value]) for column, value in key.items())))


def _stage(
    con: duckdb.DuckDBPyConnection, lake: Lakehouse, name: str, select_sql: str, partition: str, version_key: str
) -> tuple[StagedFile, ...]:
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    rows = (
        f"SELECT row_id, {literal(partition)} AS {PARTITION}, {literal(version_key)} AS {VERSION}, reasons, "
        f"row_values, delivery_sha256, record_number, {literal(now)} AS quarantined_at FROM ({select_sql})"
    )
    attempt = uuid.uuid4().hex[:12]
    return stage(con, lake, name, rows, partition=partition, version_key=version_key, attempt=attempt)
