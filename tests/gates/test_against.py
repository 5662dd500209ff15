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
    rule = Proposal(expectation, proposed, "warning", "new", "")
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
        ("expect_column_values_to_match_regex", {"regex": "^a"}, {"regex": "^b"}, "change", "regex '^a' -> '^b'"),
    ],
)
def test_a_rule_over_the_same_columns_is_compared_by_its_arguments(
    expectation: str, present: dict[str, Any], proposed: dict[str, Any], kind: str, said: str
) -> None:
    found = one(expectation, {"column": "x", **present}, {"column": "x", **proposed})
    assert (found.kind, found.name, found.said) == (kind, "there", said)


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
