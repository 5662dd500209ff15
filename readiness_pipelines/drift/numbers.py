"""The numbers of a window: which versions it is made of, what it is compared with, and every statistic of the two."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING

from readiness_pipelines.declarations import Product
from readiness_pipelines.declarations.monitors import Monitor
from readiness_pipelines.drift.profile import Layout
from readiness_pipelines.drift.reference import (
    Waiting,
    admitted,
    as_measured_now,
    fixed,
    is_of,
    layout_from,
    reference_of,
    standing,
    turn,
)
from readiness_pipelines.drift.rows import compared_rows
from readiness_pipelines.drift.rule import Rule
from readiness_pipelines.drift.store import stored_layout
from readiness_pipelines.drift.sums import Sums
from readiness_pipelines.drift.windows import partitions_of, window_before
from readiness_pipelines.errors import ReadinessError, VersionNotFound
from readiness_pipelines.flow import Kind, Measured, Measurement, Mode, Reference, TableVersion, Test, Window
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.ledger import Registered

if TYPE_CHECKING:
    from readiness_pipelines.drift.concept import Slices

_GONE = "rows of the reference are not kept any more; `readiness drift register` takes what is admitted now"


class Numbers:
    """What is measured of one monitor's windows. Profiles and the reference's worth are computed once and remembered."""

    def __init__(self, product: Product, lake: Lakehouse, monitor: Monitor, rule: Rule, *, now: datetime.datetime) -> None:
        self._product, self._lake, self._monitor, self._rule, self._now = product, lake, monitor, rule, now
        self._current = lake.ledger.current_versions(monitor.table.full_name)
        self._registered: Registered | Waiting = Waiting("its reference was not asked for")
        self._sums = Sums(lake, monitor)
        self._layouts: dict[str, Layout] = {}
        self._worth: dict[str, Slices | None] = {}

    def reference(self) -> Waiting | None:
        """See that there is a reference, and return what it waits for if there is none."""
        if self._monitor.words.reference == "previous_window":
            return None
        self._registered = fixed(self._product, self._lake, self._monitor, now=self._now)
        return self._registered if isinstance(self._registered, Waiting) else None

    def turn(self) -> AbstractContextManager[None]:
        """Wait until nobody else stores anything of this monitor, and keep others out meanwhile."""
        return turn(self._lake, self._monitor)

    def plan(self, window: Window, *, guess: Reference | None = None, afresh: bool = False) -> Measured | Waiting:
        """Return the event that the window is now, still without a number, or why there is nothing to measure.

        `guess` is what it was compared with a moment ago: what needs no reading is not read again. As of when this was made,
        unless `afresh`.
        """
        partitions = partitions_of(self._product, window)
        versions = self._admitted(partitions, afresh=afresh)
        if not versions:
            return Waiting(f"{window} has no admitted row")
        reference = self._reference(window, guess, afresh=afresh)
        if isinstance(reference, Waiting):
            return reference
        there = {version.partition for version in versions}
        absent = tuple(partition for partition in partitions if partition not in there)
        table = self._monitor.table.full_name
        return Measured(self._product.name, self._monitor.name, table, window, reference, versions, absent, 0, 0, ())

    def prepare(self, plans: Sequence[Measured]) -> None:
        """See that every profile which these windows need is there."""
        self._layouts = {plan.reference.layout: self._layout(plan.reference) for plan in plans}  # others are forgotten
        for plan in plans:
            self._sums.want(self._layouts[plan.reference.layout], [*plan.reference.versions, *plan.versions])
        self._sums.prepare()

    def of(self, plan: Measured, known: Measured | None = None) -> Measured:
        """Return the window with all its numbers: exact ones where the rule needs them, of what is `known` too."""
        return self._exact(known or self._compared(plan))

    def _admitted(self, partitions: Sequence[str], *, afresh: bool) -> tuple[TableVersion, ...]:
        if afresh:
            return admitted(self._lake, self._monitor, partitions)
        return tuple(v for v in (self._current.get(key) for key in partitions) if v is not None and not v.is_nothing)

    def _reference(self, window: Window, guess: Reference | None, *, afresh: bool) -> Reference | Waiting:
        if self._monitor.words.reference != "previous_window":
            found = standing(self._product, self._lake, self._monitor, now=self._now) if afresh else self._registered
            return found if isinstance(found, Waiting) else as_measured_now(self._monitor, found)
        before = window_before(self._product, window, self._monitor.words.window)
        versions = self._admitted(partitions_of(self._product, before), afresh=afresh) if before else ()
        if not versions:
            return Waiting(f"{window} has no window before it with an admitted row")
        if guess is not None and is_of(guess, self._monitor, versions):
            return guess
        layout = layout_from(self._lake, self._monitor, versions)
        self._layouts[layout.id] = layout
        return reference_of(self._monitor, f"the window before, {before}", versions, layout)

    def _layout(self, reference: Reference) -> Layout:
        if reference.layout not in self._layouts:
            layout = stored_layout(self._lake, self._product.name, reference.layout)
            layout = layout or layout_from(self._lake, self._monitor, reference.versions)
            if layout.id != reference.layout:
                raise ReadinessError(
                    f"the bins of the reference of {self._product.name}/{self._monitor.name} are lost; "
                    f"`readiness drift register {self._product.name} {self._monitor.name}` makes it anew"
                )
            self._layouts[reference.layout] = layout
        return self._layouts[reference.layout]

    def _compared(self, plan: Measured) -> Measured:
        from readiness_pipelines.drift.measurements import compared

        layout = self._layout(plan.reference)
        a, b = self._sums.of(layout, plan.reference.versions), self._sums.of(layout, plan.versions)
        found = (*compared(self._monitor.columns, layout, a, b), *self._performance(plan))
        return replace(plan, rows=b.rows, rows_reference=a.rows, measurements=found)

    def _performance(self, plan: Measured) -> Iterator[Measurement]:
        """Yield what the predictions have lost, undecided where the reference's rows are gone."""
        from readiness_pipelines.drift.concept import compared_worth, worth_of

        key, said = plan.reference.id, self._monitor.words
        if said.label is None or (said.score or said.prediction) is None:
            return
        if key not in self._worth:
            try:
                self._worth = {key: worth_of(self._lake, self._monitor, plan.reference.versions)}
            except VersionNotFound:
                self._worth = {key: None}
        reference = self._worth[key]
        if reference is None:
            name = said.score or said.prediction or ""
            yield Measurement(name, Kind.CONCEPT, Test.PERFORMANCE, None, None, 0, 0, mode=Mode.UNDECIDED, note=_GONE)
            return
        yield from compared_worth(self._monitor, reference, worth_of(self._lake, self._monitor, plan.versions))

    def _exact(self, measured: Measured) -> Measured:
        """Read the rows of those columns whose bins leave the severity open, until none does, or they cannot be read."""
        from readiness_pipelines.drift.decide import ambiguous

        while columns := ambiguous(measured, self._rule):
            try:
                found = tuple(self._exactly(measured, m) if m.column in columns else m for m in measured.measurements)
            except VersionNotFound:
                return measured  # the rule says that they are undecided, the notes that the reference is not what is admitted now
            measured = replace(measured, measurements=found)
        return measured

    def _exactly(self, measured: Measured, m: Measurement) -> Measurement:
        from readiness_pipelines.drift.exact import distances
        from readiness_pipelines.drift.measurements import exactly

        if m.is_exact:
            return m
        sides = (measured.reference.versions, measured.versions)
        rows = [compared_rows(self._lake, self._monitor, versions, columns=[m.column]) for versions in sides]
        with self._lake.connect() as con:
            found = distances(con, rows[0], rows[1], m.column)
        assert found.ks is not None  # a bracket is of two sides with values
        watched = next(column for column in self._monitor.columns if column.name == m.column)
        return exactly(watched, m, found.ks, found.wasserstein)
