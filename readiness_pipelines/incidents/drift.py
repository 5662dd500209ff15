"""From judged windows to incidents: a table is one from a window at medium or above on, until another rules that out.

After a high event, which has led to a retrain, it is one from low on for a while (`response.told_from`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from readiness_pipelines.declarations import Product
from readiness_pipelines.declarations.monitors import Monitor
from readiness_pipelines.flow import DriftReport, Finding, Mode, Severity, worst_of_columns
from readiness_pipelines.ledger import Incident, Ledger
from readiness_pipelines.response import told_from

_NAMED = 5  # columns that are told; the report has all of them


def drifted(product: Product, ledger: Ledger, known: Mapping[tuple[str, str], Incident]) -> Iterator[Incident]:
    """Yield the incidents of drift that are to be open: per table one of the severity that it has now.

    What is open at another severity stays open until the newest window of every monitor of the table rules that out: a rise
    is told once and takes nothing back, and a window in which it could have been missed says nothing.
    """
    for table in sorted({monitor.table.full_name for monitor in product.monitors}):
        here = [i for i in known.values() if i.kind == "drift" and i.is_open and i.details["table"] == table]
        reports = [newest(ledger, monitor) for monitor in product.monitors if monitor.table.full_name == table]
        least = told_from(product, ledger, table)
        found = [r for r in reports if r is not None and r.mode is Mode.DECIDED and r.severity.is_at_least(least)]
        worst = max(found, key=lambda report: report.severity.rank, default=None)
        if worst is not None:
            yield _incident(product, worst)
        for incident in here:
            severity = Severity(incident.details["severity"])
            is_over = all(report is not None and report.rules_out(severity) for report in reports)
            if not is_over and (worst is None or worst.severity is not severity):
                yield incident


def newest(ledger: Ledger, monitor: Monitor) -> DriftReport | None:
    """Return the report of the monitor's newest window, or None if there is none."""
    return next(iter(ledger.drift.reports(monitor.product, monitor.name, last=1)), None)


def _incident(product: Product, report: DriftReport) -> Incident:
    measured, columns = report.measured, report.columns
    worst = worst_of_columns(report.findings, report.severity)
    named = [_column(column, worst.get(column)) for column in columns[:_NAMED]]
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


def _column(column: str, worst: Finding | None) -> str:
    """Return the column with its worst finding: a test and its effect, never a value of it."""
    return column if worst is None or worst.effect is None else f"{column} ({worst.test} {worst.effect:.3g})"
