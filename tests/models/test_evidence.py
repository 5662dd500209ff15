"""Evidence is the same for the same model judged again, and another one where anything that a decision rests on is another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from readiness_pipelines.declarations import Product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import Judged, ModelVerdict, ModelVersion, Severity, Status, Tier
from readiness_pipelines.models.evidence import evidence_of
from tests.modelled import Parcels, build_parcels

MODEL = ModelVersion("parcels", 3, "t" * 64, "r", "c", "a" * 64, "s", 0.4, "run", "ann")
VERDICT = ModelVerdict(
    "parcels", "a" * 64, "", "baseline", "t" * 64, "d",
    (Judged("better", Status.PASSED, value=0.02, low=0.01, n=900), Judged("latency", Status.PASSED, value=0.01, limit=5.0, n=1000)),
    900, 500, {"challenger": 0.8},
)  # fmt: skip


@pytest.fixture
def parcels(tmp_path: Path) -> Parcels:
    return build_parcels(tmp_path)


def digest_of(
    product: Product, model: ModelVersion = MODEL, verdict: ModelVerdict = VERDICT, severity: Severity = Severity.NONE
) -> str:
    return evidence_of(product, model, verdict, severity=severity).digest


def test_it_names_what_it_rests_on(parcels: Parcels) -> None:
    found = evidence_of(parcels.product, MODEL, VERDICT, severity=Severity.HIGH)
    assert (found.product, found.number, found.model, found.training_set) == ("parcels", 3, "a" * 64, "t" * 64)
    assert (found.contract, found.tier, found.severity) == ("1.0.0", Tier.LOW, Severity.HIGH)


def test_another_time_of_the_clock_is_the_same_evidence(parcels: Parcels) -> None:
    slower = replace(VERDICT, judged=(VERDICT.judged[0], replace(VERDICT.judged[1], value=0.9)))
    assert digest_of(parcels.product, verdict=slower) == digest_of(parcels.product)


def with_judged(change: Callable[[Judged], Judged], place: int) -> ModelVerdict:
    judged = list(VERDICT.judged)
    judged[place] = change(judged[place])
    return replace(VERDICT, judged=tuple(judged))


@pytest.mark.parametrize(
    "verdict",
    [
        with_judged(lambda each: replace(each, low=0.011), 0),
        with_judged(lambda each: replace(each, status=Status.FAILED), 1),
        with_judged(lambda each: replace(each, limit=9.0), 1),
        replace(VERDICT, against="b" * 64),
        replace(VERDICT, more={"challenger": 0.81}),
    ],
    ids=["an interval", "what was said of the time", "the limit of the time", "another champion", "a number beside"],
)
def test_anything_else_of_the_verdict_is_other_evidence(parcels: Parcels, verdict: ModelVerdict) -> None:
    assert digest_of(parcels.product, verdict=verdict) != digest_of(parcels.product)


def test_number_severity_contract_tier_and_policy_are_other_evidence(parcels: Parcels) -> None:
    found = {digest_of(parcels.product), digest_of(parcels.product, severity=Severity.CRITICAL)}
    found.add(digest_of(parcels.product, model=replace(MODEL, number=4)))
    parcels.declare("risk_tier: low", "risk_tier: high")
    found.add(digest_of(parcels.product))
    parcels.declare("risk_tier: high", "risk_tier: low\n    approvals_expire_days: 5")
    found.add(digest_of(parcels.product))
    contract = parcels.folder / "contract.yaml"
    contract.write_text(contract.read_text().replace("version: 1.0.0", "version: 2.0.0"))
    found.add(digest_of(parcels.product))
    assert len(found) == 6


def test_a_verdict_of_another_model_is_refused(parcels: Parcels) -> None:
    with pytest.raises(ReadinessError, match="the verdict is about another model than parcels/3@aaaaaaaaaaaa"):
        evidence_of(parcels.product, MODEL, replace(VERDICT, challenger="b" * 64), severity=Severity.NONE)
    with pytest.raises(ReadinessError, match="about another model"):
        evidence_of(parcels.product, MODEL, replace(VERDICT, training_set="u" * 64), severity=Severity.NONE)


def test_a_product_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadinessError, match="parcels has no model"):
        evidence_of(build_parcels(tmp_path, model="").product, MODEL, VERDICT, severity=Severity.NONE)
