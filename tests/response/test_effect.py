"""An event takes effect exactly once: tried twice, by many at once, superseded meanwhile, or killed in the middle."""

from __future__ import annotations

import datetime
import multiprocessing
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from readiness_pipelines.declarations import load_product
from readiness_pipelines.flow import Measured, ResponseDecision, Retrain, Severity, Window
from readiness_pipelines.lakehouse import Lakehouse, steps
from readiness_pipelines.ledger import Ledger
from readiness_pipelines.response import Effect, take_effect
from readiness_pipelines.response.policy import fingerprint
from tests.drifted import judged, measured, put
from tests.modelled import WATCHED, Parcels, build_parcels
from tests.shop import Shop

SPAWN = multiprocessing.get_context("forkserver")
SPAWN.set_forkserver_preload(["readiness_pipelines.response", "tests.shop", "tests.modelled"])
NOW = datetime.datetime(2025, 1, 9)
NONE, LOW, MEDIUM, HIGH, CRITICAL = Severity


def lives(run: str) -> bool:
    return False


def died(run: str) -> bool:
    return True


@pytest.fixture
def lake(shop: Shop) -> Lakehouse:
    return Lakehouse.open(shop.settings)


@pytest.fixture
def ledger(lake: Lakehouse) -> Ledger:
    return lake.ledger


@pytest.fixture
def parcels(tmp_path: Path) -> Parcels:
    return build_parcels(tmp_path / "modelled", watched=WATCHED)


def decisions(ledger: Ledger, product: str = "shop") -> list[ResponseDecision]:
    return [said for _, said in ledger.drift.decisions(product)]


def of_parcels(last: str = "2025-01-08", versions: tuple[str, ...] = ("v1",)) -> Measured:
    return measured(last, versions=versions, product="parcels", monitor="orders", table="silver.orders")


def test_an_event_is_decided_as_its_report_says_and_the_decision_is_kept(shop: Shop, lake: Lakehouse, ledger: Ledger) -> None:
    event = put(ledger, measured("2025-01-08", first="2025-01-02", columns=("amount", "customer")), MEDIUM)
    effect = take_effect(shop.product, lake, event, "run-1", is_over=lives, now=NOW)
    (said,) = decisions(ledger)
    assert effect == Effect("decided", event, "run-1", said)
    assert said == ResponseDecision(
        event=event,
        product="shop",
        monitor="paid_orders",
        window=Window("2025-01-02", "2025-01-08"),
        severity=MEDIUM,
        columns=("amount", "customer"),
        action="observe",
        why="recorded, and the owner is told while the newest window is at medium or above",
        policy=fingerprint(None),
        decided_by="run-1",
    )
    assert str(effect) == (
        f"event {event[:12]}: observe for medium drift of paid_orders in 2025-01-02...2025-01-08: "
        "recorded, and the owner is told while the newest window is at medium or above"
    )


@pytest.mark.parametrize("again", ["run-1", "run-2"])
def test_who_comes_second_names_the_first_and_records_nothing(again: str, shop: Shop, lake: Lakehouse, ledger: Ledger) -> None:
    event = put(ledger, measured(), MEDIUM)
    first = take_effect(shop.product, lake, event, "run-1", is_over=lives, now=NOW)
    second = take_effect(shop.product, lake, event, again, is_over=died, now=NOW)
    assert second == Effect("decided_before", event, "run-1", first.decision)
    assert f"event {event[:12]} was decided by run run-1: observe for medium drift" in str(second)
    assert len(decisions(ledger)) == 1


def test_who_finds_a_living_run_at_it_leaves_it_alone(shop: Shop, lake: Lakehouse, ledger: Ledger) -> None:
    event = put(ledger, measured())
    ledger.drift.claim(event, "run-1", is_over=lives)
    effect = take_effect(shop.product, lake, event, "run-2", is_over=lives, now=NOW)
    assert effect == Effect("taken", event, "run-1")
    assert "is being worked on by run run-1" in str(effect)
    assert decisions(ledger) == []


