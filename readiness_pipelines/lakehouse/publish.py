"""Publish: one atomic commit that makes a partition on `main` hold exactly the files a verdict names.

Intent in the ledger, then the Iceberg commit that carries the version key in its snapshot, then done in the ledger.
After a crash in between, Iceberg says whether it happened and the ledger is completed by a new row.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from readiness_pipelines.errors import BrokenInvariant, PublishConflict
from readiness_pipelines.flow import GateVerdict, TableVersion
from readiness_pipelines.lakehouse.catalog import Lakehouse
from readiness_pipelines.lakehouse.filters import equals
from readiness_pipelines.lakehouse.stage import check_footer, sha256_of
from readiness_pipelines.lakehouse.steps import reached

if TYPE_CHECKING:
    from pyiceberg.table import Table
    from pyiceberg.table.snapshots import Snapshot

PARTITION = "readiness.partition"
VERSION_KEY = "readiness.version-key"
_TRIES = 60  # with full jitter up to 2 s: about a minute of waiting for others, then a clear error
_SHORTEST, _LONGEST = 0.02, 2.0


def publish(lake: Lakehouse, verdict: GateVerdict, *, expected: str | None) -> TableVersion:
    """Make the partition hold exactly `verdict.files`, and return the version.

    `expected` is the version key that the partition had when the candidate was computed (None: nothing was published).
    Publishing what is already published makes no new snapshot. Raises PublishConflict if the partition has moved on to
    anything else meanwhile, BrokenInvariant if the verdict is no admission or a file is not the one it names.
    """
    if not verdict.outcome.is_admitted:
        raise BrokenInvariant(f"{verdict.table}/{verdict.partition}: a verdict of {verdict.outcome} cannot be published")
    lake.ledger.record_intent(verdict.table, verdict.partition, verdict.version_key)
    reached("intent_recorded")
    version = _commit(lake, verdict, expected)
    reached("committed")
    lake.ledger.record_done(version)
    reached("done_recorded")
    return version


def recover(lake: Lakehouse, table: str, partition: str) -> TableVersion | None:
    """Complete the ledger where a commit happened and its `done` was never written. Returns that version, or None.

    An intent whose commit never happened stays as it is: the next intent supersedes it.
    """
    key = lake.ledger.open_intent(table, partition)
    if key is None:
        return None
    snapshot = _newest_of(lake.load(table), partition)
    if snapshot is None or _property(snapshot, VERSION_KEY) != key:
        return None
    version = TableVersion(table, partition, key, snapshot.snapshot_id)
    lake.ledger.record_done(version)
    return version


def _commit(lake: Lakehouse, verdict: GateVerdict, expected: str | None) -> TableVersion:
    from pyiceberg.exceptions import CommitFailedException

    checked = False
    for attempt in range(_TRIES):
        table = lake.load(verdict.table)
        if not checked:
            _check_files(table, verdict)
            checked = True
        there = _newest_of(table, verdict.partition)
        key = _property(there, VERSION_KEY) if there else None
        if there is not None and key == verdict.version_key:
            return TableVersion(verdict.table, verdict.partition, verdict.version_key, there.snapshot_id)
        if key != expected:
            raise PublishConflict(
                f"{verdict.table}/{verdict.partition}: computed against version {_short(expected)}, found {_short(key)} on main; "
                "another run published it meanwhile: run the partition again"
            )
        try:
            snapshot_id = _overwrite(table, verdict)
        except CommitFailedException:
            _wait(attempt)
        except ValueError as error:  # pyiceberg's bare error when another commit took the sequence number
            if "older than last sequence number" not in str(error):
                raise
            _wait(attempt)
        except Exception as error:  # SQLite's own busy error arrives wrapped by SQLAlchemy
            if not _is_locked(error):
                raise
            _wait(attempt)
        else:
            return TableVersion(verdict.table, verdict.partition, verdict.version_key, snapshot_id)
    raise PublishConflict(f"{verdict.table}/{verdict.partition}: {_TRIES} commits lost against other writers; run it again")


def _overwrite(table: Table, verdict: GateVerdict) -> int:
    """Commit one snapshot: this partition's files that the verdict does not name go, those it names and are not there come."""
    from pyiceberg.io.pyarrow import parquet_files_to_data_files

    named = {file.path for file in verdict.files}
    there = {}
    if table.current_snapshot() is not None:
        scan = table.scan(row_filter=equals("partition_key", verdict.partition))
        there = {_plain(task.file.file_path): task.file for task in scan.plan_files()}
    transaction = table.transaction()
    properties = {PARTITION: verdict.partition, VERSION_KEY: verdict.version_key}
    with transaction.update_snapshot(snapshot_properties=properties).overwrite() as update:
        for path, file in there.items():
            if path not in named:
                update.delete_data_file(file)
        new = [file.path for file in verdict.files if file.path not in there]
        for file in parquet_files_to_data_files(table.io, transaction.table_metadata, iter(new)):
            if file.partition[0] != verdict.partition:
                raise BrokenInvariant(f"{verdict.table}/{verdict.partition}: a staged file holds rows of another partition")
            update.append_data_file(file)
    transaction.commit_transaction()
    snapshot = _newest_of(table, verdict.partition)
    if snapshot is None or _property(snapshot, VERSION_KEY) != verdict.version_key:
        raise BrokenInvariant(f"{verdict.table}/{verdict.partition}: committed, but its snapshot is not on main")
    return snapshot.snapshot_id


def _check_files(table: Table, verdict: GateVerdict) -> None:
    for file in verdict.files:
        path = Path(file.path)
        if not path.exists() or path.stat().st_size != file.bytes or sha256_of(path) != file.sha256:
            raise BrokenInvariant(f"{path.name}: is not the file that the verdict names; nothing was published")
        check_footer(file, table.schema())


def _newest_of(table: Table, partition: str) -> Snapshot | None:
    """Return the snapshot on `main` that published the partition last, walking back from its head."""
    for snapshot in _back_from(table, table.metadata.current_snapshot()):
        if _property(snapshot, PARTITION) == partition:
            return snapshot
    return None


def _back_from(table: Table, snapshot: Snapshot | None) -> Iterator[Snapshot]:
    by_id = {s.snapshot_id: s for s in table.metadata.snapshots}
    while snapshot is not None:
        yield snapshot
        snapshot = by_id.get(snapshot.parent_snapshot_id) if snapshot.parent_snapshot_id else None


def _property(snapshot: Snapshot, name: str) -> str | None:
    return snapshot.summary.additional_properties.get(name) if snapshot.summary else None


def _plain(path: str) -> str:
    return path.removeprefix("file://")


def _is_locked(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
            return True
        error = error.__cause__
    return False


def _wait(attempt: int) -> None:
    """Full jitter: writers that collided once do not collide again in step."""
    time.sleep(random.uniform(_SHORTEST, min(_LONGEST, _SHORTEST * 2**attempt)))  # no secret depends on it


def _short(key: str | None) -> str:
    return key[:12] if key else "none"
