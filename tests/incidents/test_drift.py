"""A table is an incident while its newest decided window is at medium or above: told once, and again when it gets worse."""

from __future__ import annotations

import datetime
import logging
from dataclasses import replace

import pytest

from readiness_pipelines.flow import Finding, Kind, Mode, Severity, Test
from readiness_pipelines.incidents import reconcile, reconcile_drift, send
from readiness_pipelines.incidents.alert import message
from readiness_pipelines.lakehouse import Lakehouse
from tests.drifted import judged, measured, put
from tests.incidents.test_incidents import LOG, subjects
from tests.monitored import ORDERS, PAID_ORDERS, declare_monitors
from tests.shop import Shop

NOW = datetime.datetime(2025, 1, 1)  # nothing is due yet
NONE, LOW, MEDIUM, HIGH, CRITICAL = Severity
TABLE = "shop.gold.paid_orders"


@pytest.fixture
def shop(shop: Shop) -> Shop:
    return declare_monitors(shop, [PAID_ORDERS, ORDERS, ORDERS.replace("{table", "{name: orders_too, table")])


@pytest.fixture
def lake(shop: Shop) -> Lakehouse:
    return Lakehouse.open(shop.settings)


def changes(shop: Shop, lake: Lakehouse) -> tuple[list[str], list[str]]:
    """Look once; return the severities that were opened and resolved by it."""
    found = reconcile_drift(shop.product, lake.ledger)
    return [i.details["severity"] for i in found.opened], [i.details["severity"] for i in found.resolved]


def test_a_rise_is_told_again_a_fall_is_resolved_and_the_same_is_not_told_twice(shop: Shop, lake: Lakehouse) -> None:
    seen = []
    for day, severity in enumerate([LOW, MEDIUM, MEDIUM, CRITICAL, HIGH, LOW, HIGH, NONE], start=4):
        put(lake.ledger, measured(f"2025-01-{day:02}"), severity)
        seen.append(changes(shop, lake))
        assert changes(shop, lake) == ([], [])
    assert seen == [
        ([], []),
        (["medium"], []),
        ([], []),
        (["critical"], []),
        (["high"], ["critical"]),
        ([], ["medium", "high"]),
        (["high"], []),
        ([], ["high"]),
    ]


def test_a_window_that_could_not_be_decided_opens_and_resolves_nothing(shop: Shop, lake: Lakehouse) -> None:
    put(lake.ledger, measured("2025-01-04"), HIGH, mode=Mode.UNDECIDED)
    assert changes(shop, lake) == ([], [])
    put(lake.ledger, measured("2025-01-05"), HIGH)
    assert changes(shop, lake) == (["high"], [])
    for day, mode in enumerate([Mode.INSUFFICIENT_SAMPLE, Mode.LEARNING, Mode.UNDECIDED], start=6):
        put(lake.ledger, measured(f"2025-01-{day:02}"), NONE, mode=mode)
        assert changes(shop, lake) == ([], [])
    lake.ledger.drift.judge(judged(measured("2025-01-05"), HIGH, mode=Mode.UNDECIDED, rule="other"))
    assert changes(shop, lake) == ([], []), "nothing that is left was decided, so nothing says that it is right again"


def test_late_data_and_another_rule_speak_for_their_window(shop: Shop, lake: Lakehouse) -> None:
    put(lake.ledger, measured(), HIGH)
    assert changes(shop, lake) == (["high"], [])
    put(lake.ledger, measured(versions=("v2",)), NONE)
    assert changes(shop, lake) == ([], ["high"])
    lake.ledger.drift.judge(judged(measured(versions=("v2",)), MEDIUM, rule="stricter"))
    assert changes(shop, lake) == (["medium"], [])


def test_an_older_window_that_is_measured_late_is_not_the_newest(shop: Shop, lake: Lakehouse) -> None:
    put(lake.ledger, measured("2025-01-08"), NONE)
    put(lake.ledger, measured("2025-01-07"), CRITICAL)
    assert changes(shop, lake) == ([], [])


