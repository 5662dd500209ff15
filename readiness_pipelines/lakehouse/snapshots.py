"""Iceberg's snapshots: how many are kept, and what must be in the ledger before one goes.

Versions are not read through them: a current one is read from `main` by its partition, an older one from the files that
the ledger names. So few are kept, and the cost of a commit, which copies them all, stays flat. But a snapshot is what
tells which version its commit has published, so none goes before the ledger says the same.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from readiness_pipelines.flow import TableVersion
from readiness_pipelines.lakehouse.catalog import Lakehouse
from readiness_pipelines.lakehouse.commits import Attempts
from readiness_pipelines.lakehouse.history import PARTITION_PROPERTY, VERSION_PROPERTY, ancestry

if TYPE_CHECKING:
    from pyiceberg.table import Table, Transaction
    from pyiceberg.table.update import TableUpdate

MOST, LEFT = 12, 4  # a commit that finds as many leaves so many of the newest (measured: benchmarks/growth.py)


def surplus(lake: Lakehouse, iceberg: Table, table: str) -> list[int]:
    """Return the snapshots that a commit on this state of the table drops along the way; none while they are few."""
    if len(iceberg.metadata.snapshots) < MOST:
        return []
    settle(lake, iceberg, table)
    return droppable(lake, iceberg, table, newest=LEFT)


def droppable(lake: Lakehouse, iceberg: Table, table: str, *, newest: int) -> list[int]:
    """Return the snapshots that nothing needs any more, once the ledger knows every publication they tell of (`settle`).

    Kept are those that a branch or tag names, the last commit that the ledger knows (a catalog without it would be
    behind), and the `newest`.
    """
    last = lake.ledger.upkeep.last_commit(table)
    kept = {ref.snapshot_id for ref in iceberg.metadata.refs.values()} | ({last.snapshot_id} if last else set())
    in_order = sorted(iceberg.metadata.snapshots, key=lambda s: s.sequence_number or 0, reverse=True)
    return [s.snapshot_id for s in in_order[newest:] if s.snapshot_id not in kept]


def settle(lake: Lakehouse, iceberg: Table, table: str) -> list[TableVersion]:
    """Complete the ledger from `main`: record every publication that a kept snapshot tells of; return what was news."""
    return [version for version in unsettled(lake, iceberg, table) if lake.ledger.record_done(version)]


def unsettled(lake: Lakehouse, iceberg: Table, table: str) -> list[TableVersion]:
    """Return the versions that `main` holds, as its kept snapshots tell, and that are not current in the ledger."""
    on_main: dict[str, TableVersion] = {}
    for snapshot in ancestry(iceberg):
        properties = snapshot.summary.additional_properties if snapshot.summary else {}
        partition = properties.get(PARTITION_PROPERTY)
        if partition is not None and partition not in on_main:
            on_main[partition] = TableVersion(table, partition, properties[VERSION_PROPERTY], snapshot.snapshot_id)
    known = lake.ledger.current_versions(table, sorted(on_main))
    return [version for version in on_main.values() if known.get(version.partition) != version]


def drop(transaction: Transaction, snapshots: Collection[int]) -> None:
    """Make the transaction's commit drop these snapshots too."""
    from pyiceberg.table.update.snapshot import ExpireSnapshots

    if snapshots:
        ExpireSnapshots(transaction).by_ids(list(snapshots)).commit()


def expire_snapshots(lake: Lakehouse, table: str) -> int:
    """Drop every snapshot of the table that nothing needs; return how many. Safe beside commits and pins of others."""
    from pyiceberg.table.update import RemoveSnapshotsUpdate

    for attempt in Attempts(f"expire snapshots of {table}"):
        with attempt.once():
            iceberg = lake.load(table)
            settle(lake, iceberg, table)
            going = droppable(lake, iceberg, table, newest=1)
            if going:
                commit_at_head(lake, iceberg, RemoveSnapshotsUpdate(snapshot_ids=going))  # type: ignore[call-arg]
            return len(going)
    raise AssertionError("unreachable: the loop ends by return or raise")


def commit_at_head(lake: Lakehouse, iceberg: Table, update: TableUpdate) -> None:
    """Commit a change of metadata while the head of `main` is the one of `iceberg`; else an error that a next attempt mends.

    Pins are made at the head, and the head is never dropped. So while it has not moved, no pin that `iceberg` does not
    know can be on a snapshot that goes, and no snapshot can go from under a pin.
    """
    from pyiceberg.table.update import AssertRefSnapshotId, AssertTableUUID

    head = iceberg.metadata.refs["main"].snapshot_id
    here = (
        AssertTableUUID(uuid=iceberg.metadata.table_uuid),
        AssertRefSnapshotId(ref="main", snapshot_id=head),  # type: ignore[call-arg]
    )
    lake.catalog.commit_table(iceberg, here, (update,))
