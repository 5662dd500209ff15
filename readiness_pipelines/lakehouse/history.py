"""Which version of which partition is on `main`: read from the properties of Iceberg's own snapshots."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from readiness_pipelines.flow import TableVersion
from readiness_pipelines.lakehouse.catalog import Lakehouse

if TYPE_CHECKING:
    from pyiceberg.table import Table
    from pyiceberg.table.snapshots import Snapshot

PARTITION_PROPERTY = "readiness.partition"
VERSION_PROPERTY = "readiness.version-key"
_FIRST = 1  # sequence number of a table's first snapshot; expiry also removes a snapshot's link to an expired parent


def on_main(lake: Lakehouse, iceberg: Table, table: str, partition: str) -> TableVersion | None:
    """Return the version of the partition on `main` at this state of the table, or None if it was never published."""
    return all_on_main(lake, iceberg, table, [partition]).get(partition)


def all_on_main(lake: Lakehouse, iceberg: Table, table: str, partitions: Collection[str]) -> dict[str, TableVersion]:
    """Return the version of each of `partitions` on `main` at this state of the table; the unpublished are left out.

    The newest snapshot that names a partition tells its version. Where the snapshots that could tell have been expired,
    the ledger does: nothing that is still kept has changed that partition since.
    """
    found: dict[str, TableVersion] = {}
    wanted = set(partitions)
    oldest = None
    for snapshot in ancestry(iceberg):
        oldest = snapshot
        properties = snapshot.summary.additional_properties if snapshot.summary else {}
        partition = properties.get(PARTITION_PROPERTY)
        if partition in wanted:
            wanted.remove(partition)
            found[partition] = TableVersion(table, partition, properties[VERSION_PROPERTY], snapshot.snapshot_id)
            if not wanted:
                return found
    if oldest is not None and oldest.sequence_number != _FIRST:
        found |= lake.ledger.current_versions(table, sorted(wanted))
    return found


def ancestry(iceberg: Table) -> Iterator[Snapshot]:
    """Yield the snapshots of `main` that are kept, newest first."""
    by_id = {snapshot.snapshot_id: snapshot for snapshot in iceberg.metadata.snapshots}
    head = iceberg.metadata.refs.get("main")
    snapshot = by_id.get(head.snapshot_id) if head else None
    while snapshot is not None:
        yield snapshot
        parent = snapshot.parent_snapshot_id
        snapshot = by_id.get(parent) if parent is not None else None