def test_a_superseded_event_names_the_newer_one(shop: Shop, lake: Lakehouse, ledger: Ledger) -> None:
    old = put(ledger, measured())
    new = put(ledger, measured(versions=("v2",)))
    effect = take_effect(shop.product, lake, old, "run-1", is_over=lives, now=NOW)
    assert effect == Effect("superseded", old, new)
    assert str(effect) == f"event {old[:12]} is superseded: its window was measured again, as event {new[:12]}"
    assert take_effect(shop.product, lake, new, "run-2", is_over=lives, now=NOW).state == "decided"


def test_what_is_no_drift_or_was_never_measured_is_not_claimed(shop: Shop, lake: Lakehouse, ledger: Ledger) -> None:
    none, foreign = put(ledger, measured(), Severity.NONE), put(ledger, measured(product="store"), HIGH)
    unjudged = measured("2025-01-09")
    ledger.drift.record(unjudged)
    found = [
        take_effect(shop.product, lake, event, "run-1", is_over=died, now=NOW) for event in (none, foreign, unjudged.event, "e0")
    ]
    assert [effect.state for effect in found] == ["no_alarm", "unknown", "unknown", "unknown"]
    assert "not judged to be drift" in str(found[0])
    assert str(found[3]) == "found no event 'e0', expected one that was measured: `readiness drift show` names them"
    assert ledger.drift.claim(none, "run-2", is_over=lives).state == "mine", "nobody had claimed it"


