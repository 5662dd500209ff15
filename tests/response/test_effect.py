"""An event takes effect exactly once: tried twice, by many at once, superseded meanwhile, or killed in the middle."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from readiness_pipelines.declarations import load_product
from readiness_pipelines.flow import ResponseDecision, Severity, Window
from readiness_pipelines.lakehouse import Lakehouse, steps
from readiness_pipelines.ledger import Ledger
from readiness_pipelines.response import Effect, take_effect
from readiness_pipelines.response.policy import FINGERPRINT
from tests.drifted import judged, measured, put
from tests.shop import Shop

SPAWN = multiprocessing.get_context("forkserver")
SPAWN.set_forkserver_preload(["readiness_pipelines.response", "tests.shop"])
MEDIUM, HIGH = Severity.MEDIUM, Severity.HIGH


def lives(run: str) -> bool:
    return False


def died(run: str) -> bool:
    return True


@pytest.fixture
def ledger(shop: Shop) -> Ledger:
    return Lakehouse.open(shop.settings).ledger


def decisions(ledger: Ledger) -> list[ResponseDecision]:
    return [said for _, said in ledger.drift.decisions("shop")]


def test_an_event_is_decided_as_its_report_says_and_the_decision_is_kept(shop: Shop, ledger: Ledger) -> None:
    event = put(ledger, measured("2025-01-08", first="2025-01-02", columns=("amount", "customer")), MEDIUM)
    effect = take_effect(shop.product, ledger, event, "run-1", is_over=lives)
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
        policy=FINGERPRINT,
        decided_by="run-1",
    )
    assert str(effect) == (
        f"event {event[:12]}: observe for medium drift of paid_orders in 2025-01-02...2025-01-08: "
        "recorded, and the owner is told while the newest window is at medium or above"
    )


@pytest.mark.parametrize("again", ["run-1", "run-2"])
def test_who_comes_second_names_the_first_and_records_nothing(again: str, shop: Shop, ledger: Ledger) -> None:
    event = put(ledger, measured(), MEDIUM)
    first = take_effect(shop.product, ledger, event, "run-1", is_over=lives)
    second = take_effect(shop.product, ledger, event, again, is_over=died)
    assert second == Effect("decided_before", event, "run-1", first.decision)
    assert f"event {event[:12]} was decided by run run-1: observe for medium drift" in str(second)
    assert len(decisions(ledger)) == 1


def test_who_finds_a_living_run_at_it_leaves_it_alone(shop: Shop, ledger: Ledger) -> None:
    event = put(ledger, measured())
    ledger.drift.claim(event, "run-1", is_over=lives)
    effect = take_effect(shop.product, ledger, event, "run-2", is_over=lives)
    assert effect == Effect("taken", event, "run-1")
    assert "is being worked on by run run-1" in str(effect)
    assert decisions(ledger) == []


def test_a_superseded_event_names_the_newer_one(shop: Shop, ledger: Ledger) -> None:
    old = put(ledger, measured())
    new = put(ledger, measured(versions=("v2",)))
    effect = take_effect(shop.product, ledger, old, "run-1", is_over=lives)
    assert effect == Effect("superseded", old, new)
    assert str(effect) == f"event {old[:12]} is superseded: its window was measured again, as event {new[:12]}"
    assert take_effect(shop.product, ledger, new, "run-2", is_over=lives).state == "decided"


def test_what_is_no_drift_or_was_never_measured_is_not_claimed(shop: Shop, ledger: Ledger) -> None:
    none, foreign = put(ledger, measured(), Severity.NONE), put(ledger, measured(product="store"), HIGH)
    unjudged = measured("2025-01-09")
    ledger.drift.record(unjudged)
    found = [take_effect(shop.product, ledger, event, "run-1", is_over=died) for event in (none, foreign, unjudged.event, "e0")]
    assert [effect.state for effect in found] == ["no_alarm", "unknown", "unknown", "unknown"]
    assert "not judged to be drift" in str(found[0])
    assert str(found[3]) == "found no event 'e0', expected one that was measured: `readiness drift show` names them"
    assert ledger.drift.claim(none, "run-2", is_over=lives).state == "mine", "nobody had claimed it"


def test_a_decision_says_how_the_event_is_judged_when_it_is_taken(
    shop: Shop, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = put(ledger, measured(), MEDIUM)

    def judge_again(name: str) -> None:
        if name == "event_claimed":
            ledger.drift.judge(judged(measured(), HIGH, rule="stricter"))

    monkeypatch.setattr(steps, "on_reached", judge_again)
    effect = take_effect(shop.product, ledger, event, "run-1", is_over=lives)
    assert effect.decision is not None and effect.decision.severity is HIGH


def test_who_was_thought_dead_and_lost_its_claim_ends_naming_who_decided(
    shop: Shop, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = put(ledger, measured())

    def take_over(name: str) -> None:
        monkeypatch.setattr(steps, "on_reached", None)
        take_effect(shop.product, ledger, event, "run-2", is_over=died)

    monkeypatch.setattr(steps, "on_reached", take_over)
    assert take_effect(shop.product, ledger, event, "run-1", is_over=lives).by == "run-2"
    assert [said.decided_by for said in decisions(ledger)] == ["run-2"]


def test_late_data_between_claim_and_decision_does_not_undo_the_claim(
    shop: Shop, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = put(ledger, measured(), MEDIUM)
    monkeypatch.setattr(steps, "on_reached", lambda name: put(ledger, measured(versions=("v2",)), MEDIUM))
    assert take_effect(shop.product, ledger, event, "run-1", is_over=lives).state == "decided"
    assert ledger.drift.waiting("shop") == []


# processes


def _run(root: Path, event: str, run: str, stop_at: str | None, others_died: bool) -> None:
    def kill(name: str) -> None:
        if name == stop_at:
            os.kill(os.getpid(), signal.SIGKILL)

    steps.on_reached = kill
    shop = Shop(root)
    ledger, product = Lakehouse.open(shop.settings).ledger, load_product(shop.folder)
    take_effect(product, ledger, event, run, is_over=died if others_died else lives)


def child(shop: Shop, event: str, run: str, stop_at: str | None = None, *, others_died: bool = False) -> multiprocessing.Process:
    process = SPAWN.Process(target=_run, args=(shop.root, event, run, stop_at, others_died))
    process.start()
    return process  # type: ignore[return-value]


def ended(process: multiprocessing.Process) -> int | None:
    process.join(120)
    return process.exitcode


@pytest.mark.slow
@pytest.mark.parametrize("again", ["run-1", "run-2"])
@pytest.mark.parametrize("stop_at", steps.RESPONSE_NAMES)
def test_a_run_killed_at_any_step_is_resumed_by_itself_or_by_another_and_nothing_is_doubled(
    stop_at: str, again: str, shop: Shop, ledger: Ledger
) -> None:
    event = put(ledger, measured(), MEDIUM)
    assert ended(child(shop, event, "run-1", stop_at)) == -signal.SIGKILL
    was_decided = stop_at == "event_decided"
    assert [said.decided_by for said in decisions(ledger)] == (["run-1"] if was_decided else [])
    assert [each.event for each in ledger.drift.waiting("shop")] == ([] if was_decided else [event])
    if again != "run-1" and not was_decided:
        assert take_effect(shop.product, ledger, event, again, is_over=lives).state == "taken", "nobody has seen that it died"
    assert ended(child(shop, event, again, others_died=True)) == 0
    assert [said.decided_by for said in decisions(ledger)] == ["run-1" if was_decided else again]


@pytest.mark.slow
@pytest.mark.parametrize("others_died", [False, True])
def test_of_four_processes_at_once_one_decides(others_died: bool, shop: Shop, ledger: Ledger) -> None:
    """Also where each of them believes that the others have died, and takes over from them."""
    for day in range(1, 6):
        event = put(ledger, measured(f"2025-01-{day:02}"), MEDIUM)
        processes = [child(shop, event, f"run-{n}", others_died=others_died) for n in range(4)]
        assert [ended(process) for process in processes] == [0, 0, 0, 0]
        assert len(decisions(ledger)) == day
        assert ledger.drift.waiting("shop") == []
