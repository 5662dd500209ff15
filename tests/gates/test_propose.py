"""What is proposed from a history, by hand: partitions are small tables, profiled in DuckDB."""

from __future__ import annotations

import datetime
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from readiness_pipelines.gates.profile import Profile, key_candidates, profile
from readiness_pipelines.gates.propose import Proposal, propose
from readiness_pipelines.gates.relation import column_types

ROWS = 60


def profiles(*tables: dict[str, list[Any]], hidden: tuple[str, ...] = (), keys: tuple[tuple[str, ...], ...] = ()) -> list[Profile]:
    found = []
    for n, columns in enumerate(tables):
        con = duckdb.connect()
        rows = len(next(iter(columns.values())))
        con.register("part", pa.table({"row_id": list(range(rows)), **columns}))
        types = column_types(con, "part")
        types.pop("row_id")
        found.append(profile(con, "part", types, label=str(n), row_key="row_id", hidden=hidden, keys=keys))
    return found


def rules(*tables: dict[str, list[Any]], **options: Any) -> dict[str, Proposal]:
    keys, hidden = options.pop("keys", ()), options.pop("hidden", {})
    found = propose(profiles(*tables, hidden=tuple(hidden), keys=keys), hidden=hidden, **options)
    return {rule.name: rule for rule in found.rules}


def unlearned(*tables: dict[str, list[Any]], **options: Any) -> str:
    return "\n".join(propose(profiles(*tables), **options).unlearned)


def of(column: str, values: list[Any]) -> dict[str, list[Any]]:
    return {column: values}


def test_a_column_without_nulls_is_to_have_none_and_the_evidence_counts_rows_and_partitions() -> None:
    found = rules(of("x", [1] * ROWS), of("x", [2] * ROWS))["x_present"]
    assert (found.expectation, found.kwargs, found.severity) == ("expect_column_values_to_not_be_null", {"column": "x"}, "critical")
    assert found.evidence == "0 of 120 rows null; none in 2 of 2 partitions"


def test_a_column_with_nulls_is_to_have_as_many_values_as_in_its_worst_partition_and_some_less() -> None:
    parts = [of("x", [None] * n + ["a"] * (ROWS - n)) for n in (6, 12, 6)]
    found = rules(*parts)["x_present"]
    assert (found.kwargs["mostly"], found.severity) == (0.7, "warning")  # shares .9 .8 .9
    assert "24 of 180 rows null" in found.evidence


def test_nan_is_a_null_and_a_column_of_nulls_teaches_nothing() -> None:
    parts = [{"x": [float("nan")] * ROWS, "y": [float(i) for i in range(ROWS)]}] * 2
    assert not any(name.startswith("x_") for name in rules(*parts))
    assert "x: no value in 120 rows" in unlearned(*parts)


def test_few_values_of_text_are_a_set_strict_where_each_is_common() -> None:
    common = rules(*[of("x", ["a", "b"] * 30) for _ in range(4)])["x_known"]
    assert (common.kwargs["value_set"], common.severity, "mostly" in common.kwargs) == (["a", "b"], "critical", False)
    rare = rules(*[of("x", ["a", "b"] * 30) for _ in range(3)], of("x", ["a", "b"] * 29 + ["a", "c"]))["x_known"]
    assert (rare.kwargs["value_set"], rare.severity, rare.kwargs["mostly"]) == (["a", "b", "c"], "warning", 0.966)  # 1 - 2/60
    constant = rules(*[of("x", ["a"] * ROWS) for _ in range(4)])["x_known"]
    assert (constant.severity, constant.kwargs["mostly"]) == ("warning", 0.999)


def test_values_that_keep_coming_are_no_set() -> None:
    parts = [of("x", [f"{'abcdef'[n]}{i % 9}x" for i in range(ROWS)]) for n in range(4)]
    assert "x_known" not in rules(*parts)
    assert "no closed set" in unlearned(*parts)


def test_many_values_of_one_form_are_a_regex_whose_fixed_runs_are_fixed() -> None:
    parts = [of("x", [f"AB-{10 ** (n + 1) + i}.c" for i in range(ROWS)]) for n in (1, 2)]
    found = rules(*parts)["x_form"]
    assert found.kwargs["regex"] == r"^[A-Z]{2}-[0-9]+\.[a-z]$"
    fixed = [of("x", [f"{1000 + n * 100 + i}" for i in range(ROWS)]) for n in (1, 2)]
    assert rules(*fixed)["x_form"].kwargs["regex"] == "^[0-9]{4}$"


def test_texts_of_one_length_and_several_forms_are_a_length_and_prose_is_nothing() -> None:
    parts = [of("x", [f"{'a1' if i % 2 else '1a'}{n}{i:02}" for i in range(ROWS)]) for n in (1, 2)]
    assert rules(*parts)["x_length"].kwargs["value"] == 5
    prose = [of("x", [f"{'word ' * (i % 7)}{i} ü" for i in range(ROWS)]) for _ in (1, 2)]
    assert set(rules(*prose, counted=False)) == {"x_present", "x_unique"}


def test_numbers_and_days_have_a_range_hard_or_with_a_margin() -> None:
    found = rules(*[of("x", [1, top] * 30) for top in (9, 9, 12, 9)])["x_in_range"]
    assert (found.kwargs["min_value"], found.kwargs["max_value"], found.severity) == (1, 15, "warning")
    hard = rules(*[of("x", [1, 9] * 30) for _ in range(4)])["x_in_range"]
    assert (hard.kwargs["max_value"], hard.severity) == (9, "critical")
    days = [[datetime.date(2025, 1, day), datetime.date(2025, 1, 31)] * 30 for day in (1, 2, 1, 1)]
    assert rules(*[of("x", d) for d in days])["x_in_range"].kwargs == {
        "column": "x",
        "min_value": "2025-01-01",
        "max_value": "2025-01-31",
    }


