"""Suites as text: what is proposed loads here and in Great Expectations; what is exported to it comes back the same."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import yaml

from readiness_pipelines.errors import DeclarationError
from readiness_pipelines.gates.conditions import parsed
from readiness_pipelines.gates.propose import Proposal
from readiness_pipelines.gates.rehearsal import Rehearsal, Tally
from readiness_pipelines.gates.suite import load_suite
from readiness_pipelines.gates.typed import as_typed
from readiness_pipelines.gates.written import as_gx_json, as_yaml

PROJECT = Path(__file__).parent.parent.parent
SHIPPED = sorted((PROJECT / "quality_suites").rglob("*.yaml"))
EVERYTHING = """\
name: silver_orders
meta: {max_quarantine_fraction: 0.2, fallback_max_rows: 10, notes: of the suite}
notes: what it is for
expectations:
  - type: expect_column_values_to_be_in_set
    kwargs: {column: state, value_set: ["no", null, 1, 2.5, true], mostly: 0.9,
             row_condition: {type: and, conditions: [
               {type: comparison, column: {name: amount}, operator: ">", parameter: 0},
               {type: nullity, column: {name: state}, is_null: false}]}}
    severity: warning
    notes: why this rule is there
    description: in other words
    meta: {name: state_known, on_fail: hold, notes: of the rule}
  - type: expect_column_values_to_be_between
    kwargs: {column: ordered_on, min_value: 2025-01-01, max_value: "2025-12-31", strict_max: true,
             row_condition: 'col("state") == "paid"', condition_parser: great_expectations}
    severity: info
    meta: {name: in_the_year}
  - type: expect_table_row_count_to_be_between
    kwargs: {min_value: 1}
"""
SETS = """\
name: s
expectations:
  - {type: expect_column_values_to_be_in_set, kwargs: {column: d, value_set: [2026-01-01, null]}}
  - {type: expect_column_distinct_values_to_be_in_set, kwargs: {column: t, value_set: [2026-01-01T00:00:00]}}
  - {type: expect_column_values_to_be_in_set, kwargs: {column: x, value_set: [1.0e-07, 1e+16, .inf]}}
  - {type: expect_column_values_to_be_in_set, kwargs: {column: e, value_set: ["\U0001f389", "a\\tb", "\\x85", "2026-01-01"]}}
  - type: expect_column_pair_values_to_be_in_set
    kwargs: {column_A: e, column_B: d, value_pairs_set: [["2026-01-01", 2026-01-01]]}
"""


def by_gx(text: str) -> str:
    """Return the suite as Great Expectations writes it again."""
    from great_expectations.core import ExpectationSuite

    suite = ExpectationSuite(**json.loads(text))
    return json.dumps(suite.to_json_dict())


def test_a_suite_goes_to_great_expectations_and_comes_back_with_nothing_lost(tmp_path: Path) -> None:
    ours = tmp_path / "silver_orders.yaml"
    ours.write_text(EVERYTHING)
    back = tmp_path / "back" / "silver_orders.json"
    back.parent.mkdir()
    back.write_text(by_gx(as_gx_json(ours)))
    for one, other in zip(load_suite(ours).rules, load_suite(back).rules, strict=True):
        # Great Expectations itself writes an old condition string as the condition object that it means
        condition = one.kwargs.get("row_condition")
        meant = {**one.kwargs, "row_condition": parsed(condition, "great_expectations")} if condition else one.kwargs
        assert dataclasses.replace(one, kwargs=meant) == other
    assert dataclasses.replace(load_suite(back), rules=()) == dataclasses.replace(load_suite(ours), rules=())
    raw, written = yaml.safe_load(EVERYTHING), json.loads(back.read_text())
    assert written["notes"] == raw["notes"]
    assert {k: written["meta"][k] for k in raw["meta"]} == raw["meta"]
    for one, other in zip(raw["expectations"], written["expectations"], strict=True):
        assert other["type"] == one["type"]
        assert {k: other.get(k) for k in one if k != "kwargs"} == {k: v for k, v in one.items() if k != "kwargs"}
    assert written["expectations"][0]["kwargs"]["row_condition"]["type"] == "and"


def test_days_numbers_and_signs_of_a_set_come_back_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "back").mkdir()
    ours, back = tmp_path / "s.yaml", tmp_path / "back" / "s.yaml"
    ours.write_text(SETS)
    types = {"d": "DATE", "t": "TIMESTAMP", "x": "DOUBLE", "e": "VARCHAR"}
    want = [as_typed(rule, types) for rule in load_suite(ours).rules]
    assert want == list(load_suite(ours).rules)  # YAML has days of its own
    for text in (as_gx_json(ours), by_gx(as_gx_json(ours)), json.dumps(json.loads(as_gx_json(ours)), indent="\t")):
        back.write_text(text)
        assert [as_typed(rule, types) for rule in load_suite(back).rules] == want


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_suite_makes_the_same_way(path: Path, tmp_path: Path) -> None:
    back = tmp_path / f"{path.stem}.json"
    back.write_text(by_gx(as_gx_json(path)))
    assert load_suite(back) == load_suite(path)


def test_a_suite_that_is_not_sound_is_not_exported(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("name: s\nexpectations: [{type: expect_nothing}]\n")
    with pytest.raises(DeclarationError, match="s.yaml:2: expectations"):
        as_gx_json(tmp_path / "s.yaml")


def test_a_proposal_is_a_suite_with_its_evidence_that_both_load(tmp_path: Path) -> None:
    set_ = Proposal(
        "expect_column_values_to_be_in_set",
        {"column": "on: off", "value_set": ["no", "1", "a'b", "ü", "# x", "", "null", "2025-01-01"]},
        "critical",
        "on_known",
        "seen " + "very often " * 30,
    )
    range_ = Proposal(
        "expect_column_values_to_be_between", {"column": "d", "min_value": "2025-01-01"}, "warning", "d_in_range", "x"
    )
    found = Rehearsal(((set_, Tally(10, 0)), (range_, Tally())), Tally(10, 4), Tally(10, 1), ("e: no value\nin 3 rows",))
    text = as_yaml("orders", found, about=("Proposed from 3 rows.",))
    path = tmp_path / "orders.yaml"
    path.write_text(text, encoding="utf-8")
    loaded = load_suite(path)
    assert [(r.name, r.severity) for r in loaded.rules] == [("on_known", "critical"), ("d_in_range", "warning")]
    assert loaded.rules[0].kwargs["value_set"] == set_.kwargs["value_set"]
    assert json.loads(by_gx(as_gx_json(path)))["name"] == "orders"
    assert "# Any rule at all: alerts: 4 of 10 later partitions (95%: 12% to 74%).\n# Any critical rule: alerts: 1 of 10" in text
    assert "Alerts: never judged on a later partition, rate unknown." in text
    assert "  # e: no value in 3 rows\n" in text
    assert max(map(len, text.splitlines())) <= 132


def test_a_proposal_without_rules_is_a_suite_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(as_yaml("s", Rehearsal((), Tally(), Tally(), ()), about=()))
    assert load_suite(tmp_path / "s.yaml").rules == ()
