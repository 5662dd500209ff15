"""Where a partition stands: a value worked out from declaration, ledger and landing folder, never stored.

`held` is a state of the newest candidate: a version admitted earlier stays readable, but nothing downstream runs again
until a newer candidate is admitted. `missing` is a due delivery that never came; it blocks downstream the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from readiness_pipelines.declarations import Product
from readiness_pipelines.declarations.load import Bronze
from readiness_pipelines.flow import TableVersion
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers.calendar import is_due, partitions_read, start_of
from readiness_pipelines.sources import landed


class StandingKind(StrEnum):
    ADMITTED = "admitted"
    HELD = "held"  # its own newest candidate did not pass
    MISSING = "missing"  # bronze: a delivery was due and none came
    BLOCKED = "blocked"  # something it reads is held or missing
    NOT_DUE = "not_due"  # nothing was due, so nothing is wrong
    ABSENT = "absent"  # nothing is wrong upstream; it has not been run


@dataclass(frozen=True)
class Standing:
    """Where one partition of one table stands, the version readable on `main` if any, and why in one line."""

    table: str
    partition: str
    kind: StandingKind
    version: TableVersion | None
    why: str = ""

    @property
    def blocks(self) -> bool:
        return self.kind in (StandingKind.HELD, StandingKind.MISSING, StandingKind.BLOCKED)


def standing_of(product: Product, lake: Lakehouse, name: str, partition: str) -> Standing:
    """Return where `partition` of the table `name` (leaf name) stands now, looking through its inputs up to bronze."""
    table, ledger = product.by_name[name], lake.ledger
    version = ledger.current_version(table.full_name, partition)
    verdict = ledger.latest_outcome(table.full_name, partition)

    def stands(kind: StandingKind, why: str = "") -> Standing:
        return Standing(table.full_name, partition, kind, version, why)

    if verdict is not None and not verdict[1].is_admitted:
        return stands(StandingKind.HELD, f"{partition} {table.layer} {name} is held")
    if isinstance(table, Bronze):
        if version is not None:
            return stands(StandingKind.ADMITTED)
        if not is_due(product, table.feed, partition):
            return stands(StandingKind.NOT_DUE)
        if ledger.arrivals(table.full_name, partition) or landed(
            lake.settings.landing, table.feed.files, start_of(product, partition)
        ):
            return stands(StandingKind.ABSENT)
        return stands(StandingKind.MISSING, f"{partition} {table.layer} {name} is missing")
    for upstream, given in table.upstream.items():
        for key in partitions_read(product, given, partition) if given.unavailable == "hold" else []:
            above = standing_of(product, lake, upstream, key)
            if above.blocks:
                return stands(StandingKind.BLOCKED, above.why)
            if above.kind is StandingKind.NOT_DUE and given.read == "same":
                return stands(StandingKind.ADMITTED if version else StandingKind.NOT_DUE)
    return stands(StandingKind.ADMITTED if version else StandingKind.ABSENT)
