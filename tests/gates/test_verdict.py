"""From rule results to an outcome."""

from __future__ import annotations

import pytest

from readiness_pipelines.flow import Outcome, RuleResult, Status
from readiness_pipelines.gates import decide


def rule(status: Status, on_fail: str, bad_rows: int | None = None) -> RuleResult:
    return RuleResult("r", "expect_x", {}, "critical", on_fail, status, unexpected_count=bad_rows)


@pytest.mark.parametrize(
    ("status", "on_fail", "outcome"),
    [
        (Status.PASSED, "hold", Outcome.ADMITTED),
        (Status.FAILED, "hold", Outcome.HELD),
        (Status.FAILED, "quarantine", Outcome.HELD),  # it names no row that could be set aside
        (Status.FAILED, "warn", Outcome.ADMITTED),
        (Status.UNDECIDED, "hold", Outcome.UNDECIDED),
        (Status.UNDECIDED, "quarantine", Outcome.UNDECIDED),
        (Status.UNDECIDED, "warn", Outcome.ADMITTED),
        (Status.LEARNING, "hold", Outcome.ADMITTED),
    ],
)
def test_a_rule_decides_by_its_status_and_what_breaking_it_does(status: Status, on_fail: str, outcome: Outcome) -> None:
    found, why = decide(rules=[rule(status, on_fail)], rows_in=10, quarantined=0, max_quarantine_fraction=0.1)
    assert found is outcome
    assert bool(why) == (not outcome.is_admitted)


def test_a_rule_whose_bad_rows_are_set_aside_holds_nothing() -> None:
    given = rule(Status.FAILED, "quarantine", bad_rows=1)
    assert decide(rules=[given], rows_in=10, quarantined=1, max_quarantine_fraction=0.1)[0] is Outcome.ADMITTED_WITH_QUARANTINE


def test_just_as_many_bad_rows_as_allowed_are_allowed_and_one_more_holds() -> None:
    allowed, _ = decide(rules=[], rows_in=100, quarantined=5, max_quarantine_fraction=0.05)
    too_many, why = decide(rules=[], rows_in=100, quarantined=6, max_quarantine_fraction=0.05)
    assert (allowed, too_many) == (Outcome.ADMITTED_WITH_QUARANTINE, Outcome.HELD)
    assert why == ("6 of 100 rows are bad (6.00%), more than the 5.00% that the suite allows",)


def test_an_empty_candidate_without_a_rule_against_it_is_admitted() -> None:
    assert decide(rules=[], rows_in=0, quarantined=0, max_quarantine_fraction=0.0)[0] is Outcome.ADMITTED
