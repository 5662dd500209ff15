"""Facts come from ledger and calendar: what a gate holds, what was begun, what a person has said since."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

import pytest

from readiness_pipelines.flow import (
    NOTHING,
    Evidence,
    Judged,
    ModelVerdict,
    Promotion,
    ResponseDecision,
    Retrain,
    Review,
    Severity,
    Status,
    TableVersion,
    Tier,
    Window,
)
from readiness_pipelines.governance import in_review
from readiness_pipelines.incidents import reconcile_drift
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import run_step
from readiness_pipelines.ledger import Ledger
from readiness_pipelines.response import told_from
from readiness_pipelines.response.facts import gates, gather, waits_until
from readiness_pipelines.response.policy import respond
from tests.drifted import judged, measured, put
from tests.modelled import WATCHED, Parcels, build_parcels
from tests.shop import Shop

NOW = datetime.datetime(2025, 1, 9)
NONE, LOW, MEDIUM, HIGH, CRITICAL = Severity
ORDERS = "parcels.silver.orders"


@pytest.fixture
def parcels(tmp_path: Path) -> Parcels:
    return build_parcels(tmp_path, watched=WATCHED)


def retrain(*events: str, cut_off: str = "2025-01-05", severity: Severity = MEDIUM) -> Retrain:
    return Retrain("parcels", 0, "requested", cut_off, severity, events, "drift", "policy")


def carried_out(ledger: Ledger, *events: str, cut_off: str = "2025-01-05", outcome: str = "rejected") -> Retrain:
    asked = ledger.retrains.request(retrain(*events, cut_off=cut_off))
    taken = ledger.retrains.start("parcels", asked.id, "run-1", is_over=lambda run: True)
    assert taken is not None
    ledger.retrains.end(replace(taken, outcome=outcome))  # type: ignore[arg-type]
    return taken


def published(ledger: Ledger, table: str, *days: int, key: str = "k") -> None:
    for day in days:
        ledger.record_intent(table, f"2025-01-{day:02}", key)
        ledger.record_done(TableVersion(table, f"2025-01-{day:02}", key, 1))


def seen(last: str = "2025-01-08") -> object:
    return measured(last, product="parcels", monitor="orders", table="silver.orders")


# gates


def test_what_is_held_upstream_is_named_with_its_rules_and_what_is_missing_by_its_delivery(shop: Shop) -> None:
    lake, product = Lakehouse.open(shop.settings), shop.product
    shop.land_broken(2)
    for table in ("raw_orders", "orders", "paid_orders"):
        run_step(lake, shop.settings, product, table, "2025-01-02")
    report = judged(replace(measured("2025-01-03", first="2025-01-01"), absent=("2025-01-02", "2025-01-03")), MEDIUM)
    held, missing = gates(product, lake, report, now=NOW)
    verdict = lake.ledger.latest_verdict("shop.silver.orders", "2025-01-02")
    assert verdict is not None and not verdict.outcome.is_admitted
    assert held == f"shop.silver.orders/2025-01-02 is held: {', '.join(verdict.held_because)}"
    assert missing == "2025-01-03 bronze raw_orders is missing: due 2025-01-04 00:00 UTC, and nothing has landed"


def test_a_partition_that_is_absent_and_whose_delivery_is_not_due_yet_is_nobodys_fault(shop: Shop) -> None:
    report = judged(replace(measured("2025-01-03"), absent=("2025-01-03",)), MEDIUM)
    lake = Lakehouse.open(shop.settings)
    assert list(gates(shop.product, lake, report, now=datetime.datetime(2025, 1, 3))) == []
    assert list(gates(shop.product, lake, judged(measured("2025-01-03"), MEDIUM), now=NOW)) == [], "nothing is absent"


# what was begun


def test_the_cut_off_is_the_newest_partition_with_admitted_rows_or_labels(parcels: Parcels) -> None:
    ledger, report = parcels.lake.ledger, judged(seen("2025-01-04"), MEDIUM)  # type: ignore[arg-type]
    assert gather(parcels.product, parcels.lake, report, now=NOW).cut_off == "2025-01-04", "nothing is admitted: the window's last"
    published(ledger, ORDERS, 1, 2, 6)
    assert gather(parcels.product, parcels.lake, report, now=NOW).cut_off == "2025-01-06"
    published(ledger, "parcels.silver.returns", 7)
    assert gather(parcels.product, parcels.lake, report, now=NOW).cut_off == "2025-01-07"
    published(ledger, ORDERS, 9, key=NOTHING)
    assert gather(parcels.product, parcels.lake, report, now=NOW).cut_off == "2025-01-07", "a version of nothing has no rows"


def test_the_cooldown_counts_from_the_newest_retrain_that_did_not_break(parcels: Parcels) -> None:
    ledger, report = parcels.lake.ledger, judged(seen(), MEDIUM)  # type: ignore[arg-type]
    carried_out(ledger, "e1", cut_off="2025-01-02", outcome="rejected")
    carried_out(ledger, "e2", cut_off="2025-01-06", outcome="broken")
    found = gather(parcels.product, parcels.lake, report, now=NOW)
    assert (found.looked_by, found.looked_to, found.days_since, found.in_flight) == (1, "2025-01-02", 6, 0)
    ledger.retrains.request(retrain("e3"))
    assert gather(parcels.product, parcels.lake, report, now=NOW).in_flight == 3


def test_what_was_refused_is_not_asked_for_again_on_the_same_rows(parcels: Parcels) -> None:
    ledger, report = parcels.lake.ledger, judged(seen(), HIGH)  # type: ignore[arg-type]
    published(ledger, ORDERS, 1, 6)
    carried_out(ledger, "another monitor's", cut_off="2025-01-06", outcome="refused")
    said = respond(gather(parcels.product, parcels.lake, report, now=NOW))
    assert (said.asks, said.why) == (False, "nothing to learn: retrain 1 has looked at all data up to 2025-01-06")
    published(ledger, ORDERS, 7)
    assert respond(gather(parcels.product, parcels.lake, report, now=NOW)).asks, "a day more may be enough"


def test_an_event_finds_the_retrain_that_it_has_asked_for_though_it_has_ended(parcels: Parcels) -> None:
    report = judged(seen(), MEDIUM)  # type: ignore[arg-type]
    carried_out(parcels.lake.ledger, report.event)
    carried_out(parcels.lake.ledger, "another")
    assert gather(parcels.product, parcels.lake, report, now=NOW).asked == 1


def test_who_paused_the_loop_is_a_fact_until_it_is_resumed(parcels: Parcels) -> None:
    retrains, report = parcels.lake.ledger.retrains, judged(seen(), MEDIUM)  # type: ignore[arg-type]
    retrains.pause("parcels", by="ann", reason="migration")
    assert gather(parcels.product, parcels.lake, report, now=NOW).paused_by == "ann"
    retrains.resume("parcels", by="ann", reason="done")
    assert gather(parcels.product, parcels.lake, report, now=NOW).paused_by == ""


def begun(at: str, *, not_before: str = "", attempt: int = 1) -> Retrain:
    return replace(retrain(), requested_at=f"{at}+00:00", not_before=f"{not_before}+00:00" if not_before else "", attempt=attempt)


def test_the_budget_is_of_seven_days_by_the_clock() -> None:
    three = [begun("2025-01-03T10:00:00.000"), begun("2025-01-01T00:00:00.000"), begun("2025-01-08T00:00:00.000")]
    assert waits_until(three, per_week=4, now=NOW) == ""
    assert waits_until(three, per_week=3, now=NOW) == "", "the oldest of three was begun eight days ago"
    assert waits_until(three, per_week=2, now=NOW) == "2025-01-10T10:00:00.000+00:00"
    assert waits_until(three, per_week=1, now=NOW) == "2025-01-15T00:00:00.000+00:00"
    assert waits_until([begun("2025-01-02T00:00:00.000")], per_week=1, now=NOW) == "", "seven days are over"


def test_of_the_budget_counts_what_has_begun_from_when_it_could() -> None:
    assert waits_until([begun("2025-01-08T00:00:00.000", attempt=0)], per_week=1, now=NOW) == ""
    waited = begun("2025-01-01T00:00:00.000", not_before="2025-01-07T00:00:00.000")
    assert waits_until([waited], per_week=1, now=NOW) == "2025-01-14T00:00:00.000+00:00"


@pytest.mark.parametrize(("by", "counts"), [("policy", True), ("schedule", True), ("ann", False)])
def test_of_the_budget_counts_what_no_person_has_asked_for(by: str, counts: bool) -> None:
    found = waits_until([replace(begun("2025-01-08T00:00:00.000"), by=by)], per_week=1, now=NOW)
    assert found == ("2025-01-15T00:00:00.000+00:00" if counts else "")


# what lasts beyond an event


def decide(ledger: Ledger, action: str, severity: Severity, last: str = "2025-01-04") -> None:
    event = put(ledger, seen(last), severity)  # type: ignore[arg-type]
    ledger.drift.claim(event, "run-1", is_over=lambda run: False)
    said = ResponseDecision(event, "parcels", "orders", Window(last, last), severity, ("amount",), action, "why", "p", "run-1")
    assert ledger.drift.decide(said)


def judge(ledger: Ledger, name: str) -> str:
    verdict = ModelVerdict("parcels", name, "", "", "ts", "d", (Judged("better", Status.PASSED),), 10, 2)
    evidence = Evidence("parcels", 1, name, "ts", "v", "1.0.0", "p", Tier.LOW, NONE)
    ledger.models.record_verdict(verdict, evidence)
    return evidence.digest


def review(ledger: Ledger, evidence: str, by: str, decision: str = "approved") -> None:
    ledger.models.record_review(Review("parcels", evidence, decision, by, "looked at", "2035-01-01T00:00:00+00:00"))  # type: ignore[arg-type]


@pytest.mark.parametrize("action", ["review", "roll_back"])
@pytest.mark.parametrize("decision", ["approved", "rejected"])
def test_after_a_critical_event_every_promotion_needs_a_person_until_one_has_decided_after_it(
    action: str, decision: str, parcels: Parcels
) -> None:
    ledger = parcels.lake.ledger
    evidence = judge(ledger, "a0")
    review(ledger, evidence, "ann", decision)
    assert in_review(parcels.product, ledger) is None
    decide(ledger, action, CRITICAL)
    said = in_review(parcels.product, ledger)
    assert said is not None and said.severity is CRITICAL, "it was decided before"
    review(ledger, evidence, "policy", decision)
    assert in_review(parcels.product, ledger) is not None, "no person"
    review(ledger, evidence, "ann", decision)
    assert in_review(parcels.product, ledger) is None, "judged the same again, evidence is not recorded anew"


def test_a_decision_from_before_does_not_end_it_though_the_gate_says_the_same_again_after_a_roll_back(parcels: Parcels) -> None:
    ledger = parcels.lake.ledger
    evidence = judge(ledger, "a1")
    review(ledger, evidence, "ann")
    decide(ledger, "roll_back", CRITICAL)
    promoted(ledger, Promotion("parcels", 1, 2, "rolled_back", evidence, "it fell", "policy"))
    assert judge(ledger, "a1") == evidence and len(ledger.models.judgements("parcels")) == 2
    assert in_review(parcels.product, ledger) is not None
    review(ledger, evidence, "ann")
    assert in_review(parcels.product, ledger) is None


@pytest.mark.parametrize(("action", "severity"), [("retrain", HIGH), ("observe", CRITICAL), ("freeze", CRITICAL)])
def test_what_was_not_critical_or_led_to_nothing_asks_for_no_person(action: str, severity: Severity, parcels: Parcels) -> None:
    decide(parcels.lake.ledger, action, severity)
    assert in_review(parcels.product, parcels.lake.ledger) is None


@pytest.mark.parametrize("is_taken", [False, True])
def test_a_critical_event_that_waits_for_a_monitor_that_is_not_declared_any_more_asks_for_no_person(
    is_taken: bool, parcels: Parcels
) -> None:
    ledger = parcels.lake.ledger
    event = put(ledger, seen(), CRITICAL)  # type: ignore[arg-type]
    if is_taken:
        ledger.drift.claim(event, "run-1", is_over=lambda run: False)
    found = in_review(parcels.product, ledger)
    assert found is not None and found.severity is CRITICAL
    parcels.declare(WATCHED, WATCHED.replace("- table: orders", "- table: orders\n      name: orders_by_day"))
    assert in_review(parcels.product, ledger) is None
    put(ledger, measured(product="parcels", monitor="orders_by_day", table="silver.orders"), CRITICAL)
    assert in_review(parcels.product, ledger) is not None, "under its new name it is measured again"


def test_what_a_monitor_that_is_not_declared_any_more_has_led_to_needs_a_person_still(parcels: Parcels) -> None:
    decide(parcels.lake.ledger, "review", CRITICAL)
    parcels.declare(WATCHED, "")
    assert in_review(parcels.product, parcels.lake.ledger) is not None


def test_after_a_high_event_the_owner_is_told_from_low_on_until_a_promotion(parcels: Parcels) -> None:
    ledger = parcels.lake.ledger
    assert told_from(parcels.product, ledger, ORDERS) is MEDIUM
    decide(ledger, "retrain", MEDIUM, "2025-01-03")
    assert told_from(parcels.product, ledger, ORDERS) is MEDIUM
    decide(ledger, "retrain", HIGH, "2025-01-04")
    assert told_from(parcels.product, ledger, ORDERS) is LOW
    assert told_from(parcels.product, ledger, "parcels.silver.returns") is MEDIUM, "another table"
    evidence = judge(ledger, "a1")
    review(ledger, evidence, "ann")
    row = Promotion("parcels", 1, 0, "promoted", evidence, "better", "ann")
    promoted(ledger, row)
    assert told_from(parcels.product, ledger, ORDERS) is MEDIUM


def test_so_a_low_window_is_told_then_and_only_then(parcels: Parcels) -> None:
    ledger = parcels.lake.ledger
    put(ledger, seen("2025-01-03"), LOW)  # type: ignore[arg-type]
    assert reconcile_drift(parcels.product, ledger).opened == ()
    decide(ledger, "retrain", HIGH, "2025-01-04")
    put(ledger, seen("2025-01-05"), LOW)  # type: ignore[arg-type]
    assert [each.details["severity"] for each in reconcile_drift(parcels.product, ledger).opened] == ["low"]


def promoted(ledger: Ledger, row: Promotion) -> None:
    ledger.models.promote(row, after=0, check=lambda review: None)


def test_or_until_four_quiet_windows(parcels: Parcels) -> None:
    ledger = parcels.lake.ledger
    decide(ledger, "retrain", HIGH, "2025-01-04")
    for day, least in ((5, LOW), (6, LOW), (7, LOW), (8, MEDIUM)):
        put(ledger, seen(f"2025-01-{day:02}"), NONE)  # type: ignore[arg-type]
        assert told_from(parcels.product, ledger, ORDERS) is least
    put(ledger, seen("2025-01-09"), LOW)  # type: ignore[arg-type]
    assert told_from(parcels.product, ledger, ORDERS) is LOW, "of the newest four one is not quiet"


@pytest.mark.parametrize("action", ["observe", "freeze"])
def test_a_high_event_that_led_to_nothing_watches_no_closer(action: str, parcels: Parcels) -> None:
    decide(parcels.lake.ledger, action, HIGH)
    assert told_from(parcels.product, parcels.lake.ledger, ORDERS) is MEDIUM
