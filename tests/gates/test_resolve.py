"""Bounds and sets that come from elsewhere; expected values by hand, or by scipy's own median absolute deviation."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import yaml
from scipy.stats import median_abs_deviation

from readiness_pipelines.flow import RuleResult, Status
from readiness_pipelines.gates import Past, Source, Surroundings, examine_rows, examine_table, parse_suite, resolve
from readiness_pipelines.gates.resolve import learned_bounds

ENDED = datetime.datetime(2025, 3, 11)  # of 2025-03-10, a Monday
COLUMNS = {"row_id": "VARCHAR", "n": "BIGINT", "x": "DOUBLE", "d": "DATE", "t": "TIMESTAMPTZ", "word": "VARCHAR"}


def judge(
    rule: dict[str, Any],
    *,
    rows: str,
    days: Sequence[str] = (),
    past: str = "",
    tables: dict[str, str] | None = None,
) -> RuleResult:
    """Judge a candidate of these rows by one rule; `past` are rows (partition_key, then COLUMNS) of the `days` before."""
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    columns = ", ".join(f"{name} {type_}" for name, type_ in COLUMNS.items())
    con.execute(f"CREATE TABLE t ({columns}); INSERT INTO t {rows}")
    con.execute(f"CREATE TABLE past (partition_key VARCHAR, {columns})")
    if past:
        con.execute(f"INSERT INTO past {past}")
    monday = datetime.date(2025, 3, 10)
    weekly = frozenset(d for d in days if (monday - datetime.date.fromisoformat(d)).days % 7 == 0)

    def before(back: int) -> Past | None:
        some = [d for d in days if (monday - datetime.date.fromisoformat(d)).days <= back]
        listed = ", ".join(f"'{d}'" for d in some)
        return Past(f"(FROM past WHERE partition_key IN ({listed}))", {d: f"v/{d}" for d in some}, weekly) if some else None

    there = {name: Source(sql, (f"{name}/1",)) for name, sql in (tables or {}).items()}
    suite = resolve(con, parse_suite([rule]), Surroundings(COLUMNS, ENDED, before, there))
    results = (*examine_rows(con, "t", suite).results, *examine_table(con, "t", suite))
    return results[0]


def days_before(number: int) -> list[str]:
    return [str(datetime.date(2025, 3, 10) - datetime.timedelta(days=n)) for n in range(number, 0, -1)]


def values(*some: object) -> str:
    return (
        "SELECT i, NULL, x, NULL, NULL, NULL FROM (VALUES " + ", ".join(f"('{i}', {v})" for i, v in enumerate(some)) + ") v(i, x)"
    )


def mean_of(history: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "expect_column_mean_to_be_between",
        "kwargs": {"column": "x"},
        "meta": {"name": "m", "bounds_from": {"history": history}},
    }


DAYS = days_before(28)
MEANS = [100 + (n * 37 % 11) for n in range(28)]  # 100 to 110, no two neighbours alike
PAST = (
    "SELECT * FROM (VALUES " + ", ".join(f"('{d}', 'r', 1, {m}, NULL, NULL, 'a')" for d, m in zip(DAYS, MEANS, strict=True)) + ") v"
)


def test_bounds_are_the_median_of_the_trailing_partitions_and_their_deviations() -> None:
    found = judge(mean_of({}), rows=values(105), days=DAYS, past=PAST)
    far = 3.5 * 1.4826 * float(median_abs_deviation(MEANS))
    assert (found.kwargs["min_value"], found.kwargs["max_value"]) == pytest.approx((np.median(MEANS) - far, np.median(MEANS) + far))
    assert found.status is Status.PASSED
    assert found.rests_on[0].startswith(f"v/{DAYS[0]} to v/{DAYS[-1]}: 28 versions, ")
    assert judge(mean_of({}), rows=values(140), days=DAYS, past=PAST).status is Status.FAILED


def test_width_says_how_far_is_far_and_partitions_how_long_ago() -> None:
    assert judge(mean_of({"width": 1.0}), rows=values(113), days=DAYS, past=PAST).status is Status.FAILED
    assert judge(mean_of({"width": 7}), rows=values(113), days=DAYS, past=PAST).status is Status.PASSED
    found = judge(mean_of({"partitions": 3, "minimum": 3}), rows=values(105), days=DAYS, past=PAST)
    assert found.rests_on == tuple(f"v/{d}" for d in DAYS[-3:])
    last = MEANS[-3:]
    far = max(3.5 * 1.4826 * float(median_abs_deviation(last)), 0.05 * float(np.median(last)))
    assert found.kwargs["max_value"] == pytest.approx(np.median(last) + far)


def test_below_its_minimum_a_rule_is_learning_whatever_the_value() -> None:
    found = judge(mean_of({"minimum": 28}), rows=values(9999), days=DAYS[1:], past=PAST)
    assert (found.status, "min_value" in found.kwargs) == (Status.LEARNING, False)
    assert found.note == "learned from 27 of the 28 partitions that it needs, so it judges nothing yet"
    assert judge(mean_of({"minimum": 28}), rows=values(9999), days=DAYS, past=PAST).status is Status.FAILED
    assert judge(mean_of({}), rows=values(9999)).status is Status.LEARNING


def test_a_partition_without_a_value_teaches_nothing_but_counts_as_no_rows() -> None:
    empty = PAST.replace("100, NULL", "NULL, NULL")  # the three days whose mean is 100
    found = judge(mean_of({}), rows=values(105), days=DAYS, past=empty)
    assert "25 versions" in found.rests_on[0]
    rows = {
        "type": "expect_table_row_count_to_be_between",
        "meta": {"name": "m", "bounds_from": {"history": {"partitions": 3, "minimum": 3}}},
    }
    counted = judge(rows, rows=values(1), days=DAYS[-3:], past=PAST + f" WHERE col0 <> '{DAYS[-1]}'")
    assert (counted.kwargs["min_value"], counted.kwargs["max_value"]) == (0.0, 2.0)  # of 1, 1, 0 rows: 1 -/+ 1


def test_whole_weeks_before_count_alone_where_there_are_enough_of_them() -> None:
    rows = ", ".join(f"('{d}', 'r', 1, {200 if (i - 28) % 7 == 0 else 100}, NULL, NULL, 'a')" for i, d in enumerate(DAYS))
    past = f"SELECT * FROM (VALUES {rows}) v"
    weekly = judge(mean_of({"weekday": True, "minimum": 4}), rows=values(200), days=DAYS, past=past)
    assert (weekly.status, weekly.kwargs["min_value"]) == (Status.PASSED, 190.0)
    assert weekly.rests_on == tuple(f"v/{d}" for d in DAYS[0::7])
    too_few = judge(mean_of({"weekday": True, "minimum": 4}), rows=values(200), days=DAYS[1:], past=past)
    assert (too_few.status, too_few.kwargs["max_value"]) == (Status.FAILED, 105.0)
    assert judge(mean_of({"minimum": 4}), rows=values(200), days=DAYS, past=past).status is Status.FAILED


@pytest.mark.parametrize(
    ("expectation", "history", "low", "high"),
    [
        ("expect_column_sum_to_be_between", [100.0] * 9, 95.0, 105.0),
        ("expect_column_sum_to_be_between", [-100.0] * 9, -105.0, -95.0),
        ("expect_table_row_count_to_be_between", [1000.0] * 9, 950.0, 1050.0),
        ("expect_table_row_count_to_be_between", [3.0] * 9, 2.0, 4.0),
        ("expect_column_proportion_of_non_null_values_to_be_between", [1.0] * 9, 0.99, 1.0),
    ],
)
def test_a_history_that_never_varied_leaves_room(expectation: str, history: list[float], low: float, high: float) -> None:
    assert learned_bounds(expectation, history, 3.5) == pytest.approx((low, high))


@pytest.mark.parametrize(
    ("expectation", "history", "low", "high"),
    [
        ("expect_table_row_count_to_be_between", [2.0, 10.0, 18.0], 1.0, None),
        ("expect_column_unique_value_count_to_be_between", [0.0, 10.0, 18.0], 0.0, None),
        ("expect_column_proportion_of_non_null_values_to_be_between", [0.5, 0.9, 1.0], 0.3810, 1.0),
        ("expect_column_proportion_of_unique_values_to_be_between", [0.0, 0.1, 0.5], 0.0, 0.6189),
        ("expect_column_sum_to_be_between", [2.0, 10.0, 18.0], -31.5128, 51.5128),
    ],
)
def test_no_bound_lies_where_no_value_can(expectation: str, history: list[float], low: float, high: float | None) -> None:
    found = learned_bounds(expectation, history, 3.5)
    assert found == pytest.approx((low, found[1] if high is None else high), abs=1e-4)


def test_an_empty_day_is_no_usual_volume() -> None:
    rule = {"type": "expect_table_row_count_to_be_between", "meta": {"name": "m", "bounds_from": {"history": {"minimum": 3}}}}
    days = days_before(3)
    past = " UNION ALL ".join(
        f"SELECT '{day}', i, NULL, 1, NULL, NULL, NULL FROM range({n}) r(i)" for day, n in zip(days, (2, 10, 18), strict=True)
    )
    assert judge(rule, rows="SELECT i, NULL, 1, NULL, NULL, NULL FROM range(0) r(i)", days=days, past=past).status is Status.FAILED
    assert judge(rule, rows="SELECT i, NULL, 1, NULL, NULL, NULL FROM range(1) r(i)", days=days, past=past).status is Status.PASSED


@pytest.mark.parametrize(("total", "status"), [(2**55, Status.PASSED), (2**55 + 1, Status.FAILED), (2**55 - 1, Status.FAILED)])
def test_sums_of_large_whole_numbers_agree_exactly(total: int, status: Status) -> None:
    con = duckdb.connect()
    con.execute(f"CREATE TABLE t (id BIGINT); INSERT INTO t VALUES ({2**54}), ({total - 2**54}), (NULL)")
    con.execute(f"CREATE TABLE other (id BIGINT); INSERT INTO other VALUES ({2**55})")
    rules = [{"type": "expect_column_sum_to_be_between", "kwargs": {"column": "id"}, "meta": {"bounds_from": {"table": "other"}}}]
    around = Surroundings({"id": "BIGINT"}, ENDED, lambda _: None, {"other": Source("other", ("o/1",))})
    (found,) = examine_table(con, "t", resolve(con, parse_suite(rules), around))
    assert (found.status, found.observed_value, found.note) == (status, total, "")


def test_a_row_condition_holds_for_the_past_too() -> None:
    rule = mean_of({"minimum": 3, "partitions": 3})
    rule["kwargs"] |= {"row_condition": 'col("word") == "a"', "condition_parser": "great_expectations"}
    past = " UNION ALL ".join([PAST, PAST.replace("'a'", "'b'").replace(", 1, ", ", 1, 5 * ")])
    assert judge(rule, rows=values(1), days=DAYS[-3:], past=past).kwargs["max_value"] < 130


def test_values_never_seen_before_are_strange_and_are_not_named() -> None:
    rule = {
        "type": "expect_column_distinct_values_to_be_in_set",
        "kwargs": {"column": "word"},
        "meta": {"name": "m", "value_set_from": {"history": {"minimum": 3}}},
    }
    past = (
        "SELECT * FROM (VALUES "
        + ", ".join(f"('{d}', 'r', 1, 1, NULL, NULL, '{w}')" for d, w in zip(DAYS[-3:], "aba", strict=True))
        + ") v"
    )
    words = "SELECT w, 1, 1, NULL, NULL, w FROM (VALUES ('a'), ('b'), {}) v(w)"
    assert judge(rule, rows=words.format("(NULL)"), days=DAYS[-3:], past=past).status is Status.PASSED
    found = judge(rule, rows=words.format("('c'), ('c'), ('d')"), days=DAYS[-3:], past=past)
    assert (found.status, found.note) == (Status.FAILED, "2 values are not in the set")
    assert judge(rule, rows=words.format("('c')"), days=DAYS[-2:], past=past).status is Status.LEARNING


def test_of_rows_those_with_a_value_never_seen_before_are_bad() -> None:
    rule = {
        "type": "expect_column_values_to_be_in_set",
        "kwargs": {"column": "word"},
        "meta": {"name": "m", "value_set_from": {"history": {"minimum": 3}}},
    }
    words = "SELECT w, 1, 1, NULL, NULL, w FROM (VALUES ('a'), ('c')) v(w)"
    found = judge(rule, rows=words, days=DAYS[-3:], past=PAST)
    assert (found.status, found.unexpected_count, found.failing_keys) == (Status.FAILED, 1, ("c",))
    assert judge(rule, rows=words, days=DAYS[-2:], past=PAST).status is Status.LEARNING


@pytest.mark.parametrize(
    ("newest", "oldest_h", "newest_h", "status"),
    [
        ("2025-03-10 18:00:00+00", "6h", "0h", Status.PASSED),
        ("2025-03-10 17:59:59+00", "6h", "0h", Status.FAILED),
        ("2025-03-10 17:59:59+00", "361m", "0h", Status.PASSED),
        ("2025-03-11 01:00:00+01", "6h", "0s", Status.PASSED),
        ("2025-03-11 00:00:01+00", "6h", "0s", Status.FAILED),
        ("2025-03-10 23:00:01+00", "6h", "1h", Status.FAILED),
    ],
)
def test_the_newest_time_lies_near_the_end_of_the_partition(newest: str, oldest_h: str, newest_h: str, status: Status) -> None:
    rule = {
        "type": "expect_column_max_to_be_between",
        "kwargs": {"column": "t"},
        "meta": {"name": "m", "bounds_from": {"partition_end": {"oldest": oldest_h, "newest": newest_h}}},
    }
    found = judge(rule, rows=f"SELECT '1', 1, 1, NULL, TIMESTAMPTZ '{newest}', NULL")
    assert (found.status, found.note) == (status, "")


@pytest.mark.parametrize(
    ("newest", "oldest", "status"),
    [("2025-03-10", "24h", Status.PASSED), ("2025-03-10", "6h", Status.FAILED), ("2025-03-09", "24h", Status.FAILED),
     ("2025-03-09", "2d", Status.PASSED), ("2025-03-12", "2d", Status.FAILED)],
)  # fmt: skip
def test_a_day_is_the_instant_at_which_it_begins(newest: str, oldest: str, status: Status) -> None:
    rule = {
        "type": "expect_column_max_to_be_between",
        "kwargs": {"column": "d"},
        "meta": {"name": "m", "bounds_from": {"partition_end": {"oldest": oldest, "newest": "0s"}}},
    }
    assert judge(rule, rows=f"SELECT '1', 1, 1, DATE '{newest}', NULL, NULL").status is status


def test_sums_of_floats_agree_in_whatever_order_they_are_added() -> None:
    rule = {
        "type": "expect_column_sum_to_be_between",
        "kwargs": {"column": "x"},
        "meta": {"name": "m", "bounds_from": {"table": "other"}},
    }
    some = [0.1 * n for n in range(1000)]
    other = "(SELECT x FROM (VALUES " + ", ".join(f"({v!r}::DOUBLE)" for v in reversed(some)) + ") v(x))"
    found = judge(rule, rows=values(*some), tables={"other": other})
    assert (found.status, found.note) == (Status.PASSED, "")
    assert judge(rule, rows=values(*some, 0.01), tables={"other": other}).status is Status.FAILED


def test_a_table_that_is_not_there_leaves_the_rule_undecided() -> None:
    rule = {
        "type": "expect_column_values_to_be_in_set",
        "kwargs": {"column": "word"},
        "meta": {"name": "m", "value_set_from": {"table": "other", "column": "word"}},
    }
    found = judge(rule, rows=values(1))
    assert (found.status, found.note) == (Status.UNDECIDED, "of other no version is admitted, so there is nothing to compare with")


def test_every_example_of_the_docs_is_a_sound_rule() -> None:
    text = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
    (block,) = [b for b in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "unexpected_rows_expectation" in b]
    suite = parse_suite(yaml.safe_load(block))
    assert len(suite.rules) == 7
    assert all(rule.elsewhere is not None for rule in suite.rules)
