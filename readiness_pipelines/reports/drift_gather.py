"""From the ledger to what is told of drift: reports are read one at a time, and of each only the numbers are kept."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping

from readiness_pipelines.declarations import Monitor, Product
from readiness_pipelines.drift import Watch, status
from readiness_pipelines.drift.reference import monitors_of
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import DriftReport, Window
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.reports.drift_columns import Columns, add, metrics_of
from readiness_pipelines.reports.drift_facts import Decided, DriftFacts, Metric, MonitorFacts, WindowFacts, standing_of


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
    windows: list[WindowFacts] = []
    columns: Columns = {}
    roles = {each.name: each.role for each in monitor.columns}
    performance: dict[str, dict[int, Metric]] = {}
    newest: DriftReport | None = None
    for _, event in events[-last:] if last else events:
        report = drift.report_of(event)
        if report is None:
            continue  # measured, and whoever did was stopped before it was judged: the next measure does it
        newest = report
        add(columns, report, len(windows), roles)
        for group, metric in metrics_of(report):
            if _may_be_told(group, monitor):
                performance.setdefault(group, {})[len(windows)] = metric
        windows.append(_window(report))
    decided = [Decided(at, said) for at, said in reversed(drift.decisions(product)) if said.monitor == monitor.name]
    found = tuple(columns.values())
    return MonitorFacts(
        monitor, tuple(windows), len(events), newest, found, performance, tuple(decided), watch.waits_for, watch.due
    )


def _one_per_end(events: Mapping[Window, str]) -> Iterable[tuple[Window, str]]:
    """Return one window per last partition, in their order: the one that was declared otherwise once gives way to a shorter."""
    return {window.last: (window, event) for window, event in events.items()}.values()


def _window(report: DriftReport) -> WindowFacts:
    m, standing = report.measured, standing_of(report.severity, report.mode)
    return WindowFacts(m.window, standing, m.rows, len(m.absent), m.event, report.columns, report.superseded)


def _may_be_told(group: str, monitor: Monitor) -> bool:
    """Whether a group may be named today: what was public when it was measured may not be any more."""
    column, _, value = group.partition("=")
    public = {each.name for each in monitor.table.table.columns if each.classification == "public"}
    return not group or value.startswith("#") or column in public
