"""`readiness drift measure|redecide|register`: what is due is measured, what was measured is judged anew."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from readiness_pipelines.cli.carried_out import By, Reason
from readiness_pipelines.cli.drift_show import MonitorName, ProductName, table_of
from readiness_pipelines.cli.held import Json
from readiness_pipelines.cli.place import console, lakehouse, product_named, show
from readiness_pipelines.declarations import Product
from readiness_pipelines.flow import DriftReport, Severity
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers.calendar import clock, keys_asked_for
from readiness_pipelines.reports.drift_facts import Level, level_of

_TOLD, _EVERY = 40, 50  # lines of one measuring, and of one judging anew; windows after which it is told how far it is
_NAMED = 3  # columns of a window


def measure(
    product: ProductName = None,
    first: Annotated[str | None, typer.Option("--from", help="Look for changes from this partition on.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Look for changes up to this partition.")] = None,
) -> None:
    """Measure every window that is due and was not measured as it is now, and tell what was found. Safe to stop and to repeat.

    Late data, a correction or a withdrawal changes a window; a range says where to look for that. Windows that were never
    measured are measured in any case.
    """
    from readiness_pipelines.drift import measure as measured
    from readiness_pipelines.drift.reference import monitors_of

    declared, lake = product_named(product), lakehouse()
    monitors_of(declared, None)
    asked = first is not None or last is not None
    keys = keys_asked_for(declared, first, last, now=clock()) if asked else None
    found: Counter[Level] = Counter()
    said: list[str] = []
    for seen in measured(declared, lake, now=clock(), partitions=keys, say=lambda text: _say(text, said)):
        if not seen.is_news:
            continue
        level = level_of(seen.report.severity, seen.report.mode)
        found[level] += 1
        if level is not Level.NONE:
            _say(_in_short(seen.report, level), said)
        if found.total() % _EVERY == 0:
            console.print(f"{_count(found.total())} measured", markup=False)
    if len(said) > _TOLD:
        console.print(f"... and {len(said) - _TOLD:,} more: readiness drift show {declared.name}", markup=False)
    counts = ", ".join(f"{found[level]:,} {level.value}" for level in Level if found[level])
    console.print(f"{declared.name}: {_count(found.total())} measured{': ' if counts else ''}{counts}", markup=False)
    raise typer.Exit(1 if newest_severity(declared, lake).is_at_least(Severity.MEDIUM) else 0)


def newest_severity(product: Product, lake: Lakehouse) -> Severity:
    """Return the worst severity among the newest windows of the product's monitors."""
    newest = [lake.ledger.drift.reports(product.name, each.name, last=1) for each in product.monitors]
    return Severity.worst(report.severity for reports in newest for report in reports)


def _count(windows: int) -> str:
    return f"{windows:,} window{'' if windows == 1 else 's'}"


def _say(text: str, said: list[str]) -> None:
    said.append(text)
    if len(said) <= _TOLD:
        console.print(text, markup=False)


def _in_short(report: DriftReport, level: Level) -> str:
    m, names = report.measured, ", ".join(report.columns[:_NAMED])
    more = f" and {len(report.columns) - _NAMED} more" if len(report.columns) > _NAMED else ""
    return f"{m.product}/{m.monitor} {m.window}: {level.value}{f' in {names}{more}' if names else ''}"


def redecide(product: ProductName = None, monitor: MonitorName = None, as_json: Json = False) -> None:
    """Judge all that was measured by the rule that is declared now, without reading a row; tell the windows that changed."""
    from readiness_pipelines.drift import redecide as judged_anew

    declared, lake = product_named(product), lakehouse()
    windows, changed = 0, []
    for before, now in judged_anew(declared, lake, monitor=monitor):
        windows += 1
        was = level_of(before.severity, before.mode) if before is not None else None
        is_ = level_of(now.severity, now.mode)
        if was is not is_ or (before is not None and before.columns != now.columns):
            m, names = now.measured, now.columns if as_json else ", ".join(now.columns[:_NAMED])
            changed.append(
                {"monitor": m.monitor, "window": str(m.window), "was": was.value if was else "", "is": is_.value, "which": names}
            )
    if as_json:
        show(changed, as_json=True, title="", empty="")
        return
    table_of("Windows that are judged otherwise", changed, _TOLD)
    console.print(
        f"{declared.name}: {windows:,} windows judged by the rule of today, {len(changed):,} of them otherwise than before"
    )


def register(
    product: Annotated[str, typer.Argument(help="Product.")],
    monitor: Annotated[str, typer.Argument(help="Monitor whose reference is a range of days.")],
    by: By,
    reason: Reason,
) -> None:
    """Take what is admitted of the declared range today for the monitor's reference; windows are then measured anew."""
    from readiness_pipelines.drift import register as registered

    declared, lake = product_named(product), lakehouse()
    found = registered(declared, lake, monitor, by=by, reason=reason)
    versions = len(found.reference.versions)
    console.print(f"{declared.name}/{monitor}: {found.reference.name}, {versions:,} partitions, is the reference", markup=False)
    console.print(f"next: readiness drift measure {declared.name}", markup=False)
