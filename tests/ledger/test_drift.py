"""What is measured, judged and decided stays as it was written; an event is one run's, and is decided once."""

from __future__ import annotations

import multiprocessing
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from readiness_pipelines.flow import Mode, ResponseDecision, Severity, TableVersion, Window
from readiness_pipelines.ledger import Claim, Ledger, Registered, Waiting
from tests.drifted import REFERENCE, judged, measured, put

SPAWN = multiprocessing.get_context("spawn")
LOW, MEDIUM, HIGH = Severity.LOW, Severity.MEDIUM, Severity.HIGH
DAY = Window("2025-01-08", "2025-01-08")
REGISTERED = Registered("shop", "paid_orders", "d1", REFERENCE, "the first days", "ann")


def lives(run: str) -> bool:
    return False


def died(run: str) -> bool:
    return True


def decision(event: str, run: str, severity: Severity = LOW) -> ResponseDecision:
    return ResponseDecision(event, "shop", "paid_orders", DAY, severity, ("amount",), "observe", "so it is", "p1", run)


def decide(ledger: Ledger, event: str, severity: Severity = LOW, run: str = "run-1") -> None:
    assert ledger.drift.claim(event, run, is_over=lives) == Claim("mine", run)
    assert ledger.drift.decide(decision(event, run, severity))


def waits(ledger: Ledger) -> list[str]:
    return [each.event for each in ledger.drift.waiting("shop")]


# references


def test_a_reference_is_registered_once_until_another_is(ledger: Ledger) -> None:
    other = replace(REGISTERED, reference=replace(REFERENCE, id="ref2"), by="bob")
    assert [ledger.drift.register(each) for each in (REGISTERED, REGISTERED, other, REGISTERED)] == [True, False, True, True]
    assert [each.reference.id for each in ledger.drift.references("shop", "paid_orders")] == ["ref", "ref2", "ref"]
    newest = ledger.drift.reference("shop", "paid_orders")
    assert newest is not None and replace(newest, recorded_at="") == REGISTERED
    assert newest.recorded_at.endswith("+00:00")


def test_the_same_reference_for_another_declaration_is_registered(ledger: Ledger) -> None:
    assert ledger.drift.register(REGISTERED) and ledger.drift.register(replace(REGISTERED, declared="d2"))


def test_monitors_and_products_have_references_of_their_own(ledger: Ledger) -> None:
    ledger.drift.register(REGISTERED)
    assert ledger.drift.reference("shop", "orders") is None
    assert ledger.drift.references("store", "paid_orders") == []


# measurements


def test_what_was_measured_is_found_by_its_event_and_by_its_window(ledger: Ledger) -> None:
    later, first = measured("2025-01-09"), measured("2025-01-08", first="2025-01-02")
    assert ledger.drift.record(later) and ledger.drift.record(first)
    assert ledger.drift.measured(first.event) == first
    assert ledger.drift.measured("none") is None
    assert list(ledger.drift.events("shop", "paid_orders").items()) == [
        (Window("2025-01-02", "2025-01-08"), first.event),
        (Window("2025-01-09", "2025-01-09"), later.event),
    ]
    assert ledger.drift.events("shop", "orders") == ledger.drift.events("store", "paid_orders") == {}


def test_the_same_event_is_recorded_once_and_a_newer_one_of_its_window_supersedes_it(ledger: Ledger) -> None:
    first, late = measured(), measured(versions=("v2",))
    assert [ledger.drift.record(each) for each in (first, first, late, late)] == [True, False, True, False]
    assert ledger.drift.events("shop", "paid_orders") == {DAY: late.event}


def test_an_event_that_comes_back_is_the_newest_again(ledger: Ledger) -> None:
    first, late = measured(), measured(versions=("v2",))
    assert [ledger.drift.record(each) for each in (first, late, first)] == [True, True, True]
    assert ledger.drift.events("shop", "paid_orders") == {DAY: first.event}
    assert ledger.drift.measured(first.event) == first


