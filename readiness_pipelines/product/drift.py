"""The drift of a product as one partitioned asset: a window is recorded at the partition of its last day, with its checks.

It is measured after the tables, over what the gate has admitted, in the same run. Whoever holds or fails upstream does not
stop it; and it never stops anybody: its checks warn.
"""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import dagster as dg

from readiness_pipelines.declarations import Product
from readiness_pipelines.flow import DriftReport, Mode, Severity, worst_first
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import outage
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.product.events import target_of
from readiness_pipelines.product.keys import asset_key, drift_key
from readiness_pipelines.product.summary import image

_SHOWN = 20  # findings in the table of a window
_WINDOWS, _HISTOGRAMS = 40, 4  # in the pictures
_NAMED = 20  # columns and absent partitions that are named


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
                description=f"Passed when {severity} is ruled out in all windows that end with the partition.",
            )


def measure_due(product: Product, lake: Lakehouse, context: dg.AssetExecutionContext, partitions: Sequence[str]) -> set[str]:
    """Measure what is due, was never measured, or rests on one of `partitions`, or on what was published since without being
    measured, by a decision or by a table run alone. Return the events that are new. What is left out, and why, is logged.
    """
    from readiness_pipelines.drift import measure

    since = {p for m in product.monitors for p in lake.ledger.drift.outdated(product.name, m.name, m.table.full_name)}
    news: set[str] = set()
    with outage.told(f"{product.name}: measuring drift", sql=None, left="what was measured before is kept"):
        for seen in measure(product, lake, now=clock(), partitions=sorted({*partitions, *since}), say=context.log.info):
            context.log.info(f"drift of {seen.report.measured.monitor} in {seen.report.measured.window}: {_in_short(seen.report)}")
            news |= {seen.report.event} if seen.is_news else set()
    return news


def told(
    product: Product,
    lake: Lakehouse,
    partitions: Sequence[str],
    news: AbstractSet[str],
    *,
    instance: dg.DagsterInstance,
    is_asset: bool,
    checks: AbstractSet[str],
) -> Iterator[dg.AssetMaterialization | dg.AssetCheckEvaluation]:
    """Yield what Dagster is told of the windows that end with one of `partitions`, and of those whose event is new.

    Of each window an event at the partition of its last day, the worst of a partition last: that one Dagster shows. Its DataVersion
    is the event's digest. A partition of the run with which no measured window ends is recorded too, where all that is
    watched is admitted: to Dagster a backfill that leaves out a partition has failed. Then the checks of the partition; in a
    range run only where one did not pass, and those of the newest. Pictures are with the newest window of each monitor.
    """
    ended: dict[str, list[str]] = {}
    newest = {}
    for monitor in product.monitors:
        for window, event in lake.ledger.drift.events(product.name, monitor.name).items():
            if window.last in partitions or event in news:
                ended.setdefault(window.last, []).append(event)
                newest[monitor.name] = event
    for partition in sorted({*partitions, *ended}):
        found = [lake.ledger.drift.report_of(event) for event in ended.get(partition, ())]
        reports = sorted([report for report in found if report is not None], key=_weight)
        if is_asset:
            for report in reports:
                is_newest = report.event in newest.values()
                yield _materialisation(product, report, _pictures(product, lake, report) if is_newest else {})
            if not reports and _is_admitted(product, lake, partition):
                yield _nothing_measured(product, partition)
        if reports and (len(partitions) == 1 or partition == max(ended) or not _passes(reports, Severity.LOW)):
            target = target_of(instance, drift_key(product), partition)
            yield from (_evaluation(product, partition, reports, each, target) for each in Severity.alarms() if each in checks)


def _weight(report: DriftReport) -> tuple[int, bool]:
    """Sorts the worst last: of alarms what is decided, and where there is none what is not."""
    is_decided = report.mode is Mode.DECIDED
    return report.severity.rank, is_decided is (report.severity is not Severity.NONE)


def _is_admitted(product: Product, lake: Lakehouse, partition: str) -> bool:
    tables = {monitor.table.full_name for monitor in product.monitors}
    return all(lake.ledger.current_version(name, partition) for name in tables)


def _nothing_measured(product: Product, partition: str) -> dg.AssetMaterialization:
    said = "nothing measured: no window ends with this partition, or there is no reference for it yet"
    return dg.AssetMaterialization(
        drift_key(product), partition=partition, description=said, tags=_data_version("nothing-measured")
    )


def _description(product: Product) -> str:
    lines = [f"How {product.name} differs from what it is compared with; `readiness drift show {product.name}` tells it too.", ""]
    for monitor in product.monitors:
        window, watched = monitor.words.window, f"{len(monitor.columns)} columns of `{monitor.table.full_name}`"
        lines.append(f"- **{monitor.name}**: {watched} in windows of {window.days} days, one every {_days(window.step)}")
    return "\n".join(lines)


def _days(number: int) -> str:
    return f"{number} days" if number > 1 else "day"


