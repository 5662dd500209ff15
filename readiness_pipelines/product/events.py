"""What Dagster is told of a run: materialisations and check evaluations, from verdicts alone."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,  # public in its use (AssetCheckEvaluation takes one), private in its place
)

from readiness_pipelines.declarations import Product, TableDeclaration
from readiness_pipelines.flow import GateVerdict, RuleResult, Status
from readiness_pipelines.gates import Rule
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import StepResult
from readiness_pipelines.layers.scored import scored_by
from readiness_pipelines.product.definition import shape

# An output with this metadata lets other steps of the run go on, and writes no event of its own: ours are written by
# hand, per partition. Dagster's own key (private; `tests/product/test_events.py` fails if it changes its meaning).
SILENT = {"__source_asset_observation__": True}

_SEVERITY = {"critical": dg.AssetCheckSeverity.ERROR}


def materialisation(
    lake: Lakehouse, product: Product, table: TableDeclaration, key: dg.AssetKey, result: StepResult
) -> dg.AssetMaterialization:
    """Return the event for a published partition. Its DataVersion is the version key: same inputs, same DataVersion."""
    assert result.verdict is not None and result.version is not None
    counts, scored = result.verdict.counts, scored_by(result.verdict)
    return dg.AssetMaterialization(
        asset_key=key,
        partition=result.partition,
        description="unchanged: already published from the same inputs" if result.kind == "unchanged" else None,
        metadata={
            **shape(product, table),
            "dagster/uri": lake.location(table.full_name),
            "dagster/partition_row_count": counts.admitted,
            "readiness/rows_in": counts.rows_in,
            "readiness/rows_admitted": counts.admitted,
            "readiness/rows_quarantined": counts.quarantined,
            "readiness/rows_duplicate": counts.duplicates,
            "readiness/rows_dropped": sum(counts.dropped.values()),
            "readiness/version": str(result.version),
            "readiness/snapshot": str(result.version.snapshot_id),
            "readiness/inputs": list(result.verdict.inputs),
            "readiness/state": result.kind,
            **({"readiness/model": str(scored["model"])} if scored is not None else {}),
            **({"readiness/notes": list(result.verdict.notes)} if result.verdict.notes else {}),
        },
        tags={"dagster/data_version": result.version.version_key, "dagster/data_version_is_user_provided": "true"},
    )


def quarantine_materialisation(table: TableDeclaration, key: dg.AssetKey, result: StepResult) -> dg.AssetMaterialization:
    """Return the event for a partition's quarantine: always one, also for 0 rows, also for a held candidate."""
    verdict = result.verdict
    assert verdict is not None
    version = verdict.version_key
    return dg.AssetMaterialization(
        asset_key=key,
        partition=result.partition,
        metadata={
            "readiness/rows_quarantined": verdict.counts.quarantined,
            "readiness/reasons": dict(verdict.quarantine_reasons),
            "readiness/candidate": f"{verdict.table}/{verdict.partition}@{version[:12]}",
            "dagster/table_name": f"{table.full_name}_quarantine",
        },
        tags={"dagster/data_version": version, "dagster/data_version_is_user_provided": "true"},
    )