def test_another_reference_of_the_same_window_is_another_event(ledger: Ledger) -> None:
    other = measured(reference=replace(REFERENCE, id="ref2"))
    assert measured().event != other.event
    assert [ledger.drift.record(each) for each in (measured(), other)] == [True, True]


def publish(ledger: Ledger, partition: str, key: str, table: str = "shop.gold.paid_orders") -> None:
    ledger.record_intent(table, partition, key)
    ledger.record_done(TableVersion(table, partition, key, 7))
    time.sleep(0.002)  # times have milliseconds


def test_what_is_published_after_its_window_was_measured_is_outdated_until_it_is_measured_again(ledger: Ledger) -> None:
    for day in (1, 2, 3):
        publish(ledger, f"2025-01-0{day}", "k1")
    put(ledger, measured("2025-01-02", first="2025-01-01"))
    assert ledger.drift.outdated("shop", "paid_orders", "shop.gold.paid_orders") == []
    time.sleep(0.002)
    for day in (1, 2, 3):  # nothing with the third was measured yet
        publish(ledger, f"2025-01-0{day}", "k2")
    publish(ledger, "2025-01-02", "k1", "shop.silver.orders")
    assert ledger.drift.outdated("shop", "paid_orders", "shop.gold.paid_orders") == ["2025-01-01", "2025-01-02"]
    assert ledger.drift.outdated("shop", "orders", "shop.gold.paid_orders") == []
    assert ledger.drift.outdated("shop", "paid_orders", "shop.silver.orders") == ["2025-01-02"]
    put(ledger, measured("2025-01-02", first="2025-01-01", versions=("k2",)))
    assert ledger.drift.outdated("shop", "paid_orders", "shop.gold.paid_orders") == []


# judgements


def test_a_report_is_recorded_once_per_rule_in_a_row_and_the_newest_counts(ledger: Ledger) -> None:
    ledger.drift.record(measured())
    strict, loose = judged(measured(), HIGH, rule="strict"), judged(measured(), LOW, rule="loose")
    numbers = [ledger.drift.judge(each) for each in (strict, strict, loose, strict)]
    assert [n is not None for n in numbers] == [True, False, True, True]
    assert ledger.drift.report_of(measured().event) == strict
    assert ledger.drift.report_of("none") is None


def test_a_report_is_as_it_was_with_all_that_was_measured(ledger: Ledger) -> None:
    report = replace(judged(measured(columns=("amount", "day"))), superseded="e0", notes=("late",))
    ledger.drift.record(report.measured)
    ledger.drift.judge(report)
    assert ledger.drift.report_of(report.event) == report


def test_reports_are_of_the_newest_event_of_each_window_oldest_first(ledger: Ledger) -> None:
    events = [put(ledger, measured(f"2025-01-{day:02}")) for day in (9, 8, 10)]
    late = put(ledger, measured("2025-01-09", versions=("v2",)), MEDIUM)
    ledger.drift.record(measured("2025-01-11"))  # not judged yet
    found = [report.event for report in ledger.drift.reports("shop", "paid_orders")]
    assert found == [events[1], late, events[2]]
    assert [r.event for r in ledger.drift.reports("shop", "paid_orders", until="2025-01-09")] == found[:2]
    assert [r.event for r in ledger.drift.reports("shop", "paid_orders", until="2025-01-10", last=2)] == found[1:]
    assert [r.event for r in ledger.drift.reports("shop", "paid_orders", until="2025-01-10", last=9)] == found
    assert ledger.drift.reports("shop", "paid_orders", last=0) == []


def test_many_windows_are_read_in_several_queries_in_order(ledger: Ledger) -> None:
    events = [put(ledger, measured(f"{1000 + n}")) for n in range(503)]
    assert [report.event for report in ledger.drift.reports("shop", "paid_orders")] == events


