"""Which decisions about evidence are missing before a model may be promoted. The one place that knows."""

from __future__ import annotations

import datetime

from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import POLICY, SCHEDULE, Evidence, Review, Severity, Tier


def needs_person(evidence: Evidence) -> bool:
    """Return whether only a person can approve this: every tier but low, and whatever a critical event has asked for."""
    return evidence.tier is not Tier.LOW or evidence.severity is Severity.CRITICAL


def missing_approvals(evidence: Evidence, newest: Review | None, *, now: datetime.datetime) -> tuple[str, ...]:
    """Return in words what is missing before a model with this evidence may be promoted; nothing: it may.

    `newest` is the newest decision about exactly this evidence, None if there is none: an older approval does not stand
    beside a later rejection. `now` is in UTC; an approval ends at `expires_at`, exclusive.
    """
    if newest is None or newest.evidence != evidence.digest:
        who = "a person" if needs_person(evidence) else "the policy or a person"
        return (f"no decision about this evidence; it needs {who} to approve it",)
    if newest.decision == "rejected":
        return (f"rejected by {newest.by}: {newest.reason}",)
    missing = []
    if newest.by == POLICY and needs_person(evidence):
        missing.append(f"approved by the policy alone; tier {evidence.tier} with severity {evidence.severity} needs a person")
    if datetime.datetime.fromisoformat(newest.expires_at) <= now:
        missing.append(f"the approval by {newest.by} expired at {newest.expires_at[:19]} UTC")
    return tuple(missing)


def signed(by: str, reason: str) -> tuple[str, str]:
    """Return who decides and why, without spaces around. Raises ReadinessError where either is empty, or no person decides."""
    found = by.strip(), reason.strip()
    if not all(found):
        raise ReadinessError(f"found --by {by!r} and --reason {reason!r}, expected who decides, and why: both are kept with it")
    if found[0].casefold() in (POLICY, SCHEDULE):
        raise ReadinessError(
            f"found {by!r} as who decides, expected a person: policy and schedule act by themselves, where they may"
        )
    return found