def test_a_decision_says_how_the_event_is_judged_when_it_is_taken(
    shop: Shop, lake: Lakehouse, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = put(ledger, measured(), MEDIUM)

    def judge_again(name: str) -> None:
        if name == "event_claimed":
            ledger.drift.judge(judged(measured(), HIGH, rule="stricter"))

    monkeypatch.setattr(steps, "on_reached", judge_again)
    effect = take_effect(shop.product, lake, event, "run-1", is_over=lives, now=NOW)
    assert effect.decision is not None and effect.decision.severity is HIGH


def test_who_was_thought_dead_and_lost_its_claim_ends_naming_who_decided(
    shop: Shop, lake: Lakehouse, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = put(ledger, measured())

    def take_over(name: str) -> None:
        monkeypatch.setattr(steps, "on_reached", None)
        take_effect(shop.product, lake, event, "run-2", is_over=died, now=NOW)

    monkeypatch.setattr(steps, "on_reached", take_over)
    assert take_effect(shop.product, lake, event, "run-1", is_over=lives, now=NOW).by == "run-2"
    assert [said.decided_by for said in decisions(ledger)] == ["run-2"]


def test_late_data_between_claim_and_decision_does_not_undo_the_claim(
    shop: Shop, lake: Lakehouse, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = put(ledger, measured(), MEDIUM)
    monkeypatch.setattr(steps, "on_reached", lambda name: put(ledger, measured(versions=("v2",)), MEDIUM))
    assert take_effect(shop.product, lake, event, "run-1", is_over=lives, now=NOW).state == "decided"
    assert ledger.drift.waiting("shop") == []


# a product with a model


def test_medium_drift_asks_for_a_retrain_which_the_decision_names(parcels: Parcels) -> None:
    ledger = parcels.lake.ledger
    event = put(ledger, of_parcels(), MEDIUM)
    effect = take_effect(parcels.product, parcels.lake, event, "run-1", is_over=lives, now=NOW)
    assert effect.decision is not None and (effect.decision.action, effect.decision.retrain) == ("retrain", 1)
    (asked,) = ledger.retrains.retrains("parcels")
    assert asked.requested_at
    assert replace(asked, requested_at="") == Retrain(
        product="parcels",
        id=1,
        state="requested",
        cut_off="2025-01-08",
        severity=MEDIUM,
        events=(event,),
        reason="medium drift of orders in 2025-01-08",
        by="policy",
    )
    assert ResponseDecision.from_json(effect.decision.to_json()) == effect.decision


def test_what_comes_while_one_is_in_flight_joins_it_and_makes_it_urgent(parcels: Parcels) -> None:
    ledger = parcels.lake.ledger
    events = [put(ledger, of_parcels(f"2025-01-{day:02}"), severity) for day, severity in ((6, MEDIUM), (7, CRITICAL), (8, LOW))]
    for event in events:
        take_effect(parcels.product, parcels.lake, event, "run-1", is_over=lives, now=NOW)
    (asked,) = ledger.retrains.retrains("parcels")
    assert (asked.events, asked.severity, asked.cut_off) == (tuple(events[:2]), CRITICAL, "2025-01-07")
    assert [(said.action, said.retrain) for said in decisions(ledger, "parcels")] == [("retrain", 1), ("review", 1), ("observe", 0)]


@pytest.mark.parametrize("has_begun", [True, False])
def test_what_joins_a_retrain_that_has_begun_says_that_it_looks_at_older_data(has_begun: bool, parcels: Parcels) -> None:
    ledger = parcels.lake.ledger
    first, second = (put(ledger, of_parcels(f"2025-01-{day:02}"), MEDIUM) for day in (6, 8))
    take_effect(parcels.product, parcels.lake, first, "run-1", is_over=lives, now=NOW)
    if has_begun:
        assert ledger.retrains.start("parcels", 1, "run-of-it", is_over=lives) is not None
    effect = take_effect(parcels.product, parcels.lake, second, "run-1", is_over=lives, now=NOW)
    assert effect.decision is not None and effect.decision.retrain == 1
    older = "it looks at data up to 2025-01-06, older than the window"
    assert effect.decision.why == f"it joins retrain 1, which is in flight{f'; {older}' if has_begun else ''}"


def test_a_paused_loop_decides_and_asks_and_begins_nothing(parcels: Parcels) -> None:
    ledger = parcels.lake.ledger
    ledger.retrains.pause("parcels", by="ann", reason="migration")
    effect = take_effect(parcels.product, parcels.lake, put(ledger, of_parcels(), HIGH), "run-1", is_over=lives, now=NOW)
    assert effect.decision is not None and "paused by ann" in effect.decision.why
    assert [each.state for each in ledger.retrains.retrains("parcels")] == ["requested"]


def test_what_was_frozen_takes_effect_once_the_gate_upstream_has_admitted_it(parcels: Parcels) -> None:
    ledger = parcels.lake.ledger
    frozen = put(ledger, replace(of_parcels(), absent=("2025-01-07",)), MEDIUM)
    effect = take_effect(parcels.product, parcels.lake, frozen, "run-1", is_over=lives, now=NOW)
    assert effect.decision is not None and (effect.decision.action, effect.decision.retrain) == ("freeze", 0)
    assert "2025-01-07 bronze raw_orders is missing" in effect.decision.why
    again = put(ledger, of_parcels(versions=("v1", "v2")), MEDIUM)
    assert [each.event for each in ledger.drift.waiting("parcels")] == [again], "though it is no worse than before"
    effect = take_effect(parcels.product, parcels.lake, again, "run-2", is_over=lives, now=NOW)
    assert effect.decision is not None and (effect.decision.action, effect.decision.retrain) == ("retrain", 1)


def test_a_retrain_that_was_asked_for_is_named_though_its_event_asks_for_none_any_more(
    parcels: Parcels, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = parcels.lake.ledger
    event = put(ledger, of_parcels(), MEDIUM)

    def die(name: str) -> None:
        if name == "retrain_requested":
            raise KeyboardInterrupt

    monkeypatch.setattr(steps, "on_reached", die)
    with pytest.raises(KeyboardInterrupt):
        take_effect(parcels.product, parcels.lake, event, "run-1", is_over=lives, now=NOW)
    monkeypatch.setattr(steps, "on_reached", None)
    ledger.drift.judge(judged(of_parcels(), LOW, rule="milder"))
    effect = take_effect(parcels.product, parcels.lake, event, "run-2", is_over=died, now=NOW)
    assert effect.decision is not None and (effect.decision.action, effect.decision.retrain) == ("observe", 1)


# processes


def _run(root: Path, event: str, run: str, stop_at: str | None, others_died: bool) -> None:
    def kill(name: str) -> None:
        if name == stop_at:
            os.kill(os.getpid(), signal.SIGKILL)

    steps.on_reached = kill
    place = Shop(root) if (root / "defs" / "shop").exists() else Parcels(root)
    lake, product = Lakehouse.open(place.settings), load_product(place.folder)
    take_effect(product, lake, event, run, is_over=died if others_died else lives, now=NOW)


def child(root: Path, event: str, run: str, stop_at: str | None = None, *, others_died: bool = False) -> multiprocessing.Process:
    process = SPAWN.Process(target=_run, args=(root, event, run, stop_at, others_died))
    process.start()
    return process  # type: ignore[return-value]


def ended(process: multiprocessing.Process) -> int | None:
    process.join(120)
    return process.exitcode


@pytest.mark.slow
@pytest.mark.parametrize("again", ["run-1", "run-2"])
@pytest.mark.parametrize("stop_at", ["event_claimed", "event_decided"])
def test_a_run_killed_at_any_step_is_resumed_by_itself_or_by_another_and_nothing_is_doubled(
    stop_at: str, again: str, shop: Shop, lake: Lakehouse, ledger: Ledger
) -> None:
    event = put(ledger, measured(), MEDIUM)
    assert ended(child(shop.root, event, "run-1", stop_at)) == -signal.SIGKILL
    was_decided = stop_at == "event_decided"
    assert [said.decided_by for said in decisions(ledger)] == (["run-1"] if was_decided else [])
    assert [each.event for each in ledger.drift.waiting("shop")] == ([] if was_decided else [event])
    if again != "run-1" and not was_decided:
        effect = take_effect(shop.product, lake, event, again, is_over=lives, now=NOW)
        assert effect.state == "taken", "nobody has seen that it died"
    assert ended(child(shop.root, event, again, others_died=True)) == 0
    assert [said.decided_by for said in decisions(ledger)] == ["run-1" if was_decided else again]


@pytest.mark.slow
@pytest.mark.parametrize("stop_at", ["event_claimed", "retrain_requested", "event_decided"])
def test_an_events_decision_and_its_retrain_survive_a_kill_between_them(stop_at: str, parcels: Parcels) -> None:
    ledger = parcels.lake.ledger
    event = put(ledger, of_parcels(), MEDIUM)
    assert ended(child(parcels.root, event, "run-1", stop_at)) == -signal.SIGKILL
    asked = ledger.retrains.retrains("parcels")
    assert len(asked) == (stop_at != "event_claimed")
    if asked:  # it may even have been carried out before anybody takes the event up again
        taken = ledger.retrains.start("parcels", 1, "run-of-it", is_over=lives)
        assert taken is not None and ledger.retrains.end(replace(taken, outcome="rejected", number=1))
    assert ended(child(parcels.root, event, "run-2", others_died=True)) == 0
    (said,) = decisions(ledger, "parcels")
    assert (said.action, said.retrain) == ("retrain", 1)
    assert [each.events for each in ledger.retrains.retrains("parcels")] == [(event,)]


@pytest.mark.slow
@pytest.mark.parametrize("others_died", [False, True])
def test_of_four_processes_at_once_one_decides(others_died: bool, shop: Shop, ledger: Ledger) -> None:
    """Also where each of them believes that the others have died, and takes over from them."""
    for day in range(1, 6):
        event = put(ledger, measured(f"2025-01-{day:02}"), MEDIUM)
        processes = [child(shop.root, event, f"run-{n}", others_died=others_died) for n in range(4)]
        assert [ended(process) for process in processes] == [0, 0, 0, 0]
        assert len(decisions(ledger)) == day
        assert ledger.drift.waiting("shop") == []


@pytest.mark.slow
def test_four_events_at_once_lead_to_one_retrain(parcels: Parcels) -> None:
    ledger = parcels.lake.ledger
    severities = {5: MEDIUM, 6: CRITICAL, 7: HIGH, 8: MEDIUM}
    events = [put(ledger, of_parcels(f"2025-01-{day:02}"), severity) for day, severity in severities.items()]
    processes = [child(parcels.root, event, f"run-{n}") for n, event in enumerate(events)]
    assert [ended(process) for process in processes] == [0, 0, 0, 0]
    (asked,) = ledger.retrains.retrains("parcels")
    assert set(asked.events) == set(events)
    assert asked.severity is CRITICAL
    assert [said.retrain for said in decisions(ledger, "parcels")] == [1, 1, 1, 1]
