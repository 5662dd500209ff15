"""The drift of a product as one partitioned asset: a window is recorded at the partition of its last day, with its checks.

It is measured after the tables, over what the gate has admitted, in the same run. Whoever holds or fails upstream does not
stop it; and it never stops anybody: its checks warn.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import dagster as dg

from readiness_pipelines.declarations import Product
from readiness_pipelines.flow import DriftReport, Finding, Mode, Severity
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.product.keys import asset_key, drift_key

_SHOWN = 20  # findings in the table of a window
_NAMED = 20  # columns and absent partitions that are named
_NOTHING = "nothing-measured"  # the DataVersion of a partition with which no measured window ends

Reports = Mapping[str, Sequence[DriftReport]]  # by the last partition of their window


def specs(product: Product, owners: Sequence[str]) -> Iterator[dg.AssetSpec]:
    """Yield the asset, if the product is watched."""
    if product.monitors:
        tables = dict.fromkeys(asset_key(monitor.table) for monitor in product.monitors)
        yield dg.AssetSpec(
            drift_key(product),
            deps=[dg.AssetDep(key) for key in tables],
            description=_description(product),
            kinds={"drift"},
            group_name=product.name,
            owners=owners,
            skippable=True,
        )


def check_specs(product: Product, calendar: dg.PartitionsDefinition) -> Iterator[dg.AssetCheckSpec]:
    """Yield a check per severity. None is blocking: drift is no reason to keep data from its readers."""
    if product.monitors:
        for severity in Severity.alarms():
            yield dg.AssetCheckSpec(
                severity.value,
                asset=drift_key(product),
                partitions_def=calendar,
                blocking=False,
                description=f"Passed when every window that ends with the partition was decided, and is below {severity}.",
            )


def measure_all(product: Product, lake: Lakehouse, context: dg.AssetExecutionContext | dg.OpExecutionContext) -> list[DriftReport]:
    """Measure what is due, and return the reports that are new, oldest window first. What is left out, and why, is logged."""
    from readiness_pipelines.drift import measure

    found = []
    for seen in measure(product, lake, now=clock(), say=context.log.info):
        report = seen.report
        context.log.info(f"drift of {report.measured.monitor} in {report.measured.window}: {_in_short(report)}")
        found.append(report)
    return found


def recorded(product: Product, lake: Lakehouse, partitions: Sequence[str], news: Iterable[DriftReport] = ()) -> Reports:
    """Return the newest reports of the windows that end with one of `partitions`, and of `news`, the worst of a partition last.

    Dagster shows the last one: it must not be the monitor that found nothing.
    """
    found = {report.event: report for report in news}
    wanted = set(partitions)
    for monitor in product.monitors:
        events = lake.ledger.drift.events(product.name, monitor.name)
        for event in [event for window, event in events.items() if window.last in wanted and event not in found]:
            report = lake.ledger.drift.report_of(event)
            found |= {event: report} if report is not None else {}
    by_partition: dict[str, list[DriftReport]] = {}
    for report in sorted(found.values(), key=lambda each: (each.measured.window.last, each.severity.rank)):
        by_partition.setdefault(report.measured.window.last, []).append(report)
    return by_partition


def materialisations(
    product: Product, lake: Lakehouse, reports: Reports, partitions: Sequence[str]
) -> Iterator[dg.AssetMaterialization]:
    """Yield one event per window; the pictures are with the newest of each monitor. Its DataVersion is the event's digest.

    A partition of the run with which no measured window ends is recorded too, where all that is watched is admitted: a backfill
    that leaves out a partition is a failed one to Dagster.
    """
    newest = {r.measured.monitor: r.event for found in reports.values() for r in found}
    for partition in sorted({*partitions, *reports}):
        for report in reports.get(partition, ()):
            pictures = _pictures(product, lake, report) if newest[report.measured.monitor] == report.event else {}
            yield _materialisation(product, report, pictures)
        tables = {monitor.table.full_name for monitor in product.monitors}
        if partition not in reports and all(lake.ledger.current_version(name, partition) for name in tables):
            yield dg.AssetMaterialization(
                drift_key(product),
                partition=partition,
                description="nothing measured: no window ends with this partition, or it has no reference yet",
                tags=_data_version(_NOTHING),
            )


def evaluations(
    product: Product, reports: Reports, selected: AbstractSet[str], *, is_range: bool
) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield the checks of each partition; in a range run only where one did not pass, and those of the newest partition."""
    newest = max(reports, default=None)
    for partition, found in reports.items():
        alarms = [each for each in Severity.alarms() if each.value in selected]
        if is_range and partition != newest and all(_passes(found, each) for each in alarms):
            continue
        for severity in alarms:
            yield _evaluation(product, partition, found, severity)


def _description(product: Product) -> str:
    lines = [f"How {product.name} differs from what it is compared with; `readiness drift show {product.name}` tells it too.", ""]
    for monitor in product.monitors:
        window, watched = monitor.words.window, f"{len(monitor.columns)} columns of `{monitor.table.full_name}`"
        lines.append(f"- **{monitor.name}**: {watched} in windows of {window.days} days, every {window.step}")
    return "\n".join(lines)


