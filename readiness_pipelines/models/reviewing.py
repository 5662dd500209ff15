"""A decision about a model's evidence, written down. Nothing waits for it: whatever comes next looks at what is on record."""

from __future__ import annotations

import datetime
from dataclasses import replace

from readiness_pipelines.declarations import Product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import Review, Status
from readiness_pipelines.governance import POLICY, needs_person, signed
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.models.grounds import Case, case_of, since_put_aside
from readiness_pipelines.models.training_set import spec_of


def decide(
    product: Product,
    lake: Lakehouse,
    *,
    number: int,
    approve: bool,
    by: str,
    reason: str,
    days: int | None = None,
    evidence: str = "",
) -> Review:
    """Record a person's decision about the newest evidence of the model with this number, and return it.

    It counts from now on, in place of older decisions about the same evidence. An approval counts for `days` days, by
    default and at most as many as the product declares; a rejection for good. `evidence` is what the person has looked at
    (six digits of its digest or more), by default whatever is newest. Raises ReadinessError where that is not the newest, the
    promotion gate has rejected the model and it is to be approved, the days are too many, or `by` or `reason` says nothing.
    """
    case, most = case_of(product, lake, number), spec_of(product).words.approvals_expire_days
    who, why = signed(by, reason)
    found = case.judgement.evidence.digest
    if evidence and (len(evidence) < _SHORTEST or not found.startswith(evidence)):
        raise ReadinessError(
            f"{product.name}: found evidence {evidence!r}, expected {found[:12]}, which is the newest of model {number}: what was "
            f"looked at counts no more; `readiness review show {product.name} {number}`"
        )
    if approve and case.judgement.verdict.status is Status.FAILED:
        raise ReadinessError(
            f"{product.name}: model {number} was rejected by the promotion gate, and no approval outweighs that: "
            f"`readiness review show {product.name} {number}` says by which rule"
        )
    if days is not None and not 1 <= days <= most:
        raise ReadinessError(f"{product.name}: found {days} days, expected 1 to {most} (approvals_expire_days)")
    return lake.ledger.models.record_review(_review(case, approve=approve, by=who, reason=why, days=days or most))


def decide_by_policy(product: Product, lake: Lakehouse, *, number: int, reason: str) -> Review | None:
    """Record the policy's approval of the model with this number, and return the decision that counts.

    Where somebody has decided about this evidence already, that decision stands. Where only a person may approve, nothing is
    recorded, and without a person's decision it is None: so of a model that was rolled back from, that a person has rejected on
    other evidence, or that critical drift has asked for, however it is judged now.
    """
    case = case_of(product, lake, number)
    if case.judgement.verdict.status is not Status.PASSED:
        return None
    by_person = needs_person(replace(case.judgement.evidence, severity=case.severity))
    if by_person or since_put_aside(case, lake.ledger.models.promotions(product.name)):
        return case.review if case.review is not None and case.review.by != POLICY else None
    days = spec_of(product).words.approvals_expire_days
    review = _review(case, approve=True, by=POLICY, reason=reason, days=days)
    return lake.ledger.models.record_review(review, unless_decided=True)


_SHORTEST = 6  # digits that name evidence: few enough to type, too many to hit by chance


def _review(case: Case, *, approve: bool, by: str, reason: str, days: int) -> Review:
    evidence, now = case.judgement.evidence, datetime.datetime.now(datetime.UTC)
    until = (now + datetime.timedelta(days=days)).isoformat(timespec="milliseconds")
    return Review(evidence.product, evidence.digest, "approved" if approve else "rejected", by, reason, until)
