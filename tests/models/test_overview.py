"""Where a model stands, worked out from the ledger and the declaration; and what stands against it."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import ModelVersion, Promotion, Severity, Status, Tier
from readiness_pipelines.ledger import Ledger
from readiness_pipelines.models.grounds import against_going_back, case_of, served_case
from readiness_pipelines.models.overview import standing
from readiness_pipelines.models.reviewing import decide, decide_by_policy
from readiness_pipelines.models.succession import earlier, rolled_back_from
from tests.challenged import YEAR, challenge, enthrone, review, training_set
from tests.drifted import measured, put
from tests.modelled import WATCHED, Parcels, build_parcels
from tests.shop import build_shop

NOW = datetime.datetime.now(datetime.UTC)
APPROVED = {"approve": True, "by": "ann", "reason": "it is better"}


@pytest.fixture
def parcels(tmp_path: Path) -> Iterator[Parcels]:
    """A product with a model at tier low, without any data."""
    made = build_parcels(tmp_path)
    (tmp_path / "landing").mkdir(exist_ok=True)
    yield made


@pytest.fixture
def ledger(parcels: Parcels) -> Ledger:
    return parcels.lake.ledger


def states(parcels: Parcels, *, now: datetime.datetime = NOW) -> list[str]:
    return [each.state.value for each in standing(parcels.product, parcels.lake, now=now).models]


def why(parcels: Parcels) -> str:
    return "; ".join(standing(parcels.product, parcels.lake, now=NOW).models[-1].why)


def at_tier(parcels: Parcels, tier: Tier) -> None:
    parcels.declare("risk_tier: low", f"risk_tier: {tier}")


# where a model stands


def test_a_product_without_a_model_has_no_standing(tmp_path: Path) -> None:
    shop = build_shop(tmp_path)
    from readiness_pipelines.lakehouse import Lakehouse

    with pytest.raises(ReadinessError, match="expected `model:` in its defs.yaml"):
        standing(shop.product, Lakehouse.open(shop.settings), now=NOW)


def test_before_anything_was_trained_there_is_nothing(parcels: Parcels) -> None:
    found = standing(parcels.product, parcels.lake, now=NOW)
    assert (found.models, found.champion, found.previous, found.aliases, found.waiting, found.approved) == ((), None, 0, {}, (), ())


def test_at_tier_low_the_policys_decision_is_missing_and_above_a_persons(parcels: Parcels, ledger: Ledger) -> None:
    challenge(parcels.product, ledger)
    assert states(parcels) == ["policy"]
    at_tier(parcels, Tier.MEDIUM)
    challenge(parcels.product, ledger, "a2")
    assert states(parcels) == ["void", "waits"], "the first was judged at tier low"
    assert [each.model.number for each in standing(parcels.product, parcels.lake, now=NOW).waiting] == [2]
    assert why(parcels) == "no decision about this evidence; it needs a person to approve it"


@pytest.mark.parametrize(
    ("status", "severity"), [(Status.PASSED, Severity.CRITICAL), (Status.UNDECIDED, Severity.NONE), (Status.LEARNING, Severity.LOW)]
)
def test_what_is_critical_or_undecided_waits_for_a_person_at_tier_low_too(
    status: Status, severity: Severity, parcels: Parcels, ledger: Ledger
) -> None:
    number = challenge(parcels.product, ledger, status=status, severity=severity).number
    assert states(parcels) == ["waits"]
    assert decide_by_policy(parcels.product, parcels.lake, number=number, reason="it passed") is None
    assert ledger.models.reviews(case_of(parcels.product, parcels.lake, number).judgement.evidence.digest) == []
    decide(parcels.product, parcels.lake, number=number, **APPROVED)
    assert states(parcels) == ["approved"]


def test_an_undecided_verdict_that_the_policy_had_approved_all_the_same_is_void(parcels: Parcels, ledger: Ledger) -> None:
    number = challenge(parcels.product, ledger, status=Status.UNDECIDED).number
    about = case_of(parcels.product, parcels.lake, number).judgement.evidence
    ledger.models.record_review(review(about, by="policy"))
    assert (states(parcels), why(parcels)) == (
        ["void"],
        "the promotion gate is undecided about it, and only a person may approve that",
    )


def test_what_the_gate_rejects_nobody_can_approve(parcels: Parcels, ledger: Ledger) -> None:
    number = challenge(parcels.product, ledger, status=Status.FAILED).number
    assert (states(parcels), why(parcels)) == (["rejected"], "the promotion gate rejected it: better")
    with pytest.raises(ReadinessError, match="no approval outweighs that"):
        decide(parcels.product, parcels.lake, number=number, **APPROVED)
    assert decide_by_policy(parcels.product, parcels.lake, number=number, reason="it passed") is None
    decide(parcels.product, parcels.lake, number=number, approve=False, by="ann", reason="worse")


def test_an_approval_is_carried_out_while_it_counts_and_waits_again_afterwards(parcels: Parcels, ledger: Ledger) -> None:
    number = challenge(parcels.product, ledger).number
    said = decide_by_policy(parcels.product, parcels.lake, number=number, reason="it passed")
    assert said is not None and said.by == "policy"
    assert states(parcels) == ["approved"]
    assert states(parcels, now=NOW + datetime.timedelta(days=31)) == ["waits"]


def test_a_rejected_model_neither_waits_nor_is_promoted(parcels: Parcels, ledger: Ledger) -> None:
    number = challenge(parcels.product, ledger).number
    decide(parcels.product, parcels.lake, number=number, approve=False, by="bob", reason="too few rows")
    assert (states(parcels), why(parcels)) == (["rejected"], "rejected by bob: too few rows")
    again = decide_by_policy(parcels.product, parcels.lake, number=number, reason="it passed")
    assert again is not None and (again.by, again.decision) == ("bob", "rejected"), "the policy does not overrule a person"


def test_new_evidence_voids_the_decision_about_the_old(parcels: Parcels, ledger: Ledger) -> None:
    made = challenge(parcels.product, ledger)
    decide(parcels.product, parcels.lake, number=made.number, **APPROVED)
    challenge(parcels.product, ledger, made=made, severity=Severity.CRITICAL)
    assert states(parcels) == ["waits"]


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("risk_tier: low", "risk_tier: high", "policy, tier, what a model must prove"),
        ("holdout_days: 3", "holdout_days: 3\n    limits: {calibration: 0.2}", "what a model must prove"),
        ("holdout_days: 3", "holdout_days: 3\n    approvals_expire_days: 5", "policy"),
    ],
)
def test_a_verdict_counts_for_what_was_declared_then(old: str, new: str, named: str, parcels: Parcels, ledger: Ledger) -> None:
    number = challenge(parcels.product, ledger).number
    decide(parcels.product, parcels.lake, number=number, **APPROVED)
    parcels.declare(old, new)
    assert states(parcels) == ["void"]
    assert why(parcels) == f"{named}: not what it was judged by any more, so that it must be judged again"


def test_a_verdict_counts_for_the_contract_of_then(parcels: Parcels, ledger: Ledger) -> None:
    challenge(parcels.product, ledger)
    path = parcels.folder / "contract.yaml"
    path.write_text(path.read_text().replace("version: 1.0.0", "version: 1.1.0", 1))
    assert (states(parcels), why(parcels).split(":")[0]) == (["void"], "contract")


@pytest.mark.parametrize("newer", [Status.PASSED, Status.UNDECIDED])
def test_what_waits_is_the_newest_that_the_gate_has_not_rejected_and_not_a_pile(
    newer: Status, parcels: Parcels, ledger: Ledger
) -> None:
    at_tier(parcels, Tier.MEDIUM)
    first = challenge(parcels.product, ledger, "a1")
    challenge(parcels.product, ledger, "a2", status=Status.FAILED)
    assert states(parcels) == ["waits", "rejected"], "who was rejected takes nobody's place"
    challenge(parcels.product, ledger, "a3", status=newer)
    assert states(parcels) == ["void", "rejected", "waits"]
    told = standing(parcels.product, parcels.lake, now=NOW).models[0].why
    assert told == ("model 3 was judged after it, and is what waits for a decision: `readiness review show parcels 3`",)
    decide(parcels.product, parcels.lake, number=1, **APPROVED)
    assert states(parcels) == ["void", "rejected", "waits"], "it came too late"
    challenge(parcels.product, ledger, made=first, severity=Severity.LOW)
    assert states(parcels) == ["waits", "rejected", "void"], "judged again, it is the newest"


@pytest.mark.parametrize(("approve", "state"), [(True, "approved"), (False, "rejected")])
def test_what_was_decided_before_another_was_judged_stays_so(approve: bool, state: str, parcels: Parcels, ledger: Ledger) -> None:
    number = challenge(parcels.product, ledger, "a1").number
    decide(parcels.product, parcels.lake, number=number, approve=approve, by="ann", reason="looked at")
    challenge(parcels.product, ledger, "a2", severity=Severity.CRITICAL)
    assert states(parcels) == [state, "waits"]


def test_a_challenger_is_void_once_another_is_the_champion(parcels: Parcels, ledger: Ledger) -> None:
    challenge(parcels.product, ledger, "a1")
    enthrone(parcels.product, ledger, "a2")
    assert states(parcels) == ["void", "champion"]
    first = standing(parcels.product, parcels.lake, now=NOW).models[0]
    assert first.why == ("it was judged against the baseline, and the champion is model 2 now",)


@pytest.mark.parametrize("leaks", [("amount: known after the label",), ()])
def test_a_training_set_that_leaks_stands_against_its_model(leaks: tuple[str, ...], parcels: Parcels, ledger: Ledger) -> None:
    challenge(parcels.product, ledger, used=replace(training_set(product="parcels"), leaks=leaks))
    assert states(parcels) == (["void"] if leaks else ["policy"])
    assert ("leaks: amount: known" in why(parcels)) == bool(leaks)


def test_a_model_that_was_not_judged_is_told_so(parcels: Parcels, ledger: Ledger) -> None:
    from tests.challenged import model

    ledger.models.record_model(model(product="parcels"))
    assert (states(parcels), why(parcels)) == (["unjudged"], "its retrain has not come to a verdict")
    with pytest.raises(ReadinessError, match="model 1 was trained and not judged"):
        case_of(parcels.product, parcels.lake, 1)
    with pytest.raises(ReadinessError, match="found no model 2, expected one of 1 to 1"):
        case_of(parcels.product, parcels.lake, 2)


def test_aliases_are_the_champion_what_a_roll_back_goes_back_to_and_the_newest_that_could_follow(
    parcels: Parcels, ledger: Ledger
) -> None:
    def aliases() -> dict[str, int]:
        return standing(parcels.product, parcels.lake, now=NOW).aliases

    enthrone(parcels.product, ledger, "a1")
    assert aliases() == {"champion": 1}
    enthrone(parcels.product, ledger, "a2")
    for artifact in ("a3", "a4"):
        challenge(parcels.product, ledger, artifact)
    challenge(parcels.product, ledger, "a5", status=Status.FAILED)
    assert aliases() == {"champion": 2, "previous": 1, "challenger": 4}
    enthrone(parcels.product, ledger, "a1", back=True)
    assert aliases() == {"champion": 1}, "the challengers were judged against the second"
    assert states(parcels) == ["champion", "replaced", "void", "void", "rejected"]


# what was rolled back from, and what was judged before


ASIDE = "only what a person approves after that brings it back"


@pytest.fixture
def back_on_first(parcels: Parcels, ledger: Ledger) -> ModelVersion:
    """The first model is champion again, after the second, which is returned: the policy may promote at this tier."""
    enthrone(parcels.product, ledger, "a1")
    second = enthrone(parcels.product, ledger, "a2")
    enthrone(parcels.product, ledger, "a1", back=True)
    return second


@pytest.mark.parametrize("severity", [Severity.LOW, Severity.HIGH])
def test_who_was_rolled_back_from_is_not_promoted_by_the_policy_again_on_whatever_evidence(
    severity: Severity, back_on_first: ModelVersion, parcels: Parcels, ledger: Ledger
) -> None:
    """The next retrain on the same rows finds the model that it has made before, and the gate says what it said."""
    challenge(parcels.product, ledger, made=back_on_first, severity=severity)
    assert (states(parcels), ASIDE in why(parcels), "it is better" in why(parcels)) == (["champion", "waits"], True, True)
    assert decide_by_policy(parcels.product, parcels.lake, number=2, reason="it passed") is None
    about = case_of(parcels.product, parcels.lake, 2).judgement.evidence
    ledger.models.record_review(review(about, by="policy"))
    assert states(parcels) == ["champion", "waits"], "whatever wrote that"
    decide(parcels.product, parcels.lake, number=2, **APPROVED)
    assert states(parcels) == ["champion", "approved"]


def test_what_a_person_approved_before_the_roll_back_does_not_bring_it_back(
    back_on_first: ModelVersion, parcels: Parcels, ledger: Ledger
) -> None:
    challenge(parcels.product, ledger, made=back_on_first)
    about = case_of(parcels.product, parcels.lake, 2).judgement.evidence
    assert [each.by for each in ledger.models.reviews(about.digest)] == ["ann"], "the evidence that it was promoted on"
    assert states(parcels) == ["champion", "waits"]
    said = decide_by_policy(parcels.product, parcels.lake, number=2, reason="it passed")
    assert said is not None and said.by == "ann"
    assert states(parcels) == ["champion", "waits"]


def test_going_back_over_several_puts_all_of_them_aside(parcels: Parcels, ledger: Ledger) -> None:
    for artifact in ("a1", "a2", "a3"):
        enthrone(parcels.product, ledger, artifact)
    enthrone(parcels.product, ledger, "a1", back=True)
    for number in (2, 3):
        challenge(parcels.product, ledger, made=ledger.models.model("parcels", number), severity=Severity.LOW)
        assert states(parcels)[number - 1] == "waits"


def test_who_is_champion_again_by_a_persons_word_is_a_champion_like_any_other(
    back_on_first: ModelVersion, parcels: Parcels, ledger: Ledger
) -> None:
    challenge(parcels.product, ledger, made=back_on_first)
    enthrone(parcels.product, ledger, "a2", back=False)
    enthrone(parcels.product, ledger, "a3")
    challenge(parcels.product, ledger, made=back_on_first)
    assert states(parcels) == ["replaced", "policy", "champion"]


def test_what_was_judged_before_a_roll_back_is_void_though_its_champion_is_back(parcels: Parcels, ledger: Ledger) -> None:
    enthrone(parcels.product, ledger, "a1")
    third = challenge(parcels.product, ledger, "a3")
    decide(parcels.product, parcels.lake, number=third.number, **APPROVED)
    enthrone(parcels.product, ledger, "a2")
    enthrone(parcels.product, ledger, "a1", back=True)
    assert states(parcels)[1] == "void"
    found = standing(parcels.product, parcels.lake, now=NOW).models[1].why
    assert found == ("it was judged before model 1 became the champion again, so that it must be judged again",)
    challenge(parcels.product, ledger, made=third)
    assert states(parcels)[1] == "approved", "the same verdict is the same evidence, and was approved"


# what a person rejected, and what critical drift has asked for


@pytest.mark.parametrize("judged_again", ["milder", "contract", "expiry"])
def test_a_persons_rejection_stands_however_the_same_model_is_judged_next(
    judged_again: str, parcels: Parcels, ledger: Ledger
) -> None:
    made = challenge(parcels.product, ledger, severity=Severity.MEDIUM)
    decide(parcels.product, parcels.lake, number=1, approve=False, by="bob", reason="too few rows of the north")
    path = parcels.folder / "contract.yaml"
    if judged_again == "contract":
        path.write_text(path.read_text().replace("version: 1.0.0", "version: 1.1.0", 1))
    elif judged_again == "expiry":
        parcels.declare("holdout_days: 3", "holdout_days: 3\n    approvals_expire_days: 5")
    challenge(parcels.product, ledger, made=made, severity=Severity.NONE if judged_again == "milder" else Severity.MEDIUM)
    assert states(parcels) == ["waits"]
    assert "bob rejected it at" in why(parcels) and "(too few rows of the north): only what a person approves" in why(parcels)
    assert decide_by_policy(parcels.product, parcels.lake, number=1, reason="it passed") is None
    about = case_of(parcels.product, parcels.lake, 1).judgement.evidence
    ledger.models.record_review(review(about, by="policy"))
    assert states(parcels) == ["waits"], "whatever wrote that"
    decide(parcels.product, parcels.lake, number=1, **APPROVED)
    assert states(parcels) == ["approved"]


def test_a_rejection_of_one_model_says_nothing_of_another(parcels: Parcels, ledger: Ledger) -> None:
    challenge(parcels.product, ledger, "a1")
    decide(parcels.product, parcels.lake, number=1, approve=False, by="bob", reason="too few rows")
    challenge(parcels.product, ledger, "a2")
    assert decide_by_policy(parcels.product, parcels.lake, number=2, reason="it passed") is not None
    assert states(parcels) == ["rejected", "approved"]


def test_what_critical_drift_has_asked_for_needs_a_person_however_mildly_it_is_judged_next(
    parcels: Parcels, ledger: Ledger
) -> None:
    made = challenge(parcels.product, ledger, severity=Severity.CRITICAL)
    challenge(parcels.product, ledger, made=made, severity=Severity.NONE)
    assert states(parcels) == ["waits"]
    assert decide_by_policy(parcels.product, parcels.lake, number=1, reason="it passed") is None
    ledger.models.record_review(review(case_of(parcels.product, parcels.lake, 1).judgement.evidence, by="policy"))
    assert (states(parcels), "critical drift has asked for it" in why(parcels)) == (["waits"], True)


STEPS = [*Severity, "policy", "reject", "approve"]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(STEPS), max_size=8))
def test_the_policy_never_lets_through_what_a_person_has_rejected_or_critical_drift_asked_for(
    parcels: Parcels, ledger: Ledger, steps: list[Severity | str]
) -> None:
    """Whatever is judged and decided of one model, in whatever order: with a rejection in it, a person had the last word."""
    made = challenge(parcels.product, ledger, uuid.uuid4().hex)
    about: dict[str, Any] = {"product": parcels.product, "lake": parcels.lake, "number": made.number}
    for step in steps:
        if isinstance(step, Severity):
            challenge(parcels.product, ledger, made=made, severity=step)
        elif step == "policy":
            decide_by_policy(**about, reason="it passed")
        else:
            decide(**about, approve=step == "approve", by="ann", reason="looked at")
    stands = standing(parcels.product, parcels.lake, now=datetime.datetime.now(datetime.UTC)).models[-1]
    if stands.state.value == "approved":
        assert stands.case is not None and stands.case.review is not None
        if "reject" in steps or Severity.CRITICAL in steps:
            assert stands.case.review.by == "ann"
        if "reject" in steps:
            assert "approve" in steps[-steps[::-1].index("reject") :]


# what is declared otherwise


OTHERWISE = "declared otherwise now than it was trained for"


@pytest.mark.parametrize(
    ("old", "new", "told", "is_way_back"),
    [
        ("column: returned, by", "column: returned, positive: false, by", OTHERWISE, False),
        ("features: [amount, items, weight, channel, region]", "features: [amount, items]", OTHERWISE, False),
        ("holdout_days: 3", "holdout_days: 3\n    columns: {items: category}", OTHERWISE, False),
        ("groups: [customer]", "groups: [customer, order_id]", "which rows it is trained and tried on is said otherwise", True),
        ("holdout_days: 3", "holdout_days: 4", "which rows it is trained and tried on is said otherwise", True),
        ("column: region, min_rows", "column: channel, min_rows", "which rows it is trained and tried on is said otherwise", True),
    ],
)
def test_a_model_that_was_trained_for_another_question_is_neither_promoted_nor_gone_back_to(
    old: str, new: str, told: str, is_way_back: bool, parcels: Parcels, ledger: Ledger
) -> None:
    """An older one that was only tried otherwise may be gone back to: it was right once, and is what there is."""
    enthrone(parcels.product, ledger, "a1")
    number = challenge(parcels.product, ledger, "a2").number
    decide(parcels.product, parcels.lake, number=number, **APPROVED)
    assert states(parcels) == ["champion", "approved"]
    parcels.declare(old, new)
    assert states(parcels)[-1] == "void" and told in why(parcels)
    case = case_of(parcels.product, parcels.lake, number)
    against = against_going_back(parcels.product, parcels.lake, case)
    assert (against == ()) is is_way_back and (is_way_back or told in against[0])


# what a roll back rests on


def test_a_roll_back_rests_on_what_the_model_served_on_whatever_was_said_of_it_later(parcels: Parcels, ledger: Ledger) -> None:
    first = enthrone(parcels.product, ledger, "a1")
    enthrone(parcels.product, ledger, "a2")
    served_on, rejected = ledger.models.promotions("parcels")[0].evidence, Status.FAILED
    challenge(parcels.product, ledger, made=first, status=rejected)
    assert case_of(parcels.product, parcels.lake, 1).judgement.verdict.status is rejected
    case = served_case(parcels.product, parcels.lake, 1, ledger.models.promotions("parcels"))
    assert case.judgement.evidence.digest == served_on and against_going_back(parcels.product, parcels.lake, case) == ()


@pytest.mark.parametrize("how", ["expired", "rejected"])
def test_where_that_decision_counts_no_more_a_later_one_about_newer_evidence_does(
    how: str, parcels: Parcels, ledger: Ledger
) -> None:
    first = enthrone(parcels.product, ledger, "a1")
    enthrone(parcels.product, ledger, "a2")
    history = ledger.models.promotions("parcels")
    challenge(parcels.product, ledger, made=first)
    newer = case_of(parcels.product, parcels.lake, 1).judgement.evidence
    ledger.models.record_review(review(newer))
    served_on = ledger.models.judgement_under(history[0].evidence)
    assert served_on is not None
    said = review(served_on.evidence, approve=how == "expired", for_=-YEAR if how == "expired" else YEAR)
    ledger.models.record_review(said)
    assert served_case(parcels.product, parcels.lake, 1, history).judgement.evidence == served_on.evidence, "it is the newest word"
    ledger.models.record_review(review(newer))
    assert served_case(parcels.product, parcels.lake, 1, history).judgement.evidence == newer


# what a roll back goes back to


def history(*numbers: int) -> list[Promotion]:
    """Return promotions of these models; a negative number is rolled back to."""
    return [
        Promotion("p", abs(n), 0, "rolled_back" if n < 0 else "promoted", "e", "why", "ann", i + 1) for i, n in enumerate(numbers)
    ]


@pytest.mark.parametrize(
    ("numbers", "before"),
    [((), 0), ((1,), 0), ((1, 2), 1), ((1, 2, 3), 2), ((1, 2, 3, -2), 1), ((1, 2, 3, -2, -1), 0), ((1, 2, -1, 3), 1)]
    + [((1, 2, 3, -1), 0), ((1, 2, -1, -2), 1), ((1, 2, 1), 2)],
)
def test_a_roll_back_goes_back_to_what_stood_before(numbers: tuple[int, ...], before: int) -> None:
    assert earlier(history(*numbers)) == before


@pytest.mark.parametrize(
    ("numbers", "aside"),
    [((1, 2), {}), ((1, 2, -1), {2: 3}), ((1, 2, 3, -1), {2: 4, 3: 4}), ((1, 2, 3, -2, -1), {3: 4, 2: 5})]
    + [((1, 2, -1, 2), {}), ((1, 2, -1, -2), {}), ((1, 2, -1, 3), {2: 3}), ((1, 2, -1, 2, -1), {2: 5})],
)
def test_who_was_rolled_back_from_is_known_until_it_is_champion_again(numbers: tuple[int, ...], aside: dict[int, int]) -> None:
    said = history(*numbers)
    found = {number: back.id for number in (1, 2, 3) if (back := rolled_back_from(said, number)) is not None}
    assert found == aside


@given(st.lists(st.booleans(), max_size=12))
def test_rolling_back_again_and_again_never_brings_back_what_was_rolled_back_from(steps: list[bool]) -> None:
    made: list[int] = []
    left = set[int]()
    for is_back in steps:
        before = earlier(history(*made))
        if is_back and before:
            left.add(abs(made[-1]))
            made.append(-before)
        else:
            made.append(len(made) + 1)
        assert abs(made[-1]) not in left


# decisions


def test_a_decision_is_about_what_was_looked_at(parcels: Parcels, ledger: Ledger) -> None:
    made = challenge(parcels.product, ledger)
    old = case_of(parcels.product, parcels.lake, 1).judgement.evidence.digest
    challenge(parcels.product, ledger, made=made, severity=Severity.HIGH)
    new = case_of(parcels.product, parcels.lake, 1).judgement.evidence.digest
    for evidence in (old, old[:12], new[:5], "nothing"):
        with pytest.raises(ReadinessError, match=f"expected {new[:12]}, which is the newest of model 1"):
            decide(parcels.product, parcels.lake, number=1, evidence=evidence, **APPROVED)
    assert decide(parcels.product, parcels.lake, number=1, evidence=new[:6], **APPROVED).evidence == new


@pytest.mark.parametrize(("days", "counted"), [(None, 30), (1, 1), (30, 30)])
def test_an_approval_counts_as_long_as_is_said_and_at_most_as_declared(
    days: int | None, counted: int, parcels: Parcels, ledger: Ledger
) -> None:
    challenge(parcels.product, ledger)
    said = decide(parcels.product, parcels.lake, number=1, days=days, **APPROVED)
    until = datetime.datetime.fromisoformat(said.expires_at) - datetime.datetime.fromisoformat(said.decided_at)
    assert abs(until - datetime.timedelta(days=counted)) < datetime.timedelta(minutes=5)


@pytest.mark.parametrize("days", [0, 31, -1])
def test_an_approval_for_longer_than_is_declared_is_no_approval(days: int, parcels: Parcels, ledger: Ledger) -> None:
    challenge(parcels.product, ledger)
    with pytest.raises(ReadinessError, match=r"expected 1 to 30 \(approvals_expire_days\)"):
        decide(parcels.product, parcels.lake, number=1, days=days, **APPROVED)


def test_what_the_policy_approved_waits_while_a_critical_event_is_not_decided(parcels: Parcels, ledger: Ledger) -> None:
    challenge(parcels.product, ledger)
    decide_by_policy(parcels.product, parcels.lake, number=1, reason="retrain 1")
    assert states(parcels) == ["approved"]
    parcels.declare("  model:\n", f"{WATCHED}  model:\n")
    put(ledger, measured(product="parcels", monitor="orders", table="silver.orders"), Severity.CRITICAL)
    assert states(parcels) == ["waits"]
    told = "critical drift of orders in 2025-01-08: until it is decided what follows, every promotion needs a person"
    assert why(parcels) == told
    decide(parcels.product, parcels.lake, number=1, **APPROVED)
    assert states(parcels) == ["approved"], "a person knows"
