"""Quarantine: every row that was not admitted, with all its reasons, kept for good.

One table beside each table, appended to per candidate. Rows are never changed: which candidate is the newest, and so
which rows are superseded, is what the ledger's latest verdict says.
"""

from __future__ import annotations

import datetime
import uuid

import duckdb

from readiness_pipelines.errors import PublishConflict
from readiness_pipelines.flow import StagedFile
from readiness_pipelines.lakehouse.catalog import Lakehouse
from readiness_pipelines.lakehouse.filters import equals
from readiness_pipelines.lakehouse.read import read_files
from readiness_pipelines.lakehouse.stage import copy_to
from readiness_pipelines.lakehouse.tables import ColumnSpec, TableSpec, ensure_table

_COLUMNS = (
    ColumnSpec("row_id", "string", doc="names the row for ever: a re-run never doubles it"),
    ColumnSpec("partition_key", "string"),
    ColumnSpec("version_key", "string", doc="the candidate it was in"),
    ColumnSpec("reasons", "list<string>", doc="every reason, in the order of the suite"),
    ColumnSpec("row_values", "string", doc="the row as it came, as JSON"),
    ColumnSpec("delivery_sha256", "string", doc="the delivered file; null in gold"),
    ColumnSpec("record_number", "long", doc="1-based record in that file; null in gold"),
    ColumnSpec("quarantined_at", "string", doc="UTC, ISO 8601"),
)
_TRIES = 60


def write_quarantine(
    lake: Lakehouse, con: duckdb.DuckDBPyConnection, table: str, select: str, *, partition: str, version_key: str
) -> int:
    """Keep the rows of `select` (row_id, reasons, row_values, delivery_sha256, record_number) and return how many.

    A candidate that is written again keeps the rows it has: same candidate, same rows. No rows, no commit.
    """
    rows = con.execute(f"SELECT count(*) FROM ({select})").fetchone()
    if not rows or rows[0] == 0:
        return 0
    spec = TableSpec(f"{table}_quarantine", _COLUMNS, partitioned_by=("partition_key", "version_key"))
    schema = ensure_table(lake, spec).schema()
    folder = lake.settings.staging / spec.name / partition.replace(":", "-")
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    full = f"SELECT *, '{partition}' AS partition_key, '{version_key}' AS version_key, '{now}' AS quarantined_at FROM ({select})"
    (staged,) = copy_to(con, full, schema, folder / f"{version_key[:16]}-{uuid.uuid4().hex[:12]}.parquet")
    _append_once(lake, spec.name, staged, partition, version_key)
    return staged.rows


def _append_once(lake: Lakehouse, name: str, staged: StagedFile, partition: str, version_key: str) -> None:
    from pyiceberg.exceptions import CommitFailedException
    from pyiceberg.expressions import And
    from pyiceberg.io.pyarrow import parquet_files_to_data_files

    from readiness_pipelines.lakehouse.publish import _is_locked, _wait

    mine = And(equals("partition_key", partition), equals("version_key", version_key))
    for attempt in range(_TRIES):
        table = lake.load(name)
        if any(True for _ in table.scan(row_filter=mine).plan_files()):
            return
        try:
            transaction = table.transaction()
            with transaction.update_snapshot().fast_append() as update:
                for file in parquet_files_to_data_files(table.io, transaction.table_metadata, iter([staged.path])):
                    update.append_data_file(file)
            transaction.commit_transaction()
        except CommitFailedException:
            _wait(attempt)
        except Exception as error:
            if not _is_locked(error) and "older than last sequence number" not in str(error):
                raise
            _wait(attempt)
        else:
            return
    raise PublishConflict(f"{name}/{partition}: {_TRIES} commits lost against other writers; run it again")


def quarantined(lake: Lakehouse, table: str, *, partition: str | None = None) -> str:
    """Return SQL, usable after FROM, for the quarantine of a table: all candidates, of one partition if it is given."""
    from pyiceberg.exceptions import NoSuchTableError
    from pyiceberg.expressions import AlwaysTrue

    try:
        loaded = lake.load(f"{table}_quarantine")
    except NoSuchTableError:
        return (
            "(SELECT NULL::VARCHAR AS row_id, NULL::VARCHAR AS partition_key, NULL::VARCHAR AS version_key, "
            "NULL::VARCHAR[] AS reasons, NULL::VARCHAR AS row_values, NULL::VARCHAR AS delivery_sha256, "
            "NULL::BIGINT AS record_number, NULL::VARCHAR AS quarantined_at WHERE false)"
        )
    wanted = equals("partition_key", partition) if partition else AlwaysTrue()
    paths = [task.file.file_path.removeprefix("file://") for task in loaded.scan(row_filter=wanted).plan_files()]
    return read_files(loaded.schema(), paths)
