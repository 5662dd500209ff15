"""Random small tables and random rules: we say what Great Expectations says on pandas. READINESS_EXAMPLES sets how many."""

from __future__ import annotations

import datetime
import os
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from readiness_pipelines.errors import DeclarationError
from readiness_pipelines.gates import examine
from tests.gates.reference import differences, judged_by_gx

pytestmark = [pytest.mark.conformance, pytest.mark.slow]

EXAMPLES = int(os.environ.get("READINESS_EXAMPLES", "60"))
WORDS = ["a", "b", "ab", "é", "10", "1", "", "a b", "A\n"]
DAYS = [datetime.date(2026, 1, d) for d in (1, 2, 3)]
TIMES = [datetime.datetime(2026, 1, d, 12) for d in (1, 2, 3)]
CELLS: dict[str, tuple[Any, Any]] = {
    "i": (pa.int64(), st.integers(-3, 4)),
    "j": (pa.int32(), st.integers(-3, 4)),
    "f": (pa.float64(), st.sampled_from([0.0, -0.0, 0.1, 0.5, 1.0, 2.0, -1.5, float("nan"), float("inf")])),
    "g": (pa.float64(), st.sampled_from([0.0, 0.1, 1.0, 2.0, -1.5])),
    "s": (pa.string(), st.sampled_from(WORDS)),
    "t": (pa.string(), st.sampled_from(WORDS)),
    "b": (pa.bool_(), st.booleans()),
    "d": (pa.date32(), st.sampled_from(DAYS)),
    "e": (pa.date32(), st.sampled_from(DAYS)),
    "m": (pa.timestamp("us"), st.sampled_from(TIMES)),
    "n": (pa.decimal128(10, 2), st.sampled_from([Decimal("0.10"), Decimal("1.00"), Decimal("2.50")])),
}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(0, 6))
    columns = {}
    for name, (type_, cells) in CELLS.items():
        nullable = draw(st.booleans())
        cell = st.one_of(st.none(), cells) if nullable else cells
        columns[name] = pa.array(draw(st.lists(cell, min_size=rows, max_size=rows)), type_)
    return pa.table(columns)


COLUMN = st.sampled_from(list(CELLS))
BOUND = st.sampled_from([None, None, 0, 1, 0.1, -1.5, 2, "0", "2026-01-02", "2026-01-02T12:00:00"])
VALUES = st.lists(st.sampled_from([0, 1, 2, 0.1, 1.0, "a", "10", "1", None, "2026-01-01"]), max_size=4)
PATTERN = st.sampled_from(["a", "^a$", "[0-9]+", r"\d", r"^\w+$", "b|1", ".", r"\s", "(?i)A", "^$"])
OPERATOR = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
COMPARISON = st.fixed_dictionaries(
    {
        "type": st.just("comparison"),
        "column": st.fixed_dictionaries({"name": st.sampled_from(["i", "f", "s", "j"])}),
        "operator": OPERATOR,
    }
).flatmap(
    lambda c: (st.sampled_from(["a", "1", ""]) if c["column"]["name"] == "s" else st.sampled_from([0, 1, 0.1])).map(
        lambda p: {**c, "parameter": p}
    )
)
NULLITY = st.fixed_dictionaries(
    {"type": st.just("nullity"), "column": st.fixed_dictionaries({"name": COLUMN}), "is_null": st.booleans()}
)
SIMPLE = st.one_of(COMPARISON, NULLITY)
CONDITION = st.one_of(
    SIMPLE,
    st.fixed_dictionaries({"type": st.sampled_from(["and", "or"]), "conditions": st.lists(SIMPLE, min_size=1, max_size=3)}),
)
BOUNDS = {"min_value": BOUND, "max_value": BOUND, "strict_min": st.booleans(), "strict_max": st.booleans()}
COLUMNS = st.lists(COLUMN, min_size=2, max_size=3, unique=True)
ALIKE = st.sampled_from([["i", "j"], ["f", "g"], ["i", "f"], ["s", "t"], ["d", "e"], ["i", "s"], ["b", "d"]])
PAIR = ALIKE.map(lambda c: {"column_A": c[0], "column_B": c[1]})
IGNORE_PAIR = st.sampled_from(["both_values_are_missing", "either_value_is_missing", "neither"])
IGNORE_MANY = st.sampled_from(["all_values_are_missing", "any_value_is_missing", "never"])
NUMBER = st.sampled_from(["i", "j", "f", "g"])

