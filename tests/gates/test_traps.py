"""Where the meaning of a rule is easily missed: what is expected comes from Great Expectations itself, on pandas, in the test."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from readiness_pipelines.errors import DeclarationError
from readiness_pipelines.gates import examine
from tests.gates.reference import differences, judged_by_gx

pytestmark = pytest.mark.slow  # Great Expectations takes some seconds to import

NAN = float("nan")
NUMBERS = pa.table({"a": [1, 2, None, 4, None], "b": [1.0, NAN, None, 2.0, 7.0], "k": ["v", "w", "x", "y", "z"]})
TEXTS = pa.table({"s": ["1", "2", "10", None, "é"], "k": [1, 2, 3, 4, 5]})
NAMED = {"type": "comparison", "column": {"name": "k"}, "operator": "!=", "parameter": "v"}

TRAPS: list[tuple[str, pa.Table, str, dict[str, Any]]] = [
    ("NaN is null", NUMBERS, "column_values_to_be_between", {"column": "b", "min_value": 0}),
    ("NaN is missing to not_null", NUMBERS, "column_values_to_not_be_null", {"column": "b"}),
    ("the mean leaves NaN out", NUMBERS, "column_mean_to_be_between", {"column": "b", "max_value": 5}),
    ("one side null breaks a pair", NUMBERS, "column_pair_values_a_to_be_greater_than_b", {"column_A": "a", "column_B": "b"}),
    (
        "both null breaks a pair that nothing is ignored of",
        NUMBERS,
        "column_pair_values_a_to_be_greater_than_b",
        {"column_A": "a", "column_B": "b", "or_equal": True, "ignore_row_if": "neither"},
    ),
    (
        "two nulls in a key are equal",
        pa.table({"x": [1, 1, None, None, 2], "y": ["u", "u", None, None, None]}),
        "compound_columns_to_be_unique",
        {"column_list": ["x", "y"], "ignore_row_if": "never"},
    ),
    ("a number is no text of a set", NUMBERS, "column_values_to_be_in_set", {"column": "a", "value_set": ["1", "2"]}),
    ("a text is no number of a set", TEXTS, "column_values_to_be_in_set", {"column": "s", "value_set": [10, 9]}),
    ("text between numbers is an error", TEXTS, "column_values_to_be_between", {"column": "s", "min_value": "0", "max_value": "9"}),
    (
        "a quantile is the nearest value",
        pa.table({"x": [1, 2, 3, 4, 5, 6]}),
        "column_quantile_values_to_be_between",
        {"column": "x", "quantile_ranges": {"quantiles": [0.9, 0.5, 0.1], "value_ranges": [[5, 5], [None, 3], [1, None]]}},
    ),
    ("the length of a float is that of its print", NUMBERS, "column_value_lengths_to_equal", {"column": "b", "value": 3}),
    ("no row, no failure", NUMBERS.slice(0, 0), "column_values_to_be_between", {"column": "b", "min_value": 0}),
    ("no row, no aggregate, no success", NUMBERS.slice(0, 0), "column_max_to_be_between", {"column": "b", "min_value": 0}),
    (
        "mostly is of the values that are there",
        NUMBERS,
        "column_values_to_be_between",
        {"column": "b", "max_value": 2, "mostly": 0.66},
    ),
    ("mostly is of all rows for nulls", NUMBERS, "column_values_to_not_be_null", {"column": "a", "mostly": 0.6}),
    (
        "a condition filters first, and a null is unequal",
        NUMBERS,
        "column_values_to_be_between",
        {"column": "b", "max_value": 2, "row_condition": {**NAMED, "column": {"name": "a"}, "parameter": 1}},
    ),
    (
        "conditions nest",
        NUMBERS,
        "column_values_to_not_be_null",
        {
            "column": "a",
            "row_condition": {
                "type": "or",
                "conditions": [
                    {"type": "nullity", "column": {"name": "b"}, "is_null": True},
                    {"type": "and", "conditions": [NAMED, {**NAMED, "operator": "IN", "parameter": ["z", "w"]}]},
                ],
            },
        },
    ),
    (
        "an old string of its own parser",
        NUMBERS,
        "column_values_to_not_be_null",
        {"column": "a", "row_condition": 'col("b").notnull()', "condition_parser": "great_expectations"},
    ),
    (
        "an old string of pandas",
        NUMBERS,
        "column_values_to_not_be_null",
        {"column": "a", "row_condition": "b < 5 and k != 'v'", "condition_parser": "pandas"},
    ),
    ("every member of a double is bad", TEXTS, "column_values_to_be_unique", {"column": "k"}),
    ("a pattern is searched, not matched", TEXTS, "column_values_to_match_regex", {"column": "s", "regex": "0"}),
    ("a pattern that RE2 lacks", TEXTS, "column_values_to_match_regex", {"column": "s", "regex": "1(?!0)"}),
    (
        "digits and letters are Unicode",
        pa.table({"s": ["1", "٣", "é", "a\n"]}),
        "column_values_to_match_regex",
        {"column": "s", "regex": r"^\w$"},
    ),
    ("an empty set fails everything", NUMBERS, "column_values_to_be_in_set", {"column": "a", "value_set": []}),
    ("None in a set is never looked at", NUMBERS, "column_values_to_be_in_set", {"column": "a", "value_set": [1, 2, 4, None]}),
    ("no set of columns fails exactly", NUMBERS, "table_columns_to_match_set", {"column_set": None, "exact_match": True}),
    ("increasing leaves nulls out", NUMBERS, "column_values_to_be_increasing", {"column": "b", "strictly": True}),
    (
        "a decimal is compared exactly with a float",
        pa.table({"d": pa.array([0, 1, 2], pa.decimal128(10, 1))}).cast(pa.schema([("d", pa.decimal128(10, 1))])),
        "column_values_to_be_between",
        {"column": "d", "min_value": 0.1},
    ),
    (
        "a time is not compared with a date",
        pa.table({"t": [datetime.datetime(2026, 1, 1), None]}),
        "column_values_to_be_between",
        {"column": "t", "min_value": "2026-01-01"},
    ),
    (
        "the sum of nothing is nothing",
        pa.table({"x": pa.array([None, None], pa.float64())}),
        "column_sum_to_be_between",
        {"column": "x", "max_value": 1},
    ),
    ("the spread of one value is none", pa.table({"x": [1.0]}), "column_stdev_to_be_between", {"column": "x", "min_value": 0}),
    (
        "the same endless value twice is no step down",
        pa.table({"x": [math.inf, math.inf]}),
        "column_values_to_be_increasing",
        {"column": "x", "strictly": True},
    ),
]


@pytest.mark.parametrize(("table", "type_", "kwargs"), [t[1:] for t in TRAPS], ids=[t[0] for t in TRAPS])
@pytest.mark.parametrize("keys", [None, True], ids=["by position", "by key"])
def test_a_trap_is_judged_as_great_expectations_judges_it(table: pa.Table, type_: str, kwargs: dict[str, Any], keys: Any) -> None:
    suite = [{"type": f"expect_{type_}", "kwargs": kwargs}]
    key_columns = table.column_names[-1:] if keys else None
    ours = examine(table, suite, key_columns=key_columns).to_gx()["results"][0]
    assert differences(ours, judged_by_gx(table, suite, key_columns=key_columns)[0]) == []


def test_an_argument_that_great_expectations_refuses_is_refused() -> None:
    suite = [{"type": "expect_column_values_to_be_between", "kwargs": {"column": "a", "min_value": "abc"}}]
    with pytest.raises(Exception, match="validation error"):
        judged_by_gx(NUMBERS, suite)
    with pytest.raises(DeclarationError, match="found 'abc', expected a number or an ISO date"):
        examine(NUMBERS, suite)


def test_the_results_load_into_great_expectations_own_classes() -> None:
    suite = [
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "a"}},
        {"type": "expect_column_max_to_be_between", "kwargs": {"column": "b", "max_value": 3}},
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "none", "max_value": 3}},
    ]
    examined = examine(NUMBERS, suite)
    judged_by_gx(NUMBERS, [])  # imports it quietly
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.core.expectation_validation_result import expectationSuiteValidationResultSchema

    for result_format in ("BOOLEAN_ONLY", "BASIC", "SUMMARY", "COMPLETE"):
        loaded = expectationSuiteValidationResultSchema.load(examined.to_gx(result_format=result_format))
        assert isinstance(loaded, ExpectationSuiteValidationResult)
        assert [r.success for r in loaded.results] == [False, False, False]
        assert loaded.results[2].exception_info["raised_exception"] is True
        assert loaded.to_json_dict()["statistics"]["unsuccessful_expectations"] == 3


def test_a_decimal_column_with_nulls_has_a_mean_where_great_expectations_stumbles() -> None:
    table = pa.table({"n": pa.array([None, Decimal("0.10"), Decimal("2.50")], pa.decimal128(10, 2))})
    suite = [{"type": "expect_column_mean_to_be_between", "kwargs": {"column": "n", "min_value": 1}}]
    assert judged_by_gx(table, suite)[0]["raised"]
    assert examine(table, suite).to_gx()["results"][0]["result"] == {"observed_value": 1.3}


def test_a_list_of_failing_values_is_whole_where_great_expectations_cuts_it() -> None:
    table = pa.table({"x": list(range(300))})
    suite = [{"type": "expect_column_values_to_be_between", "kwargs": {"column": "x", "max_value": -1}}]
    ours, theirs = examine(table, suite).to_gx()["results"][0]["result"], judged_by_gx(table, suite)[0]["result"]
    assert ours["unexpected_list"] == ours["unexpected_index_list"] == list(range(300))
    assert (len(theirs["unexpected_list"]), len(theirs["unexpected_index_list"])) == (200, 300)
