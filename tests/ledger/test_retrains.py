"""Of a product at most one retrain is in flight; who asks joins it; one run has it; it ends once. And the switch that stops the loop."""

from __future__ import annotations

import multiprocessing
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from readiness_pipelines.flow import Retrain, Severity
from readiness_pipelines.ledger import Ledger
from tests.challenged import retrain

SPAWN = multiprocessing.get_context("spawn")
LOW, MEDIUM, HIGH, CRITICAL = Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL


def lives(run: str) -> bool:
    return False


def died(run: str) -> bool:
    return True


def started(ledger: Ledger, *events: str, run: str = "run-1") -> Retrain:
    asked = ledger.retrains.request(retrain(*events))
    found = ledger.retrains.start("shop", asked.id, run, is_over=lives)
    assert found is not None
    return found


# asking


def test_who_asks_first_is_given_a_number_and_what_was_asked_for_is_on_record(ledger: Ledger) -> None:
    asked = ledger.retrains.request(retrain("e1"))
    assert replace(asked, requested_at="") == replace(retrain("e1"), id=1)
    assert asked.requested_at.endswith("+00:00")
    assert ledger.retrains.retrains("shop") == [asked] and ledger.retrains.in_flight("shop") == asked
    assert ledger.retrains.retrain("shop", 1) == asked and ledger.retrains.retrain("shop", 2) is None
    assert ledger.retrains.in_flight("store") is None


def test_who_asks_while_one_waits_joins_it_with_all_that_is_worse(ledger: Ledger) -> None:
    ledger.retrains.request(retrain("e1"))
    worse = replace(retrain("e2", severity=HIGH, cut_off="2025-01-10"), not_before="", by="bob", reason="worse")
    joined = ledger.retrains.request(worse)
    assert (joined.id, joined.events, joined.severity, joined.cut_off, joined.not_before) == (
        1,
        ("e1", "e2"),
        HIGH,
        "2025-01-10",
        "",
    )
    assert (joined.by, joined.reason) == ("bob", "worse"), "a person rather than the policy"
    milder = ledger.retrains.request(retrain("e3", severity=LOW, cut_off="2025-01-02"))
    assert (milder.events, milder.severity, milder.cut_off, milder.not_before) == (("e1", "e2", "e3"), HIGH, "2025-01-10", "")
    assert ledger.retrains.retrains("shop") == [milder]


def test_what_was_started_is_joined_but_looks_at_nothing_newer(ledger: Ledger) -> None:
    mine = started(ledger, "e1")
    joined = ledger.retrains.request(retrain("e2", severity=CRITICAL, cut_off="2025-01-10"))
    assert joined == replace(mine, events=("e1", "e2"), severity=CRITICAL)
    assert ledger.retrains.retrains("shop") == [joined]


def test_the_same_events_ask_for_no_second_retrain_even_when_the_first_has_ended(ledger: Ledger) -> None:
    """A run that died between asking and recording that it has asked, asks again."""
    mine = started(ledger, "e1", "e2")
    assert ledger.retrains.request(retrain("e2")) == mine
    assert ledger.retrains.end(replace(mine, outcome="promoted", number=3))
    ended = ledger.retrains.request(retrain("e1"))
    assert (ended.id, ended.state, ended.outcome, ended.number) == (1, "ended", "promoted", 3)
    other = ledger.retrains.request(retrain("e1", "e3"))
    assert (other.id, other.state, other.events) == (2, "requested", ("e1", "e3"))


def test_a_person_who_asks_joins_too_and_twice_adds_nothing(ledger: Ledger) -> None:
    ledger.retrains.request(retrain("e1"))
    by_hand = replace(retrain(cut_off="2025-01-09"), by="ann", reason="new labels")
    first, rows = ledger.retrains.request(by_hand), _steps(ledger)
    assert ledger.retrains.request(by_hand) == first
    assert (first.events, first.cut_off) == (("e1",), "2025-01-09")
    assert _steps(ledger) == rows == ["requested by policy: it drifted", "joined by ann: new labels"]
    mine = ledger.retrains.start("shop", 1, "run-1", is_over=lives)
    assert mine is not None and ledger.retrains.end(mine)
    assert ledger.retrains.request(by_hand).id == 2, "who asks without events asks anew"