RULES: dict[str, dict[str, Any]] = {
    "column_values_to_not_be_null": {"column": COLUMN},
    "column_values_to_be_null": {"column": COLUMN},
    "column_values_to_be_unique": {"column": COLUMN},
    "column_values_to_be_between": {"column": COLUMN, **BOUNDS},
    "column_values_to_be_in_set": {"column": COLUMN, "value_set": VALUES},
    "column_values_to_not_be_in_set": {"column": COLUMN, "value_set": VALUES},
    "column_values_to_match_regex": {"column": COLUMN, "regex": PATTERN},
    "column_values_to_not_match_regex": {"column": st.sampled_from(["s", "t"]), "regex": PATTERN},
    "column_values_to_match_regex_list": {
        "column": st.sampled_from(["s", "t"]),
        "regex_list": st.lists(PATTERN, min_size=1, max_size=3),
        "match_on": st.sampled_from(["any", "all"]),
    },
    "column_value_lengths_to_equal": {"column": st.sampled_from(["s", "t", "i"]), "value": st.sampled_from([0, 1, 2, 1.5])},
    "column_value_lengths_to_be_between": {
        "column": st.sampled_from(["s", "t"]),
        "min_value": st.sampled_from([0, 1, "1"]),
        "strict_min": st.booleans(),
    },
    "column_value_z_scores_to_be_less_than": {
        "column": NUMBER,
        "threshold": st.sampled_from([0.5, 1, 2, -1]),
        "double_sided": st.booleans(),
    },
    "column_values_to_be_increasing": {"column": COLUMN, "strictly": st.booleans()},
    "column_values_to_be_decreasing": {"column": COLUMN, "strictly": st.booleans()},
    "column_pair_values_to_be_equal": {"": PAIR, "ignore_row_if": IGNORE_PAIR},
    "column_pair_values_a_to_be_greater_than_b": {"": PAIR, "ignore_row_if": IGNORE_PAIR, "or_equal": st.booleans()},
    "column_pair_values_to_be_in_set": {
        "": PAIR,
        "ignore_row_if": IGNORE_PAIR,
        "value_pairs_set": st.lists(
            st.tuples(st.sampled_from([0, 1, None, "a", 0.1]), st.sampled_from([0, 1, None, "a"])).map(list), max_size=3
        ),
    },
    "compound_columns_to_be_unique": {"column_list": COLUMNS, "ignore_row_if": IGNORE_MANY},
    "multicolumn_values_to_be_equal": {"column_list": ALIKE, "ignore_row_if": IGNORE_MANY},
    "multicolumn_sum_to_equal": {"column_list": ALIKE, "sum_total": st.sampled_from([0, 1, 2, 0.1]), "ignore_row_if": IGNORE_MANY},
    "select_column_values_to_be_unique_within_record": {"column_list": ALIKE, "ignore_row_if": IGNORE_MANY},
    "table_row_count_to_be_between": {"min_value": st.sampled_from([0, 1, 3]), "max_value": st.sampled_from([3, 5])},
    "column_min_to_be_between": {"column": COLUMN, **BOUNDS},
    "column_max_to_be_between": {"column": COLUMN, **BOUNDS},
    "column_mean_to_be_between": {"column": COLUMN, **BOUNDS},
    "column_sum_to_be_between": {"column": COLUMN, **BOUNDS},
    "column_median_to_be_between": {"column": COLUMN, **BOUNDS},
    "column_stdev_to_be_between": {"column": NUMBER, "min_value": st.sampled_from([0, 0.5]), "strict_min": st.booleans()},
    "column_unique_value_count_to_be_between": {"column": COLUMN, "min_value": st.integers(0, 4)},
    "column_proportion_of_unique_values_to_be_between": {"column": COLUMN, "min_value": st.sampled_from([0, 0.5, 1])},
    "column_proportion_of_non_null_values_to_be_between": {"column": COLUMN, "min_value": st.sampled_from([0, 0.5, 1])},
    "column_distinct_values_to_be_in_set": {"column": COLUMN, "value_set": VALUES},
    "column_distinct_values_to_contain_set": {"column": COLUMN, "value_set": VALUES},
    "column_distinct_values_to_equal_set": {"column": COLUMN, "value_set": VALUES},
    "column_most_common_value_to_be_in_set": {"column": COLUMN, "value_set": VALUES, "ties_okay": st.booleans()},
    "column_quantile_values_to_be_between": {
        "column": NUMBER,
        "quantile_ranges": st.lists(st.sampled_from([0, 0.1, 0.25, 0.5, 0.9, 1]), min_size=1, max_size=3).map(
            lambda q: {"quantiles": q, "value_ranges": [[0, 2]] * len(q)}
        ),
    },
}
# over nulls of a decimal column Great Expectations stumbles here; we leave them out (docs/rules.md)
STUMBLES = ("expect_column_mean", "expect_column_sum", "expect_column_stdev")


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    name = draw(st.sampled_from(list(RULES)))
    kwargs: dict[str, Any] = {}
    for argument, values in RULES[name].items():
        kwargs |= draw(values) if argument == "" else {argument: draw(values)}
    kwargs = {k: v for k, v in kwargs.items() if v is not None}
    is_row_rule = not name.startswith(
        ("table_", "column_m", "column_s", "column_unique", "column_prop", "column_dist", "column_quantile")
    )
    if is_row_rule and draw(st.booleans()):
        kwargs["mostly"] = draw(st.sampled_from([0.5, 0.66, 1, "0.9"]))
    if draw(st.integers(0, 3)) == 0:
        kwargs["row_condition"] = draw(CONDITION)
    return {"type": f"expect_{name}", "kwargs": kwargs}


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=EXAMPLES <= 60)
@given(tables(), st.lists(rules(), min_size=3, max_size=3))
def test_random_rules_on_random_tables_are_judged_as_great_expectations_judges_them(
    table: pa.Table, suite: list[dict[str, Any]]
) -> None:
    for rule in suite:
        if rule["kwargs"].get("column") == "n" and rule["type"].startswith(STUMBLES) and table["n"].null_count:
            continue
        try:
            ours = examine(table, [rule]).to_gx()["results"][0]
        except DeclarationError:
            refused = True
        else:
            refused = False
        try:
            theirs = judged_by_gx(table, [rule])[0]
        except Exception:  # noqa: BLE001 - a model that refuses
            theirs = {"success": False, "result": {}, "raised": True}
        if refused:
            assert theirs["raised"], (rule, theirs)
            continue
        wrong = differences(ours, theirs)
        assert wrong == [], (rule, ours["meta"], {n: table[n].to_pylist() for n in table.column_names if n in str(rule["kwargs"])})
