"""What a report may say of why a candidate is held: never a value of a column that is not public."""

from __future__ import annotations

from dataclasses import replace

import pytest

from readiness_pipelines.flow import RuleResult, Status
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers.tellable import is_tellable
from readiness_pipelines.reports import gate_report, page
from readiness_pipelines.reports.words import why_held
from tests.reports.scene import NOW, PERSON, add_rule, report_of, rows, run
from tests.shop import Shop

_COMMON = (
    "  - {type: expect_column_most_common_value_to_be_in_set, kwargs: {column: %s, value_set: [nobody]}, meta: {name: usual}}\n"
)
_LATEST = (
    "  - {type: expect_column_max_to_be_between, kwargs: {column: ordered_on, max_value: '2024-01-01'}, meta: {name: latest}}\n"
)


def held(shop: Shop) -> tuple[str, ...]:
    (found,) = [each for each in report_of(shop, 1, 1).to_look_at if each.partition == shop.day(1)]
    return found.why


def test_what_a_rule_observed_of_a_person_is_not_told(shop: Shop) -> None:
    add_rule(shop, _COMMON % "customer")
    shop.land(1, [f"{i},{PERSON},10,{shop.day(1)}" for i in range(20)])
    lake = run(shop, 1)
    verdict = lake.ledger.latest_verdict("shop.silver.orders", shop.day(1))
    assert verdict is not None and PERSON not in verdict.to_json()
    assert verdict.held_because == ("usual failed: observed not kept (PII), expected value_set a list",)
    assert held(shop) == ("usual failed; what it observed (PII) is not kept, it may quote values",)
    outspoken = replace(verdict, held_because=(f"usual failed: observed ['{PERSON}'], expected value_set a list",))
    assert why_held(outspoken, shop.product.by_name["orders"].table) == held(shop)  # as it was kept once
    assert PERSON not in page(gate_report(shop.product, lake, now=NOW))


def test_a_query_that_gives_rows_is_told_by_their_number(shop: Shop) -> None:
    query = "SELECT * FROM {batch} WHERE amount > 0 LIMIT 1"
    add_rule(
        shop, f"  - {{type: unexpected_rows_expectation, kwargs: {{unexpected_rows_query: '{query}'}}, meta: {{name: free}}}}\n"
    )
    shop.land(1)
    run(shop, 1)
    assert held(shop) == ("free failed: its query gives 1 row, expected none",)


def test_what_a_rule_observed_of_a_public_column_is_told(shop: Shop) -> None:
    add_rule(shop, _LATEST)
    shop.land(1)
    run(shop, 1)
    (why,) = held(shop)
    assert why.startswith("latest failed: observed 2025-01-01, expected ")


def test_counts_are_told_of_any_column(shop: Shop) -> None:
    rule = "  - {type: expect_column_unique_value_count_to_be_between, kwargs: {column: customer, min_value: 50}, meta: {name: many}}\n"
    add_rule(shop, rule)
    shop.land(1)
    run(shop, 1)
    (why,) = held(shop)
    assert why.startswith("many failed: observed 20, expected ")


def test_a_file_without_its_header_is_not_quoted(shop: Shop) -> None:
    shop.land(1, rows(shop, 1)[1:], header=f"{rows(shop, 1)[0]}\n")
    lake = run(shop, 1)
    verdict = lake.ledger.latest_verdict("shop.bronze.raw_orders", shop.day(1))
    assert verdict is not None and PERSON in str(verdict.held_because)
    missing, unknown = held(shop)
    assert missing.endswith(
        "'order_id', 'customer', 'amount', 'ordered_on'; expected every column of the contract: deliver it again with them"
    )
    assert unknown.endswith(
        "columns the contract does not know; the rest is not shown here, it may quote values: `readiness held show`"
    )
    assert PERSON not in page(gate_report(shop.product, lake, now=NOW))


def test_a_key_that_names_two_rows_is_told_by_counts(shop: Shop) -> None:
    model = shop.folder / "gold" / "paid_orders.sql"
    model.write_text("SELECT 1 AS order_id, amount FROM orders")
    shop.land(1)
    run(shop, 1)
    assert held(shop)[0].startswith("key (order_id) names 19 rows twice and is null in 0 of 20")


def test_a_file_name_or_a_note_that_looks_like_a_reason_of_ours_is_no_way_around(shop: Shop) -> None:
    shop.land(1)
    lake = run(shop, 1)
    verdict = lake.ledger.latest_verdict("shop.silver.orders", shop.day(1))
    assert verdict is not None
    table = shop.product.by_name["orders"].table
    broken = RuleResult(
        "usual", "expect_column_max_to_be_between", {"column": "customer"}, "critical", "hold", Status.UNDECIDED, note=PERSON
    )
    lines = (f"usual could not be judged: {PERSON}", f"something new: '{PERSON}'")
    told = why_held(replace(verdict, rules=(broken,), held_because=lines), table)
    assert PERSON not in str(told)
    assert [line.split(" ")[0] for line in told] == ["usual", "something"]


@pytest.mark.parametrize(
    ("expectation", "kwargs", "may"),
    [
        ("expect_column_max_to_be_between", {"column": "ordered_on"}, True),
        ("expect_column_max_to_be_between", {"column": "amount"}, False),  # confidential
        ("expect_column_max_to_be_between", {"column": "ordered_on", "row_condition": "customer == 'x'"}, False),
        ("expect_column_max_to_be_between", {"column": "of_no_contract"}, False),
        ("expect_multicolumn_sum_to_equal", {"column_list": ["ordered_on", "amount"]}, False),
        ("expect_table_row_count_to_equal", {"value": 1}, True),
        ("unexpected_rows_expectation", {"unexpected_rows_query": "SELECT"}, False),
    ],
)
def test_only_counts_and_public_columns_are_told(shop: Shop, expectation: str, kwargs: dict[str, object], may: bool) -> None:
    rule = RuleResult("r", expectation, kwargs, "critical", "hold", Status.FAILED)
    assert is_tellable(rule, shop.product.by_name["orders"].table) is may


def test_a_report_of_nothing_is_a_page(shop: Shop) -> None:
    assert "10 missing" in page(gate_report(shop.product, Lakehouse.open(shop.settings), now=NOW))
