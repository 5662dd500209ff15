"""Which training sets are kept: what rests on them says so, and the others are let go."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from readiness_pipelines.flow import (
    Evidence,
    Judged,
    ModelVerdict,
    ModelVersion,
    Promotion,
    Retrain,
    Review,
    Severity,
    Status,
    Tier,
    TrainingSet,
)
from readiness_pipelines.lakehouse import pins
from readiness_pipelines.models.kept import let_go, pin_name
from readiness_pipelines.models.training_set import select
from tests.modelled import ORDERS, RETURNS, Parcels, build_parcels

EXPIRES = "2030-01-01T00:00:00+00:00"


@pytest.fixture
def parcels(tmp_path: Path) -> Parcels:
    parcels = build_parcels(tmp_path)
    parcels.fill(range(3, 6), rows=20)
    return parcels


def selected(parcels: Parcels, day: int) -> TrainingSet:
    return select(parcels.product, parcels.lake, cut_off=parcels.day(day))


def trained(parcels: Parcels, on: TrainingSet) -> ModelVersion:
    """Record a model that says it was trained on this."""
    made = ModelVersion("parcels", 0, on.id, "recipe", "code", f"artifact of {on.cut_off}", "scores", 0.5, "run", "test")
    return parcels.lake.ledger.models.record_model(made)


def judged(parcels: Parcels, model: ModelVersion, status: Status = Status.PASSED) -> Evidence:
    """Record what the promotion gate said of it."""
    verdict = ModelVerdict(
        "parcels", model.artifact, "", "baseline", model.training_set, "demands", (Judged("better", status),), 1, 1
    )
    evidence = Evidence(
        "parcels", model.number, model.artifact, model.training_set, "verdict", "1.0.0", "policy", Tier.LOW, Severity.NONE
    )
    parcels.lake.ledger.models.record_verdict(verdict, evidence)
    return evidence


def promoted(parcels: Parcels, model: ModelVersion, evidence: Evidence) -> None:
    ledger = parcels.lake.ledger.models
    ledger.record_review(Review("parcels", evidence.digest, "approved", "anna", "good", EXPIRES))
    wanted = Promotion("parcels", model.number, 0, "promoted", evidence.digest, "better", "anna")
    assert ledger.promote(wanted, after=len(ledger.promotions("parcels")), check=lambda _: None) is not None


def kept(parcels: Parcels) -> set[str]:
    assert pins(parcels.lake, ORDERS) == pins(parcels.lake, RETURNS)
    return set(pins(parcels.lake, ORDERS))


def test_what_nothing_rests_on_is_let_go_in_every_table(parcels: Parcels) -> None:
    names = {pin_name(selected(parcels, day)) for day in (4, 5)}
    assert kept(parcels) == names
    assert set(let_go(parcels.product, parcels.lake)) == names
    assert kept(parcels) == set() and let_go(parcels.product, parcels.lake) == ()


def test_promoted_models_keep_theirs_older_champions_too_and_what_they_passed_by_does_not(parcels: Parcels) -> None:
    sets = [selected(parcels, day) for day in (3, 4, 5)]
    models = [trained(parcels, on) for on in sets]
    evidence = [judged(parcels, model) for model in models]
    promoted(parcels, models[0], evidence[0])
    promoted(parcels, models[2], evidence[2])
    assert let_go(parcels.product, parcels.lake) == (pin_name(sets[1]),)
    assert kept(parcels) == {pin_name(sets[0]), pin_name(sets[2])}


@pytest.mark.parametrize("status", [Status.PASSED, Status.UNDECIDED])
def test_a_model_that_waits_for_a_decision_keeps_its_own_until_another_is_judged(parcels: Parcels, status: Status) -> None:
    on, other = selected(parcels, 4), selected(parcels, 5)
    evidence = judged(parcels, trained(parcels, on), status)
    failed = trained(parcels, other)
    judged(parcels, failed, Status.FAILED)
    assert let_go(parcels.product, parcels.lake) == (pin_name(other),), "who was rejected takes nobody's place"
    parcels.lake.ledger.models.record_review(Review("parcels", evidence.digest, "rejected", "anna", "no", EXPIRES))
    assert let_go(parcels.product, parcels.lake) == (), "a rejection can be taken back"
    newer = selected(parcels, 3)
    judged(parcels, trained(parcels, newer))
    assert let_go(parcels.product, parcels.lake) == (pin_name(on),)
    assert kept(parcels) == {pin_name(newer)}


def test_what_was_approved_keeps_its_own_until_another_is_promoted(parcels: Parcels) -> None:
    on, other = selected(parcels, 4), selected(parcels, 5)
    evidence = judged(parcels, trained(parcels, on))
    parcels.lake.ledger.models.record_review(Review("parcels", evidence.digest, "approved", "anna", "good", EXPIRES))
    newer = trained(parcels, other)
    about = judged(parcels, newer)
    assert let_go(parcels.product, parcels.lake) == ()
    promoted(parcels, newer, about)
    assert let_go(parcels.product, parcels.lake) == (pin_name(on),)


def test_an_older_model_that_was_judged_again_after_a_roll_back_keeps_its_own(parcels: Parcels) -> None:
    """What waits is not always newer than every champion there was."""
    sets = [selected(parcels, day) for day in (3, 4, 5)]
    models = [trained(parcels, on) for on in sets]
    evidence = [judged(parcels, model) for model in models]
    for number in (0, 2, 0):
        promoted(parcels, models[number], evidence[number])
    judged(parcels, models[1])
    assert let_go(parcels.product, parcels.lake) == ()
    assert kept(parcels) == {pin_name(on) for on in sets}


def test_a_model_that_failed_keeps_nothing(parcels: Parcels) -> None:
    on = selected(parcels, 4)
    judged(parcels, trained(parcels, on), Status.FAILED)
    assert let_go(parcels.product, parcels.lake) == (pin_name(on),)


def test_while_a_retrain_is_in_flight_nothing_is_let_go(parcels: Parcels) -> None:
    on = selected(parcels, 4)
    wanted = Retrain("parcels", 0, "requested", parcels.day(4), Severity.NONE, (), "by hand", "anna")
    asked = parcels.lake.ledger.retrains.request(wanted)
    assert let_go(parcels.product, parcels.lake) == ()
    started = parcels.lake.ledger.retrains.start("parcels", asked.id, "run", is_over=lambda _: True)
    assert started is not None and let_go(parcels.product, parcels.lake) == ()
    assert parcels.lake.ledger.retrains.end(replace(started, state="ended", outcome="refused"))
    assert let_go(parcels.product, parcels.lake) == (pin_name(on),)


def test_pins_of_others_and_of_tables_that_the_model_had_before_are_known_apart(parcels: Parcels) -> None:
    on = selected(parcels, 4)
    product = parcels.product
    assert product.model is not None
    moved = replace(product, model=replace(product.model, labels=product.model.scored))
    assert let_go(replace(moved, declaration=product.declaration.model_copy(update={"product": "parcel"})), parcels.lake) == ()
    assert let_go(moved, parcels.lake) == (pin_name(on),)
    assert kept(parcels) == set()
