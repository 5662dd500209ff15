"""Row rules on small tables; expected values by hand, after Great Expectations' documented meaning on pandas."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from readiness_pipelines import gates
from readiness_pipelines.errors import DeclarationError
from readiness_pipelines.flow import Outcome, RuleResult, Status
from readiness_pipelines.gates import RowExamination, examine_rows, parse_suite


def examine(
    values: str, *expectations: dict[str, Any], uncast: dict[str, str] | None = None
) -> tuple[duckdb.DuckDBPyConnection, RowExamination]:
    con = duckdb.connect()
    con.execute(f"CREATE TABLE t AS SELECT * FROM (VALUES {values})")
    return con, examine_rows(con, "t", parse_suite(list(expectations)), uncast=uncast)


def one(values: str, type_: str, **kwargs: Any) -> RuleResult:
    return examine(values, {"type": type_, "kwargs": kwargs})[1].results[0]


def test_nan_is_null_and_left_out() -> None:
    result = one(
        "('a', 1.0::DOUBLE), ('b', 'nan'::DOUBLE), ('c', NULL)) AS v(row_id, x",
        "expect_column_values_to_be_between",
        column="x",
        min_value=0,
    )
    assert (result.status, result.missing_count, result.unexpected_count) == (Status.PASSED, 2, 0)


def test_one_side_null_breaks_a_pair_rule_unless_it_is_ignored() -> None:
    values = "('a', 2, 1), ('b', NULL, 1), ('c', NULL, NULL)) AS v(row_id, x, y"
    type_ = "expect_column_pair_values_a_to_be_greater_than_b"
    assert one(values, type_, column_A="x", column_B="y").unexpected_count == 1
    assert one(values, type_, column_A="x", column_B="y", ignore_row_if="either_value_is_missing").unexpected_count == 0
    assert one(values, type_, column_A="x", column_B="y", ignore_row_if="neither").unexpected_count == 2


def test_two_nulls_in_a_compound_key_are_equal() -> None:
    values = "('a', 1, NULL), ('b', 1, NULL), ('c', 2, 3)) AS v(row_id, x, y"
    assert one(values, "expect_compound_columns_to_be_unique", column_list=["x", "y"]).unexpected_count == 2


def test_a_number_column_holds_no_text_of_a_set() -> None:
    result = one("('a', 1), ('b', 2)) AS v(row_id, x", "expect_column_values_to_be_in_set", column="x", value_set=["1", "2"])
    assert result.unexpected_count == 2


def test_text_between_numbers_cannot_be_judged_and_other_rules_do_not_suffer() -> None:
    _, examined = examine(
        "('a', '5')) AS v(row_id, x",
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "x", "min_value": "0"}},
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "x"}},
    )
    assert [r.status for r in examined.results] == [Status.UNDECIDED, Status.PASSED]


def test_strict_bounds_leave_the_bound_out() -> None:
    values = "('a', 1), ('b', 2)) AS v(row_id, x"
    assert one(values, "expect_column_values_to_be_between", column="x", min_value=1).unexpected_count == 0
    assert one(values, "expect_column_values_to_be_between", column="x", min_value=1, strict_min=True).unexpected_count == 1


def test_a_tolerant_rule_that_holds_sends_nobody_to_quarantine() -> None:
    values = "('a', 1), ('b', 2), ('c', NULL)) AS v(row_id, x"
    rule = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "x", "mostly": 0.6}}
    _, examined = examine(values, rule)
    assert examined.results[0].status is Status.PASSED and examined.results[0].unexpected_count == 1
    assert examined.bad_rows_sql() is None


def test_a_bad_row_carries_all_its_reasons_and_counts_agree_with_the_split() -> None:
    con, examined = examine(
        "('a', 5, 'x'), ('b', 50, NULL), ('c', 50, 'x')) AS v(row_id, n, s",
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "n", "max_value": 10}, "meta": {"name": "small"}},
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "s"}, "meta": {"name": "known"}},
    )
    sql = examined.bad_rows_sql()
    assert sql is not None
    assert sorted(con.execute(sql).fetchall()) == [("b", ["small", "known"]), ("c", ["small"])]
    assert [r.unexpected_count for r in examined.results] == [2, 1]


def test_more_than_64_rules_are_judged() -> None:
    rules = [
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "x", "max_value": i}, "meta": {"name": f"max_{i}"}}
        for i in range(100)
    ]
    con, examined = examine("('a', 70)) AS v(row_id, x", *rules)
    assert sum(r.status is Status.FAILED for r in examined.results) == 70
    sql = examined.bad_rows_sql()
    assert sql is not None and len(con.execute(sql).fetchall()[0][1]) == 70


def test_a_cell_that_could_not_be_cast_is_neither_considered_nor_faulted() -> None:
    _, examined = examine(
        "('a', NULL, true), ('b', NULL, false)) AS v(row_id, x, x_failed",
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "x"}},
        uncast={"x": "x_failed"},
    )
    assert (examined.results[0].missing_count, examined.results[0].unexpected_count) == (1, 1)
    assert examined.results[0].failing_keys == ("b",)


@pytest.mark.parametrize(
    ("expectation", "told"),
    [
        ({"type": "expect_column_values_to_be_betwen", "kwargs": {"column": "x"}}, "expect_column_values_to_be_between"),
        ({"type": "expect_column_chisquare_test_p_value_to_be_greater_than", "kwargs": {"column": "x"}}, "never skipped"),
        ({"type": "expect_column_values_to_not_be_null", "kwargs": {}}, "found no 'column'"),
        ({"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "x", "mosty": 1}}, "expected 'mostly'?"),
        ({"type": "expect_column_values_to_be_between", "kwargs": {"column": "x", "min_value": "abc"}}, "a number or an ISO date"),
        ({"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "x"}, "severity": "fatal"}, "critical"),
        ({"type": "expect_table_row_count_to_equal", "kwargs": {"value": 1}, "meta": {"on_fail": "quarantine"}}, "has no rows"),
        (
            {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "x", "row_condition": {"type": "nul"}}},
            "row_condition",
        ),
    ],
)
def test_what_is_not_understood_is_an_error_at_load(expectation: dict[str, Any], told: str) -> None:
    with pytest.raises(DeclarationError, match="suite:1: expectations") as error:
        parse_suite([expectation])
    assert told in str(error.value)


def test_a_rule_without_sql_is_judged_by_great_expectations_marks_its_rows_and_says_so() -> None:
    rule = {"type": "expect_column_values_to_be_json_parseable", "kwargs": {"column": "s"}}
    con, examined = examine("('a', '{}'), ('b', '{'), ('c', NULL)) AS v(row_id, s", rule)
    result = examined.results[0]
    assert (result.status, result.element_count, result.missing_count, result.unexpected_count) == (Status.FAILED, 3, 1, 1)
    assert result.failing_keys == ("b",)
    assert result.note.startswith("judged by Great Expectations itself, over all rows")
    sql = examined.bad_rows_sql()
    assert sql is not None and con.execute(sql).fetchall() == [("b", ["s_be_json_parseable"])]


def test_above_fallback_max_rows_such_a_rule_is_undecided_and_just_as_many_rows_are_judged() -> None:
    con = duckdb.connect()
    con.execute("CREATE TABLE t AS SELECT range::VARCHAR AS row_id, '1' AS s FROM range(3)")
    suite = parse_suite([{"type": "expect_column_values_to_be_json_parseable", "kwargs": {"column": "s"}}])
    enough, too_few = (examine_rows(con, "t", replace(suite, fallback_max_rows=n)).results[0] for n in (3, 2))
    assert (enough.status, too_few.status) == (Status.PASSED, Status.UNDECIDED)
    assert "fallback_max_rows (2)" in too_few.note


def test_a_cell_that_could_not_be_cast_is_left_out_by_great_expectations_too() -> None:
    rule = {"type": "expect_column_values_to_be_json_parseable", "kwargs": {"column": "s"}}
    _, examined = examine("('a', NULL, true), ('b', '{', false)) AS v(row_id, s, s_failed", rule, uncast={"s": "s_failed"})
    result = examined.results[0]
    assert (result.element_count, result.missing_count, result.unexpected_count) == (2, 1, 1)


def test_rules_about_the_order_of_rows_are_undecided_where_rows_have_none() -> None:
    result = one("('a', 1), ('b', 2)) AS v(row_id, x", "expect_column_values_to_be_increasing", column="x")
    assert (result.status, result.note) == (Status.UNDECIDED, "the rows of this table have no order")


def test_200_rules_over_rows_and_table_are_judged() -> None:
    rows = [{"type": "expect_column_values_to_be_between", "kwargs": {"column": "x", "max_value": i}} for i in range(120)]
    table = [{"type": "expect_column_max_to_be_between", "kwargs": {"column": "x", "max_value": i}} for i in range(80)]
    examined = gates.examine(pa.table({"x": [1, 70]}), [*rows, *table])
    assert sum(r.status is Status.FAILED for r in examined.results) == 70 + 70
    assert [r.rule for r in examined.results][:2] == ["x_be_between", "x_be_between_2"]


def test_a_critical_rule_that_fails_and_names_no_row_holds_the_table() -> None:
    table = pa.table({"x": [1.0, 2.0, 3.0]})
    rule = {"type": "expect_column_values_to_be_of_type", "kwargs": {"column": "x", "type_": "int64"}}
    verdict = gates.examine(table, [rule]).verdict
    assert verdict.outcome is Outcome.HELD and verdict.counts.held == 3
    assert "x_be_of_type failed: observed float64, expected type_ 'int64'" in verdict.held_because[0]
    assert gates.examine(table, [{**rule, "severity": "warning"}]).verdict.outcome is Outcome.ADMITTED


@pytest.mark.parametrize(
    ("rule", "passes"),
    [
        (
            {"type": "expect_column_distinct_values_to_be_in_set", "kwargs": {"column": "s", "value_set": ["{source}", "{there}"]}},
            True,
        ),
        ({"type": "expect_column_distinct_values_to_contain_set", "kwargs": {"column": "s", "value_set": ["{source}"]}}, True),
        (
            {
                "type": "unexpected_rows_expectation",
                "kwargs": {"unexpected_rows_query": "SELECT 1 FROM {batch} WHERE s = '{{source}}'"},
            },
            False,
        ),
    ],
)
def test_braces_in_values_are_nothing_but_values(rule: dict[str, Any], passes: bool) -> None:
    found = gates.examine(pa.table({"s": ["{source}", "{there}"]}), [rule])
    assert found.verdict.outcome is (Outcome.ADMITTED if passes else Outcome.HELD)
