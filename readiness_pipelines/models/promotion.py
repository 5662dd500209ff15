"""A model becomes the champion, or an earlier one does again: one row of the ledger, and all else follows it.

    artifact checked -> grounds and decisions checked and the promotion recorded, in one transaction
      -> aliases in MLflow -> drift references

Whoever promotes, by whatever way, comes through here. Killed after the record, the promotion stands, and `repair`, which
the next promotion and the product's sensor begin with, lets aliases and references follow.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import replace

from readiness_pipelines.declarations import Product
from readiness_pipelines.drift.reference import register_training_set
from readiness_pipelines.errors import AnotherChampion, NotApproved, ReadinessError
from readiness_pipelines.flow import Promotion, Review
from readiness_pipelines.governance import POLICY, missing_approvals
from readiness_pipelines.lakehouse import Lakehouse, reached
from readiness_pipelines.models.grounds import (
    Case,
    against_going_back,
    against_promoting,
    case_of,
    put_aside,
    served_case,
    since_put_aside,
    unknown_to_policy,
)
from readiness_pipelines.models.overview import Standing, standing
from readiness_pipelines.models.registry import Registry
from readiness_pipelines.models.succession import earlier
from readiness_pipelines.models.training_set import spec_of


def promote(product: Product, lake: Lakehouse, *, number: int, by: str, reason: str) -> Promotion:
    """Make the product's model with this number its champion, and return the promotion. Safe to repeat and to kill.

    Of what is the champion already nothing is recorded; aliases and drift references follow. `by` is a person, or `policy`
    for what happens by itself. Raises NotApproved, naming what is missing, where its newest verdict, what has changed since
    or the decisions about it do not let it through; ReadinessError where there is no such model, or its artifact is not
    what was judged.
    """
    spec_of(product)
    with lake.ledger.promoting(product.name):
        history = lake.ledger.models.promotions(product.name)
        if history and history[-1].number == number:
            _follow(product, lake)
            return history[-1]
        case = case_of(product, lake, number)
        made = _record(product, lake, case, Promotion(product.name, number, 0, "promoted", "", reason, by), history)
        _follow(product, lake)
    return made


def roll_back(
    product: Product, lake: Lakehouse, *, by: str, reason: str, to: int | None = None, champion: int | None = None
) -> Promotion:
    """Make an earlier champion the champion again, and return the promotion that this is. Safe to repeat and to kill.

    `champion` is the number of the model that is gone back from, by default whichever it is; `to` that of the one that is
    gone back to, by default the champion that stood before. Where that was done already, nothing is recorded, and aliases and
    drift references follow: `to` is the champion, or the newest promotion is a roll back from `champion`, or, with neither
    named, one by the same person for the same reason. So nobody goes back twice by asking twice. It rests on the verdict and
    the decision that the older model served on, which must not have expired; else on newer ones about it. Who was rolled back
    from, or that a person has rejected since, comes back by what a person has approved after that alone.
    Raises as `promote` does, ReadinessError where there is no earlier champion or `to` was none, and AnotherChampion where
    another than `champion` is the champion.
    """
    spec_of(product)
    with lake.ledger.promoting(product.name):
        history = lake.ledger.models.promotions(product.name)
        if _is_back_already(product, history, by=by, reason=reason, to=to, champion=champion):
            _follow(product, lake)
            return history[-1]
        number = _goes_back_to(product, history, to)
        case = served_case(product, lake, number, history)
        made = _record(product, lake, case, Promotion(product.name, number, 0, "rolled_back", "", reason, by), history)
        _follow(product, lake)
    return made


def repair(product: Product, lake: Lakehouse) -> tuple[str, ...]:
    """Let aliases and drift references follow the ledger, and return what of them did not: nothing, they agree."""
    spec_of(product)
    with lake.ledger.promoting(product.name):
        return _follow(product, lake)


def _is_back_already(
    product: Product, history: Sequence[Promotion], *, by: str, reason: str, to: int | None, champion: int | None
) -> bool:
    """Return whether the newest promotion is what is asked for; refuse where it is about another champion than is named."""
    newest = history[-1] if history else None
    if newest is None or newest.number == to:
        return newest is not None
    is_back = newest.kind == "rolled_back"
    if champion is None:
        return is_back and to is None and (newest.by, newest.reason) == (by, reason)
    if newest.number == champion:
        return False
    if is_back and to is None and newest.previous == champion:
        return True
    raise AnotherChampion(
        f"{product.name}: found model {newest.number} as the champion, since {newest.promoted_at[:19]} UTC, expected {champion}, "
        f"which is to be gone back from: look again at `readiness model list {product.name}`"
    )


def _goes_back_to(product: Product, history: Sequence[Promotion], to: int | None) -> int:
    before = sorted({each.number for each in history})
    if to is not None and to in before:
        return to
    if to is not None:
        there = ", ".join(map(str, before)) or "none"
        raise ReadinessError(f"{product.name}: found model {to}, which was never the champion, expected one that was: {there}")
    if number := earlier(history):
        return number
    found = f"only one champion, model {history[-1].number}" if history else "no champion"
    raise ReadinessError(
        f"{product.name}: found {found}, expected an earlier one to go back to: `readiness model list {product.name}`"
    )


def _record(product: Product, lake: Lakehouse, case: Case, wanted: Promotion, history: Sequence[Promotion]) -> Promotion:
    """Record the promotion as far as everything lets it through. The caller is alone with the product's promotions."""
    if not wanted.by.strip() or not wanted.reason.strip():
        raise ReadinessError(f"found by {wanted.by!r}, reason {wanted.reason!r}, expected who promotes, and why: both are kept")
    _refuse(product, lake, case, wanted, history, case.review)  # what a look at the ledger tells needs no artifact
    Registry.open(lake.settings).load(case.model)
    reached("artifact_checked")
    made = lake.ledger.models.promote(
        Promotion(
            product=product.name,
            number=wanted.number,
            previous=history[-1].number if history else 0,
            kind=wanted.kind,
            evidence=case.judgement.evidence.digest,
            reason=wanted.reason,
            by=wanted.by,
        ),
        after=len(history),
        check=lambda review: _refuse(product, lake, _again(product, lake, wanted, history), wanted, history, review),
    )
    if made is None:
        raise ReadinessError(f"{product.name}: another model was promoted meanwhile; look at `readiness model list {product.name}`")
    reached("promotion_recorded")
    return made


