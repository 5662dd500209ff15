"""Iceberg's manifests, kept few and small: small ones are merged in tiers, and a full one is left alone.

PyIceberg merges by size: all manifests of ten years into one, anew every twenty commits (0.3 ms per entry), and each
planning reads it. Here an entry is rewritten twice in its life, and planning one partition reads few others' entries.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update.snapshot import _FastAppendFiles, _ManifestMergeManager, _OverwriteFiles, _SnapshotProducer

if TYPE_CHECKING:
    from pyiceberg.manifest import ManifestFile
    from pyiceberg.table import Transaction

_TIERS = ((0, 20, 20), (20, 200, 10))  # manifests from so many entries to below so many are merged when they are so many


class TieredAppend(_FastAppendFiles):
    """An append that also merges manifests."""

    def _process_manifests(self, manifests: list[ManifestFile]) -> list[ManifestFile]:
        return _merged(self, manifests)


class TieredOverwrite(_OverwriteFiles):
    """An overwrite that also merges manifests."""

    def _process_manifests(self, manifests: list[ManifestFile]) -> list[ManifestFile]:
        return _merged(self, manifests)


def producer_for(transaction: Transaction, properties: dict[str, str], *, overwrites: bool) -> TieredAppend | TieredOverwrite:
    """Return what produces the transaction's snapshot on `main`."""
    io = transaction._table.io
    if overwrites:
        return TieredOverwrite(Operation.OVERWRITE, transaction, io, snapshot_properties=properties)
    return TieredAppend(Operation.APPEND, transaction, io, snapshot_properties=properties)


def _merged(producer: _SnapshotProducer, manifests: Sequence[ManifestFile]) -> list[ManifestFile]:  # type: ignore[type-arg]
    for least, below, many in _TIERS:
        manifests = _merged_tier(producer, manifests, least, below, many)
    return list(manifests)


def _merged_tier(
    producer: _SnapshotProducer,  # type: ignore[type-arg]
    manifests: Sequence[ManifestFile],
    least: int,
    below: int,
    many: int,
) -> list[ManifestFile]:
    tier: dict[int, list[ManifestFile]] = defaultdict(list)
    for manifest in manifests:
        if least <= _entries(manifest) < below:
            tier[manifest.partition_spec_id].append(manifest)
    rest, merger = list(manifests), _ManifestMergeManager(0, 0, True, producer)
    for spec, some in tier.items():
        if len(some) >= many:
            rest = [merger._create_manifest(spec, some), *(m for m in rest if m not in some)]
    return rest


def _entries(manifest: ManifestFile) -> int:
    return sum(n or 0 for n in (manifest.added_files_count, manifest.existing_files_count, manifest.deleted_files_count))
