"""What stands against a model, whoever would promote it: its verdict, what has changed since, what it was trained on.

Decisions are apart from this (`governance`): no approval outweighs any of these grounds.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace

from readiness_pipelines.declarations import Product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import ModelVersion, Promotion, Review, Severity, Status, Tier
from readiness_pipelines.governance import POLICY, in_review, missing_approvals, needs_person
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.ledger import Waiting
from readiness_pipelines.ledger.models import Judgement
from readiness_pipelines.models.evidence import evidence_of
from readiness_pipelines.models.succession import rolled_back_from
from readiness_pipelines.models.training_set import spec_of
from readiness_pipelines.models.withdrawn import withdrawn_since

_NAMED = 3  # versions or rules that are told
_BY_PERSON = "only what a person approves after that brings it back"


@dataclass(frozen=True)
class Case:
    """A model with its newest verdict, and the newest decision about that verdict's evidence, None: nobody has decided.

    `severity` is the worst of any evidence of this model: judged again at a lower one, it is still what that has asked for.
    `rejected` is the newest rejection by a person of any evidence of it, None where nobody has rejected it, or a person has
    approved this very evidence since.
    """

    model: ModelVersion
    judgement: Judgement
    review: Review | None
    severity: Severity = Severity.NONE
    rejected: Review | None = None


def case_of(product: Product, lake: Lakehouse, number: int) -> Case:
    """Return the case of the product's model with this number. Raises ReadinessError where there is no such model or verdict."""
    models = lake.ledger.models
    model, judgement = models.model(product.name, number), models.judgement(product.name, number)
    if model is None:
        there = [each.number for each in models.models(product.name)]
        expected = f"one of 1 to {there[-1]}" if there else f"one that was trained: `readiness retrain {product.name}`"
        raise ReadinessError(f"{product.name}: found no model {number}, expected {expected}")
    if judgement is None:
        raise ReadinessError(
            f"{product.name}: model {number} was trained and not judged, expected a verdict: its retrain was cut short; "
            f"`readiness retrain {product.name}` trains and judges"
        )
    return case_about(lake, model, judgement)


def case_about(lake: Lakehouse, model: ModelVersion, judgement: Judgement) -> Case:
    """Return the case of a model with this verdict."""
    models, evidence = lake.ledger.models, judgement.evidence
    decisions = models.reviews_of(model.product, model.number)
    review = next((each for each in reversed(decisions) if each.evidence == evidence.digest), None)
    rejected: Review | None = None
    for each in decisions:
        if each.by != POLICY and (each.decision == "rejected" or each.evidence == evidence.digest):
            rejected = each if each.decision == "rejected" else None
    severities = [each.evidence.severity for each in models.judgements(model.product, number=model.number)]
    return Case(model, judgement, review, Severity.worst([evidence.severity, *severities]), rejected)


def served_case(product: Product, lake: Lakehouse, number: int, history: Sequence[Promotion]) -> Case:
    """Return the case of a model that was the champion: what it served on, as far as that still lets it through.

    Where that decision has expired or was taken back, or the model was put aside since, its newest case, if that was decided
    later. Raises as `case_of`.
    """
    newest, models = case_of(product, lake, number), lake.ledger.models
    served_on = next((each.evidence for each in reversed(history) if each.number == number), "")
    judgement = models.judgement_under(served_on)
    if judgement is None or judgement.evidence.number != number:
        return newest
    served = case_about(lake, newest.model, judgement)
    missing = missing_approvals(judgement.evidence, served.review, now=datetime.datetime.now(datetime.UTC))
    if not missing and not put_aside(served, history):
        return served
    since = served.review.decided_at if served.review else ""
    return newest if newest.review is not None and newest.review.decided_at > since else served


