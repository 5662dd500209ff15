"""How a product's models stand: which is the champion, which waits for a person, which may be promoted, and why not the others.

Worked out from the ledger and the declaration whenever it is asked for, and stored nowhere.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from readiness_pipelines.declarations import Product
from readiness_pipelines.flow import ModelVersion, Promotion, Retrain, Status
from readiness_pipelines.governance import missing_approvals, needs_person
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.ledger.retrains import Pause
from readiness_pipelines.models.grounds import (
    Case,
    against_promoting,
    case_about,
    since_put_aside,
    taught_wrongly,
    unknown_to_policy,
)
from readiness_pipelines.models.succession import earlier
from readiness_pipelines.models.training_set import spec_of


class State(StrEnum):
    """Where a model stands."""

    CHAMPION = "champion"
    REPLACED = "replaced"  # it was the champion, and rests on the same evidence
    WAITS = "waits"  # only a person's decision is missing
    POLICY = "policy"  # only the policy's decision is missing, which its retrain takes
    APPROVED = "approved"  # nothing is missing; it is promoted by the product's sensor, or by hand
    REJECTED = "rejected"  # by a person, or by the promotion gate: `why` says by which
    VOID = "void"  # its verdict does not count any more: what that rests on has changed, or another is decided about
    UNJUDGED = "unjudged"  # its retrain has not come to a verdict


@dataclass(frozen=True)
class Stands:
    """One model, and why it stands where it does: empty for what may be promoted.

    Of the champion it says what it should not have learned from: a version that was withdrawn or erased from since.
    """

    model: ModelVersion
    case: Case | None
    state: State
    why: tuple[str, ...] = ()


@dataclass(frozen=True)
class Standing:
    """A product's models, oldest first, its promotions, oldest first, and what is under way.

    `previous` is the number of the model that a roll back goes back to, 0 for none.
    """

    product: str
    models: tuple[Stands, ...]
    promotions: tuple[Promotion, ...]
    previous: int
    retrain: Retrain | None
    pause: Pause | None

    @property
    def champion(self) -> ModelVersion | None:
        return next((each.model for each in self.models if each.state is State.CHAMPION), None)

    @property
    def champion_doubts(self) -> tuple[str, ...]:
        """Return what the champion should not have learned from; it stays the champion until somebody does something."""
        return next((each.why for each in self.models if each.state is State.CHAMPION), ())

    @property
    def waiting(self) -> tuple[Stands, ...]:
        """Return the models for which only a person's decision is missing."""
        return tuple(each for each in self.models if each.state is State.WAITS)

    @property
    def approved(self) -> tuple[Stands, ...]:
        """Return the models that may be promoted and are not yet."""
        return tuple(each for each in self.models if each.state is State.APPROVED)

    @property
    def aliases(self) -> dict[str, int]:
        """Return the number that each alias in MLflow stands for; none for what there is not.

        The challenger is the newest model that could still be promoted.
        """
        open_ = [each.model.number for each in self.models if each.state in (State.WAITS, State.POLICY, State.APPROVED)]
        champion = self.champion
        found = {"champion": champion.number if champion else 0, "previous": self.previous, "challenger": max(open_, default=0)}
        return {name: number for name, number in found.items() if number}


def standing(product: Product, lake: Lakehouse, *, now: datetime.datetime) -> Standing:
    """Return how the product's models stand at `now` (UTC, with its zone). Nothing is changed, and no model is loaded.

    Raises ReadinessError where the product declares none.
    """
    spec_of(product)
    models, history = lake.ledger.models, lake.ledger.models.promotions(product.name)
    found = tuple(_stands(product, lake, model, history, now) for model in models.models(product.name))
    retrains = lake.ledger.retrains
    return Standing(
        product=product.name,
        models=found,
        promotions=tuple(history),
        previous=earlier(history),
        retrain=retrains.in_flight(product.name),
        pause=retrains.paused(product.name),
    )


def _stands(product: Product, lake: Lakehouse, model: ModelVersion, history: Sequence[Promotion], now: datetime.datetime) -> Stands:
    judgement = lake.ledger.models.judgement(product.name, model.number)
    case = case_about(lake, model, judgement) if judgement else None
    if history and history[-1].number == model.number:
        return Stands(model, case, State.CHAMPION, taught_wrongly(product, lake, model))
    if case is None:
        return Stands(model, None, State.UNJUDGED, ("its retrain has not come to a verdict",))
    evidence = case.judgement.evidence
    is_judged_since = not history or case.judgement.recorded_at >= history[-1].promoted_at
    if not is_judged_since and any((each.number, each.evidence) == (model.number, evidence.digest) for each in history):
        return Stands(model, case, State.REPLACED, (f"model {history[-1].number} is the champion",))
    if against := against_promoting(product, lake, case, history):
        is_failed = case.judgement.verdict.status is Status.FAILED
        return Stands(model, case, State.REJECTED if is_failed else State.VOID, against)
    aside = since_put_aside(case, history)
    missing = (*missing_approvals(evidence, case.review, now=now), *aside, *unknown_to_policy(product, lake, case))
    return Stands(model, case, _lacks(case, by_person=bool(aside)) if missing else State.APPROVED, missing)


def _lacks(case: Case, *, by_person: bool) -> State:
    if case.review is not None:
        return State.REJECTED if case.review.decision == "rejected" else State.WAITS
    is_passed, evidence = case.judgement.verdict.status is Status.PASSED, replace(case.judgement.evidence, severity=case.severity)
    by_person = by_person or not is_passed or needs_person(evidence)
    return State.WAITS if by_person else State.POLICY
