"""Human-review mode: after a critical event no model of the product is promoted without a person."""

from __future__ import annotations

from readiness_pipelines.declarations import Product
from readiness_pipelines.flow import POLICY, ResponseDecision, Severity
from readiness_pipelines.ledger import Ledger, Waiting

_ENTERED_BY = ("review", "roll_back")  # actions of the response policy


def in_review(product: Product, ledger: Ledger) -> ResponseDecision | Waiting | None:
    """Return the critical event for whose sake every promotion needs a person, decided or still waiting to be; or None.

    One that waits, or that a run has taken and not decided, counts until it is decided: what it leads to is not known, and
    where run after run broke over it nobody else would know. Of a monitor that is not declared any more nobody asks for it,
    so that it counts nothing. Of one that has led to it the mode ends when a person has decided about a model after it: approved
    or rejected, whenever the evidence was recorded.
    """
    monitors = {monitor.name for monitor in product.monitors}
    waiting = [each for each in ledger.drift.waiting(product.name) if each.monitor in monitors]
    if open_ := [each for each in waiting if each.severity is Severity.CRITICAL]:
        return open_[-1]
    entered = [(at, said) for at, said in ledger.drift.decisions(product.name) if said.action in _ENTERED_BY]
    if not entered:
        return None
    at, said = entered[-1]
    evidence = {each.evidence.digest for each in ledger.models.judgements(product.name)}
    reviews = (review for digest in evidence for review in ledger.models.reviews(digest))
    return None if any(review.by != POLICY and review.decided_at > at for review in reviews) else said