def _again(product: Product, lake: Lakehouse, wanted: Promotion, history: Sequence[Promotion]) -> Case:
    """Return the case as it is while nobody else writes."""
    if wanted.kind == "rolled_back":
        return served_case(product, lake, wanted.number, history)
    return case_of(product, lake, wanted.number)


def _refuse(
    product: Product, lake: Lakehouse, case: Case, wanted: Promotion, history: Sequence[Promotion], review: Review | None
) -> None:
    """Raise NotApproved naming all that stands against it, and every decision that is missing."""
    case, evidence = replace(case, review=review), case.judgement.evidence
    is_back = wanted.kind == "rolled_back"
    against = against_going_back(product, lake, case) if is_back else against_promoting(product, lake, case, history)
    missing = missing_approvals(evidence, review, now=datetime.datetime.now(datetime.UTC))
    found = [*_paused(product, lake, wanted), *against, *missing]
    found += put_aside(case, history) if is_back else (*since_put_aside(case, history), *unknown_to_policy(product, lake, case))
    if found:
        what = f"model {wanted.number} is not {'rolled back to' if is_back else 'promoted'}"
        raise NotApproved(
            f"{product.name}: {what}: {'; '.join(found)}. Evidence {evidence.digest[:12]}: "
            f"`readiness review show {product.name} {wanted.number}`"
        )


def _paused(product: Product, lake: Lakehouse, wanted: Promotion) -> list[str]:
    pause = lake.ledger.retrains.paused(product.name) if wanted.by == POLICY else None
    return [f"paused by {pause.by} since {pause.at[:19]} UTC ({pause.reason}), and no person promotes it"] if pause else []


def _follow(product: Product, lake: Lakehouse) -> tuple[str, ...]:
    """Let aliases and drift references follow the ledger; return what did not. The caller is alone with the promotions."""
    found = standing(product, lake, now=datetime.datetime.now(datetime.UTC))
    aliases = _follow_aliases(product, lake, found)
    reached("aliases_followed")
    references = _follow_references(product, lake, found)
    reached("references_followed")
    return (*aliases, *references)


def _follow_aliases(product: Product, lake: Lakehouse, found: Standing) -> list[str]:
    registry, wanted = Registry.open(lake.settings), found.aliases
    there = registry.aliases(product.name)
    if there == wanted:
        return []
    for each in found.models:
        if each.model.number in wanted.values():
            registry.number(each.model)  # whoever trained it may have died before
    registry.follow(product.name, wanted)
    names = [name for name in sorted({*there, *wanted}) if there.get(name) != wanted.get(name)]
    return [f"alias {name} was {there.get(name) or 'not there'}, is {wanted.get(name) or 'taken away'}" for name in names]


def _follow_references(product: Product, lake: Lakehouse, found: Standing) -> list[str]:
    champion = found.champion
    training_set = lake.ledger.models.training_set(product.name, champion.training_set) if champion else None
    if champion is None or training_set is None:
        return []
    newest, before = found.promotions[-1], _references(product, lake)
    reason = f"model {champion.number} was {newest.kind.replace('_', ' ')}: {newest.reason}"
    register_training_set(product, lake, training_set, by=newest.by, reason=reason)
    after = _references(product, lake)
    return [
        f"monitor {name} is compared with what model {champion.number} was trained on"
        for name in after
        if after[name] != before[name]
    ]


def _references(product: Product, lake: Lakehouse) -> dict[str, str]:
    found = {each.name: lake.ledger.drift.reference(product.name, each.name) for each in product.monitors}
    return {name: registered.reference.id if registered else "" for name, registered in found.items()}