def test_monitors_of_one_table_are_one_incident_of_the_worst_and_tables_are_apart(shop: Shop, lake: Lakehouse) -> None:
    put(lake.ledger, measured(), MEDIUM)
    put(lake.ledger, measured(monitor="orders", table="silver.orders"), MEDIUM)
    put(lake.ledger, measured(monitor="orders_too", table="silver.orders"), HIGH)
    found = reconcile_drift(shop.product, lake.ledger)
    assert subjects(found.opened) == [("drift", f"{TABLE} medium"), ("drift", "shop.silver.orders high")]
    assert found.opened[1].details["monitor"] == "orders_too"
    put(lake.ledger, measured("2025-01-09", monitor="orders_too", table="silver.orders"), NONE)
    found = reconcile_drift(shop.product, lake.ledger)
    assert subjects(found.opened) == [("drift", "shop.silver.orders medium")], "the other monitor is still there"
    assert subjects(found.resolved) == [("drift", "shop.silver.orders high")]


def test_what_is_not_watched_any_more_is_resolved(shop: Shop, lake: Lakehouse) -> None:
    put(lake.ledger, measured(), HIGH)
    assert changes(shop, lake) == (["high"], [])
    declare_monitors(shop, [ORDERS])
    assert changes(shop, lake) == ([], ["high"])


def test_it_is_found_by_the_look_at_everything_too_and_leaves_the_rest_alone(shop: Shop, lake: Lakehouse) -> None:
    due = datetime.datetime(2025, 1, 2)
    put(lake.ledger, measured(), HIGH)
    missing = ("missing", "shop.bronze.raw_orders/2025-01-01")
    assert subjects(reconcile(shop.product, lake, now=due).opened) == [missing, ("drift", f"{TABLE} high")]
    assert reconcile_drift(shop.product, lake.ledger).resolved == ()
    put(lake.ledger, measured("2025-01-09"), NONE)
    assert subjects(reconcile_drift(shop.product, lake.ledger).resolved) == [("drift", f"{TABLE} high")]
    assert lake.ledger.incidents.newest("shop")[missing].is_open


def test_the_message_names_columns_severity_window_and_event_and_no_value(shop: Shop, lake: Lakehouse) -> None:
    of = measured("2025-01-08", first="2025-01-02", columns=("amount", "customer"))
    found = [
        Finding("amount", Kind.DATA, Test.PSI, HIGH, Mode.DECIDED, 0.25, 1e-9, 0.2),
        Finding("amount", Kind.DATA, Test.KS, HIGH, Mode.DECIDED, 0.26, 1e-9, 0.2),
        Finding("customer", Kind.MISSINGNESS, Test.NULLS, HIGH, Mode.DECIDED, 0.23456, 1e-9, 0.2),
        Finding("customer", Kind.DATA, Test.PSI, LOW, Mode.DECIDED, 9.0, 1e-9, 0.02, note="Smith"),
    ]
    lake.ledger.drift.record(of)
    lake.ledger.drift.judge(replace(judged(of, HIGH), findings=tuple(found)))
    (incident,) = reconcile(shop.product, lake, now=NOW).opened
    title, body = message(shop.product, incident)
    assert title == f"shop: {TABLE} high drift"
    assert body.splitlines() == [
        "Why: high drift of amount (ks 0.26), customer (nulls 0.235) in 2025-01-02...2025-01-08, against the first days",
        "Owner: shop@example.com; steward: steward@example.com",
        f"Event: {of.event[:12]} of monitor paid_orders",
        "Next: readiness drift show shop",
    ]


def test_many_columns_are_counted(shop: Shop, lake: Lakehouse) -> None:
    put(lake.ledger, measured(columns=tuple(f"c{n}" for n in range(40))), HIGH)
    (incident,) = reconcile(shop.product, lake, now=NOW).opened
    assert "c4 (ks 0.12), 35 more in" in incident.why


def test_it_is_told_once_and_once_that_it_is_right_again(shop: Shop, lake: Lakehouse, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    for day, severity in enumerate([MEDIUM, MEDIUM, HIGH, LOW, LOW], start=4):
        put(lake.ledger, measured(f"2025-01-{day:02}"), severity)
        for _ in range(2):
            send(shop.product, lake, reconcile(shop.product, lake, now=NOW).resolved, log=LOG)
    titles = [record.getMessage().splitlines()[0] for record in caplog.records]
    assert titles == [f"shop: {TABLE} medium drift", f"shop: {TABLE} high drift", "shop: 2 resolved"]


def test_a_product_without_monitors_has_no_incident_of_drift(shop: Shop, lake: Lakehouse) -> None:
    put(lake.ledger, measured(), HIGH)
    declare_monitors(shop, [])
    assert changes(shop, lake) == ([], [])
