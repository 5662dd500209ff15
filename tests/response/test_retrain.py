"""A retrain is asked for once, waits for its time, and can be given up."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

import pytest

from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import NOTHING, Retrain, Severity
from readiness_pipelines.ledger import Ledger
from readiness_pipelines.response import carry_out, due, give_up, request
from tests.modelled import ORDERS, Parcels, build_parcels
from tests.response.test_facts import published
from tests.shop import Shop

NOW = datetime.datetime(2025, 1, 20)


@pytest.fixture
def parcels(tmp_path: Path) -> Parcels:
    return build_parcels(tmp_path)


@pytest.fixture
def ledger(parcels: Parcels) -> Ledger:
    return parcels.lake.ledger


def ask(parcels: Parcels, *, by: str = "ann", cut_off: str | None = None, now: datetime.datetime = NOW) -> Retrain:
    return request(parcels.product, parcels.lake, by=by, reason="new returns policy", cut_off=cut_off, now=now)


def asked_by_policy(ledger: Ledger, *, not_before: str = "") -> Retrain:
    wanted = Retrain("parcels", 0, "requested", "2025-01-08", Severity.MEDIUM, ("e1",), "drift", "policy", not_before)
    return ledger.retrains.request(wanted)


# asked for


def test_a_person_asks_for_the_newest_admitted_partition_or_an_earlier_one(parcels: Parcels, ledger: Ledger) -> None:
    published(ledger, ORDERS, 1, 2, 9)
    found = ask(parcels, cut_off="2025-01-02")
    assert (found.id, found.cut_off, found.by, found.reason) == (1, "2025-01-02", "ann", "new returns policy")
    assert (found.severity, found.events, found.not_before) == (Severity.NONE, (), "")
    assert give_up(parcels.product, ledger, 1, why="not meant")
    assert ask(parcels).cut_off == "2025-01-09"


def test_who_asks_while_one_is_in_flight_joins_it(parcels: Parcels, ledger: Ledger) -> None:
    published(ledger, ORDERS, 1, 9)
    asked_by_policy(ledger)
    found = ask(parcels)
    assert (found.id, found.by, found.events, found.cut_off) == (1, "ann", ("e1",), "2025-01-09")


def test_the_weeks_budget_holds_for_what_no_person_asked_for(parcels: Parcels, ledger: Ledger) -> None:
    parcels.declare("risk_tier: low", "risk_tier: low\n    retraining: {per_week: 1}")
    published(ledger, ORDERS, 1)
    asked_by_policy(ledger)
    taken = ledger.retrains.start("parcels", 1, "run-1", is_over=lambda run: True)
    assert taken is not None and give_up(parcels.product, ledger, 1, why="it broke")
    ask(parcels)
    assert ledger.retrains.start("parcels", 2, "run-2", is_over=lambda run: True) is not None
    assert give_up(parcels.product, ledger, 2, why="a person's counts nothing")
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    waits = ask(parcels, by="schedule", cut_off="2025-01-01", now=now)
    begun = datetime.datetime.fromisoformat(taken.requested_at)
    assert datetime.datetime.fromisoformat(waits.not_before) == begun + datetime.timedelta(days=7)
    assert due(parcels.product, ledger, now=now) is None
    assert due(parcels.product, ledger, now=now + datetime.timedelta(days=7)) == waits
    joined = ask(parcels, now=now)
    assert (joined.id, joined.by, joined.not_before) == (waits.id, "ann", "")
    assert due(parcels.product, ledger, now=now) == joined, "a person does not wait for it"


@pytest.mark.parametrize(
    ("by", "reason", "cut_off", "said"),
    [
        ("", "why", None, "expected who decides"),
        ("ann", " ", None, "expected who decides"),
        ("policy", "why", None, "expected a person"),
        ("ann", "why", "2025-02-30", "expected partitions as in 2025-01-01"),
        ("ann", "why", "2024-12-31", "expected a range within 2025-01-01"),
    ],
)
def test_what_says_nothing_or_is_no_partition_is_refused(
    by: str, reason: str, cut_off: str | None, said: str, parcels: Parcels, ledger: Ledger
) -> None:
    published(ledger, ORDERS, 1)
    with pytest.raises(ReadinessError, match=said):
        request(parcels.product, parcels.lake, by=by, reason=reason, cut_off=cut_off, now=NOW)
    assert ledger.retrains.retrains("parcels") == []


def test_nothing_admitted_and_no_model_are_refused(parcels: Parcels, ledger: Ledger, shop: Shop) -> None:
    published(ledger, ORDERS, 1, key=NOTHING)
    with pytest.raises(ReadinessError, match="have no admitted rows, so there is nothing to train on"):
        ask(parcels)
    with pytest.raises(ReadinessError, match="shop has no model"):
        request(shop.product, parcels.lake, by="ann", reason="why", now=NOW)


# due


def test_a_retrain_is_due_when_its_time_has_come(parcels: Parcels, ledger: Ledger) -> None:
    assert due(parcels.product, ledger, now=NOW) is None
    found = asked_by_policy(ledger, not_before="2025-01-20T00:00:00.000+00:00")
    assert due(parcels.product, ledger, now=NOW - datetime.timedelta(seconds=1)) is None
    assert due(parcels.product, ledger, now=NOW) == found
    assert give_up(parcels.product, ledger, 1, why="over")
    assert due(parcels.product, ledger, now=NOW) is None


def test_what_the_policy_asked_for_waits_while_the_loop_is_paused(parcels: Parcels, ledger: Ledger) -> None:
    found = asked_by_policy(ledger)
    ledger.retrains.pause("parcels", by="ann", reason="migration")
    assert due(parcels.product, ledger, now=NOW) is None
    left = carry_out(parcels.product, parcels.lake, retrain=1, run="r", is_over=lambda run: True, now=NOW)
    assert left == found, "and nobody begins it"
    ledger.retrains.resume("parcels", by="ann", reason="done")
    assert due(parcels.product, ledger, now=NOW) == found


def test_what_a_person_asked_for_does_not(parcels: Parcels, ledger: Ledger) -> None:
    published(ledger, ORDERS, 1)
    ledger.retrains.pause("parcels", by="ann", reason="migration")
    found = ask(parcels)
    assert due(parcels.product, ledger, now=NOW) == found


@pytest.mark.parametrize("by", ["policy", "schedule"])
def test_nor_does_what_a_person_has_joined_whoever_asked_first(by: str, parcels: Parcels, ledger: Ledger) -> None:
    published(ledger, ORDERS, 1)
    ledger.retrains.request(Retrain("parcels", 0, "requested", "2025-01-01", Severity.NONE, (), "by itself", by))
    ledger.retrains.pause("parcels", by="ann", reason="migration")
    assert due(parcels.product, ledger, now=NOW) is None
    found = ask(parcels)
    assert (found.id, due(parcels.product, ledger, now=NOW)) == (1, found)


# ended without a model


def test_what_is_given_up_is_broken_and_stands_in_nobodys_way(parcels: Parcels, ledger: Ledger) -> None:
    asked_by_policy(ledger)
    assert give_up(parcels.product, ledger, 1, why="3 runs broke")
    (ended,) = ledger.retrains.retrains("parcels")
    assert (ended.state, ended.outcome, ended.why) == ("ended", "broken", "3 runs broke")
    assert not give_up(parcels.product, ledger, 1, why="again"), "it has ended"
    assert not give_up(parcels.product, ledger, 2, why="never asked for")
    assert ledger.retrains.request(replace(ended, state="requested", outcome="", events=("e2",))).id == 2


def test_the_fifth_run_gives_up_what_four_have_begun_and_not_ended(parcels: Parcels, ledger: Ledger) -> None:
    asked_by_policy(ledger)
    for n in range(4):
        assert ledger.retrains.start("parcels", 1, f"run-{n}", is_over=lambda run: True) is not None
    ended = carry_out(parcels.product, parcels.lake, retrain=1, run="run-4", is_over=lambda run: True, now=NOW)
    assert (ended.outcome, ended.why) == ("broken", "4 runs began it, and none of them ended it")


def test_what_another_run_is_at_is_left_to_it(parcels: Parcels, ledger: Ledger) -> None:
    asked_by_policy(ledger)
    ledger.retrains.start("parcels", 1, "run-1", is_over=lambda run: True)
    left = carry_out(parcels.product, parcels.lake, retrain=1, run="run-2", is_over=lambda run: False, now=NOW)
    assert (left.state, left.run) == ("started", "run-1")


def test_a_retrain_that_nobody_asked_for_is_refused(parcels: Parcels) -> None:
    with pytest.raises(ReadinessError, match="found no retrain 1 of parcels"):
        carry_out(parcels.product, parcels.lake, retrain=1, run="r", is_over=lambda run: True, now=NOW)
