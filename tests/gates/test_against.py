"""A proposal beside a suite: each rule is added, tightened, loosened, the same, or one that nothing speaks for."""

from __future__ import annotations

from typing import Any

import pytest

from readiness_pipelines.gates.against import Difference, differences, told
from readiness_pipelines.gates.propose import Proposal
from readiness_pipelines.gates.rehearsal import Rehearsal, Tally
from readiness_pipelines.gates.suite import parse_suite

BETWEEN, SET = "expect_column_values_to_be_between", "expect_column_values_to_be_in_set"
PRESENT = "expect_column_values_to_not_be_null"


def one(expectation: str, present: dict[str, Any], proposed: dict[str, Any]) -> Difference:
    suite = parse_suite([{"type": expectation, "kwargs": present, "meta": {"name": "there"}}])
    rule = Proposal(expectation, proposed, "critical", "new", "")
    (found,) = differences(suite, Rehearsal(((rule, Tally()),), Tally(), Tally(), ()))
    return found


@pytest.mark.parametrize(
    ("expectation", "present", "proposed", "kind", "said"),
    [
        (BETWEEN, {"min_value": 0, "max_value": 9}, {"min_value": 1, "max_value": 9}, "tighten", "min_value 0 -> 1"),
        (BETWEEN, {"min_value": 0, "max_value": 9}, {"min_value": 0, "max_value": 12}, "loosen", "max_value 9 -> 12"),
        (BETWEEN, {"min_value": 0}, {"min_value": 0, "max_value": 12}, "tighten", "max_value nothing -> 12"),
        (
            BETWEEN,
            {"min_value": 1, "max_value": 9},
            {"min_value": 0, "max_value": 8},
            "change",
            "min_value 1 -> 0; max_value 9 -> 8",
        ),
        (BETWEEN, {"min_value": 0, "max_value": 9}, {"min_value": 0.0, "max_value": 9}, "same", ""),
        (
            BETWEEN,
            {"min_value": "2025-01-01"},
            {"min_value": "2025-02-01"},
            "tighten",
            "min_value 2025-01-01 -> 2025-02-01",
        ),
        (SET, {"value_set": ["a", "b"]}, {"value_set": ["b"]}, "tighten", "value_set without 'a'"),
        (SET, {"value_set": ["a"]}, {"value_set": ["a", "b"]}, "loosen", "value_set with 'b'"),
        (SET, {"value_set": ["a", "b"]}, {"value_set": ["b", "a"]}, "same", ""),
        (SET, {"value_set": ["a"]}, {"value_set": ["b"]}, "change", "value_set without 'a' and with 'b'"),
        (PRESENT, {"mostly": 0.5}, {"mostly": 0.8}, "tighten", "mostly 0.5 -> 0.8"),
        (PRESENT, {}, {"mostly": 0.8}, "loosen", "mostly 1 -> 0.8"),
        (BETWEEN, {"min_value": 0, "strict_min": True}, {"min_value": 0}, "loosen", "strict_min true -> false"),
        (BETWEEN, {"max_value": 0}, {"max_value": 0, "strict_max": True}, "tighten", "strict_max false -> true"),
        (BETWEEN, {"max_value": 0, "strict_min": False}, {"max_value": 0}, "same", ""),
        ("expect_column_values_to_match_regex", {"regex": "^a"}, {"regex": "^b"}, "change", "regex '^a' -> '^b'"),
    ],
)
def test_a_rule_over_the_same_columns_is_compared_by_its_arguments(
    expectation: str, present: dict[str, Any], proposed: dict[str, Any], kind: str, said: str
) -> None:
    found = one(expectation, {"column": "x", **present}, {"column": "x", **proposed})
    assert (found.kind, found.name, found.said) == (kind, "there", said)


def against(present: dict[str, Any], proposal: Proposal) -> list[tuple[str, str, str]]:
    found = differences(parse_suite([present]), Rehearsal(((proposal, Tally()),), Tally(), Tally(), ()))
    return [(each.kind, each.name, each.said) for each in found]


