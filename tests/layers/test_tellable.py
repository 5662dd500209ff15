"""No verdict holds a value of a column that is not public: not the ledger's, and so nobody's who takes it from there."""

from __future__ import annotations

import datetime
import sqlite3

import pytest

from readiness_pipelines.flow import RuleResult, Status
from readiness_pipelines.layers.tellable import tellable
from tests.layers.across import land, ruling, run, suite
from tests.shop import Shop

PERSON = "Ann Secret"


@pytest.mark.parametrize(
    "rule",
    [
        "type: expect_column_most_common_value_to_be_in_set, kwargs: {column: customer, value_set: [x]}",
        "type: expect_column_min_to_be_between, severity: warning, kwargs: {column: customer, min_value: {$PARAMETER: x}}",
        "type: expect_column_distinct_values_to_be_in_set, kwargs: {column: customer, value_set: [x]}",
        "type: expect_column_max_to_be_between, kwargs: {column: customer}",
        "type: expect_column_kl_divergence_to_be_less_than, kwargs: {column: customer, threshold: 0.1,"
        " partition_object: {values: [x, y], weights: [0.5, 0.5]}}",
    ],
)
def test_a_value_of_a_person_is_not_in_the_ledger(shop: Shop, rule: str) -> None:
    suite(shop, "silver_orders", [f"{rule}, meta: {{name: r}}"])
    land(shop, 1, [(PERSON, 1), (PERSON, 2), ("Ann Other", 3)])
    result = run(shop, "raw_orders", "orders", day=1)
    assert result.verdict is not None
    assert "Ann" not in result.verdict.to_json() + result.why
    with sqlite3.connect(shop.settings.state / "ledger.db") as ledger:
        assert "Ann" not in "".join(str(row) for row in ledger.execute("SELECT * FROM verdicts"))


def test_what_is_public_and_what_is_a_count_is_kept(shop: Shop) -> None:
    rules = [
        "type: expect_column_max_to_be_between, kwargs: {column: ordered_on, max_value: 2020-01-01}, meta: {name: latest}",
        "type: expect_column_unique_value_count_to_be_between, kwargs: {column: customer, min_value: 9}, meta: {name: many}",
        "type: expect_column_values_to_be_of_type, kwargs: {column: amount, type_: str}, meta: {name: kind}",
        "type: expect_column_sum_to_be_between, kwargs: {column: amount, min_value: 9}, meta: {name: sum}",
        "type: unexpected_rows_expectation, kwargs: {unexpected_rows_query: 'FROM {batch}'}, meta: {name: rows}",
    ]
    suite(shop, "silver_orders", rules)
    land(shop, 1, [("ann", 1), ("bob", 2)])
    result = run(shop, "raw_orders", "orders", day=1)
    observed = {name: ruling(result, name).observed_value for name in ("latest", "many", "sum", "rows")}
    assert observed == {"latest": datetime.date.fromisoformat(shop.day(1)), "many": 2, "sum": "not kept (confidential)", "rows": 2}
    assert "not kept" not in str(ruling(result, "kind").observed_value)
    assert "sum failed: observed not kept (confidential), expected min_value 9" in result.why


def test_bounds_from_elsewhere_are_values_and_a_note_ends_before_it_quotes(shop: Shop) -> None:
    table = shop.product.by_name["orders"].table
    kwargs = {"column": "amount", "min_value": 3, "max_value": None, "strict_min": True}
    said = RuleResult("r", "expect_column_max_to_be_between", kwargs, "critical", "hold", Status.FAILED, note="no 'Ann'")
    assert tellable(said, table).kwargs == kwargs  # the suite's own words
    from_elsewhere = RuleResult(**{**said.__dict__, "rests_on": ("shop.silver.customers 2025-01-01",)})
    found = tellable(from_elsewhere, table)
    assert found.kwargs == {**kwargs, "min_value": "not kept (confidential)"}
    assert found.note == "no ...; the rest is not kept, it may quote values"
