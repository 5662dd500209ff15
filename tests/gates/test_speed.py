"""What saves work changes no result: keys implied by shorter keys, patterns on distinct values, rows told apart before,
aggregates read on the way, suites of any length. Expected values by hand, or from Great Expectations on pandas."""

from __future__ import annotations

import time
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from readiness_pipelines import gates
from readiness_pipelines.flow import Status
from readiness_pipelines.gates import Sifted, aggregates_of, examine_rows, examine_table, lost_anyway, parse_suite
from tests.gates.reference import differences, judged_by_gx


def rule(what: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_{what}", "kwargs": kwargs}


UNIQUE = rule("column_values_to_be_unique", column="a")
BOTH = rule("compound_columns_to_be_unique", column_list=["a", "b"])
WIDE = rule("compound_columns_to_be_unique", column_list=["c", "b", "a"])


class Watched:
    """A connection that remembers what it was asked."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con, self.asked = con, list[str]()

    def execute(self, sql: str, *given: Any) -> Any:
        self.asked.append(sql)
        return self._con.execute(sql, *given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._con, name)

    def reading(self, text: str) -> list[str]:
        return [sql for sql in self.asked if text in sql]


def watched(table: pa.Table, name: str = "t") -> Any:
    con = duckdb.connect()
    con.register(f"{name}_given", table)
    con.execute(f"CREATE TABLE {name} AS FROM {name}_given")
    return Watched(con)


def agree_with_gx(table: pa.Table, *suite: dict[str, Any]) -> None:
    ours = gates.examine(table, list(suite)).to_gx()["results"]
    for mine, theirs in zip(ours, judged_by_gx(table, list(suite)), strict=True):
        assert differences(mine, theirs) == []


# keys


def test_a_key_that_holds_a_unique_column_without_nulls_groups_no_row() -> None:
    con = watched(pa.table({"row_id": range(1000), "a": range(1000), "b": [1] * 1000}))
    examined = examine_rows(con, "t", parse_suite([BOTH, UNIQUE]))
    assert [r.unexpected_count for r in examined.results] == [0, 0]
    (compound,) = [sql for sql in con.reading("GROUP BY") if "'k1'" in sql]
    select = (
        compound[compound.index("SELECT") :].split(" GROUP BY")[0].replace("SELECT {'k0': \"a\", 'k1': \"b\"} AS key", "SELECT *")
    )
    assert con.execute(select).fetchall() == []  # the rows that would be grouped


@pytest.mark.parametrize(
    ("a", "b", "of_a", "of_both"),
    [
        ([1, 1, 2], [1, 2, 1], 2, 0),  # the column repeats, the key does not
        ([1, 1, 2], [5, 5, 5], 2, 2),
        ([None, None, 2], [5, 5, 5], 0, 2),  # a null is left out by the one, and equal to a null in the other
        ([None, None, None], [None, None, 1], 0, 0),  # rows of nulls only are left out
        ([None, 1, 1, None], [1, 1, 2, 1], 2, 2),
    ],
)
@pytest.mark.parametrize("suite", [[UNIQUE, BOTH], [BOTH, UNIQUE]])
def test_a_key_is_judged_by_its_rows_where_the_column_repeats_or_is_null(
    a: list[int | None], b: list[int | None], of_a: int, of_both: int, suite: list[dict[str, Any]]
) -> None:
    table = pa.table({"a": pa.array(a, pa.int64()), "b": pa.array(b, pa.int64())})
    found = {r.expectation: r.unexpected_count for r in gates.examine(table, suite).results}
    assert found == {"expect_column_values_to_be_unique": of_a, "expect_compound_columns_to_be_unique": of_both}
    agree_with_gx(table, *suite)


def test_a_column_that_is_unique_under_a_condition_says_nothing_of_a_key() -> None:
    some = rule("column_values_to_be_unique", column="a", row_condition="b == 1", condition_parser="pandas")
    table = pa.table({"a": [1, 7, 7], "b": [1, 2, 2]})
    assert [r.unexpected_count for r in gates.examine(table, [some, BOTH]).results] == [0, 2]
    agree_with_gx(table, some, BOTH)


@pytest.mark.parametrize("ignore", ["all_values_are_missing", "any_value_is_missing", "never"])
def test_a_key_of_three_is_judged_by_what_its_part_of_two_found(ignore: str) -> None:
    a, b, c = [1, 1, 1, None, None, None, None], [2, 2, 2, 3, 3, None, None], [4, 4, 5, 6, 6, None, None]
    table = pa.table({"a": pa.array(a, pa.int64()), "b": pa.array(b, pa.int64()), "c": pa.array(c, pa.int64())})
    both = rule("compound_columns_to_be_unique", column_list=["a", "b"], ignore_row_if=ignore)
    agree_with_gx(table, both, WIDE, UNIQUE)
    expected = {"all_values_are_missing": 5, "any_value_is_missing": 3, "never": 7}[ignore]
    assert [r.unexpected_count for r in gates.examine(table, [WIDE, both]).results] == [4, expected]


def test_a_cell_that_could_not_be_cast_is_no_null_of_a_key() -> None:
    con = watched(
        pa.table({"row_id": [1, 2, 3], "a": pa.array([None] * 3, pa.int64()), "b": [5, 5, 5], "lost": [True, False, False]})
    )
    examined = examine_rows(con, "t", parse_suite([UNIQUE, BOTH]), uncast={"a": "lost"})
    assert [(r.missing_count, r.unexpected_count) for r in examined.results] == [(3, 0), (1, 2)]


# patterns

PATTERNS = [
    rule("column_values_to_match_regex", column="s", regex="^[a-z]+$"),
    rule("column_values_to_not_match_regex", column="s", regex="[0-9]", mostly=0.5),
    rule("column_values_to_match_regex_list", column="s", regex_list=["^a", "b$"], match_on="any"),
    rule("column_values_to_match_regex", column="s", regex="^x", row_condition="n > 1", condition_parser="pandas"),
]


def texts(words: list[str | None], rows: int = 21_000) -> pa.Table:
    return pa.table({"s": pa.array([words[i % len(words)] for i in range(rows)], pa.string()), "n": [i % 3 for i in range(rows)]})


@pytest.mark.parametrize(
    ("words", "unsure"),
    [(["ab", "cb", "x"], False), (["ab", None, "7", "B"], False), ([None], False), (["ab", "a\n", "b7"], True)],
)
def test_patterns_on_distinct_values_mean_what_they_mean_on_rows(words: list[str | None], unsure: bool) -> None:
    table = texts(words)
    con = watched(table.append_column("row_id", pa.array(range(table.num_rows))))
    examined = examine_rows(con, "t", parse_suite(PATTERNS), row_order="row_id")
    assert len(con.reading("SELECT DISTINCT")) == 1  # one for all rules over the column
    assert [bool(r.note) for r in examined.results] == [unsure, False, unsure, False]
    ours = gates.examine(table, PATTERNS).to_gx()["results"]
    for mine, theirs in zip(ours, judged_by_gx(table, PATTERNS), strict=True):
        for name in ("element_count", "missing_count", "unexpected_count", "unexpected_percent"):
            assert mine["result"][name] == pytest.approx(theirs["result"][name])
        assert mine["success"] == theirs["success"]


def test_values_that_do_not_repeat_are_matched_row_by_row() -> None:
    table = pa.table({"row_id": range(21_000), "s": [f"k{i}" for i in range(21_000)]})
    con = watched(table)
    suite = parse_suite([rule("column_values_to_match_regex", column="s", regex="^k[0-9]*7$")])
    (result,) = examine_rows(con, "t", suite).results
    assert result.unexpected_count == 18_900  # of every ten, nine end otherwise
    assert con.reading("SELECT DISTINCT") == []


def test_few_values_at_first_and_many_later_are_judged_alike() -> None:
    words = ["same"] * 20_000 + [f"k{i}" for i in range(20_000)]
    con = watched(pa.table({"row_id": range(40_000), "s": words}))
    (result,) = examine_rows(con, "t", parse_suite([rule("column_values_to_match_regex", column="s", regex="^k")])).results
    assert (len(con.reading("SELECT DISTINCT")), result.unexpected_count) == (1, 20_000)
    assert result.failing_keys == ("0", "1", "2", "3", "4")


# rows told apart before, and what is read on the way

SMALL = [
    rule("column_values_to_be_between", column="x", max_value=10),
    rule("column_values_to_match_regex", column="s", regex="^a$"),
    rule("column_values_to_be_unique", column="x"),
    {**rule("column_values_to_not_be_null", column="s"), "severity": "warning"},
]


def told_apart(rows: pa.Table) -> tuple[Any, Sifted]:
    con = watched(rows)
    settled = lost_anyway(con, "t", parse_suite(SMALL))
    lost = " OR ".join(settled.values())
    con.execute(f"CREATE TABLE kept AS FROM t WHERE NOT ({lost})")
    con.execute(f"CREATE TABLE aside AS FROM t WHERE {lost}")
    return con, Sifted("kept", "aside", settled)


@pytest.mark.parametrize("last", ["a", "b", "a\n"])  # good, bad, and one of which the pattern is not sure
def test_rows_told_apart_before_are_judged_as_if_they_were_not(last: str) -> None:
    x = pa.array([1, 1, 50, 7, None, 60], pa.int64())
    rows = pa.table({"row_id": [f"r{i}" for i in range(6)], "x": x, "s": ["a", "a", "a", "b", None, last]})
    con, sifted = told_apart(rows)
    found = []
    for each in (None, sifted):
        examined = examine_rows(con, "t", parse_suite(SMALL), sifted=each)
        found.append((examined.results, sorted(con.execute(examined.bad_rows_sql()).fetchall())))
    assert found[0] == found[1]
    assert [r.unexpected_count for r in found[0][0]] == [2, 2 if last == "b" else 1, 2, 1]


def test_what_was_told_apart_is_not_asked_again() -> None:
    rows = pa.table({"row_id": ["p", "q", "r"], "x": [1, 2, 50], "s": ["a", "a", "a"]})
    con, sifted = told_apart(rows)
    con.asked.clear()
    examined = examine_rows(con, "t", parse_suite(SMALL), sifted=sifted)
    asked = con.reading("'10.0'::DOUBLE")
    assert any(sql.endswith("FROM aside") for sql in asked)
    assert not any("FROM kept" in sql for sql in asked)
    assert con.execute(examined.bad_rows_sql()).fetchall() == [("r", ["x_be_between"])]


def test_rows_are_read_once_where_no_rule_failed_and_table_rules_read_nothing() -> None:
    con = watched(pa.table({"row_id": ["p", "q"], "x": [1, 2], "s": ["a", "a"]}))
    table = [rule("column_max_to_be_between", column="x", max_value=2), rule("column_mean_to_be_between", column="x", min_value=2)]
    suite = parse_suite([SMALL[0], SMALL[3], *table])
    also = aggregates_of(con, "t", suite)
    con.asked.clear()
    rows = examine_rows(con, "t", suite, also=also)
    assert rows.bad_rows_sql() is None
    assert [r.status for r in examine_table(con, "t", suite, read=rows.read)] == [Status.PASSED, Status.FAILED]
    assert len([sql for sql in con.asked if "FROM t" in sql and not sql.startswith("DESCRIBE")]) == 1


def test_aggregates_that_cannot_be_read_on_the_way_hurt_no_rule_over_rows() -> None:
    con = watched(pa.table({"row_id": ["p"], "x": [1], "s": ["a"]}))
    rows = examine_rows(con, "t", parse_suite(SMALL), also=("error('no')",))
    assert [r.status for r in rows.results] == [Status.PASSED] * 4
    assert rows.read == {}


# long suites


def test_a_row_may_break_200_rules_and_carries_every_reason() -> None:
    suite = [rule("column_values_to_be_between", column="x", max_value=i) | {"meta": {"name": f"most_{i}"}} for i in range(200)]
    con = watched(pa.table({"row_id": ["p", "q"], "x": [150, 3]}))
    examined = examine_rows(con, "t", parse_suite(suite))
    assert sum(r.status is Status.FAILED for r in examined.results) == 150
    reasons = dict(con.execute(examined.bad_rows_sql()).fetchall())
    assert reasons == {"p": [f"most_{i}" for i in range(150)], "q": ["most_0", "most_1", "most_2"]}
    assert examined.results[2].failing_keys == ("p", "q")


def test_200_rules_over_twelve_columns_take_a_few_seconds() -> None:
    names = [f"c{i}" for i in range(12)]
    kinds = ("column_values_to_be_between", "column_values_to_not_be_null", "column_max_to_be_between", "column_mean_to_be_between")
    suite = [
        rule(kind, column=name, **({} if "null" in kind else {"max_value": i}))
        for i in range(5)
        for name in names
        for kind in kinds
    ]
    table = pa.table({name: [1.0, 2.0, 9.0] for name in names})
    begun = time.process_time()
    examined = gates.examine(table, suite[:200])
    assert time.process_time() - begun < 10
    assert len(examined.results) == 200
