"""The checks of a product's model in Dagster: no leakage, the verdict and each rule of the promotion gate, whether something waits.

None keeps a model from being promoted: the ledger does. They tell what it says.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from readiness_pipelines.declarations import ModelSpec, Product
from readiness_pipelines.flow import ModelVerdict, Status, TrainingSet
from readiness_pipelines.models.overview import Standing
from readiness_pipelines.product.keys import challenger_key, champion_key, training_set_key
from readiness_pipelines.product.model_words import judged_table, verdict_page, waiting_page

NO_LEAKAGE, VERDICT, NOTHING_WAITS = "no_leakage", "verdict", "nothing_waits"
_ERROR, _WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


def specs(product: Product, spec: ModelSpec) -> Iterator[dg.AssetCheckSpec]:
    """Yield the checks of the three assets."""
    from readiness_pipelines.models.judge import rules_of

    yield dg.AssetCheckSpec(
        NO_LEAKAGE,
        asset=training_set_key(product),
        blocking=True,
        description="Nothing is trained on a feature that says what was not known yet when a score was wanted.",
    )
    challenger = challenger_key(product)
    yield dg.AssetCheckSpec(
        VERDICT, asset=challenger, description="What the promotion gate says of the newest model, all rules together."
    )
    for name, rules in _named(rules_of(spec)).items():
        told = ", ".join(f"`{rule}`" for rule in rules)
        yield dg.AssetCheckSpec(name, asset=challenger, description=f"What {told} of the promotion gate says.")
    yield dg.AssetCheckSpec(
        NOTHING_WAITS,
        asset=champion_key(product),
        description="Warns while a model waits for a person, or the champion has learned from what was withdrawn; says what to do.",
    )


def no_leakage(product: Product, training_set: TrainingSet, target: Any) -> dg.AssetCheckEvaluation:
    leaks = training_set.leaks
    return dg.AssetCheckEvaluation(
        asset_key=training_set_key(product),
        check_name=NO_LEAKAGE,
        passed=not leaks,
        blocking=True,
        severity=_ERROR,
        description="; ".join(leaks)[:500] or "no feature knows the label",
        metadata={"readiness/leaks": list(leaks), "readiness/training_set": training_set.id[:12]},
        target_materialization_data=target,
    )


def of_gate(product: Product, verdict: ModelVerdict, number: int, target: Any) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield the verdict, and what each declared rule says: passed only where all that it judged passed."""
    from readiness_pipelines.models.judge import rules_of

    assert product.model is not None
    failed = ", ".join(dict.fromkeys(f"{each.rule} {each.about}".strip() for each in verdict.failed))
    told = {"readiness/verdict": dg.MetadataValue.md(verdict_page(verdict, number=number)), "readiness/model": number}
    said = f"model {number} {verdict.status}" + (f": {failed}" if failed else "")
    yield _judged(product, VERDICT, verdict.status, said, told, target)
    for name, rules in _named(rules_of(product.model)).items():
        found = [each for each in verdict.judged if each.rule in rules]
        if not found:
            continue
        notes = "; ".join(each.note for each in found if each.status is not Status.PASSED and each.note)
        table: dict[str, Any] = {"readiness/judged": dg.MetadataValue.md(judged_table(found)), "readiness/model": number}
        whole = next((each for each in found if not each.about and each.value is not None), None)
        if whole is not None and whole.value is not None:
            table["readiness/measured"] = dg.MetadataValue.float(float(whole.value))  # what Dagster plots over models
        yield _judged(product, name, _worst([each.status for each in found]), notes, table, target)


def nothing_waits(product: Product, found: Standing, target: Any) -> dg.AssetCheckEvaluation:
    numbers = ", ".join(str(each.model.number) for each in found.waiting)
    told = [f"model {numbers} waits for a person"] if numbers else []
    told += [f"the champion: {'; '.join(found.champion_doubts)}"] if found.champion_doubts else []
    return dg.AssetCheckEvaluation(
        asset_key=champion_key(product),
        check_name=NOTHING_WAITS,
        passed=not told,
        severity=_WARN,
        description="; ".join(told)[:500] or "nothing waits for a decision",
        metadata={
            "readiness/what_to_do": dg.MetadataValue.md(waiting_page(product, found)),
            "readiness/waiting": len(found.waiting),
        },
        target_materialization_data=target,
    )


def _judged(
    product: Product, name: str, status: Status, said: str, metadata: dict[str, Any], target: Any
) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=challenger_key(product),
        check_name=name,
        passed=status is Status.PASSED,
        severity=_ERROR if status is Status.FAILED else _WARN,
        description=(said or status.value)[:500],
        metadata={"readiness/status": status.value, **metadata},
        target_materialization_data=target,
    )


def _named(rules: Sequence[str]) -> dict[str, list[str]]:
    """Return the rules by the names of their checks: Dagster takes letters, digits and _ alone."""
    names: dict[str, list[str]] = {}
    for rule in rules:
        names.setdefault(re.sub("[^A-Za-z0-9_]", "_", rule), []).append(rule)
    return names


def _worst(found: Sequence[Status]) -> Status:
    if Status.FAILED in found:
        return Status.FAILED
    return Status.PASSED if set(found) == {Status.PASSED} else Status.UNDECIDED