def evaluations(
    instance: dg.DagsterInstance,
    product: Product,
    table: TableDeclaration,
    key: dg.AssetKey,
    results: Sequence[StepResult],
    selected: AbstractSet[str],
    *,
    is_range: bool,
) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield the checks: `gate` for every partition; a rule's for its partition in a single run, in a range run only
    where it did not pass (an event costs about 27 ms), plus one summary per rule."""
    for result in results:
        verdict = result.verdict
        assert verdict is not None
        target = target_of(instance, key, result.partition) if result.is_published else None
        if "gate" in selected:
            yield _gate(product, table, key, verdict, target)
        for rule in verdict.rules:
            if rule.rule in selected and (not is_range or rule.status is Status.FAILED or rule.status is Status.UNDECIDED):
                yield _rule(key, verdict, rule, target)
    if is_range and results:
        for declared in table.suite.rules:
            if declared.name in selected:
                yield _summary(key, declared, results)


def target_of(
    instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None = None
) -> AssetCheckEvaluationTargetMaterializationData | None:
    """Return the newest materialisation, of the partition, as what a check has checked, or None if there is none."""
    wanted = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[partition] if partition is not None else None)
    records = instance.fetch_materializations(wanted, limit=1).records
    if not records:
        return None
    newest = records[0]
    return AssetCheckEvaluationTargetMaterializationData(
        storage_id=newest.storage_id, run_id=newest.run_id, timestamp=newest.timestamp
    )


def _gate(
    product: Product, table: TableDeclaration, key: dg.AssetKey, verdict: GateVerdict, target: Any
) -> dg.AssetCheckEvaluation:
    counts = verdict.counts
    share = counts.quarantined / counts.rows_in if counts.rows_in else 0.0
    metadata: dict[str, Any] = {
        "readiness/outcome": verdict.outcome.value,
        "readiness/rows_in": counts.rows_in,
        "readiness/rows_admitted": counts.admitted,
        "readiness/rows_quarantined": counts.quarantined,
        "readiness/percent_quarantined": round(100 * share, 4),
        "readiness/rows_duplicate": counts.duplicates,
        "readiness/rows_dropped": sum(counts.dropped.values()),
        "readiness/rows_held": counts.held,
        "readiness/version": f"{verdict.table}/{verdict.partition}@{verdict.version_key[:12]}",
        "readiness/rules": _rules_table(verdict.rules),
    }
    if verdict.quarantine_reasons:
        metadata["readiness/reasons"] = dict(verdict.quarantine_reasons)
    if verdict.held_because:
        metadata["readiness/what_to_do"] = dg.MetadataValue.md(_what_to_do(product, table, verdict))
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name="gate",
        passed=verdict.outcome.is_admitted,
        partition=verdict.partition,
        metadata={name: dg.MetadataValue.float(v) if isinstance(v, float) else v for name, v in metadata.items()},
        target_materialization_data=target,
        severity=dg.AssetCheckSeverity.ERROR,
        blocking=True,
        description="; ".join(verdict.held_because)[:500] or verdict.outcome.value.replace("_", " "),
    )


def _what_to_do(product: Product, table: TableDeclaration, verdict: GateVerdict) -> str:
    """Return what somebody who is woken by this needs: why, made from what, the usual reasons, the next commands, whom to ask."""
    frequent = sorted(verdict.quarantine_reasons.items(), key=lambda found: -found[1])[:3]
    files = [name for name in verdict.inputs[:3]]
    where = f"{verdict.table} {verdict.partition}"
    lines = ["**Held: nobody reads this candidate. What was admitted before, if anything was, stays readable.**", ""]
    lines += [f"- {reason}" for reason in verdict.held_because]
    lines += [f"- most frequent: {', '.join(f'`{reason}` {n:,} rows' for reason, n in frequent)}"] if frequent else []
    lines += [f"- made from: {', '.join(f'`{name}`' for name in files)}{' ...' if len(verdict.inputs) > 3 else ''}"]
    lines += ["", "Next:", "", f"1. `readiness held show {where}`" + (f", `readiness quarantine show {where}`" if frequent else "")]
    lines += ["2. have the delivery corrected, and land it beside the old one: the newest counts, and it is run by itself"]
    lines += [f"3. or mend `{table.suite.name}` or the SQL, if they are what is wrong, and run {verdict.partition} again"]
    return "\n".join([*lines, "", f"Owner: {product.contract.owner}; steward: {product.contract.steward}."])


def _rules_table(rules: Sequence[RuleResult]) -> dg.TableMetadataValue:
    names = ("rule", "status", "severity", "on_fail", "rows", "unexpected", "percent", "observed")
    schema = dg.TableSchema(columns=[dg.TableColumn(name, "string") for name in names])
    records = [
        dg.TableRecord(
            {
                "rule": r.rule,
                "status": r.status.value,
                "severity": r.severity,
                "on_fail": r.on_fail,
                "rows": _shown(r.element_count),
                "unexpected": _shown(r.unexpected_count),
                "percent": _shown(r.unexpected_percent),
                "observed": _shown(r.observed_value),
            }
        )
        for r in rules
    ]
    return dg.MetadataValue.table(records, schema)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _rule(key: dg.AssetKey, verdict: GateVerdict, rule: RuleResult, target: Any) -> dg.AssetCheckEvaluation:
    metadata: dict[str, Any] = {"readiness/status": rule.status.value, "readiness/on_fail": rule.on_fail}
    numbers = {
        "readiness/rows": rule.element_count,
        "readiness/rows_failing": rule.unexpected_count,
        "readiness/percent_failing": rule.unexpected_percent,
    }
    metadata |= {name: value for name, value in numbers.items() if value is not None}
    if rule.observed_value is not None:
        metadata["readiness/observed"] = _shown(rule.observed_value)
    if rule.failing_keys:
        metadata["readiness/failing_row_ids"] = list(rule.failing_keys)
    if rule.note:
        metadata["readiness/note"] = rule.note
    if rule.rests_on:
        metadata["readiness/rests_on"] = list(rule.rests_on)
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=rule.rule,
        passed=rule.status is Status.PASSED,
        partition=verdict.partition,
        metadata=metadata,
        target_materialization_data=target,
        severity=dg.AssetCheckSeverity.WARN
        if rule.status is Status.LEARNING
        else _SEVERITY.get(rule.severity, dg.AssetCheckSeverity.WARN),
        blocking=False,
    )


def _summary(key: dg.AssetKey, rule: Rule, results: Sequence[StepResult]) -> dg.AssetCheckEvaluation:
    judged = [(r.partition, found) for r in results if r.verdict for found in r.verdict.rules if found.rule == rule.name]
    learning = [partition for partition, found in judged if found.status is Status.LEARNING]
    failed = [partition for partition, found in judged if found.status not in (Status.PASSED, Status.LEARNING)]
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=rule.name,
        passed=not failed and (not judged or len(learning) < len(judged)),
        metadata={
            "readiness/partitions": len(judged),
            **({"readiness/partitions_learning": len(learning)} if learning else {}),
            "readiness/partitions_not_passed": len(failed),
            "readiness/first_not_passed": failed[:5],
            "readiness/rows_failing": sum(found.unexpected_count or 0 for _, found in judged),
        },
        severity=_SEVERITY.get(rule.severity, dg.AssetCheckSeverity.WARN),
        blocking=False,
    )