def _steps(ledger: Ledger) -> list[str]:
    from readiness_pipelines.ledger.retrains import _retrain
    from readiness_pipelines.ledger.schema import retrains

    with ledger._database.engine.connect() as connection:
        rows = connection.execute(retrains.select().order_by(retrains.c.id)).all()
    return [f"{row.state} by {_retrain(row.said).by}: {_retrain(row.said).reason}" for row in rows]


def test_what_the_policy_or_the_schedule_asked_for_is_a_persons_once_one_joins_and_stays_so(ledger: Ledger) -> None:
    for product, by in (("shop", "policy"), ("store", "schedule")):
        ledger.retrains.request(replace(retrain("e1", product=product), by=by))
        if by == "schedule":
            assert ledger.retrains.start(product, 1, "run-1", is_over=lives) is not None, "started or not"
        for who in ("policy", "schedule", "ann", "bob", "policy"):
            events = ("e2",) if who == "policy" else ()
            ledger.retrains.request(replace(retrain(*events, product=product), by=who, reason=f"asked by {who}"))
        found = ledger.retrains.in_flight(product)
        assert found is not None
        assert (found.by, found.reason, found.is_by_itself) == ("ann", "asked by ann", False), "the first person"
    taken = ledger.retrains.start("store", 1, "run-1", is_over=lives)
    assert taken is not None and taken.by == "ann"


def test_products_have_retrains_of_their_own(ledger: Ledger) -> None:
    assert [ledger.retrains.request(retrain("e1", product=name)).id for name in ("shop", "store")] == [1, 1]
    assert len(ledger.retrains.retrains("shop")) == 1


# starting and ending


def test_a_retrain_is_one_runs_until_it_has_ended_or_died(ledger: Ledger) -> None:
    mine = started(ledger, "e1")
    assert (mine.state, mine.run, mine.attempt) == ("started", "run-1", 1)
    assert ledger.retrains.start("shop", 1, "run-1", is_over=died) == mine, "again by the same run"
    assert ledger.retrains.start("shop", 1, "run-2", is_over=lives) is None
    taken = ledger.retrains.start("shop", 1, "run-2", is_over=lambda run: run == "run-1")
    assert taken == replace(mine, run="run-2", attempt=2)
    assert not ledger.retrains.end(replace(mine, outcome="broken")), "the dead end nothing"
    assert ledger.retrains.end(replace(taken, outcome="waits", number=1))
    assert ledger.retrains.start("shop", 1, "run-3", is_over=died) is None
    assert not ledger.retrains.end(replace(taken, outcome="rejected")), "it ends once"
    assert ledger.retrains.start("shop", 9, "run-3", is_over=died) is None
    assert not ledger.retrains.end(replace(taken, id=9))


def test_who_takes_over_while_another_does_finds_it_taken(ledger: Ledger) -> None:
    started(ledger, "e1", run="dead")

    def is_over(run: str) -> bool:
        if run == "dead":
            assert ledger.retrains.start("shop", 1, "run-2", is_over=died) is not None
        return True

    assert ledger.retrains.start("shop", 1, "run-3", is_over=is_over) is None
    found = ledger.retrains.in_flight("shop")
    assert found is not None and found.run == "run-2"


def test_what_joined_while_it_ran_is_in_how_it_ended(ledger: Ledger) -> None:
    mine = started(ledger, "e1")
    ledger.retrains.request(retrain("e2", severity=CRITICAL))
    assert ledger.retrains.end(replace(mine, outcome="waits", why="a person must approve it"))
    ended = ledger.retrains.retrain("shop", 1)
    assert ended is not None
    assert (ended.events, ended.severity, ended.state, ended.why) == (("e1", "e2"), CRITICAL, "ended", "a person must approve it")
    assert ledger.retrains.in_flight("shop") is None


def test_after_one_has_ended_the_next_is_asked_for_anew(ledger: Ledger) -> None:
    assert ledger.retrains.end(replace(started(ledger, "e1"), outcome="rejected"))
    asked = ledger.retrains.request(retrain("e2"))
    assert (asked.id, asked.events, asked.attempt, asked.run, asked.outcome) == (2, ("e2",), 0, "", "")
    assert [each.id for each in ledger.retrains.retrains("shop")] == [1, 2]


