"""Which versions are not kept any more."""

from __future__ import annotations

import datetime

from readiness_pipelines.flow import TableVersion
from readiness_pipelines.lakehouse.catalog import Lakehouse
from readiness_pipelines.lakehouse.maintenance.places import is_quarantine
from readiness_pipelines.lakehouse.maintenance.references import listed_paths
from readiness_pipelines.lakehouse.pins import pinned_files


def expired_now(lake: Lakehouse, table: str, *, keep_days: float, now: datetime.datetime) -> list[TableVersion]:
    """Return the versions that nothing keeps: not current, not held, not pinned, superseded at least `keep_days` ago.

    The age counts from when the version was superseded, not from when it was published: whoever began to read it while
    it was current has `keep_days` to finish. Where a tag holds files of a partition that the ledger does not explain, no
    version of that partition expires. A version without files costs nothing and never expires, nor does a quarantine's,
    whose rows are kept for good. `now` is UTC.
    """
    iceberg = lake.load(table)
    if is_quarantine(iceberg):
        return []
    pinned, limit = pinned_files(iceberg), now - datetime.timedelta(days=keep_days)
    kept, empty, explained = set[tuple[str, str]](), set[tuple[str, str]](), set[tuple[str, frozenset[str]]]()
    for listing in lake.ledger.upkeep.listings(table):
        key, paths = (listing.partition, listing.version_key), listed_paths(listing)
        explained.add((listing.partition, paths))
        if listing.is_newest_verdict or (listing.partition, paths) in pinned:
            kept.add(key)  # it is held, on its way to `main`, or what a tag names
        if not paths:
            empty.add(key)
    riddles = {partition for partition, _ in pinned - explained}  # a compaction was cut short, and the tag is at its commit
    done = lake.ledger.upkeep.expired(table)
    old = [s.version for s in lake.ledger.upkeep.superseded(table) if s.version not in done and _utc(s.since) <= limit]
    return [
        version
        for version in old
        if (version.partition, version.version_key) not in kept | empty and version.partition not in riddles
    ]


def _utc(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).astimezone(datetime.UTC).replace(tzinfo=None)
