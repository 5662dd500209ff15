"""Drift reports made up for tests, recorded and judged in a ledger as a measurement would."""

from __future__ import annotations

from collections.abc import Sequence

from readiness_pipelines.flow import (
    DriftReport,
    Finding,
    Kind,
    Measured,
    Measurement,
    Mode,
    Reference,
    Severity,
    TableVersion,
    Test,
    Window,
)
from readiness_pipelines.ledger import Ledger

REFERENCE = Reference("ref", "the first days", (TableVersion("shop.gold.paid_orders", "2025-01-01", "r", 1),), "layout")


def measured(
    last: str = "2025-01-08",
    *,
    first: str | None = None,
    versions: Sequence[str] = ("v1",),
    monitor: str = "paid_orders",
    product: str = "shop",
    table: str = "gold.paid_orders",
    reference: Reference = REFERENCE,
    columns: Sequence[str] = ("amount",),
    effect: float = 0.12,
) -> Measured:
    """Return what was measured of the window `first` (default: `last`) to `last`, computed from `versions` of its last day."""
    name = f"{product}.{table}"
    return Measured(
        product=product,
        monitor=monitor,
        table=name,
        window=Window(first or last, last),
        reference=reference,
        versions=tuple(TableVersion(name, last, key, i) for i, key in enumerate(versions)),
        absent=(),
        rows=1000,
        rows_reference=2000,
        measurements=tuple(Measurement(c, Kind.DATA, Test.KS, effect, 1e-9, 2000, 1000) for c in columns),
    )


def judged(of: Measured, severity: Severity = Severity.LOW, *, rule: str = "rule", mode: Mode = Mode.DECIDED) -> DriftReport:
    """Return a report in which every column has this severity; one that is not decided could have missed any."""
    missable = Severity.NONE if mode is Mode.DECIDED else Severity.CRITICAL
    found = [Finding(m.column, m.kind, m.test, severity, mode, m.effect, 1e-8, 0.05, missable=missable) for m in of.measurements]
    columns = tuple(m.column for m in of.measurements) if severity is not Severity.NONE else ()
    return DriftReport(of, rule, severity, mode, tuple(found), columns=columns)


def put(ledger: Ledger, of: Measured, severity: Severity = Severity.LOW, *, mode: Mode = Mode.DECIDED) -> str:
    """Record and judge, and return the event."""
    ledger.drift.record(of)
    ledger.drift.judge(judged(of, severity, mode=mode))
    return of.event
