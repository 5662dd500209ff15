"""From the ledger to what is told of drift: reports are read one at a time, and of each only the numbers are kept."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import replace

from readiness_pipelines.declarations import Monitor, Product
from readiness_pipelines.drift import Watch, status
from readiness_pipelines.drift.reference import monitors_of
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import Window
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.reports.drift_columns import monitor_facts
from readiness_pipelines.reports.drift_facts import Decided, DriftFacts, MonitorFacts


def drift_facts(
    product: Product,
    lake: Lakehouse,
    *,
    now: datetime.datetime,
    monitor: str | None = None,
    until: str | None = None,
    last: int | None = None,
) -> DriftFacts:
    """Return how the monitors of a product stand, or the one of this name: of each window its newest report.

    With `until`, only of monitors with a window that ends with it, and of the windows up to it; of all windows the newest
    `last`, by default all. Raises ReadinessError where the product has no such monitor, or none at all, or no such window.
    """
    wanted, watched = monitors_of(product, monitor), {each.monitor: each for each in status(product, lake, now=now)}
    found = [_monitor(lake, each, until, last, watched[each.name]) for each in wanted]
    if until is not None:
        found = [each for each in found if each.windows and each.windows[-1].window.last == until]
    if not found:
        ends = [window.last for each in wanted for window in lake.ledger.drift.events(product.name, each.name)]
        expected = f"the last day of one, {min(ends)} to {max(ends)}" if ends else "none: nothing was measured yet"
        raise ReadinessError(f"{product.name}: found no measured window that ends with {until!r}, expected {expected}")
    said, contract = product.declaration, product.contract
    owners = {"owner": contract.owner, "steward": contract.steward}
    return DriftFacts(product.name, said.description, **owners, every=said.partitions.every, at=now, monitors=tuple(found))


def _monitor(lake: Lakehouse, monitor: Monitor, until: str | None, last: int | None, watch: Watch) -> MonitorFacts:
    drift, product = lake.ledger.drift, monitor.product
    events = [(w, e) for w, e in _one_per_end(drift.events(product, monitor.name)) if until is None or w.last <= until]
    wanted = events[-last:] if last else events
    # one that was measured and not judged is left out: whoever did was stopped, and the next measure judges it
    reports = (report for _, event in wanted if (report := drift.report_of(event)) is not None)
    decided = [Decided(at, said) for at, said in reversed(drift.decisions(product)) if said.monitor == monitor.name]
    facts = monitor_facts(monitor, reports, measured=len(events))
    return replace(facts, decisions=tuple(decided), waits_for=watch.waits_for, due=watch.due)


def _one_per_end(events: Mapping[Window, str]) -> Iterable[tuple[Window, str]]:
    """Return one window per last partition, in their order: the one that was declared otherwise once gives way to a shorter."""
    return {window.last: (window, event) for window, event in events.items()}.values()
