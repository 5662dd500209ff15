"""Which decisions are missing: a table over tier, severity, who decided what, until when."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import Evidence, Review, Severity, Tier
from readiness_pipelines.governance import POLICY, missing_approvals, needs_person, signed

NOW = datetime.datetime(2025, 3, 1, 12, tzinfo=datetime.UTC)
EVIDENCE = Evidence("shop", 3, "a" * 64, "t" * 64, "v" * 64, "1.0.0", "p" * 64, Tier.MEDIUM, Severity.HIGH)


def said(about: Evidence, *, by: str = "ann", decision: str = "approved", until: str = "2025-03-02T00:00:00+00:00") -> Review:
    return Review("shop", about.digest, decision, by, "it is better", until)  # type: ignore[arg-type]


@pytest.mark.parametrize("tier", list(Tier))
@pytest.mark.parametrize("severity", list(Severity))
def test_only_below_critical_and_at_tier_low_the_policy_may_approve(tier: Tier, severity: Severity) -> None:
    about = replace(EVIDENCE, tier=tier, severity=severity)
    may = tier is Tier.LOW and severity is not Severity.CRITICAL
    assert needs_person(about) == (not may)
    assert missing_approvals(about, said(about), now=NOW) == ()
    missing = missing_approvals(about, said(about, by=POLICY), now=NOW)
    assert missing == (() if may else (f"approved by the policy alone; tier {tier} with severity {severity} needs a person",))


@pytest.mark.parametrize(("tier", "who"), [(Tier.LOW, "the policy or a person"), (Tier.UNKNOWN, "a person")])
def test_without_a_decision_it_says_whose_is_missing(tier: Tier, who: str) -> None:
    about = replace(EVIDENCE, tier=tier)
    assert missing_approvals(about, None, now=NOW) == (f"no decision about this evidence; it needs {who} to approve it",)


def test_a_rejection_is_told_in_its_own_words() -> None:
    assert missing_approvals(EVIDENCE, said(EVIDENCE, decision="rejected"), now=NOW) == ("rejected by ann: it is better",)


@pytest.mark.parametrize(("until", "counts"), [("2025-03-01T12:00:00+00:00", False), ("2025-03-01T12:00:00.001+00:00", True)])
def test_an_approval_ends_at_its_end_exclusive(until: str, counts: bool) -> None:
    missing = missing_approvals(EVIDENCE, said(EVIDENCE, until=until), now=NOW)
    assert missing == (() if counts else ("the approval by ann expired at 2025-03-01T12:00:00 UTC",))


def test_all_that_is_missing_is_told_at_once() -> None:
    missing = missing_approvals(EVIDENCE, said(EVIDENCE, by=POLICY, until="2025-01-01T00:00:00+00:00"), now=NOW)
    assert [each.split()[0] for each in missing] == ["approved", "the"]


OTHER = {"number": 4, "model": "b", "training_set": "u", "verdict": "w", "contract": "1.0.1", "policy": "q", "tier": Tier.LOW}


@pytest.mark.parametrize("name", [*OTHER, "severity", "product"])
def test_any_other_evidence_needs_another_decision(name: str) -> None:
    other = replace(EVIDENCE, **{name: ({"severity": Severity.LOW, "product": "store"} | OTHER)[name]})
    assert missing_approvals(other, said(EVIDENCE), now=NOW)[0].startswith("no decision about this evidence")


@given(
    tier=st.sampled_from(list(Tier)),
    severity=st.sampled_from(list(Severity)),
    by=st.sampled_from(["ann", POLICY]),
    decision=st.sampled_from(["approved", "rejected"]),
    hours=st.integers(-48, 48),
    is_other=st.booleans(),
)
def test_it_lets_through_exactly_an_unexpired_approval_of_this_evidence_by_who_may(
    tier: Tier, severity: Severity, by: str, decision: str, hours: int, is_other: bool
) -> None:
    about = replace(EVIDENCE, tier=tier, severity=severity)
    decided = replace(about, number=9) if is_other else about
    until = (NOW + datetime.timedelta(hours=hours)).isoformat()
    newest = said(decided, by=by, decision=decision, until=until)
    may = by == "ann" or (tier is Tier.LOW and severity is not Severity.CRITICAL)
    expected = not is_other and decision == "approved" and hours > 0 and may
    assert (missing_approvals(about, newest, now=NOW) == ()) == expected


@pytest.mark.parametrize(("by", "reason"), [("", "why"), ("ann", " "), (" ", "")])
def test_who_decides_says_who_and_why(by: str, reason: str) -> None:
    with pytest.raises(ReadinessError, match="expected who decides, and why"):
        signed(by, reason)


@pytest.mark.parametrize("by", ["policy", " Policy ", "schedule"])
def test_nobody_decides_in_the_name_of_what_acts_by_itself(by: str) -> None:
    with pytest.raises(ReadinessError, match="expected a person"):
        signed(by, "it is better")


def test_names_and_reasons_are_kept_without_spaces_around() -> None:
    assert signed(" ann ", "it is better\n") == ("ann", "it is better")