def _materialisation(product: Product, report: DriftReport, pictures: Mapping[str, Any]) -> dg.AssetMaterialization:
    measured, columns = report.measured, report.columns
    metadata: dict[str, Any] = {
        "readiness/severity": report.severity.value,
        "readiness/mode": report.mode.value,
        "readiness/monitor": measured.monitor,
        "readiness/window": str(measured.window),
        "readiness/rows": measured.rows,
        "readiness/reference": f"{measured.reference.name} ({measured.rows_reference:,} rows)",
        "readiness/event": report.event,
        "readiness/columns": list(columns[:_NAMED]),
        "readiness/findings": dg.MetadataValue.md(_findings(report)),
        **_numbers(product, report),
        **pictures,
    }
    for name, told in (("absent", measured.absent), ("notes", report.notes)):
        metadata |= {f"readiness/{name}": list(told[:_NAMED])} if told else {}
    if report.superseded:
        metadata["readiness/supersedes"] = report.superseded
    return dg.AssetMaterialization(
        drift_key(product),
        partition=measured.window.last,
        description=f"{measured.monitor} in {measured.window}: {_in_short(report)}",
        metadata=metadata,
        tags=_data_version(report.event),
    )


def _data_version(version: str) -> dict[str, str]:
    return {"dagster/data_version": version, "dagster/data_version_is_user_provided": "true"}


def _in_short(report: DriftReport) -> str:
    said = f"{report.severity} drift in {', '.join(report.columns[:3])}" if report.columns else "no drift found"
    more = f" and {len(report.columns) - 3} more" if len(report.columns) > 3 else ""
    return said + more + ("" if report.mode is Mode.DECIDED else f"; not decided: {_words(report.mode)}")


def _words(mode: Mode) -> str:
    return mode.value.replace("_", " ")


def _numbers(product: Product, report: DriftReport) -> dict[str, Any]:
    """Return what Dagster plots over the partitions. Each monitor of several has lines of its own."""
    of = f"_{report.measured.monitor}" if len(product.monitors) > 1 else ""
    worst = max(report.findings, key=_share, default=None)
    return {
        f"readiness/drift_severity{of}": report.severity.rank,
        f"readiness/drift_columns{of}": len(report.columns),
        f"readiness/drift_worst_effect{of}": dg.MetadataValue.float(float(worst.effect or 0) if worst else 0.0),
        f"readiness/drift_worst_over_threshold{of}": dg.MetadataValue.float(_share(worst) if worst else 0.0),
    }


def _share(finding: Finding) -> float:
    """Return the effect as a share of the threshold that it is held against."""
    return (finding.effect or 0) / finding.threshold if finding.threshold else 0.0


def _findings(report: DriftReport) -> str:
    heads = ("column", "test", "severity", "effect", "threshold", "corrected p", "note")
    found = sorted(report.findings, key=lambda f: (-f.severity.rank, -_share(f), f.column, f.test))
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for f in found[:_SHOWN]:
        severity = f.severity.value if f.mode is Mode.DECIDED else _words(f.mode)
        cells = (f.column, f.test, severity, _shown(f.effect), _shown(f.threshold), _shown(f.corrected_p), f.note[:80])
        lines.append("| " + " | ".join(str(cell).replace("|", "/") for cell in cells) + " |")
    if len(found) > _SHOWN:
        lines += ["", f"and {len(found) - _SHOWN} more: `readiness drift show {report.measured.product}`"]
    return "\n".join(lines)


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _pictures(product: Product, lake: Lakehouse, report: DriftReport) -> dict[str, Any]:
    """Return the worst columns beside their reference, and columns by windows."""
    return {}


def _passes(reports: Sequence[DriftReport], severity: Severity) -> bool:
    return all(report.mode is Mode.DECIDED and not report.severity.is_at_least(severity) for report in reports)


def _evaluation(product: Product, partition: str, reports: Sequence[DriftReport], severity: Severity) -> dg.AssetCheckEvaluation:
    worst = reports[-1]
    open_ = [report for report in reports if report.mode is not Mode.DECIDED]
    return dg.AssetCheckEvaluation(
        asset_key=drift_key(product),
        check_name=severity.value,
        passed=_passes(reports, severity),
        partition=partition,
        severity=dg.AssetCheckSeverity.WARN,
        blocking=False,
        description="; ".join(f"{report.measured.monitor}: {_in_short(report)}" for report in reports)[:500],
        metadata={
            "readiness/severity": worst.severity.value,
            "readiness/mode": ", ".join(dict.fromkeys(_words(report.mode) for report in open_)) or Mode.DECIDED.value,
            "readiness/windows": [f"{report.measured.monitor} {report.measured.window}" for report in reports],
            "readiness/columns": list(worst.columns[:_NAMED]),
        },
    )