def test_what_was_judged_after_a_number_is_told_once_each(ledger: Ledger) -> None:
    assert ledger.drift.judged_after("shop", 0) == (0, [])
    first, second = put(ledger, measured("2025-01-08")), put(ledger, measured("2025-01-09"))
    put(ledger, measured(product="store"))
    number, events = ledger.drift.judged_after("shop", 0)
    assert events == [first, second]
    ledger.drift.judge(judged(measured("2025-01-08"), HIGH))
    newer, events = ledger.drift.judged_after("shop", number)
    assert (newer > number, events) == (True, [first])
    assert ledger.drift.judged_after("shop", newer) == (newer, [])


# events


def test_what_alarms_waits_oldest_window_first_and_what_does_not_alarm_never_does(ledger: Ledger) -> None:
    put(ledger, measured("2025-01-07"), Severity.NONE)
    second, first = put(ledger, measured("2025-01-09"), HIGH), put(ledger, measured("2025-01-08"), LOW)
    put(ledger, measured(product="store"), HIGH)
    ledger.drift.record(measured("2025-01-10"))  # not judged yet
    assert ledger.drift.waiting("shop") == [
        Waiting(first, "paid_orders", DAY, LOW),
        Waiting(second, "paid_orders", Window("2025-01-09", "2025-01-09"), HIGH),
    ]


def test_an_event_waits_as_it_is_judged_now(ledger: Ledger) -> None:
    event = put(ledger, measured(), Severity.NONE)
    assert waits(ledger) == []
    ledger.drift.judge(judged(measured(), MEDIUM, rule="stricter"))
    assert [(each.event, each.severity) for each in ledger.drift.waiting("shop")] == [(event, MEDIUM)]
    ledger.drift.judge(judged(measured(), Severity.NONE, rule="looser"))
    assert waits(ledger) == []


def test_a_decided_event_waits_no_more(ledger: Ledger) -> None:
    event = put(ledger, measured())
    assert waits(ledger) == [event]
    assert ledger.drift.claim(event, "run-1", is_over=lives).state == "mine"
    assert waits(ledger) == [event], "a claim is no effect yet"
    assert ledger.drift.decide(decision(event, "run-1"))
    assert waits(ledger) == []


def test_late_data_waits_instead_of_what_nobody_had_claimed(ledger: Ledger) -> None:
    old = put(ledger, measured(), HIGH)
    late = put(ledger, measured(versions=("v2",)), LOW)
    assert waits(ledger) == [late]
    assert ledger.drift.claim(old, "run-1", is_over=lives) == Claim("superseded", late)
    assert ledger.drift.decision_of(old) is None


@pytest.mark.parametrize(("severity", "is_asked_for"), [(LOW, False), (MEDIUM, False), (HIGH, True)])
def test_late_data_waits_beside_what_has_taken_effect_only_if_it_is_worse(
    severity: Severity, is_asked_for: bool, ledger: Ledger
) -> None:
    decide(ledger, put(ledger, measured(), MEDIUM), MEDIUM)
    late = put(ledger, measured(versions=("v2",)), severity)
    assert waits(ledger) == ([late] if is_asked_for else [])


def test_late_data_is_compared_with_the_severity_that_took_effect_not_with_what_is_thought_of_it_since(ledger: Ledger) -> None:
    decide(ledger, put(ledger, measured(), LOW), LOW)
    ledger.drift.judge(judged(measured(), HIGH, rule="stricter"))
    late = put(ledger, measured(versions=("v2",)), MEDIUM)
    assert waits(ledger) == [late]


def test_late_data_is_compared_with_every_event_of_its_window_that_took_effect(ledger: Ledger) -> None:
    decide(ledger, put(ledger, measured(), HIGH), HIGH)
    put(ledger, measured(versions=("v2",)), LOW)
    put(ledger, measured(versions=("v3",)), HIGH)
    assert waits(ledger) == []


def test_drift_that_comes_again_after_late_data_had_taken_it_away_waits_again(ledger: Ledger) -> None:
    decide(ledger, put(ledger, measured(), HIGH), HIGH)
    put(ledger, measured(versions=("v2",)), Severity.NONE)
    assert waits(ledger) == []
    again = put(ledger, measured(versions=("v3",)), MEDIUM)
    assert waits(ledger) == [again]