def test_an_infinite_number_has_no_range_and_a_range_that_runs_away_has_no_end() -> None:
    parts = [of("x", [1.0, float("inf")] * 30)] * 3
    assert "x_in_range" not in rules(*parts)
    moving = rules(*[of("x", [float(n), n + 0.5] * 30) for n in range(8)])["x_in_range"]
    assert "max_value" not in moving.kwargs


def test_a_column_without_a_value_twice_is_unique_and_a_number_that_names_rows_has_no_range() -> None:
    parts = [of("x", list(range(n * 100, n * 100 + ROWS))) for n in (3, 1, 2)]
    found = rules(*parts, counted=False)
    assert set(found) == {"x_present", "x_unique"}
    twice = [*parts[:2], of("x", [1, *range(1, ROWS)])]
    assert "x_unique" not in rules(*twice)


def test_a_key_of_two_columns_is_found_where_chance_alone_would_have_doubles() -> None:
    lines = {"order": [i // 4 for i in range(200)], "line": [i % 4 for i in range(200)], "x": [i % 2 for i in range(200)]}
    con = duckdb.connect()
    con.register("part", pa.table(lines))
    (key,) = key_candidates(con, "part", column_types(con, "part"), 200)
    assert key == ("order", "line")
    found = rules(lines, lines, keys=(key,))["order_line_unique"]
    assert found.kwargs == {"column_list": ["order", "line"]}
    doubled = {**lines, "line": [0, 0, *lines["line"][2:]]}
    assert "order_line_unique" not in rules(lines, doubled, keys=(key,))


def test_an_order_of_two_columns_is_found_and_one_that_follows_from_their_ranges_is_not() -> None:
    start = [i % 30 for i in range(ROWS)]
    both = {"start": start, "end": [s + i % 7 for i, s in enumerate(start)], "far": [s + 100 for s in start]}
    found = rules(both, both)
    assert "start_at_most_end" in found
    assert found["start_at_most_end"].kwargs == {
        "column_A": "end",
        "column_B": "start",
        "or_equal": True,
        "ignore_row_if": "either_value_is_missing",
    }
    assert not [name for name in found if name.endswith("at_most_far")]
    broken = {**both, "end": [-1, *both["end"][1:]]}
    assert "start_at_most_end" not in rules(both, broken)


def test_equal_columns_are_no_order() -> None:
    same = {"a": [i % 30 for i in range(ROWS)], "b": [i % 30 for i in range(ROWS)]}
    assert not [name for name in rules(same, same) if "at_most" in name]


def test_a_hidden_column_gets_no_rule_with_a_value_of_it() -> None:
    parts = [{"x": ["a", "b"] * 30, "n": [1, 2] * 30, "code": [f"A{i:03}" for i in range(ROWS)]} for _ in range(3)]
    hidden = dict.fromkeys(("x", "n", "code"), "PHI in the contract")
    history = profiles(*parts, hidden=tuple(hidden))
    assert all(p.columns[c].values is None and p.columns[c].low is None for p in history for c in hidden)
    found = propose(history, hidden=hidden)
    assert {rule.name for rule in found.rules} == {
        "row_count",
        *("x_present", "n_present", "code_present", "code_unique", "code_form"),  # x has too few values to have a form
    }
    assert "x: PHI in the contract" in "\n".join(found.unlearned)


def test_the_number_of_rows_is_a_rule_of_partitions_and_the_order_of_columns_one_of_a_file() -> None:
    parts = [{"a": [1] * n, "b": [1] * n} for n in (100, 90, 100, 105)]
    assert rules(*parts)["row_count"].kwargs == {"min_value": 80, "max_value": 110}
    assert "row_count" not in rules(*parts, counted=False)
    assert rules(*parts, ordered=True)["columns"].kwargs == {"column_list": ["a", "b"]}


def test_fewer_than_a_hundred_values_say_nothing_but_whether_they_are_there() -> None:
    parts = [of("x", ["a"] * 20 + [None] * 40)] * 4
    assert set(rules(*parts, counted=False)) == {"x_present"}
    assert "80 values, fewer than 100" in unlearned(*parts)


def test_times_with_a_zone_have_no_range_because_it_would_not_be_compiled() -> None:
    at = [datetime.datetime(2025, 1, 1, i % 24, tzinfo=datetime.UTC) for i in range(ROWS)]
    assert set(rules({"at": at}, {"at": at}, {"at": at}, counted=False)) == {"at_present"}


def test_names_that_differ_in_odd_characters_only_are_told_apart() -> None:
    part = {"a-b": [1] * ROWS, "a_b": [1] * ROWS}
    assert {"a_b_present", "a_b_present_2"} <= set(rules(part, part))


def test_no_history_proposes_nothing() -> None:
    assert propose([]).rules == ()


@pytest.mark.parametrize("column", ["x"])
def test_an_empty_partition_breaks_no_rule_but_the_number_of_rows(column: str) -> None:
    full, empty = of(column, [1, 2] * 30), {column: pa.array([], pa.int64())}
    found = rules(full, full, empty)  # type: ignore[arg-type]
    assert "row_count" not in found
    assert found["x_in_range"].kwargs == {"column": "x", "min_value": 1, "max_value": 2}