def against_promoting(product: Product, lake: Lakehouse, case: Case, history: Sequence[Promotion]) -> tuple[str, ...]:
    """Return in words what stands against promoting this model now; nothing: only decisions count.

    `history` are the product's promotions, oldest first. A verdict counts for the champion it compared with, and for
    contract, policy, tier and demands as they were: with any of them changed, the model must be judged again. And it counts
    until the gate has let through, or left to a person, another one: the newest is what is decided about, and not a pile.
    """
    verdict = case.judgement.verdict
    found = [*_failed(case), *_changed(product, lake, case)]
    champion = lake.ledger.models.model(product.name, history[-1].number) if history else None
    if (champion.artifact if champion else "") != verdict.against:
        then, now = verdict.against_name if verdict.against else "the baseline", f"model {champion.number}" if champion else "none"
        found.append(f"it was judged against {then}, and the champion is {now} now")
    elif history and case.judgement.recorded_at < history[-1].promoted_at:
        found.append(f"it was judged before model {history[-1].number} became the champion again, so that it must be judged again")
    found = found or _overtaken(lake, case)
    return tuple(found) or taught_wrongly(product, lake, case.model)  # asked last: it reads much of the ledger


def against_going_back(product: Product, lake: Lakehouse, case: Case) -> tuple[str, ...]:
    """Return in words what stands against rolling back to this model now; nothing: only decisions count.

    Its verdict speaks of the champion of then, and it may rest on an older contract or policy, and have been tried on another
    holdout: it was right once, and is what there is. But it must answer the question that is asked now; and where the risk
    tier is another one now, an approval by the policy is none.
    """
    tier, before = spec_of(product).tier, case.judgement.evidence.tier
    found = [*_failed(case), *_asked_otherwise(product, lake, case)]
    if case.review is not None and case.review.by == POLICY and tier is not Tier.LOW:
        found.append(f"the policy approved it at tier {before}, and the tier is {tier} now: it needs a person")
    return (*found, *taught_wrongly(product, lake, case.model))


def since_put_aside(case: Case, history: Sequence[Promotion]) -> tuple[str, ...]:
    """Return in words why only what a person decides from then on has this model promoted; nothing: it needs no such decision.

    What `put_aside` says, or it was promoted on this very evidence and replaced.
    """
    number, evidence = case.model.number, case.judgement.evidence.digest
    if found := put_aside(case, history):
        return found
    if not any((each.number, each.evidence) == (number, evidence) for each in history) or rolled_back_from(history, number):
        return ()
    why = "it was promoted on this evidence already, and another was put in its place"
    return () if _by_person_after(case, history[-1].promoted_at) else (f"{why}: {_BY_PERSON}",)


def put_aside(case: Case, history: Sequence[Promotion]) -> tuple[str, ...]:
    """Return in words why only what a person decides from then on brings this model back, by whatever way; or nothing.

    It was rolled back from, or a person has rejected it, on this evidence or another: whatever was approved before was approved
    without knowing that, and no verdict tells why.
    """
    found, back, rejected = list[str](), rolled_back_from(history, case.model.number), case.rejected
    if back is not None and not _by_person_after(case, back.promoted_at):
        found.append(f"it was rolled back from at {back.promoted_at[:19]} UTC ({back.reason}): {_BY_PERSON}")
    if rejected is not None and rejected != case.review:  # else it is the newest word, which `missing_approvals` tells
        found.append(f"{rejected.by} rejected it at {rejected.decided_at[:19]} UTC ({rejected.reason}): {_BY_PERSON}")
    return tuple(found)


def _by_person_after(case: Case, at: str) -> bool:
    return case.review is not None and case.review.by != POLICY and case.review.decided_at > at


def unknown_to_policy(product: Product, lake: Lakehouse, case: Case) -> tuple[str, ...]:
    """Return in words what the policy did not know when it approved this model, and what needs a person; of a person's nothing.

    A critical event may have come, whether or not it is decided what follows from it, or a worse one may have joined the retrain
    that is in flight.
    """
    if case.review is None or case.review.by != POLICY:
        return ()
    if critical := in_review(product, lake.ledger):
        until = "it is decided what follows" if isinstance(critical, Waiting) else "a person has decided about a model after it"
        event = f"{critical.severity} drift of {critical.monitor} in {critical.window}"
        return (f"{event}: until {until}, every promotion needs a person",)
    retrain, evidence = lake.ledger.retrains.in_flight(product.name), replace(case.judgement.evidence, severity=case.severity)
    if needs_person(evidence) and not needs_person(case.judgement.evidence):  # else `missing_approvals` tells
        return (f"{evidence.severity} drift has asked for it, as it was judged before: it needs a person",)
    if retrain is None or not needs_person(replace(evidence, severity=Severity.worst([evidence.severity, retrain.severity]))):
        return ()
    return (f"{retrain.severity} drift has asked for retrain {retrain.id} since the policy approved it: it needs a person",)


