"""From a model to what was decided about it, told in the words of the verdict; the ledger's rows are made up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from readiness_pipelines.flow import POLICY, Promotion, ResponseDecision, Severity, Status, TrainingSet
from readiness_pipelines.trace import Chain, Fact, Kind, of_model
from tests import challenged
from tests.drifted import measured, put
from tests.modelled import Parcels, build_parcels


@pytest.fixture
def parcels(tmp_path: Path) -> Parcels:
    return build_parcels(tmp_path)


def of_no_versions() -> TrainingSet:
    return replace(challenged.training_set(product="parcels"), versions=())


def facts(chain: Chain, kind: Kind) -> list[Fact]:
    return [fact for fact in chain.facts.values() if fact.kind is kind]


@pytest.mark.parametrize(("status", "told"), [(Status.FAILED, "failed"), (Status.UNDECIDED, "undecided"), (Status.PASSED, "")])
def test_a_verdict_tells_what_it_rests_on_and_which_rules_are_open(status: Status, told: str, parcels: Parcels) -> None:
    product, ledger = parcels.product, parcels.lake.ledger
    challenged.challenge(product, ledger, status=status, severity=Severity.HIGH, used=of_no_versions())
    (verdict,) = facts(of_model(product, parcels.lake, "parcels/1"), Kind.VERDICT)
    assert {name: verdict.told[name] for name in ("contract", "risk tier", "severity")} == {
        "contract": "1.0.0",
        "risk tier": "low",
        "severity": "high",
    }
    assert {name: said for name, said in verdict.told.items() if name in ("failed", "undecided")} == (
        {told: "better"} if told else {}
    )


def test_a_roll_back_leads_to_the_event_that_has_asked_for_it(parcels: Parcels) -> None:
    product, ledger = parcels.product, parcels.lake.ledger
    challenged.challenge(product, ledger, "a1", used=of_no_versions())
    challenged.enthrone(product, ledger, "a1", back=True)
    challenged.enthrone(product, ledger, "a2")
    of = measured(product="parcels", monitor="orders", table="silver.orders")
    event, other = (
        put(ledger, each, Severity.CRITICAL) for each in (of, replace(of, window=replace(of.window, last="2025-01-09")))
    )
    for each in (event, other):
        ledger.drift.claim(each, "run", is_over=lambda _: True)
        ledger.drift.decide(
            ResponseDecision(each, "parcels", "orders", of.window, Severity.CRITICAL, (), "roll_back", "it lost", "policy", "run")
        )
    judgement = ledger.models.judgement("parcels", 1)
    assert judgement is not None
    why = f"event {event[:12]}: performance fell by 0.200 in 2025-01-08"
    back = Promotion("parcels", 1, 2, "rolled_back", judgement.evidence.digest, why, POLICY)
    assert ledger.models.promote(back, after=2, check=lambda _: None) is not None
    chain = of_model(product, parcels.lake, "parcels/1")
    served = facts(chain, Kind.PROMOTION)
    assert [[below.id for _, below in chain.rests_on(each.id)] for each in served] == [[], [f"event:{event}"]]


def test_a_model_was_made_in_the_retrain_that_trained_it_whoever_else_found_it(parcels: Parcels) -> None:
    product, ledger = parcels.product, parcels.lake.ledger
    challenged.challenge(product, ledger, used=of_no_versions())
    for ended in ({"outcome": "broken"}, {"outcome": "refused", "number": 1}):
        asked = ledger.retrains.request(replace(challenged.retrain(product="parcels"), by="ann"))
        assert ledger.retrains.end(replace(asked, **ended))
    chain = of_model(product, parcels.lake, "parcels/1")
    assert [how for how, fact in chain.rests_on(chain.subject) if fact.kind is Kind.RETRAIN] == ["made in"]
    (made,) = facts(chain, Kind.RETRAIN)
    assert (made.id, made.told["outcome"]) == ("retrain:1", "broken")
    assert chain.facts[chain.subject].told["trained by"] == "retrain 1"