def test_a_claimed_event_waits_for_its_effect_although_it_is_superseded(ledger: Ledger) -> None:
    old = put(ledger, measured(), MEDIUM)
    assert ledger.drift.claim(old, "dead", is_over=lives).state == "mine"
    put(ledger, measured(versions=("v2",)), MEDIUM)
    assert waits(ledger) == [old], "the newer one is not worse, so the older one must not be lost with its run"
    worse = put(ledger, measured(versions=("v3",)), HIGH)
    assert waits(ledger) == [old, worse]
    assert ledger.drift.claim(old, "run-2", is_over=died) == Claim("mine", "run-2")
    assert ledger.drift.decide(decision(old, "run-2", MEDIUM))
    assert waits(ledger) == [worse]


def test_an_event_that_comes_back_keeps_what_became_of_it(ledger: Ledger) -> None:
    first = put(ledger, measured(), MEDIUM)
    decide(ledger, first, MEDIUM)
    put(ledger, measured(versions=("v2",)), Severity.NONE)
    put(ledger, measured(), MEDIUM)
    assert ledger.drift.events("shop", "paid_orders") == {DAY: first}
    assert waits(ledger) == []
    assert ledger.drift.claim(first, "run-2", is_over=died) == Claim("decided", "run-1")


def test_an_event_that_comes_back_undecided_waits_again(ledger: Ledger) -> None:
    first = put(ledger, measured(), MEDIUM)
    put(ledger, measured(versions=("v2",)), Severity.NONE)
    assert waits(ledger) == []
    put(ledger, measured(), MEDIUM)
    assert waits(ledger) == [first]


def test_windows_that_overlap_and_monitors_are_events_of_their_own(ledger: Ledger) -> None:
    events = [
        put(ledger, measured("2025-01-08", first="2025-01-01")),
        put(ledger, measured("2025-01-08", first="2025-01-02")),
        put(ledger, measured("2025-01-08", first="2025-01-02", monitor="orders")),
    ]
    assert len(set(events)) == 3
    assert set(waits(ledger)) == set(events)


# claims


def test_a_claim_is_mine_again_and_taken_for_everybody_else_while_its_run_lives(ledger: Ledger) -> None:
    event = put(ledger, measured())
    assert ledger.drift.claim(event, "run-1", is_over=died) == Claim("mine", "run-1")
    assert ledger.drift.claim(event, "run-1", is_over=died) == Claim("mine", "run-1")
    assert ledger.drift.claim(event, "run-2", is_over=lives) == Claim("taken", "run-1")
    assert ledger.drift.claim("none", "run-1", is_over=died) == Claim("unknown", "")


def test_the_claim_of_the_dead_is_taken_over_and_the_dead_can_decide_no_more(ledger: Ledger) -> None:
    event, asked = put(ledger, measured()), []

    def is_over(run: str) -> bool:
        asked.append(run)
        return True

    ledger.drift.claim(event, "run-1", is_over=lives)
    assert ledger.drift.claim(event, "run-2", is_over=is_over) == Claim("mine", "run-2")
    assert asked == ["run-1"]
    assert not ledger.drift.decide(decision(event, "run-1"))
    assert ledger.drift.decide(decision(event, "run-2"))
    assert [said.decided_by for _, said in ledger.drift.decisions("shop")] == ["run-2"]


def test_who_takes_over_while_another_does_finds_it_taken(ledger: Ledger) -> None:
    event = put(ledger, measured())
    ledger.drift.claim(event, "dead", is_over=lives)

    def is_over(run: str) -> bool:
        ledger.drift.claim(event, "run-2", is_over=died)  # between the question and the transaction
        return True

    assert ledger.drift.claim(event, "run-3", is_over=is_over) == Claim("taken", "run-2")


