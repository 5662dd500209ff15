"""The policy is a table: facts on the left, one action on the right, and a reason that says why it is this one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from readiness_pipelines.declarations.model import Retraining
from readiness_pipelines.flow import DriftReport, Finding, Kind, Mode, Severity, Test
from readiness_pipelines.response import TOLD_FROM, Action, Comparison, Facts, respond
from readiness_pipelines.response.policy import fingerprint, performance_loss
from tests.drifted import judged, measured

NONE, LOW, MEDIUM, HIGH, CRITICAL = Severity
OBSERVE, RETRAIN, REVIEW, FREEZE, ROLL_BACK = Action
WORDS = Retraining()
HELD = "shop.silver.orders/2025-01-07 is held: amount_in_range"
BETTER = Comparison(2, True, "model 2 is better by 0.11")


def facts(severity: Severity = MEDIUM, *, words: Retraining | None = WORDS, mode: Mode = Mode.DECIDED, **more: object) -> Facts:
    given = {"cut_off": "2025-01-08"} | more
    return Facts(judged(measured(), severity, mode=mode), words, **given)  # type: ignore[arg-type]


def lost(effect: float, *, severity: Severity = CRITICAL, mode: Mode = Mode.DECIDED, group: str = "") -> DriftReport:
    found = Finding("score", Kind.CONCEPT, Test.PERFORMANCE, severity, mode, effect, 1e-9, 0.1, group=group)
    return replace(judged(measured(), severity), findings=(found,), columns=("score",))


# a product without a model


@pytest.mark.parametrize(
    ("severity", "said"),
    [
        (NONE, "no drift any more"),
        (LOW, "nobody is told"),
        (MEDIUM, "the owner is told"),
        (HIGH, "the owner is told"),
        (CRITICAL, "the owner is told"),
    ],
)
def test_without_a_model_every_severity_is_observed_and_says_whether_somebody_is_told(severity: Severity, said: str) -> None:
    response = respond(Facts(judged(measured(), severity)))
    assert (response.action, response.asks) == (OBSERVE, False)
    assert said in response.why
    assert ("the owner is told" in response.why) == severity.is_at_least(TOLD_FROM)


def test_without_a_model_the_response_depends_on_nothing_but_the_severity() -> None:
    report = judged(measured(), HIGH)
    others = [replace(report, mode=Mode.UNDECIDED), replace(report, columns=()), judged(measured("2025-02-01"), HIGH)]
    assert {respond(Facts(each)) for each in [report, *others]} == {respond(Facts(report))}


# the table

PAST = {"looked_to": "2025-01-05", "looked_by": 3, "days_since": 3}  # within the cooldown of 7 days
LONG_PAST = {"looked_to": "2025-01-01", "looked_by": 3, "days_since": 7}
SAME = {"looked_to": "2025-01-08", "looked_by": 3, "days_since": 0}
BEHIND = {"champion": 2, "learned_to": "2025-01-08", "cut_off": "2025-01-20"}  # the window's last day
BUDGET = {"waits_until": "2025-01-12T08:00:00.000+00:00"}
OLDER = "it looks at data up to 2025-01-07, older than the window"
TABLE = [
    # severity, mode, the rest, action, is a retrain asked for, why
    (NONE, Mode.DECIDED, {}, OBSERVE, False, "no drift any more"),
    (LOW, Mode.DECIDED, {}, OBSERVE, False, "a challenger is trained from medium on"),
    (MEDIUM, Mode.DECIDED, {}, RETRAIN, True, "retrain up to 2025-01-08"),
    (HIGH, Mode.DECIDED, {}, RETRAIN, True, "urgent retrain up to 2025-01-08"),
    (CRITICAL, Mode.DECIDED, {}, REVIEW, True, "every promotion needs a person now; urgent retrain up to 2025-01-08"),
    # what is held or undecided is nothing to act upon
    (MEDIUM, Mode.UNDECIDED, {}, OBSERVE, False, "could not be decided"),
    (CRITICAL, Mode.UNDECIDED, {"previous": BETTER}, OBSERVE, False, "could not be decided"),
    (MEDIUM, Mode.DECIDED, {"gates": (HELD,)}, FREEZE, False, f"nothing is begun: {HELD}"),
    (CRITICAL, Mode.DECIDED, {"gates": (HELD,), "previous": BETTER}, FREEZE, False, HELD),
    (LOW, Mode.DECIDED, {"gates": (HELD,)}, OBSERVE, False, "from medium on"),
    (MEDIUM, Mode.DECIDED, {"gates": tuple(f"gate {n}" for n in range(5))}, FREEZE, False, "gate 0; gate 1; gate 2, and 2 more"),
    # a window that the champion has looked at says nothing about it, whatever it is compared with by now
    (
        HIGH,
        Mode.DECIDED,
        BEHIND,
        OBSERVE,
        False,
        "model 2, the champion, has looked at data up to 2025-01-08: the window is behind it",
    ),
    (CRITICAL, Mode.DECIDED, {"previous": BETTER, "gates": (HELD,), **BEHIND}, OBSERVE, False, "the window is behind it"),
    (HIGH, Mode.DECIDED, BEHIND | {"learned_to": "2025-01-07"}, RETRAIN, True, "urgent retrain up to 2025-01-20"),
    (HIGH, Mode.DECIDED, BEHIND | {"asked": 6}, RETRAIN, True, "retrain 6 was asked for"),
    (CRITICAL, Mode.DECIDED, BEHIND | {"returned_to": 2}, ROLL_BACK, True, "model 2 is champion again"),
    # cooldown, in days of data
    (MEDIUM, Mode.DECIDED, PAST, OBSERVE, False, "3 days before 2025-01-08: the cooldown is 7 days of data"),
    (MEDIUM, Mode.DECIDED, LONG_PAST, RETRAIN, True, "retrain up to 2025-01-08"),
    (HIGH, Mode.DECIDED, PAST, RETRAIN, True, "urgent retrain"),
    (CRITICAL, Mode.DECIDED, PAST, REVIEW, True, "urgent retrain"),
    # nothing is trained twice on the same data
    (HIGH, Mode.DECIDED, SAME, OBSERVE, False, "nothing to learn: retrain 3 has looked at all data up to 2025-01-08"),
    (CRITICAL, Mode.DECIDED, SAME, REVIEW, False, "every promotion needs a person now; nothing to learn"),
    # at most one in flight: others join it, whatever else is so
    (MEDIUM, Mode.DECIDED, {"in_flight": 4, **PAST}, RETRAIN, True, "it joins retrain 4"),
    (CRITICAL, Mode.DECIDED, {"in_flight": 4, **SAME}, REVIEW, True, "it joins retrain 4"),
    # one that has begun looks at nothing newer
    (MEDIUM, Mode.DECIDED, {"in_flight": 4, "looks_to": "2025-01-07"}, RETRAIN, True, f"in flight; {OLDER}"),
    (CRITICAL, Mode.DECIDED, {"in_flight": 4, "looks_to": "2025-01-07"}, REVIEW, True, f"in flight; {OLDER}"),
    (HIGH, Mode.DECIDED, {"asked": 6, "looks_to": "2025-01-07"}, RETRAIN, True, f"retrain 6 was asked for; {OLDER}"),
    # the week's budget: asked for, and it waits
    (MEDIUM, Mode.DECIDED, BUDGET, RETRAIN, True, "it waits until 2025-01-12T08:00 UTC: 5 were begun within a week"),
    (CRITICAL, Mode.DECIDED, BUDGET, REVIEW, True, "it waits until 2025-01-12T08:00 UTC"),
    # paused: decided and asked for, and nothing is begun
    (MEDIUM, Mode.DECIDED, {"paused_by": "ann"}, RETRAIN, True, "the loop is paused by ann, so it waits"),
    (CRITICAL, Mode.DECIDED, {"paused_by": "ann", "previous": BETTER}, REVIEW, True, "nothing is rolled back either"),
    # roll back
    (CRITICAL, Mode.DECIDED, {"previous": BETTER}, ROLL_BACK, True, "back to model 2: model 2 is better by 0.11"),
    (CRITICAL, Mode.DECIDED, {"previous": BETTER, **SAME}, ROLL_BACK, False, "back to model 2"),
    (
        CRITICAL,
        Mode.DECIDED,
        {"previous": Comparison(2, False, "it is no better")},
        REVIEW,
        True,
        "not rolled back: it is no better",
    ),
    (CRITICAL, Mode.DECIDED, {"previous": Comparison(2, None, "12 rows only")}, REVIEW, True, "not rolled back: 12 rows only"),
    (HIGH, Mode.DECIDED, {"previous": BETTER}, RETRAIN, True, "urgent retrain"),
    # what this event has led to already, by a run that died: the same again, whatever has changed since
    (MEDIUM, Mode.DECIDED, {"asked": 6, **SAME}, RETRAIN, True, "retrain 6 was asked for"),
    (CRITICAL, Mode.DECIDED, {"asked": 6, "returned_to": 2, **SAME}, ROLL_BACK, True, "model 2 is champion again"),
]


@pytest.mark.parametrize(("severity", "mode", "more", "action", "asks", "why"), TABLE)
def test_each_line_of_the_table(
    severity: Severity, mode: Mode, more: dict[str, object], action: Action, asks: bool, why: str
) -> None:
    response = respond(facts(severity, mode=mode, **more))
    assert (response.action, response.asks) == (action, asks)
    assert why in response.why
    assert response.to == (2 if action is ROLL_BACK else 0)


@pytest.mark.parametrize(
    ("words", "severity", "more", "action"),
    [
        ({"from": LOW}, LOW, {}, RETRAIN),
        ({"from": LOW}, LOW, PAST, OBSERVE),
        ({"from": HIGH}, MEDIUM, {}, OBSERVE),
        ({"from": HIGH}, HIGH, {}, RETRAIN),
        ({"from": CRITICAL}, HIGH, {}, OBSERVE),
        ({"cooldown_days": 3}, MEDIUM, PAST, RETRAIN),
        ({"cooldown_days": 4}, MEDIUM, PAST, OBSERVE),
        ({"cooldown_days": 0}, MEDIUM, SAME, OBSERVE),
    ],
)
def test_what_is_declared_decides(words: dict[str, object], severity: Severity, more: dict[str, object], action: Action) -> None:
    assert respond(facts(severity, words=Retraining.model_validate(words), **more)).action is action


@pytest.mark.parametrize("looks_to", ["", "2025-01-08", "2025-01-09"])
def test_a_retrain_that_looks_at_the_whole_window_is_not_told_to_be_older(looks_to: str) -> None:
    assert "older" not in respond(facts(in_flight=4, looks_to=looks_to)).why


def test_every_action_has_a_reason_and_only_a_roll_back_names_a_model() -> None:
    found = [respond(facts(severity, mode=mode, **more)) for severity, mode, more, *_ in TABLE]
    assert {each.action for each in found} == set(Action)
    assert all(each.why for each in found)


def test_the_fingerprint_is_of_what_is_declared() -> None:
    prints = {fingerprint(None), fingerprint(WORDS), fingerprint(Retraining(cooldown_days=8)), fingerprint(Retraining(per_week=1))}
    assert len(prints) == 4
    assert fingerprint(WORDS) == fingerprint(Retraining())


def test_the_loss_is_of_all_rows_and_only_where_it_was_decided() -> None:
    assert performance_loss(lost(0.18)) == 0.18
    assert performance_loss(lost(0.18, group="race=Asian")) == 0.0
    assert performance_loss(lost(0.18, mode=Mode.UNDECIDED)) == 0.0
    assert performance_loss(judged(measured(), CRITICAL)) == 0.0
