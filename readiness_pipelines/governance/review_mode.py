"""Human-review mode: after a critical event no model of the product is promoted without a person."""

from __future__ import annotations

from readiness_pipelines.flow import ResponseDecision
from readiness_pipelines.governance.approvals import POLICY
from readiness_pipelines.ledger import Ledger

_ENTERED_BY = ("review", "roll_back")  # actions of the response policy


def in_review(ledger: Ledger, product: str) -> ResponseDecision | None:
    """Return the decision about the critical event for whose sake every promotion needs a person, or None.

    The mode ends when a person has decided about evidence that was recorded after it: approved or rejected.
    """
    entered = [(at, said) for at, said in ledger.drift.decisions(product) if said.action in _ENTERED_BY]
    if not entered:
        return None
    at, said = entered[-1]
    later = [each.evidence.digest for each in ledger.models.judgements(product) if each.recorded_at > at]
    by_person = any(review.by != POLICY for evidence in later for review in ledger.models.reviews(evidence))
    return None if by_person else said