def test_an_event_is_decided_once(ledger: Ledger) -> None:
    event = put(ledger, measured(), HIGH)
    assert not ledger.drift.decide(decision(event, "run-1")), "nobody has claimed it"
    decide(ledger, event, HIGH)
    assert not ledger.drift.decide(decision(event, "run-1"))
    assert not ledger.drift.decide(decision(event, "run-2"))
    assert ledger.drift.decision_of(event) == decision(event, "run-1", HIGH)
    assert ledger.drift.claim(event, "run-2", is_over=died) == Claim("decided", "run-1")
    assert ledger.drift.decision_of("none") is None
    assert ledger.drift.decisions("store") == []


def test_a_superseded_event_that_was_claimed_before_is_decided_all_the_same(ledger: Ledger) -> None:
    old = put(ledger, measured(), MEDIUM)
    ledger.drift.claim(old, "run-1", is_over=lives)
    put(ledger, measured(versions=("v2",)), LOW)
    assert ledger.drift.claim(old, "run-1", is_over=lives) == Claim("mine", "run-1")
    assert ledger.drift.decide(decision(old, "run-1", MEDIUM))


def test_of_many_threads_that_claim_at_once_one_has_it(ledger: Ledger) -> None:
    event = put(ledger, measured())
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda n: ledger.drift.claim(event, f"run-{n}", is_over=lives), range(8)))
    (mine,) = [claim for claim in claims if claim.state == "mine"]
    assert [claim for claim in claims if claim is not mine] == [Claim("taken", mine.by)] * 7


def _claim(place: Path | str, event: str, run: str, barrier: object, claims: object, is_over: Callable[[str], bool]) -> None:
    ledger = Ledger(place)
    barrier.wait(60)  # type: ignore[attr-defined]
    claims.put(ledger.drift.claim(event, run, is_over=is_over).state)  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.parametrize("is_over", [lives, died])
def test_of_processes_that_claim_at_once_one_has_it_and_one_takes_over_from_the_dead(
    place: Path | str, ledger: Ledger, is_over: Callable[[str], bool]
) -> None:
    event = put(ledger, measured())
    if is_over is died:
        ledger.drift.claim(event, "dead", is_over=lives)
    barrier, claims = SPAWN.Barrier(3), SPAWN.Queue()
    children = [
        SPAWN.Process(target=_claim, args=(place, event, f"run-{n}", barrier, claims, _alive_but_for_dead)) for n in range(3)
    ]
    for child in children:
        child.start()
    states = sorted(claims.get(timeout=60) for _ in children)
    for child in children:
        child.join(60)
    assert states == ["mine", "taken", "taken"]


def _alive_but_for_dead(run: str) -> bool:
    return run == "dead"


# as they were written


@pytest.mark.parametrize("table", ["drift_references", "measurements", "judgements", "responses"])
def test_no_row_is_ever_changed_or_deleted(table: str, ledger: Ledger) -> None:
    ledger.drift.register(REGISTERED)
    decide(ledger, put(ledger, measured()))
    for change in (f"UPDATE {table} SET product = 'x'", f"DELETE FROM {table}"):
        with pytest.raises(sa.exc.IntegrityError, match="never changed"), ledger._database.writing() as connection:
            connection.exec_driver_sql(change)


def test_a_ledger_from_before_drift_gets_its_tables_when_it_is_opened(file: Path) -> None:
    Ledger(file)
    tables = ("drift_references", "measurements", "judgements", "responses")
    with sqlite3.connect(file) as connection:
        for table in tables:
            connection.execute(f"DROP TABLE {table}")
        connection.execute("PRAGMA user_version = 5")
    decide(Ledger(file), put(Ledger(file), measured()))
    with sqlite3.connect(file) as connection, pytest.raises(sqlite3.IntegrityError, match="never changed"):
        connection.execute("DELETE FROM responses")


def test_a_mode_and_a_severity_are_words_again_when_they_are_read(ledger: Ledger) -> None:
    report = judged(measured(), Severity.NONE, mode=Mode.INSUFFICIENT_SAMPLE)
    ledger.drift.record(report.measured)
    ledger.drift.judge(report)
    found = ledger.drift.report_of(report.event)
    assert found is not None and found.mode is Mode.INSUFFICIENT_SAMPLE and found.findings[0].severity is Severity.NONE
