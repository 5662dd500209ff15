"""From reports to their columns over the windows. Pure: a report is read once, and only numbers are kept of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from readiness_pipelines.flow import DriftReport, Finding, Kind, Measurement, Test
from readiness_pipelines.reports.drift_facts import Cell, ColumnFacts, Metric, standing_of

Columns = dict[tuple[str, bool], ColumnFacts]  # by name, and whether it is about what a prediction is worth


def columns_of(reports: Sequence[DriftReport]) -> list[ColumnFacts]:
    """Return the columns of these windows, of which the place is that in `reports`."""
    columns: Columns = {}
    for place, report in enumerate(reports):
        add(columns, report, place)
    return list(columns.values())


def add(columns: Columns, report: DriftReport, place: int, roles: Mapping[str, Kind] | None = None) -> None:
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
    standing = standing_of(finding.severity, finding.mode)
    return Cell(finding.effect, finding.threshold, standing, finding.corrected_p, n)


def metrics_of(report: DriftReport) -> Iterator[tuple[str, Metric]]:
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
