"""What a promotion rests on, as one digest that a decision names."""

from __future__ import annotations

from dataclasses import asdict, replace

from readiness_pipelines.declarations import Product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import Evidence, ModelVerdict, ModelVersion, Severity, digest
from readiness_pipelines.models.judging.names import LATENCY


def evidence_of(product: Product, model: ModelVersion, verdict: ModelVerdict, *, severity: Severity) -> Evidence:
    """Return what a decision about this model is about, from the whole verdict, the contract, the policy, tier and severity.

    The same model judged again on the same rows gives the same evidence: measured times are left out of the verdict's digest,
    what was said of them is in it. Raises ReadinessError where the verdict is of another model.
    """
    if (verdict.challenger, verdict.training_set) != (model.artifact, model.training_set):
        raise ReadinessError(f"{product.name}: the verdict is about another model than {model.name}; judge this one")
    spec = product.model
    if spec is None:
        raise ReadinessError(f"{product.name} has no model, expected `model:` in its defs.yaml")
    said = spec.words
    return Evidence(
        product=product.name,
        number=model.number,
        model=model.artifact,
        training_set=model.training_set,
        verdict=digest(_without_times(verdict)),
        contract=product.contract.version,
        policy=digest(spec.tier, said.approvals_expire_days),
        tier=spec.tier,
        severity=severity,
    )


def _without_times(verdict: ModelVerdict) -> dict[str, object]:
    judged = tuple(replace(each, value=None, note="") if each.rule == LATENCY else each for each in verdict.judged)
    return asdict(replace(verdict, judged=judged))