def taught_wrongly(product: Product, lake: Lakehouse, model: ModelVersion) -> tuple[str, ...]:
    """Return in words what of that which the model was trained on must not be learned from; nothing: all of it counts.

    Its training set leaks, or a version of it was withdrawn or erased from since. Reads much of the ledger.
    """
    training_set = lake.ledger.models.training_set(product.name, model.training_set)
    if training_set is None:
        return (f"the ledger knows no training set {model.training_set[:12]}",)
    gone = [f"{name} ({why})" for name, why in withdrawn_since(product, lake, training_set).items()]
    more = f" and {len(gone) - _NAMED} more" if len(gone) > _NAMED else ""
    leaks = (f"its training set leaks: {'; '.join(training_set.leaks[:_NAMED])}",) if training_set.leaks else ()
    return (*leaks, f"it was trained on {', '.join(gone[:_NAMED])}{more}") if gone else leaks


def _failed(case: Case) -> list[str]:
    verdict = case.judgement.verdict
    rules = ", ".join(f"{each.rule} {each.about}".strip() for each in verdict.failed[:_NAMED])
    match verdict.status:
        case Status.FAILED:
            more = f" and {len(verdict.failed) - _NAMED} more" if len(verdict.failed) > _NAMED else ""
            return [f"the promotion gate rejected it: {rules}{more}"]
        case Status.UNDECIDED if case.review is not None and case.review.by == POLICY:
            return ["the promotion gate is undecided about it, and only a person may approve that"]
    return []


def _overtaken(lake: Lakehouse, case: Case) -> list[str]:
    """Say which model was judged after this one, before anybody had approved it. What a person has rejected is just that."""
    review, product = case.review, case.model.product
    if review is not None and review.decision == "rejected":
        return []
    later = lake.ledger.models.judged_after(product, case.model.number)
    others = [each for each in later if each.verdict.status is not Status.FAILED]
    if not others or (review is not None and review.decided_at < others[0].recorded_at):
        return []
    newest = others[-1].evidence.number
    return [f"model {newest} was judged after it, and is what waits for a decision: `readiness review show {product} {newest}`"]


def _asked_otherwise(product: Product, lake: Lakehouse, case: Case) -> list[str]:
    """Of other rows, features or labels the scores of a model say nothing, whoever liked it."""
    training_set = lake.ledger.models.training_set(product.name, case.model.training_set)
    if training_set is None or training_set.question == spec_of(product).question:
        return []  # of a training set that nobody knows, `taught_wrongly` tells
    return ["table, label or features are declared otherwise now than it was trained for: train one on these"]


def _selected_otherwise(product: Product, lake: Lakehouse, case: Case) -> list[str]:
    training_set = lake.ledger.models.training_set(product.name, case.model.training_set)
    if training_set is None or training_set.selection == spec_of(product).selection:
        return []
    asked = _asked_otherwise(product, lake, case)
    return asked or ["which rows it is trained and tried on is said otherwise now, by declaration or release: train one on these"]


def _changed(product: Product, lake: Lakehouse, case: Case) -> list[str]:
    said, spec = case.judgement.evidence, spec_of(product)
    if otherwise := _selected_otherwise(product, lake, case):
        return otherwise
    as_now = evidence_of(product, case.model, case.judgement.verdict, severity=said.severity)
    if as_now.digest == said.digest and case.judgement.verdict.demands == spec.demands:
        return []
    pairs = {
        "artifact": (said.model, as_now.model),
        "training set": (said.training_set, as_now.training_set),
        "contract": (said.contract, as_now.contract),
        "policy": (said.policy, as_now.policy),
        "tier": (said.tier, as_now.tier),
        "what a model must prove": (case.judgement.verdict.demands, spec.demands),
    }
    names = [name for name, (before, now) in pairs.items() if before != now] or ["its evidence"]
    return [f"{', '.join(names)}: not what it was judged by any more, so that it must be judged again"]
