"""Rules that compare a table with other tables: every row has its partner, sums agree, and the versions are named."""

from __future__ import annotations

import pytest

from readiness_pipelines.errors import NotAdmitted
from readiness_pipelines.flow import Status
from readiness_pipelines.lakehouse import Lakehouse, quarantined
from readiness_pipelines.layers import Standings, run_step
from readiness_pipelines.layers.calendar import clock
from tests.layers.across import CHECKED, change, land, land_customers, ruling, run, suite, with_customers
from tests.shop import Shop

KNOWN = (
    "type: expect_column_values_to_be_in_set, kwargs: {column: customer}, "
    "meta: {name: known, value_set_from: {table: customers, column: customer}}"
)
CUSTOMERS, ORDERS = ("raw_customers", "customers"), ("raw_orders", "orders")


def test_a_row_without_a_partner_goes_to_quarantine_and_a_null_is_left_out(shop: Shop) -> None:
    suite(with_customers(shop), "silver_orders", [KNOWN])
    land_customers(shop, 1, ["ann", "bob"])
    land(shop, 1, [*[("ann", 1)] * 8, ("bob", 2), ("?", 3), ("eve", 4)])
    version = run(shop, *CUSTOMERS, day=1).version
    result = run(shop, *ORDERS, day=1)
    found = ruling(result, "known")
    assert (found.status, found.element_count, found.missing_count, found.unexpected_count) == (Status.FAILED, 11, 1, 1)
    assert found.rests_on == (str(version),)
    assert result.verdict is not None
    assert (result.kind, result.verdict.counts.admitted) == ("admitted", 10)
    assert str(version) in result.verdict.inputs
    lake = Lakehouse.open(shop.settings)
    with lake.connect() as con:
        rows = con.execute(f"SELECT record_number, reasons FROM {quarantined(lake, 'shop.silver.orders')}").fetchall()
    assert rows == [(11, ["known"])]


def test_a_corrected_reference_makes_another_version_and_the_row_is_admitted(shop: Shop) -> None:
    suite(with_customers(shop), "silver_orders", [KNOWN])
    land_customers(shop, 1, ["ann"])
    land(shop, 1, [*[("ann", 1)] * 9, ("eve", 4)])
    run(shop, *CUSTOMERS, day=1)
    first = run(shop, *ORDERS, day=1)
    assert run(shop, "orders", day=1).kind == "unchanged"
    land_customers(shop, 1, ["ann", "eve"], suffix="_corrected")
    run(shop, *CUSTOMERS, day=1)
    second = run(shop, "orders", day=1)
    assert second.kind == "admitted" and second.version != first.version
    assert second.verdict is not None and second.verdict.counts.admitted == 10


def test_a_held_or_missing_reference_blocks_and_one_that_was_not_run_is_asked_for(shop: Shop) -> None:
    suite(with_customers(shop), "silver_orders", [KNOWN])
    suite(shop, "silver_customers", ["type: expect_table_row_count_to_be_between, kwargs: {min_value: 5}"])
    land(shop, 1, [("ann", 1)])
    run(shop, "raw_orders", day=1)
    lake = Lakehouse.open(shop.settings)
    assert Standings(shop.product, lake, now=clock()).of("orders", shop.day(1)).kind == "blocked"
    assert run(shop, "orders", day=1).why.startswith("2025-01-01 bronze raw_customers is missing")
    land_customers(shop, 1, ["ann"])
    with pytest.raises(NotAdmitted, match=r"reads shop\.silver\.customers/2025-01-01, which has no admitted version"):
        run(shop, "raw_customers", "orders", day=1)
    assert run(shop, "customers", day=1).kind == "held"
    assert run(shop, "orders", day=1).why == "2025-01-01 silver customers is held"