# pausing


def test_a_product_is_paused_until_it_is_resumed(ledger: Ledger) -> None:
    assert ledger.retrains.paused("shop") is None
    ledger.retrains.pause("shop", by="ann", reason="labels are wrong")
    found = ledger.retrains.paused("shop")
    assert found is not None and (found.by, found.reason) == ("ann", "labels are wrong") and found.at.endswith("+00:00")
    assert ledger.retrains.paused("store") is None
    ledger.retrains.resume("shop", by="bob", reason="labels are right")
    assert ledger.retrains.paused("shop") is None


# whatever happens in whatever order

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.sets(st.sampled_from(["e1", "e2", "e3", "e4"]), max_size=2), st.sampled_from(list(Severity))),
        st.tuples(st.just("start"), st.sampled_from(["run-1", "run-2"]), st.booleans()),
        st.tuples(st.just("end"), st.sampled_from(["run-1", "run-2"]), st.none()),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_happens_at_most_one_is_in_flight_no_event_is_lost_and_no_severity_falls(
    steps: list[tuple[Any, ...]], file: Path
) -> None:
    ledger, product, asked = Ledger(file), uuid.uuid4().hex, set[str]()
    for what, who, more in steps:
        in_flight = ledger.retrains.in_flight(product)
        if what == "ask":
            found = ledger.retrains.request(retrain(*sorted(who), product=product, severity=more))
            assert set(who) <= set(found.events)
            if not set(who) <= asked:
                assert found.severity.is_at_least(more) and found.state != "ended"
            asked |= set(who)
        elif what == "start" and in_flight is not None:
            taken = ledger.retrains.start(product, in_flight.id, who, is_over=died if more else lives)
            assert (taken is not None) == (in_flight.state == "requested" or in_flight.run == who or more)
        elif what == "end" and in_flight is not None and in_flight.state == "started":
            assert ledger.retrains.end(replace(in_flight, run=who)) == (in_flight.run == who)
        standing = ledger.retrains.retrains(product)
        assert [each.id for each in standing] == list(range(1, len(standing) + 1))
        assert all(each.state == "ended" for each in standing[:-1])
        assert asked == {event for each in standing for event in each.events}


def _ask(place: Path | str, event: str, barrier: Any, told: Any) -> None:
    ledger = Ledger(place)
    barrier.wait(60)
    told.put(ledger.retrains.request(retrain(event)).id)


def test_of_four_events_at_once_comes_one_retrain(place: Path | str, ledger: Ledger) -> None:
    barrier, told = SPAWN.Barrier(4), SPAWN.Queue()
    children = [SPAWN.Process(target=_ask, args=(place, f"e{n}", barrier, told)) for n in range(4)]
    for child in children:
        child.start()
    assert [told.get(timeout=60) for _ in children] == [1, 1, 1, 1]
    for child in children:
        child.join(60)
    (found,) = ledger.retrains.retrains("shop")
    assert sorted(found.events) == ["e0", "e1", "e2", "e3"]


def _start(place: Path | str, run: str, barrier: Any, told: Any) -> None:
    ledger = Ledger(place)
    barrier.wait(60)
    told.put(ledger.retrains.start("shop", 1, run, is_over=_is_dead) is not None)


def _is_dead(run: str) -> bool:
    return run == "dead"


@pytest.mark.parametrize("was_started", [False, True])
def test_of_four_runs_at_once_one_has_it(was_started: bool, place: Path | str, ledger: Ledger) -> None:
    if was_started:
        started(ledger, "e1", run="dead")
    else:
        ledger.retrains.request(retrain("e1"))
    barrier, told = SPAWN.Barrier(4), SPAWN.Queue()
    children = [SPAWN.Process(target=_start, args=(place, f"run-{n}", barrier, told)) for n in range(4)]
    for child in children:
        child.start()
    assert sorted(told.get(timeout=60) for _ in children) == [False, False, False, True]
    for child in children:
        child.join(60)
