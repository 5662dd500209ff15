"""From how models stand to incidents: a model that waits is one until a person has decided, or it is void or overtaken."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import replace

from readiness_pipelines.declarations import Product
from readiness_pipelines.flow import Status
from readiness_pipelines.governance import needs_person
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.ledger import Incident
from readiness_pipelines.models.grounds import Case
from readiness_pipelines.models.overview import Stands, standing

_NAMED = 5  # rules that are told; `readiness review show` has all of them
_LONGEST = 800  # characters of a reason, so that the command after it is never cut off


def waiting(product: Product, lake: Lakehouse, *, now: datetime.datetime) -> Iterator[Incident]:
    """Yield the incidents of models that are to be open at `now` (UTC): one per model that waits, on the evidence that it has now.

    None for a product without a model.
    """
    if product.model is None:
        return
    for each in standing(product, lake, now=now.replace(tzinfo=datetime.UTC)).waiting:
        if each.case is not None:
            yield _incident(product, each, each.case)


def _incident(product: Product, at: Stands, case: Case) -> Incident:
    evidence = case.judgement.evidence
    why = "; ".join(_because(at, case))[:_LONGEST]
    return Incident(
        product=product.name,
        kind="waits",
        subject=f"{product.name}/{at.model.number} on evidence {evidence.digest[:12]}",
        why=f"{why}: `readiness review show {product.name} {at.model.number}`",
        details={
            "owner": product.contract.owner,
            "steward": product.contract.steward,
            "model": str(at.model.number),
            "evidence": evidence.digest,
        },
    )


def _because(at: Stands, case: Case) -> Iterator[str]:
    """Yield why only a person can decide."""
    verdict, evidence = case.judgement.verdict, replace(case.judgement.evidence, severity=case.severity)
    if verdict.status is not Status.PASSED:
        yield f"the promotion gate is undecided{_open_rules(case)}"
    if needs_person(evidence):
        yield f"risk tier {evidence.tier}" + (f", asked for by {evidence.severity} drift" if evidence.severity.rank else "")
    yield from at.why if case.review is not None else at.why[1:]  # the first says no more than that nobody has decided


def _open_rules(case: Case) -> str:
    rules = [each for each in case.judgement.verdict.judged if each.status is not Status.PASSED]
    names = list(dict.fromkeys(f"{each.rule} {each.about}".strip() for each in rules))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    note = next((f" ({each.note})" for each in rules if each.note), "")
    return f": {', '.join(names[:_NAMED])}{more}{note}" if names else ""