def test_what_a_failure_does_is_compared_too() -> None:
    rule = {"type": PRESENT, "kwargs": {"column": "x"}, "meta": {"name": "there", "on_fail": "warn"}}
    assert against(rule, Proposal(PRESENT, {"column": "x"}, "critical", "new", "")) == [
        ("tighten", "there", "on_fail warn -> quarantine")
    ]
    assert against({**rule, "meta": {"name": "there"}}, Proposal(PRESENT, {"column": "x"}, "warning", "new", "")) == [
        ("loosen", "there", "on_fail quarantine -> warn")
    ]
    held = {**rule, "meta": {"name": "there", "on_fail": "hold"}}
    assert against(held, Proposal(PRESENT, {"column": "x"}, "critical", "new", "")) == [
        ("change", "there", "on_fail hold -> quarantine")
    ]


def test_an_order_that_allows_the_same_is_looser() -> None:
    order = "expect_column_pair_values_a_to_be_greater_than_b"
    columns = {"column_A": "hi", "column_B": "lo"}
    rule = {"type": order, "kwargs": columns, "meta": {"name": "there"}}
    proposal = Proposal(order, {**columns, "or_equal": True}, "critical", "new", "")
    assert against(rule, proposal) == [("loosen", "there", "or_equal false -> true")]


@pytest.mark.parametrize(
    ("type_", "kwargs", "meta", "proposed"),
    [
        ("expect_table_row_count_to_be_between", {}, {"bounds_from": {"history": {}}}, {"min_value": 1, "max_value": 9}),
        (SET, {"column": "x"}, {"value_set_from": {"table": "t", "column": "x"}}, {"column": "x", "value_set": ["a"]}),
    ],
)
def test_a_rule_that_takes_from_elsewhere_is_left_alone(
    type_: str, kwargs: dict[str, Any], meta: dict[str, Any], proposed: dict[str, Any]
) -> None:
    rule = {"type": type_, "kwargs": kwargs, "meta": {"name": "there", **meta}}
    ((kind, name, said),) = against(rule, Proposal(type_, proposed, "critical", "new", ""))
    assert (kind, name) == ("same", "there")
    assert said.startswith("it takes from elsewhere")


def test_a_key_is_the_same_in_any_order_of_its_columns() -> None:
    key = "expect_compound_columns_to_be_unique"
    rule = {"type": key, "kwargs": {"column_list": ["a", "b"]}, "meta": {"name": "there"}}
    assert against(rule, Proposal(key, {"column_list": ["b", "a"]}, "critical", "new", "")) == [("same", "there", "")]


def test_what_is_not_there_is_added_and_what_is_not_proposed_stays() -> None:
    suite = parse_suite(
        [
            {"type": PRESENT, "kwargs": {"column": "x"}},
            {"type": BETWEEN, "kwargs": {"column": "x", "min_value": 0, "row_condition": "y > 1", "condition_parser": "pandas"}},
        ]
    )
    rules = (Proposal(SET, {"column": "x", "value_set": ["a"]}, "critical", "x_known", ""),)
    rules += (Proposal(BETWEEN, {"column": "x", "min_value": 0}, "critical", "x_in_range", ""),)
    found = differences(
        suite,
        Rehearsal(
            tuple((r, Tally()) for r in rules),
            Tally(),
            Tally(),
            (
                "x: PHI in the contract",
                "x_y: of another column",
            ),
        ),
    )
    assert [(each.kind, each.name) for each in found] == [
        ("no evidence", "x_not_be_null"),
        ("no evidence", "x_be_between"),
        ("add", "x_known"),
        ("add", "x_in_range"),
    ]
    lines = list(told(found, {"x_known": "  - type: a\n    kwargs: {}", "x_in_range": "  - type: b"}))
    assert lines == [
        "# rules it would add: 2",
        "+   - type: a",
        "+     kwargs: {}",
        "+   - type: b",
        "# rules it has no evidence for, and leaves alone: 2",
        "? x_not_be_null: x: PHI in the contract",
        "? x_be_between: x: PHI in the contract",
    ]


def test_uniqueness_as_a_rule_over_the_table_is_uniqueness() -> None:
    share = "expect_column_proportion_of_unique_values_to_be_between"
    suite = parse_suite([{"type": share, "kwargs": {"column": "id", "min_value": 1.0}, "meta": {"name": "id_once"}}])
    rule = Proposal("expect_column_values_to_be_unique", {"column": "id"}, "critical", "id_unique", "")
    (found,) = differences(suite, Rehearsal(((rule, Tally()),), Tally(), Tally(), ()))
    assert (found.kind, found.name) == ("same", "id_once")
