"""Which files something kept refers to."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from readiness_pipelines.flow import TableVersion
from readiness_pipelines.lakehouse.catalog import Lakehouse, path_of
from readiness_pipelines.lakehouse.files import planned
from readiness_pipelines.lakehouse.storage import real_path
from readiness_pipelines.ledger import Listing

if TYPE_CHECKING:
    from pyiceberg.table import Table


@dataclass(frozen=True)
class References:
    """`kept`: files that Iceberg or the ledger needs. `expired`: files that an expired version had, and nothing needs.

    `partitions`: of each file that a verdict or a compaction names. `verdicts`: the newest of each partition.
    Files are named by their real paths: a ledger written before may spell the way to the warehouse otherwise.
    """

    kept: frozenset[str]
    expired: frozenset[str]
    partitions: Mapping[str, str]
    verdicts: frozenset[tuple[str, str, str]]


def references(
    lake: Lakehouse,
    table: str,
    *,
    released_before: datetime.datetime,
    expiring: Collection[TableVersion] = (),
    dropping: Collection[int] = (),
) -> References:
    """Return what refers to the table's files now, taking `expiring` for expired and the snapshots `dropping` for dropped.

    The ledger needs the files of every version that is not expired and of each partition's newest verdict, held or not.
    Files whose rows a compaction has put into another are needed until `released_before` (UTC) is past it.
    """
    said = list(lake.ledger.upkeep.listings(table))
    published = _published(lake, table)
    expired = {(v.partition, v.version_key) for v in (lake.ledger.upkeep.expired(table) | set(expiring)) & set(published.values())}
    compacted = {_key(c): c for c in said if c.of_snapshot is not None and published[_key(c)].snapshot_id == c.of_snapshot}
    kept, gone = set[str](), set[str]()
    for listing in said:
        key, paths, compaction = _key(listing), listed_paths(listing), compacted.get(_key(listing))
        if key in expired and not listing.is_newest_verdict:
            gone |= paths
        elif compaction is not None and compaction is not listing and _utc(compaction.recorded_at) <= released_before:
            continue  # nobody who planned to read these, or to publish them again, can still be running
        elif listing.is_newest_verdict or key in published:
            kept |= paths
    kept |= _of_iceberg(lake.load(table), dropping)
    partitions = {path: listing.partition for listing in said for path in listed_paths(listing)}
    return References(
        frozenset(kept), frozenset(gone - kept), partitions, frozenset(stated(each) for each in said if each.is_newest_verdict)
    )


def _key(listing: Listing) -> tuple[str, str]:
    return listing.partition, listing.version_key


def listed_paths(listing: Listing) -> frozenset[str]:
    """Return the real paths of the files that a listing names."""
    return frozenset(real_path(file.path) for file in listing.files)


def stated(listing: Listing) -> tuple[str, str, str]:
    """Return what tells this statement of the ledger from every other verdict of its table."""
    return listing.partition, listing.version_key, listing.recorded_at


def current_paths(iceberg: Table) -> frozenset[str]:
    """Return the real paths of the data files on `main`."""
    return frozenset(real_path(path_of(file.file_path)) for file in planned(iceberg))


def _published(lake: Lakehouse, table: str) -> dict[tuple[str, str], TableVersion]:
    """Return the newest publication of every version key of the table."""
    versions = [s.version for s in lake.ledger.upkeep.superseded(table)] + list(lake.ledger.current_versions(table).values())
    return {(v.partition, v.version_key): v for v in versions}


def _of_iceberg(iceberg: Table, dropping: Collection[int]) -> set[str]:
    """Return the metadata files, manifest lists, manifests and data files of every snapshot but those `dropping`."""
    found = {iceberg.metadata_location, *(entry.metadata_file for entry in iceberg.metadata.metadata_log)}
    manifests = {}
    for snapshot in iceberg.metadata.snapshots:
        if snapshot.snapshot_id not in dropping:
            found.add(snapshot.manifest_list)
            manifests.update({m.manifest_path: m for m in snapshot.manifests(iceberg.io)})
    for path, manifest in manifests.items():
        found.add(path)
        found |= {e.data_file.file_path for e in manifest.fetch_manifest_entry(iceberg.io, discard_deleted=True)}
    return {real_path(path_of(uri)) for uri in found}


def _utc(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).astimezone(datetime.UTC).replace(tzinfo=None)
