"""Measure every window that is due, and judge it: from a product and its lakehouse to stored reports.

The ledger decides what is left to do, so this can be stopped, repeated, and done by several at once. Only admitted
versions are ever read.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from readiness_pipelines.declarations import Product
from readiness_pipelines.declarations.monitors import Monitor
from readiness_pipelines.drift.judging import judged, version_notes
from readiness_pipelines.drift.numbers import Numbers
from readiness_pipelines.drift.past import Past
from readiness_pipelines.drift.reference import Waiting, newest_decided
from readiness_pipelines.drift.rule import rule_of
from readiness_pipelines.drift.windows import measured_windows, window_before
from readiness_pipelines.flow import DriftReport, Measured, Window
from readiness_pipelines.lakehouse import Lakehouse, reached
from readiness_pipelines.layers.calendar import key_of

_AT_ONCE = 30  # windows whose partitions are kept in one commit, and whose profiles are in memory
_LOOKS = 3  # at a window that is published to while it is measured


@dataclass(frozen=True)
class Seen:
    """The report of a window; `is_news` says whether it was stored by this measuring."""

    report: DriftReport
    is_news: bool


def measure(
    product: Product,
    lake: Lakehouse,
    *,
    now: datetime.datetime,
    partitions: Sequence[str] | None = None,
    again: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Seen]:
    """Measure and judge the windows of every monitor that are due, and yield each report that is stored, oldest window first.

    A window is due once its last partition, or a newer one that has begun by `now` (UTC), was decided by the gate; then it is
    measured over what is admitted of it, whatever is held or missing. Of the due ones those count that contain, or are
    compared with, one of `partitions`, and those that were never measured; by default all. What is stored already under the
    same event and rule is left as it is: those of `partitions` are yielded all the same, as no news. `again` reads
    their rows once more. Windows without an admitted row, or for which there is no reference yet, are left out, and why
    is told by `say`. Stopping in between loses nothing; memory is that of 30 windows' profiles.
    """
    for monitor in product.monitors:
        yield from _Measuring(product, lake, monitor, now, say).run(partitions, again=again)


class _Measuring:
    """One monitor, measured once."""

    def __init__(
        self, product: Product, lake: Lakehouse, monitor: Monitor, now: datetime.datetime, say: Callable[[str], None]
    ) -> None:
        self._product, self._lake, self._monitor, self._now = product, lake, monitor, now
        self._rule = rule_of(monitor)
        self._past, self._rules = Past(product, lake, monitor), lake.ledger.drift.rules(product.name, monitor.name)
        self._numbers = Numbers(product, lake, monitor, self._rule, now=now)
        self._tell = say

    def run(self, partitions: Sequence[str] | None, *, again: bool) -> Iterator[Seen]:
        newest = newest_decided(self._lake, self._monitor)
        if newest is None:
            self._say("nothing has been run yet")
            return
        if isinstance(found := self._numbers.reference(), Waiting):
            self._say(found.why)
            return
        windows = measured_windows(self._product, self._monitor, min(newest, key_of(self._product, self._now)))
        wanted = [each for each in windows if each not in self._past.events or self._rests_on(each, partitions)]
        for start in range(0, len(wanted), _AT_ONCE):
            yield from self._some(wanted[start : start + _AT_ONCE], tell_all=partitions is not None, again=again)

    def _say(self, text: str) -> None:
        self._tell(f"{self._product.name}/{self._monitor.name}: {text}")

    def _rests_on(self, window: Window, partitions: Sequence[str] | None) -> bool:
        """Return whether any of the partitions is in the window, or in the one that it is compared with."""
        if partitions is None:
            return True
        is_own = self._monitor.words.reference == "previous_window"
        before = window_before(self._product, window, self._monitor.words.window) if is_own else None
        return any((before or window).first <= partition <= window.last for partition in partitions)

    def _some(self, windows: Sequence[Window], *, tell_all: bool, again: bool) -> Iterator[Seen]:
        planned = [self._plan(window) for window in windows]
        for text in (plan.why for plan in planned if isinstance(plan, Waiting)):
            self._say(text)
        events = [plan for plan in planned if isinstance(plan, Measured)]
        left = {plan.event for plan in events if again or not self._is_stored(plan)}
        unknown = [
            plan for plan in events if plan.event in left and (again or self._lake.ledger.drift.measured(plan.event) is None)
        ]
        self._numbers.prepare(unknown)
        for plan in events:
            if plan.event in left:
                yield from self._measured(plan, again=again)
            elif tell_all and (report := self._lake.ledger.drift.report_of(plan.event)) is not None:
                yield Seen(report, False)

    def _plan(self, window: Window) -> Measured | Waiting:
        """Return what the window is now. What the window before gave for a reference is not worked out twice."""
        is_own = self._monitor.words.reference == "previous_window"
        known = self._lake.ledger.drift.measured(self._past.events[window]) if is_own and window in self._past.events else None
        return self._numbers.plan(window, guess=known.reference if known else None)

    def _is_stored(self, plan: Measured) -> bool:
        """Return whether the newest event of the window is this very one, judged by today's rule."""
        return self._past.events.get(plan.window) == plan.event and self._rules.get(plan.event) == self._rule.fingerprint

    def _measured(self, plan: Measured, *, again: bool) -> Iterator[Seen]:
        """Measure, judge and store a window; what is published to it meanwhile is measured instead."""
        for _ in range(_LOOKS):
            known = None if again else self._lake.ledger.drift.measured(plan.event)
            measured = self._numbers.of(plan, known)
            with self._numbers.turn():
                now = self._numbers.plan(plan.window, guess=plan.reference, afresh=True)
                seen = self._record(measured, again=again) if isinstance(now, Measured) and now.event == plan.event else None
            if seen is not None:
                yield seen
                return
            if isinstance(now, Waiting):
                self._say(now.why)
                return
            plan = now
        self._say(f"{plan.window} is published to faster than it can be measured; measure again when that is over")

    def _record(self, measured: Measured, *, again: bool) -> Seen:
        """Store what was measured, and the judgement, unless somebody else has. Nobody else does so meanwhile."""
        drift, window = self._lake.ledger.drift, measured.window
        before = drift.event_of(self._product.name, self._monitor.name, window)
        self._past.events |= {window: before} if before else {}
        stored = drift.report_of(measured.event) if before == measured.event and not again else None
        if stored is not None and stored.rule == self._rule.fingerprint:
            return Seen(stored, False)
        is_news = drift.record(measured)
        reached("window_recorded")
        superseded = drift.superseded_by(measured)
        notes = version_notes(self._product, self._lake, self._monitor, measured)
        report = judged(self._monitor, measured, self._rule, self._past, superseded=superseded, notes=notes)
        is_news |= drift.judge(report) is not None
        self._past.add(report)
        return Seen(report, is_news)
