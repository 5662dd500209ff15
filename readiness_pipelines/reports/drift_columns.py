"""From reports to their columns over the windows. Pure: a report is read once, and only numbers are kept of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from readiness_pipelines.declarations import Monitor
from readiness_pipelines.flow import DriftReport, Finding, Kind, Measurement, Test
from readiness_pipelines.reports.drift_facts import Cell, ColumnFacts, Metric, MonitorFacts, WindowFacts, level_of

Columns = dict[tuple[str, bool], ColumnFacts]  # by name, and whether it is about what a prediction is worth


def monitor_facts(monitor: Monitor, reports: Iterable[DriftReport], *, measured: int) -> MonitorFacts:
    """Return what these reports (of one window each, oldest first) say of a monitor, of whose windows `measured` were measured."""
    windows: list[WindowFacts] = []
    columns: Columns = {}
    roles = {each.name: each.role for each in monitor.columns}
    performance: dict[str, dict[int, Metric]] = {}
    newest: DriftReport | None = None
    for place, newest in enumerate(reports):
        _add(columns, newest, place, roles)
        for group, metric in _metrics_of(newest):
            if _may_be_told(group, monitor):
                performance.setdefault(group, {})[place] = metric
        windows.append(_window(newest))
    return MonitorFacts(monitor, tuple(windows), measured, newest, tuple(columns.values()), performance)


def _window(report: DriftReport) -> WindowFacts:
    m, level = report.measured, level_of(report.severity, report.mode)
    return WindowFacts(m.window, level, m.rows, len(m.absent), m.event, report.columns, report.superseded)


def _may_be_told(group: str, monitor: Monitor) -> bool:
    """Whether a group may be named today: what was public when it was measured may not be any more."""
    column, _, value = group.partition("=")
    public = {each.name for each in monitor.table.table.columns if each.classification == "public"}
    return not group or value.startswith("#") or column in public


def columns_of(reports: Sequence[DriftReport]) -> list[ColumnFacts]:
    """Return the columns of these windows, of which the place is that in `reports`."""
    columns: Columns = {}
    for place, report in enumerate(reports):
        _add(columns, report, place)
    return list(columns.values())


def _add(columns: Columns, report: DriftReport, place: int, roles: Mapping[str, Kind] | None = None) -> None:
    """Add what the report of the window at this place found; slices of the rows are left out. `roles` are the columns' today."""
    n = {(m.column, m.test): m.n_window for m in report.measured.measurements if not m.group}
    for finding in report.findings:
        if finding.group:
            continue
        is_performance = finding.test is Test.PERFORMANCE
        kind = finding.kind if is_performance else (roles or {}).get(finding.column, finding.kind)
        facts = columns.setdefault((finding.column, is_performance), ColumnFacts(finding.column, kind))
        facts.add(finding.test, place, _cell(finding, n.get((finding.column, finding.test), 0)))


def _cell(finding: Finding, n: int) -> Cell:
    level = level_of(finding.severity, finding.mode)
    return Cell(finding.effect, finding.threshold, level, finding.corrected_p, n, finding.note)


def _metrics_of(report: DriftReport) -> Iterator[tuple[str, Metric]]:
    """Yield what the prediction was worth, by group, "" for all rows; where it could be measured."""
    for m in report.measured.measurements:
        if m.test is Test.PERFORMANCE and (metric := _metric(m)):
            yield m.group, metric


def _metric(m: Measurement) -> Metric | None:
    if not m.more.keys() >= set(_METRIC):
        return None
    value, low, high = (m.more[name] for name in _METRIC)
    return Metric(value, low, high, m.n_window, m.more.get("metric_reference"))


_METRIC = ("metric_window", "metric_window_low", "metric_window_high")
