"""A model that waits for a person is an incident: told once per evidence, resolved when it is decided, void or overtaken."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from readiness_pipelines.flow import Judged, ModelVersion, Severity, Status
from readiness_pipelines.incidents import reconcile, reconcile_waits, send
from readiness_pipelines.incidents.alert import message
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.ledger import Incident
from readiness_pipelines.models.evidence import evidence_of
from readiness_pipelines.models.grounds import case_of
from tests.challenged import YEAR, challenge, enthrone, review, verdict
from tests.incidents.test_incidents import LOG, subjects
from tests.modelled import MODEL, Parcels, build_parcels
from tests.shop import Shop

NOW = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
BEFORE_ANY_DATA = datetime.datetime(2025, 1, 1)


@pytest.fixture
def parcels(tmp_path: Path) -> Iterator[Parcels]:
    """A product with a model at tier medium, without any data."""
    made = build_parcels(tmp_path, model=MODEL.replace("risk_tier: low", "risk_tier: medium"))
    made.settings.landing.mkdir(parents=True, exist_ok=True)
    yield made


def digest_of(parcels: Parcels, number: int) -> str:
    return case_of(parcels.product, parcels.lake, number).judgement.evidence.digest


def subject_of(parcels: Parcels, number: int) -> str:
    return f"parcels/{number} on evidence {digest_of(parcels, number)[:12]}"


def changes(parcels: Parcels, *, now: datetime.datetime = NOW) -> tuple[list[str], list[str]]:
    """Look once; return the subjects that were opened and resolved by it."""
    found = reconcile_waits(parcels.product, parcels.lake, now=now)
    assert {each.kind for each in (*found.opened, *found.resolved)} <= {"waits"}
    return [each.subject for each in found.opened], [each.subject for each in found.resolved]


def the_one(parcels: Parcels) -> Incident:
    (found,) = reconcile_waits(parcels.product, parcels.lake, now=NOW).opened
    return found


def decide(parcels: Parcels, number: int, *, approve: bool = True, for_: datetime.timedelta = YEAR) -> None:
    about = case_of(parcels.product, parcels.lake, number).judgement.evidence
    parcels.lake.ledger.models.record_review(review(about, approve=approve, for_=for_))


def undecided(parcels: Parcels, *judged: Judged) -> ModelVersion:
    """Record a model about which the gate could not decide these rules."""
    product, ledger = parcels.product, parcels.lake.ledger
    made = challenge(product, ledger, "u1")
    assert product.model is not None
    said = replace(verdict(made), judged=judged, demands=product.model.demands)
    ledger.models.record_verdict(said, evidence_of(product, made, said, severity=Severity.NONE))
    return made


# opened and resolved


@pytest.mark.parametrize("approve", [True, False])
def test_a_model_that_waits_is_one_incident_however_often_it_is_looked_at_until_a_person_decides(
    approve: bool, parcels: Parcels
) -> None:
    assert changes(parcels) == ([], [])
    challenge(parcels.product, parcels.lake.ledger)
    waits = subject_of(parcels, 1)
    assert changes(parcels) == ([waits], [])
    assert changes(parcels) == ([], [])
    decide(parcels, 1, approve=approve)
    assert changes(parcels) == ([], [waits])
    assert changes(parcels) == ([], [])


def test_one_that_another_has_overtaken_is_resolved_and_the_other_is_told(parcels: Parcels) -> None:
    challenge(parcels.product, parcels.lake.ledger, "a1")
    assert changes(parcels) == ([first := subject_of(parcels, 1)], [])
    challenge(parcels.product, parcels.lake.ledger, "a2", status=Status.FAILED)
    assert changes(parcels) == ([], []), "who failed takes nobody's place, and waits for nobody"
    challenge(parcels.product, parcels.lake.ledger, "a3")
    assert changes(parcels) == ([subject_of(parcels, 3)], [first])


def test_the_same_model_on_other_evidence_is_told_again(parcels: Parcels) -> None:
    made = challenge(parcels.product, parcels.lake.ledger)
    assert changes(parcels) == ([before := subject_of(parcels, 1)], [])
    challenge(parcels.product, parcels.lake.ledger, made=made, severity=Severity.CRITICAL)
    assert changes(parcels) == ([subject_of(parcels, 1)], [before])


def test_one_that_is_void_is_resolved(parcels: Parcels) -> None:
    challenge(parcels.product, parcels.lake.ledger, "a1")
    assert changes(parcels) == ([waits := subject_of(parcels, 1)], [])
    parcels.declare("holdout_days: 3", "holdout_days: 4")
    assert changes(parcels) == ([], [waits])
    parcels.declare("holdout_days: 4", "holdout_days: 3")
    assert changes(parcels) == ([waits], []), "as it was judged, it waits again"
    enthrone(parcels.product, parcels.lake.ledger, "a2")
    assert changes(parcels) == ([], [waits])


def test_an_approval_that_has_expired_is_told_with_that_reason(parcels: Parcels) -> None:
    challenge(parcels.product, parcels.lake.ledger)
    decide(parcels, 1)
    assert changes(parcels) == ([], [])
    (incident,) = reconcile_waits(parcels.product, parcels.lake, now=NOW + 2 * YEAR).opened
    assert incident.why.startswith("risk tier medium; the approval by ann expired at ")


def test_at_tier_low_nobody_is_told_of_what_the_policy_decides(parcels: Parcels) -> None:
    parcels.declare("risk_tier: medium", "risk_tier: low")
    challenge(parcels.product, parcels.lake.ledger)
    assert changes(parcels) == ([], [])
    challenge(parcels.product, parcels.lake.ledger, "a2", severity=Severity.CRITICAL)
    assert the_one(parcels).why == "risk tier low, asked for by critical drift: `readiness review show parcels 2`"


def test_what_a_critical_event_has_asked_for_says_so_however_it_was_judged_since(parcels: Parcels) -> None:
    parcels.declare("risk_tier: medium", "risk_tier: low")
    made = challenge(parcels.product, parcels.lake.ledger, severity=Severity.CRITICAL)
    challenge(parcels.product, parcels.lake.ledger, made=made)
    assert the_one(parcels).why == "risk tier low, asked for by critical drift: `readiness review show parcels 1`"


def test_a_model_that_was_rolled_back_from_says_so(parcels: Parcels) -> None:
    parcels.declare("risk_tier: medium", "risk_tier: low")
    ledger = parcels.lake.ledger
    enthrone(parcels.product, ledger, "a1")
    second = enthrone(parcels.product, ledger, "a2")
    enthrone(parcels.product, ledger, "a1", back=True)
    challenge(parcels.product, ledger, made=second)
    assert the_one(parcels).why.startswith("it was rolled back from at ")


# what it says


def test_the_message_names_model_evidence_and_what_to_do(parcels: Parcels) -> None:
    challenge(parcels.product, parcels.lake.ledger)
    incident = the_one(parcels)
    title, body = message(parcels.product, incident)
    assert title == f"parcels: parcels/1 on evidence {digest_of(parcels, 1)[:12]} waits for a person"
    assert body.splitlines() == [
        "Why: risk tier medium: `readiness review show parcels 1`",
        "Owner: parcels@example.com; steward: steward@example.com",
        "Next: readiness review show parcels 1: it ends with the commands to decide.",
    ]
    assert incident.details["evidence"] == digest_of(parcels, 1)


def test_what_the_gate_could_not_decide_is_named_with_the_first_reason(parcels: Parcels) -> None:
    parcels.declare("risk_tier: medium", "risk_tier: low")
    passed = Judged("calibration", Status.PASSED, value=0.01, limit=0.1, n=20)
    better = Judged("better", Status.UNDECIDED, note="too few persons: 2, expected 30")
    slices = (Judged("slice:region", Status.UNDECIDED, about=f"region={n}") for n in range(6))
    undecided(parcels, passed, better, *slices)
    assert the_one(parcels).why == (
        "the promotion gate is undecided: better, slice:region region=0, slice:region region=1, slice:region region=2, "
        "slice:region region=3 and 2 more (too few persons: 2, expected 30): `readiness review show parcels 1`"
    )


def test_a_long_reason_is_cut_and_its_command_is_not(parcels: Parcels) -> None:
    undecided(parcels, Judged("better", Status.UNDECIDED, note="x" * 5000))
    why = the_one(parcels).why
    assert len(why) < 1000 and why.endswith(": `readiness review show parcels 1`")


# beside the others


def test_it_is_found_by_the_look_at_everything_too_and_leaves_the_rest_alone(parcels: Parcels) -> None:
    challenge(parcels.product, parcels.lake.ledger)
    waits, missing = ("waits", subject_of(parcels, 1)), ("missing", "parcels.bronze.raw_orders/2025-01-01")
    due = datetime.datetime(2025, 1, 2)
    assert subjects(reconcile(parcels.product, parcels.lake, now=due).opened) == [missing, waits]
    decide(parcels, 1)
    assert changes(parcels) == ([], [waits[1]])
    assert parcels.lake.ledger.incidents.newest("parcels")[missing].is_open


def test_it_is_told_once_and_once_that_it_was_decided(parcels: Parcels, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    challenge(parcels.product, parcels.lake.ledger)
    waits = subject_of(parcels, 1)
    for _ in range(2):
        resolved = reconcile(parcels.product, parcels.lake, now=BEFORE_ANY_DATA).resolved
        send(parcels.product, parcels.lake, resolved, log=LOG)
    decide(parcels, 1)
    for _ in range(2):
        send(parcels.product, parcels.lake, reconcile_waits(parcels.product, parcels.lake, now=NOW).resolved, log=LOG)
    titles = [record.getMessage().splitlines()[0] for record in caplog.records]
    assert titles == [f"parcels: {waits} waits for a person", "parcels: 1 resolved"]


def test_a_product_without_a_model_has_none_and_one_whose_model_is_taken_out_has_none_any_more(
    parcels: Parcels, shop: Shop
) -> None:
    assert reconcile_waits(shop.product, Lakehouse.open(shop.settings), now=NOW).opened == ()
    challenge(parcels.product, parcels.lake.ledger)
    assert changes(parcels) == ([waits := subject_of(parcels, 1)], [])
    path = parcels.folder / "defs.yaml"
    path.write_text(path.read_text().partition("  model:")[0])
    assert changes(parcels) == ([], [waits])
