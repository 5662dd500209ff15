"""A model becomes the champion by a decision about its evidence, and by nothing else; everything follows the ledger."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from readiness_pipelines.errors import NotApproved, NotTheArtifact, ReadinessError
from readiness_pipelines.flow import Severity, Status, TableVersion
from readiness_pipelines.governance import POLICY
from readiness_pipelines.lakehouse import steps
from readiness_pipelines.layers import run_step
from readiness_pipelines.layers.decisions import withdraw
from readiness_pipelines.layers.quarantine import Signed
from readiness_pipelines.models import promotion
from readiness_pipelines.models.grounds import case_of
from readiness_pipelines.models.overview import Standing, standing
from readiness_pipelines.models.reviewing import decide_by_policy
from readiness_pipelines.models.withdrawn import withdrawn_since
from tests.challenged import YEAR, challenge, retrain, review
from tests.modelled import ORDERS
from tests.promoted import EARLIER, LATER, Promoted

pytestmark = pytest.mark.slow


def roll_back(promoted: Promoted, to: int | None = None, *, by: str = "ann") -> int:
    return promotion.roll_back(promoted.product, promoted.lake, by=by, reason="it disappoints", to=to).number


@contextmanager
def nothing_changes(promoted: Promoted) -> Iterator[None]:
    """See that neither the history nor anything that follows it is another one afterwards."""
    before = promoted.history, promoted.where()
    yield
    assert (promoted.history, promoted.where()) == before


def test_a_promotion_is_one_row_and_everything_follows_it(promoted: Promoted) -> None:
    first = promoted.champion(cut_off=EARLIER)
    assert promoted.where() == promoted.agreed(first, cut_off=EARLIER)
    second = promoted.challenger(cut_off=LATER)
    made = promoted.promote(second)
    case = case_of(promoted.product, promoted.lake, second)
    assert (made.number, made.previous, made.kind, made.by, made.reason) == (second, first, "promoted", "ann", "it is better")
    assert made.evidence == case.judgement.evidence.digest and promoted.history[-1] == made
    assert promoted.where() == promoted.agreed(second, cut_off=LATER)
    assert promoted.registry.aliases("parcels") == {"champion": second, "previous": first}
    with nothing_changes(promoted):
        assert promoted.promote(second) == made, "again"
    assert promotion.repair(promoted.product, promoted.lake) == ()


def test_a_roll_back_is_a_promotion_of_what_stood_before_and_history_only_grows(promoted: Promoted) -> None:
    first, second = promoted.champion(cut_off=EARLIER), promoted.champion(cut_off=LATER)
    before = promoted.history
    assert roll_back(promoted) == first
    *older, newest = promoted.history
    assert older == before
    assert (newest.number, newest.previous, newest.kind, newest.reason) == (first, second, "rolled_back", "it disappoints")
    assert promoted.where() == promoted.agreed(first, cut_off=EARLIER)
    with nothing_changes(promoted):
        assert roll_back(promoted, to=first) == first, "again, to the same"
    with nothing_changes(promoted), pytest.raises(NotApproved, match=r"it was rolled back from at .* \(it disappoints\)"):
        promoted.promote(second)
    assert promoted.approved == []


def test_the_loop_does_not_undo_a_roll_back_and_a_person_may(promoted: Promoted) -> None:
    """A retrain on the same rows finds the model again, and judges it as before: only its severity, and so the evidence, is other."""
    promoted.champion(cut_off=EARLIER)
    second = promoted.champion(cut_off=LATER)
    roll_back(promoted)
    model, used = promoted.lake.ledger.models.model("parcels", second), promoted.trained[LATER][0]
    challenge(promoted.product, promoted.lake.ledger, made=model, used=used, severity=Severity.MEDIUM)
    assert decide_by_policy(promoted.product, promoted.lake, number=second, reason="it passed") is None
    about = case_of(promoted.product, promoted.lake, second).judgement.evidence
    promoted.lake.ledger.models.record_review(review(about, by=POLICY))
    assert promoted.approved == []
    with nothing_changes(promoted), pytest.raises(NotApproved, match="only what a person approves after that brings it back"):
        promoted.promote(second, by=POLICY)
    promoted.approve(second)
    assert promoted.approved == [second]
    assert promoted.promote(second, by=POLICY).number == second


def test_what_was_approved_before_a_roll_back_is_not_promoted_after_it(promoted: Promoted) -> None:
    first = promoted.champion(cut_off=EARLIER)
    beside, second = promoted.challenger(), promoted.challenger()
    promoted.promote(second)
    assert roll_back(promoted) == first
    assert promoted.approved == []
    with nothing_changes(promoted), pytest.raises(NotApproved, match=f"it was judged before model {first} became the champion"):
        promoted.promote(beside)


def test_what_was_approved_and_is_declared_otherwise_now_is_not_promoted_and_not_gone_back_to(promoted: Promoted) -> None:
    promoted.champion()
    promoted.champion()
    number = promoted.challenger()
    promoted.parcels.declare("column: returned, by", "column: returned, positive: false, by")
    try:
        for act in (lambda: promoted.promote(number), lambda: roll_back(promoted)):
            with nothing_changes(promoted), pytest.raises(NotApproved, match="table, label or features are declared otherwise"):
                act()
    finally:
        promoted.parcels.declare("column: returned, positive: false, by", "column: returned, by")
    assert promoted.approved == [number]


def test_asking_twice_goes_back_once(promoted: Promoted) -> None:
    first, second, third = promoted.champion(), promoted.champion(), promoted.champion()
    assert roll_back(promoted) == second
    back: dict[str, Any] = {"by": "ann", "reason": "it disappoints"}
    other: dict[str, Any] = {"by": "bob", "reason": "so do I think", "champion": third}
    for again in (back, other):
        with nothing_changes(promoted):
            assert promotion.roll_back(promoted.product, promoted.lake, **again).number == second
    with (
        nothing_changes(promoted),
        pytest.raises(ReadinessError, match=f"found model {second} as the champion, .* expected {first}"),
    ):
        promotion.roll_back(promoted.product, promoted.lake, **back, champion=first)
    with nothing_changes(promoted), pytest.raises(ReadinessError, match=f"expected {third}, which is to be gone back from"):
        promotion.roll_back(promoted.product, promoted.lake, **back, champion=third, to=first)
    assert promotion.roll_back(promoted.product, promoted.lake, **back, champion=second).number == first
    assert [(each.number, each.previous) for each in promoted.history[-2:]] == [(second, third), (first, second)]


@pytest.mark.parametrize("by", ["ann", POLICY])
def test_who_was_rolled_back_from_is_not_gone_back_to_before_a_person_has_approved_it_after_that(
    by: str, promoted: Promoted
) -> None:
    first, second = promoted.champion(cut_off=EARLIER), promoted.champion(cut_off=LATER)
    roll_back(promoted)
    about = case_of(promoted.product, promoted.lake, second).judgement.evidence
    promoted.lake.ledger.models.record_review(review(about, by=POLICY))
    with (
        nothing_changes(promoted),
        pytest.raises(NotApproved, match=r"it was rolled back from at .* \(it disappoints\): only what"),
    ):
        roll_back(promoted, to=second, by=by)
    promoted.approve(second)
    assert roll_back(promoted, to=second, by=by) == second
    assert [each.number for each in promoted.history[-4:]] == [first, second, first, second]


def test_what_a_person_has_rejected_on_newer_evidence_is_gone_back_to_by_a_newer_approval_alone(promoted: Promoted) -> None:
    first = promoted.champion(cut_off=EARLIER)
    promoted.champion(cut_off=LATER)
    made = promoted.lake.ledger.models.model("parcels", first)
    challenge(promoted.product, promoted.lake.ledger, made=made, used=promoted.trained[EARLIER][0])
    promoted.approve(first, approve=False)
    with nothing_changes(promoted), pytest.raises(NotApproved, match=r"ann rejected it at .* \(looked at\)|rejected by ann"):
        roll_back(promoted, by=POLICY)
    promoted.approve(first)
    assert roll_back(promoted, by=POLICY) == first


@pytest.mark.parametrize(("by", "reason"), [("bob", "it disappoints"), ("ann", "the second had the same fault")])
def test_another_person_or_reason_goes_further_back(by: str, reason: str, promoted: Promoted) -> None:
    first = promoted.champion()
    promoted.champion()
    promoted.champion()
    roll_back(promoted)
    assert promotion.roll_back(promoted.product, promoted.lake, by=by, reason=reason).number == first


def test_only_who_was_the_champion_is_rolled_back_to(promoted: Promoted) -> None:
    promoted.champion()
    never = promoted.challenger()
    with nothing_changes(promoted), pytest.raises(ReadinessError, match=f"found model {never}, which was never the champion"):
        roll_back(promoted, to=never)


def test_what_is_decided_is_named_until_it_is_carried_out(promoted: Promoted) -> None:
    promoted.champion()
    waits, decided = promoted.challenger(approve=False), promoted.challenger()
    assert promoted.approved == [decided]
    promoted.promote(decided)
    assert promoted.approved == []
    with nothing_changes(promoted), pytest.raises(NotApproved, match="it was judged against"):
        promoted.approve(waits)
        promoted.promote(waits)


# every way without a decision


@pytest.mark.parametrize("by", ["ann", POLICY])
def test_without_a_decision_nobody_promotes(by: str, promoted: Promoted) -> None:
    number = promoted.challenger(approve=False)
    with nothing_changes(promoted), pytest.raises(NotApproved, match=f"model {number} is not promoted: no decision about this"):
        promoted.promote(number, by=by)


def test_a_rejection_counts_over_an_older_approval(promoted: Promoted) -> None:
    number = promoted.challenger()
    promoted.approve(number, approve=False)
    with nothing_changes(promoted), pytest.raises(NotApproved, match="rejected by ann: looked at"):
        promoted.promote(number)


def test_an_approval_that_has_expired_counts_no_more(promoted: Promoted) -> None:
    number = promoted.challenger(approve=False)
    about = case_of(promoted.product, promoted.lake, number).judgement.evidence
    promoted.lake.ledger.models.record_review(review(about, for_=-YEAR))
    with nothing_changes(promoted), pytest.raises(NotApproved, match="the approval by ann expired at"):
        promoted.promote(number)


def test_new_evidence_voids_the_decision_about_the_old(promoted: Promoted) -> None:
    number = promoted.challenger()
    made = promoted.lake.ledger.models.model("parcels", number)
    challenge(promoted.product, promoted.lake.ledger, made=made, used=promoted.trained[LATER][0], severity=Severity.HIGH)
    with nothing_changes(promoted), pytest.raises(NotApproved, match="no decision about this evidence"):
        promoted.promote(number)


def test_the_policy_cannot_approve_what_a_critical_event_has_asked_for(promoted: Promoted) -> None:
    number = promoted.challenger(approve=False, severity=Severity.CRITICAL)
    assert decide_by_policy(promoted.product, promoted.lake, number=number, reason="it passed") is None
    about = case_of(promoted.product, promoted.lake, number).judgement.evidence
    promoted.lake.ledger.models.record_review(review(about, by=POLICY))
    with nothing_changes(promoted), pytest.raises(NotApproved, match="approved by the policy alone"):
        promoted.promote(number, by=POLICY)


def test_what_the_policy_approved_before_a_critical_event_joined_needs_a_person(promoted: Promoted) -> None:
    number = promoted.challenger(approve=False)
    assert decide_by_policy(promoted.product, promoted.lake, number=number, reason="it passed") is not None
    asked = promoted.lake.ledger.retrains.request(retrain("e1", product="parcels", severity=Severity.CRITICAL))
    with nothing_changes(promoted), pytest.raises(NotApproved, match=f"critical drift has asked for retrain {asked.id}"):
        promoted.promote(number, by=POLICY)
    promoted.approve(number)
    assert promoted.promote(number, by=POLICY).number == number, "a person may"
    taken = promoted.lake.ledger.retrains.start("parcels", asked.id, "run-1", is_over=lambda _: False)
    assert taken is not None and promoted.lake.ledger.retrains.end(replace(taken, outcome="rejected"))


def test_what_a_person_rejected_is_not_promoted_by_the_policys_word_on_milder_evidence(promoted: Promoted) -> None:
    promoted.champion()
    number = promoted.challenger(approve=False, severity=Severity.CRITICAL)
    promoted.approve(number, approve=False)
    made = promoted.lake.ledger.models.model("parcels", number)
    challenge(promoted.product, promoted.lake.ledger, made=made, used=promoted.trained[LATER][0])
    about = case_of(promoted.product, promoted.lake, number).judgement.evidence
    promoted.lake.ledger.models.record_review(review(about, by=POLICY))
    assert promoted.approved == []
    with nothing_changes(promoted), pytest.raises(NotApproved, match=r"ann rejected it at .* \(looked at\): only what a person"):
        promoted.promote(number, by=POLICY)
    promoted.approve(number)
    assert promoted.promote(number, by=POLICY).number == number


@pytest.mark.parametrize("status", [Status.FAILED, Status.UNDECIDED])
def test_what_did_not_pass_the_gate_is_not_promoted_by_the_policys_word(status: Status, promoted: Promoted) -> None:
    number = promoted.challenger(approve=False, status=status)
    about = case_of(promoted.product, promoted.lake, number).judgement.evidence
    for by in (POLICY, "ann")[: 2 if status is Status.FAILED else 1]:
        promoted.lake.ledger.models.record_review(review(about, by=by))
        with nothing_changes(promoted), pytest.raises(NotApproved, match="the promotion gate"):
            promoted.promote(number)


def test_while_the_product_is_paused_nothing_happens_by_itself_and_people_still_can(promoted: Promoted) -> None:
    promoted.champion()
    number = promoted.challenger()
    promoted.lake.ledger.retrains.pause("parcels", by="bob", reason="labels are wrong")
    for act in (lambda: promoted.promote(number, by=POLICY), lambda: roll_back(promoted, by=POLICY)):
        with nothing_changes(promoted), pytest.raises(NotApproved, match="paused by bob since .*labels are wrong"):
            act()
    assert promoted.promote(number).number == number
    promoted.lake.ledger.retrains.resume("parcels", by="bob", reason="labels are right")


@pytest.mark.parametrize(("by", "reason"), [("", "why"), ("ann", "  ")])
def test_who_promotes_says_who_and_why(by: str, reason: str, promoted: Promoted) -> None:
    number = promoted.challenger()
    with nothing_changes(promoted), pytest.raises(ReadinessError, match="expected who promotes, and why"):
        promotion.promote(promoted.product, promoted.lake, number=number, by=by, reason=reason)


# what changes while it is promoted


@pytest.mark.parametrize("what", ["rejected", "judged", "paused"])
def test_what_changes_while_the_artifact_is_checked_is_seen(what: str, promoted: Promoted, monkeypatch: pytest.MonkeyPatch) -> None:
    number = promoted.challenger()
    model, ledger = promoted.lake.ledger.models.model("parcels", number), promoted.lake.ledger

    def change(name: str) -> None:
        monkeypatch.setattr(steps, "on_reached", None)
        if what == "rejected":
            promoted.approve(number, approve=False)
        elif what == "judged":
            challenge(promoted.product, ledger, made=model, used=promoted.trained[LATER][0], severity=Severity.LOW)
        else:
            ledger.retrains.pause("parcels", by="bob", reason="stop")

    monkeypatch.setattr(steps, "on_reached", change)
    expected = {"rejected": "a rejection by ann|rejected by ann", "judged": "no decision about this", "paused": "paused by bob"}
    with nothing_changes(promoted), pytest.raises(NotApproved, match=expected[what]):
        promoted.promote(number, by=POLICY)
    ledger.retrains.resume("parcels", by="bob", reason="go on")


# the artifact and what it was trained on


def artifact_of(promoted: Promoted, number: int) -> Path:
    model = promoted.lake.ledger.models.model("parcels", number)
    assert model is not None
    (found,) = (path for path in (promoted.parcels.settings.state / "mlflow").rglob("model.skops") if model.run in str(path))
    return found


@pytest.mark.parametrize("harm", ["changed", "another", "gone"])
def test_an_artifact_that_is_not_what_was_judged_is_not_promoted(harm: str, promoted: Promoted) -> None:
    promoted.champion()
    number = promoted.challenger()
    path = artifact_of(promoted, number)
    if harm == "gone":
        path.unlink()
    else:
        other = artifact_of(promoted, promoted.challenger()).read_bytes()
        path.write_bytes(path.read_bytes()[:-1] + b"x" if harm == "changed" else other)
    with nothing_changes(promoted), pytest.raises(NotTheArtifact, match="expected"):
        promoted.promote(number)


def test_an_older_champion_whose_artifact_is_gone_is_not_rolled_back_to(promoted: Promoted) -> None:
    first = promoted.champion()
    promoted.champion()
    artifact_of(promoted, first).unlink()
    with nothing_changes(promoted), pytest.raises(NotTheArtifact):
        roll_back(promoted)


@contextmanager
def withdrawn(promoted: Promoted, day: str) -> Iterator[TableVersion]:
    """Withdraw the orders of a day, and put them back afterwards."""
    before = promoted.lake.ledger.current_version(ORDERS, day)
    assert before is not None
    put(promoted, day, "nothing")
    try:
        yield before
    finally:
        put(promoted, day, before.version_key)


def put(promoted: Promoted, day: str, version: str) -> None:
    withdraw(promoted.lake, promoted.product.by_name["orders"], day, to=version, signed=Signed("a mistake", "ann"))
    run_step(promoted.lake, promoted.parcels.settings, promoted.product, "orders", day)


def test_what_was_trained_on_a_version_that_was_withdrawn_since_is_refused_by_name(promoted: Promoted) -> None:
    first = promoted.champion(cut_off=EARLIER)
    promoted.champion(cut_off=EARLIER)
    on_it, beside = promoted.challenger(cut_off=LATER), promoted.challenger(cut_off=EARLIER)
    with withdrawn(promoted, LATER) as version:
        assert withdrawn_since(promoted.product, promoted.lake, promoted.trained[LATER][0]) == {str(version): "withdrawn"}
        with nothing_changes(promoted), pytest.raises(NotApproved, match=f"it was trained on {version}"):
            promoted.promote(on_it)
        assert promoted.approved == [beside]
    assert promoted.approved == [on_it, beside]
    with (
        withdrawn(promoted, EARLIER) as version,
        nothing_changes(promoted),
        pytest.raises(NotApproved, match=f"is not rolled back to: it was trained on {version}"),
    ):
        roll_back(promoted)
    assert roll_back(promoted) == first


def test_a_champion_that_was_trained_on_a_version_that_was_withdrawn_since_stays_and_is_told(promoted: Promoted) -> None:
    number = promoted.champion(cut_off=LATER)

    def found() -> Standing:
        return standing(promoted.product, promoted.lake, now=datetime.datetime.now(datetime.UTC))

    assert found().champion_doubts == ()
    with withdrawn(promoted, LATER) as version:
        now = found()
        assert now.champion is not None and now.champion.number == number
        assert now.champion_doubts == (f"it was trained on {version} (withdrawn)",)
    assert found().champion_doubts == ()


# going back


@pytest.mark.parametrize("by", ["ann", POLICY])
def test_a_roll_back_rests_on_the_older_models_own_decision_which_must_count_still(by: str, promoted: Promoted) -> None:
    first, second = promoted.champion(), promoted.champion()
    promoted.approve(first, approve=False)
    with nothing_changes(promoted), pytest.raises(NotApproved, match=f"model {first} is not rolled back to: rejected by ann"):
        roll_back(promoted, by=by)
    about = case_of(promoted.product, promoted.lake, first).judgement.evidence
    promoted.lake.ledger.models.record_review(review(about, for_=-YEAR))
    with nothing_changes(promoted), pytest.raises(NotApproved, match="the approval by ann expired"):
        roll_back(promoted, by=by)
    promoted.approve(first)
    assert roll_back(promoted, by=by) == first
    assert promoted.history[-1].previous == second


def test_a_roll_back_does_not_ask_for_the_champion_or_the_contract_of_then(promoted: Promoted) -> None:
    first = promoted.champion()
    promoted.champion()
    contract = promoted.parcels.folder / "contract.yaml"
    text = contract.read_text()
    contract.write_text(text.replace("version: 1.0.0", "version: 1.1.0", 1))
    try:
        assert roll_back(promoted) == first
    finally:
        contract.write_text(text)


def test_at_a_higher_tier_than_then_the_policys_word_lets_nothing_back(promoted: Promoted) -> None:
    first = promoted.challenger(approve=False)
    decide_by_policy(promoted.product, promoted.lake, number=first, reason="it passed")
    promoted.promote(first, by=POLICY)
    promoted.champion()
    promoted.parcels.declare("risk_tier: low", "risk_tier: high")
    try:
        with (
            nothing_changes(promoted),
            pytest.raises(NotApproved, match="the policy approved it at tier low, and the tier is high now"),
        ):
            roll_back(promoted)
        promoted.approve(first)
        assert roll_back(promoted) == first
    finally:
        promoted.parcels.declare("risk_tier: high", "risk_tier: low")


def test_a_champion_of_before_is_gone_back_to_though_it_was_judged_anew_and_rejected(promoted: Promoted) -> None:
    first = promoted.champion(cut_off=EARLIER)
    served_on = promoted.history[-1].evidence
    promoted.champion(cut_off=LATER)
    model, used = promoted.lake.ledger.models.model("parcels", first), promoted.trained[EARLIER][0]
    challenge(promoted.product, promoted.lake.ledger, made=model, used=used, status=Status.FAILED)
    assert roll_back(promoted) == first
    assert promoted.history[-1].evidence == served_on


# following


def test_whatever_was_done_to_the_aliases_is_mended_from_the_ledger(promoted: Promoted) -> None:
    first, second = promoted.champion(cut_off=EARLIER), promoted.champion(cut_off=LATER)
    promoted.registry.follow("parcels", {"champion": first, "challenger": second})
    assert promotion.repair(promoted.product, promoted.lake) == (
        f"alias challenger was {second}, is taken away",
        f"alias champion was {first}, is {second}",
        f"alias previous was not there, is {first}",
    )
    assert promoted.where() == promoted.agreed(second, cut_off=LATER)


def test_a_model_that_was_never_registered_is_when_an_alias_needs_it(promoted: Promoted) -> None:
    """Whoever trained it died between ledger and registry."""
    used, made = promoted.trained[LATER]
    spec = promoted.product.model
    assert spec is not None
    model = promoted.lake.ledger.models.record_model(promoted.registry.record(spec, used, made, by="a test"))
    challenge(promoted.product, promoted.lake.ledger, made=model, used=used)
    promoted.approve(model.number)
    promoted.promote(model.number)
    assert promoted.where() == promoted.agreed(model.number, cut_off=LATER)
