"""From what windows are judged to incidents: a table is an incident while its newest decided window is at medium or above."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from readiness_pipelines.declarations import Product
from readiness_pipelines.declarations.monitors import Monitor
from readiness_pipelines.flow import DriftReport, Mode, Severity
from readiness_pipelines.ledger import Incident, Ledger
from readiness_pipelines.response import TOLD_FROM

_NAMED = 5  # columns that are told; the report has all of them


def drifted(product: Product, ledger: Ledger, known: Mapping[tuple[str, str], Incident]) -> Iterator[Incident]:
    """Yield the incidents of drift that are to be open: per table one of the severity that it has now.

    What is open at a lower severity stays open until a window is below that too, so a rise is told once and takes nothing
    back. A window that could not be decided says nothing: while a table has no other, its incidents stay as they are.
    """
    for table in sorted({monitor.table.full_name for monitor in product.monitors}):
        here = [i for i in known.values() if i.kind == "drift" and i.is_open and i.details["table"] == table]
        reports = [newest_decided(ledger, monitor) for monitor in product.monitors if monitor.table.full_name == table]
        decided = [report for report in reports if report is not None]
        if not decided:
            yield from here
            continue
        worst = max(decided, key=lambda report: report.severity.rank)
        if worst.severity.is_at_least(TOLD_FROM):
            yield _incident(product, worst)
            yield from (i for i in here if worst.severity.rank > Severity(i.details["severity"]).rank)


def newest_decided(ledger: Ledger, monitor: Monitor) -> DriftReport | None:
    """Return the report of the monitor's newest window that could be decided, or None if there is none."""
    for event in reversed(ledger.drift.events(monitor.product, monitor.name).values()):
        report = ledger.drift.report_of(event)
        if report is not None and report.mode is Mode.DECIDED:
            return report
    return None


def _incident(product: Product, report: DriftReport) -> Incident:
    measured, columns = report.measured, report.columns
    named = [_column(report, column) for column in columns[:_NAMED]]
    more = [f"{len(columns) - _NAMED} more"] if len(columns) > _NAMED else []
    return Incident(
        product=product.name,
        kind="drift",
        subject=f"{measured.table} {report.severity}",
        why=f"{report.severity} drift of {', '.join([*named, *more])} in {measured.window}, against {measured.reference.name}"[
            :1000
        ],
        details={
            "owner": product.contract.owner,
            "steward": product.contract.steward,
            "table": measured.table,
            "severity": report.severity.value,
            "monitor": measured.monitor,
            "window": str(measured.window),
            "event": report.event,
        },
    )


def _column(report: DriftReport, column: str) -> str:
    """Return the column with its worst finding: a test and its effect, never a value of it."""
    found = [f for f in report.findings if f.column == column and f.severity is report.severity and f.effect is not None]
    worst = max(found, key=lambda f: (f.effect or 0) / (f.threshold or 1), default=None)
    return f"{column} ({worst.test} {worst.effect:.3g})" if worst is not None else column
