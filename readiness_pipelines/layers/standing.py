"""Where a partition stands: a value worked out from declaration, ledger and landing folder, never stored.

`held` is a state of the newest candidate: a version admitted earlier stays readable, but nothing downstream runs again
until a newer candidate is admitted. `missing` is a due delivery that never came; it blocks downstream the same way.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, partial

from readiness_pipelines.declarations import Bronze, Gold, Product, Silver, TableDeclaration
from readiness_pipelines.flow import TableVersion
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers.calendar import due_at, is_due, key_of, partitions_read, start_of
from readiness_pipelines.layers.champion import Champion, is_scored
from readiness_pipelines.layers.downstream import made_from, withdrawn_versions
from readiness_pipelines.sources import landed, look


class StandingKind(StrEnum):
    ADMITTED = "admitted"
    HELD = "held"  # its own newest candidate did not pass
    MISSING = "missing"  # bronze: a delivery was due and none came
    BLOCKED = "blocked"  # something it reads is held or missing
    NOT_DUE = "not_due"  # nothing was due, or not yet, so nothing is wrong
    STALE = "stale"  # published, and made from a version that was withdrawn since: a run brings it up
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


class Standings:
    """Where the partitions of one product stand at one moment, looking through their inputs up to bronze.

    Each partition is looked at once and remembered: make a new one for a later moment. With `everything` the facts of
    a table are read in one go, for whoever asks after many of its partitions; else each partition's by itself. Only then is
    anything called stale: a step needs no telling, the versions it reads are others.
    """

    def __init__(self, product: Product, lake: Lakehouse, *, now: datetime.datetime, everything: bool = False) -> None:
        self.product, self.now = product, now
        self._facts: _Facts = _AllFacts(product, lake) if everything else _Facts(product, lake)
        self._known: dict[tuple[str, str], Standing] = {}

    def of(self, name: str, partition: str) -> Standing:
        """Return where `partition` of the table `name` (leaf name) stands."""
        known = self._known.get((name, partition))
        if known is None:
            known = self._known[name, partition] = self._work_out(self.product.by_name[name], partition)
        return known

    def _work_out(self, table: Bronze | Silver | Gold, partition: str) -> Standing:
        version = self._facts.version(table, partition)
        version = None if version is not None and version.is_nothing else version

        def stands(kind: StandingKind, why: str = "") -> Standing:
            return Standing(table.full_name, partition, kind, version, why)

        if self._facts.is_held(table, partition):
            return stands(StandingKind.HELD, f"{partition} {table.layer} {table.name} is held")
        if not isinstance(table, Bronze):
            kind, why = self._through_inputs(table, partition, is_published=version is not None)
            if kind is StandingKind.ADMITTED and version is not None and self._facts.is_stale(version):
                kind, why = StandingKind.STALE, f"{version} was made from a version that was withdrawn"
            return stands(kind, why)
        if version is not None:
            return stands(StandingKind.ADMITTED)
        if self._facts.has_landed(table, partition):
            return stands(StandingKind.ABSENT)
        if is_due(self.product, table, partition, now=self.now):
            due = f"{due_at(self.product, table, partition):%Y-%m-%d %H:%M} UTC"
            return stands(StandingKind.MISSING, f"{partition} bronze {table.name} is missing: due {due}, and nothing has landed")
        return stands(StandingKind.NOT_DUE)

    @cached_property
    def champion(self) -> Champion:
        """The product's champion, as the ledger knew it when it was first asked for."""
        return Champion.of(self._facts.lake, self.product)

    def waits_for_scores(self, upstream: str, keys: Sequence[str]) -> bool:
        """Return whether all of these partitions of a table that is made from scores are not due: nor is what reads them."""
        return upstream in self.product.made_from_scores and all(self.of(upstream, k).kind is StandingKind.NOT_DUE for k in keys)

    def _through_inputs(self, table: Silver | Gold, partition: str, *, is_published: bool) -> tuple[StandingKind, str]:
        if not is_published and is_scored(table) and self.champion.may_score(partition) is None:
            return StandingKind.NOT_DUE, ""
        for upstream, given in table.upstream.items():
            if self.waits_for_scores(upstream, partitions_read(self.product, given, partition)):
                return (StandingKind.ADMITTED if is_published else StandingKind.NOT_DUE), ""
            for key in partitions_read(self.product, given, partition) if given.unavailable == "hold" else []:
                above = self.of(upstream, key)
                if above.blocks:
                    return StandingKind.BLOCKED, above.why
                if above.kind is StandingKind.NOT_DUE and given.read == "same":
                    return (StandingKind.ADMITTED if is_published else StandingKind.NOT_DUE), ""
        return (StandingKind.ADMITTED if is_published else StandingKind.ABSENT), ""


class _Facts:
    """What ledger and landing folder say of one partition, asked each time."""

    def __init__(self, product: Product, lake: Lakehouse) -> None:
        self.product, self.lake = product, lake

    def version(self, table: TableDeclaration, partition: str) -> TableVersion | None:
        return self.lake.ledger.current_version(table.full_name, partition)

    def is_held(self, table: TableDeclaration, partition: str) -> bool:
        newest = self.lake.ledger.latest_outcome(table.full_name, partition)
        return newest is not None and not newest[1].is_admitted

    def is_stale(self, version: TableVersion) -> bool:
        return False

    def has_landed(self, table: Bronze, partition: str) -> bool:
        if self.lake.ledger.arrivals(table.full_name, partition):
            return True
        return bool(landed(self.lake.settings.landing, table.feed.files, start_of(self.product, partition)))


class _AllFacts(_Facts):
    """The same of all partitions, read once per table."""

    def __init__(self, product: Product, lake: Lakehouse) -> None:
        super().__init__(product, lake)
        self._versions: dict[str, Mapping[str, TableVersion]] = {}
        self._held: dict[str, frozenset[str]] = {}
        self._landed: dict[str, frozenset[str]] = {}
        self._stale: set[str] | None = None

    def version(self, table: TableDeclaration, partition: str) -> TableVersion | None:
        if table.name not in self._versions:
            self._versions[table.name] = self.lake.ledger.current_versions(table.full_name)
        return self._versions[table.name].get(partition)

    def is_held(self, table: TableDeclaration, partition: str) -> bool:
        if table.name not in self._held:
            newest = self.lake.ledger.latest_outcomes(table.full_name).items()
            self._held[table.name] = frozenset(key for key, outcome in newest if not outcome.is_admitted)
        return partition in self._held[table.name]

    def is_stale(self, version: TableVersion) -> bool:
        if self._stale is None:
            self._stale = made_from(self.product, self.lake, withdrawn_versions(self.product, self.lake))
        return str(version) in self._stale

    def has_landed(self, table: Bronze, partition: str) -> bool:
        if table.name not in self._landed:
            here = look(self.lake.settings.landing, table.feed.files, table=table.full_name, key=partial(key_of, self.product))
            arrived = self.lake.ledger.arrivals_by_partition(table.full_name).keys()
            self._landed[table.name] = frozenset(file.partition for file in here) | arrived
        return partition in self._landed[table.name]