def test_a_reference_may_read_more_partitions_and_leave_out_what_is_held(shop: Shop) -> None:
    with_customers(shop, CHECKED.replace("read: same", "read: {last: 2}, unavailable: ignore"))
    suite(shop, "silver_orders", [KNOWN])
    suite(shop, "silver_customers", ["type: expect_table_row_count_to_be_between, kwargs: {min_value: 2}"])
    for number, names in ((1, ["ann", "bob"]), (2, ["eve"])):
        land_customers(shop, number, names)
        land(shop, number, [*[("ann", 1)] * 9, ("eve", 1)])
        run(shop, *CUSTOMERS, day=number)
    found = run(shop, *ORDERS, day=2)
    assert found.verdict is not None
    assert ruling(found, "known").rests_on[0].startswith("shop.silver.customers/2025-01-01@")
    assert found.verdict.notes == ("left out, as declared: customers/2025-01-02 held",)
    assert found.verdict.counts.quarantined == 1


def test_nothing_to_compare_with_is_undecided_and_holds(shop: Shop) -> None:
    with_customers(shop, CHECKED.replace("read: same", "read: same, unavailable: ignore"))
    suite(shop, "silver_orders", [KNOWN])
    suite(shop, "silver_customers", ["type: expect_table_row_count_to_be_between, kwargs: {min_value: 2}"])
    land_customers(shop, 1, ["ann"])
    land(shop, 1, [("ann", 1)])
    run(shop, *CUSTOMERS, day=1)
    result = run(shop, *ORDERS, day=1)
    assert (result.kind, ruling(result, "known").status) == ("held", Status.UNDECIDED)
    assert "of customers no version is admitted" in result.why


def test_a_pair_has_its_partner_as_a_pair(shop: Shop) -> None:
    rule = (
        "type: expect_column_pair_values_to_be_in_set, kwargs: {column_A: order_id, column_B: amount}, "
        "meta: {name: same, value_set_from: {table: orders, columns: [order_id, amount]}}"
    )
    suite(shop, "gold_paid_orders", [rule])
    change(shop.folder / "gold" / "paid_orders.sql", "order_id, amount", "order_id, if(order_id = 1003, 99, amount) AS amount")
    land(shop, 1, [("ann", 1), ("ann", 2), ("bob", 1), ("bob", 3), ("eve", 1), ("eve", 1)])
    result = run(shop, *ORDERS, "paid_orders", day=1)
    found = ruling(result, "same")
    assert (found.unexpected_count, found.element_count) == (1, 6)
    assert result.verdict is not None and dict(result.verdict.quarantine_reasons) == {"same": 1}


AGGREGATES = {
    "rows": ("expect_table_row_count_to_be_between", "", "table: orders", True, 4, 4),
    "sum": ("expect_column_sum_to_be_between", "column: amount", "table: orders", False, 100, 100),
    "sum_nearly": ("expect_column_sum_to_be_between", "column: amount", "table: orders, tolerance: 0.1", True, 90, 110),
    "other_column": ("expect_column_max_to_be_between", "column: amount", "table: orders, column: order_id", False, 1003, 1003),
    "mean": ("expect_column_mean_to_be_between", "column: amount", "table: orders, tolerance: 0.04", False, 24, 26),
    "unique": ("expect_column_unique_value_count_to_be_between", "column: amount", "table: orders, column: customer", False, 2, 2),
}


def test_an_aggregate_agrees_with_the_same_of_an_input(shop: Shop) -> None:
    contract = shop.folder / "contract.yaml"
    contract.write_text(contract.read_text().replace("classification: confidential", "classification: public"))
    # paid_orders has amounts 10, 20, 30, 35 where orders has 10, 20, 30, 40: sums 95 and 100
    change(shop.folder / "gold" / "paid_orders.sql", "order_id, amount", "order_id, least(amount, 35) AS amount")
    rules = [
        f"type: {type_}, kwargs: {{{kwargs}}}, meta: {{name: {name}, bounds_from: {{{elsewhere}}}}}"
        for name, (type_, kwargs, elsewhere, *_) in AGGREGATES.items()
    ]
    suite(shop, "gold_paid_orders", rules)
    land(shop, 1, [("ann", 10), ("ann", 20), ("bob", 30), ("bob", 40)])
    version = run(shop, *ORDERS, day=1).version
    result = run(shop, "paid_orders", day=1)
    assert result.kind == "held"
    for name, (*_, good, low, high) in AGGREGATES.items():
        found = ruling(result, name)
        assert found.status is (Status.PASSED if good else Status.FAILED), name
        assert (found.kwargs["min_value"], found.kwargs["max_value"]) == pytest.approx((low, high)), name
        assert found.rests_on == (str(version),)
    assert "sum failed: observed 95, expected min_value 100, max_value 100" in result.why