def _materialisation(product: Product, report: DriftReport, pictures: Mapping[str, Any]) -> dg.AssetMaterialization:
    measured = report.measured
    metadata: dict[str, Any] = {
        "readiness/severity": report.severity.value,
        "readiness/mode": report.mode.value,
        "readiness/monitor": measured.monitor,
        "readiness/window": str(measured.window),
        "readiness/rows": measured.rows,
        "readiness/reference": f"{measured.reference.name} ({measured.rows_reference:,} rows)",
        "readiness/event": report.event,
        "readiness/columns": _named(report.columns),
        "readiness/findings": dg.MetadataValue.md(_findings(report)),
        **_numbers(product, report),
        **pictures,
    }
    more = {"absent": _named(measured.absent), "notes": "; ".join(report.notes), "supersedes": report.superseded}
    metadata |= {f"readiness/{name}": told for name, told in more.items() if told}
    return dg.AssetMaterialization(
        drift_key(product),
        partition=measured.window.last,
        description=f"{measured.monitor} in {measured.window}: {_in_short(report)}",
        metadata=metadata,
        tags=_data_version(report.event),
    )


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def _data_version(version: str) -> dict[str, str]:
    return {"dagster/data_version": version, "dagster/data_version_is_user_provided": "true"}


def _in_short(report: DriftReport) -> str:
    if report.severity is Severity.NONE:
        return _NO_ALARM[report.mode]
    said = f"{report.severity} drift" if report.mode is Mode.DECIDED else f"undecided: drift of up to {report.severity}"
    more = f" and {len(report.columns) - 3} more" if len(report.columns) > 3 else ""
    return f"{said} in {', '.join(report.columns[:3])}{more}"


_NO_ALARM = {
    Mode.DECIDED: "no drift found",
    Mode.INSUFFICIENT_SAMPLE: "too few rows to have seen low drift",
    Mode.LEARNING: "learning: too short a past",
    Mode.UNDECIDED: "undecided: more than one answer is possible",
}


def _words(mode: Mode) -> str:
    return mode.value.replace("_", " ")


def _numbers(product: Product, report: DriftReport) -> dict[str, Any]:
    """Return what Dagster plots over the partitions. Each monitor of several has lines of its own."""
    of = f"_{report.measured.monitor}" if len(product.monitors) > 1 else ""
    worst = max(report.findings, key=lambda each: each.share, default=None)
    return {
        f"readiness/drift_severity{of}": report.severity.rank,
        f"readiness/drift_columns{of}": len(report.columns),
        f"readiness/drift_worst_effect{of}": dg.MetadataValue.float(round(float(worst.effect or 0), 6) if worst else 0.0),
        f"readiness/drift_over_threshold{of}": dg.MetadataValue.float(round(worst.share, 6) if worst else 0.0),
    }


def _findings(report: DriftReport) -> str:
    heads = ("column", "test", "severity", "effect", "threshold", "corrected p", "note")
    found = worst_first(report.findings)
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
    """Return the worst columns beside their reference, and columns by windows: two SVGs of less than 15 kB."""
    from readiness_pipelines.reports.drift_plots import heat_map, worst_columns
    from readiness_pipelines.reports.histograms import histograms

    measured = report.measured
    monitor = next(each for each in product.monitors if each.name == measured.monitor)
    before = lake.ledger.drift.reports(product.name, monitor.name, until=measured.window.last, last=_WINDOWS)
    bars = worst_columns(histograms(lake, monitor, report, most=_HISTOGRAMS))
    pictures = {
        "readiness/worst_columns": image(bars, f"the worst columns of {measured.window} beside their reference"),
        "readiness/over_time": image(heat_map(before), f"columns by windows until {measured.window.last}, by severity"),
    }
    return {name: dg.MetadataValue.md(picture) for name, picture in pictures.items()}


def _passes(reports: Sequence[DriftReport], severity: Severity) -> bool:
    return all(report.rules_out(severity) for report in reports)


def _evaluation(
    product: Product, partition: str, reports: Sequence[DriftReport], severity: Severity, target: Any
) -> dg.AssetCheckEvaluation:
    worst = reports[-1]
    return dg.AssetCheckEvaluation(
        asset_key=drift_key(product),
        check_name=severity.value,
        passed=_passes(reports, severity),
        partition=partition,
        target_materialization_data=target,
        severity=dg.AssetCheckSeverity.WARN,
        blocking=False,
        description="; ".join(f"{report.measured.monitor}: {_in_short(report)}" for report in reversed(reports))[:500],
        metadata={
            "readiness/severity": worst.severity.value,
            "readiness/mode": _words(worst.mode),
            "readiness/windows": ", ".join(f"{report.measured.monitor} {report.measured.window}" for report in reversed(reports)),
            "readiness/columns": _named(worst.columns),
            "readiness/drift_over_threshold": dg.MetadataValue.float(
                round(max((each.share for each in worst.findings), default=0.0), 6)
            ),
        },
    )