def test_a_table_has_as_many_rows_as_another(shop: Shop) -> None:
    suite(
        shop,
        "gold_paid_orders",
        ["type: expect_table_row_count_to_equal_other_table, kwargs: {other_table_name: orders}, meta: {name: as_many}"],
    )
    land(shop, 1, [("ann", 10), ("ann", 20)])
    land(shop, 2, [("ann", 10), ("ann", 0)])  # an order that is free is dropped
    assert run(shop, *ORDERS, "paid_orders", day=1).kind == "admitted"
    result = run(shop, *ORDERS, "paid_orders", day=2)
    found = ruling(result, "as_many")
    assert (result.kind, found.observed_value) == ("held", {"self": 1, "other": 2})
    assert "expected other_table_name 'orders', other_rows 2" in result.why


def test_silver_is_compared_with_the_deliveries_that_count(shop: Shop) -> None:
    rule = (
        "type: expect_table_row_count_to_be_between, kwargs: {}, "
        "meta: {name: all_came_through, bounds_from: {table: raw_orders, tolerance: 0.1}}"
    )
    suite(shop, "silver_orders", [rule])
    land(shop, 1, [("ann", 1)] * 30)
    run(shop, "raw_orders", day=1)
    land(shop, 1, [("ann", 1)] * 20, suffix="_corrected")
    found = ruling(run(shop, *ORDERS, day=1), "all_came_through")
    assert (found.status, found.kwargs["min_value"], found.kwargs["max_value"]) == (Status.PASSED, 18, 22)


QUERY = (
    'type: unexpected_rows_expectation, kwargs: {unexpected_rows_query: "SELECT b.order_id FROM {batch} AS b '
    'JOIN {orders} AS o USING (order_id) WHERE b.amount <> o.amount"}, meta: {name: same_amount}'
)


def test_a_query_over_the_batch_and_an_input_holds_where_it_gives_rows(shop: Shop) -> None:
    suite(shop, "gold_paid_orders", [QUERY])
    land(shop, 1, [("ann", 10), ("bob", 20)])
    version = run(shop, *ORDERS, day=1).version
    found = ruling(run(shop, "paid_orders", day=1), "same_amount")
    assert (found.status, found.unexpected_count, found.rests_on) == (Status.PASSED, 0, (str(version),))
    change(shop.folder / "gold" / "paid_orders.sql", "order_id, amount", "order_id, least(amount, 15) AS amount")
    result = run(shop, "paid_orders", day=1)
    assert (result.kind, ruling(result, "same_amount").unexpected_count) == ("held", 1)
    assert result.why == "same_amount failed: its query gives 1 row, expected none"


def test_a_change_of_checked_against_makes_other_versions_and_none_leaves_them(shop: Shop) -> None:
    land_customers(shop, 1, ["ann"])
    land(shop, 1, [("ann", 1)])
    with_customers(shop, "      deduplicate: {by: [order_id], keep: last}\n")
    before = shop.product.by_name["orders"].fingerprint
    change(shop.folder / "defs.yaml", "      sql: silver/orders.sql\n", "      sql: silver/orders.sql\n      checked_against: {}\n")
    assert shop.product.by_name["orders"].fingerprint == before
    change(shop.folder / "defs.yaml", "checked_against: {}", "checked_against: {customers: {read: all_until}}")
    product = shop.product
    assert product.by_name["orders"].fingerprint != before
    lake = Lakehouse.open(shop.settings)
    names = ("raw_customers", "raw_orders", "customers", "orders")
    results = [run_step(lake, shop.settings, product, name, shop.day(1)) for name in names]
    assert [r.kind for r in results] == ["admitted"] * 4
