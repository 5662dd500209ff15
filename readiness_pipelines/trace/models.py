"""A model version back to what it was trained on, judged by, approved and promoted by, and why it was trained at all."""

from __future__ import annotations

from readiness_pipelines.declarations import Product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import ModelVerdict, ModelVersion, Status, TrainingSet
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.trace.chain import Chain, Fact, Kind
from readiness_pipelines.trace.tables import Tables

_OPEN = (Status.FAILED, Status.UNDECIDED)  # of which the rules are named


def model_named(product: Product, lake: Lakehouse, name: str) -> ModelVersion:
    """Return the model that is named `<product>/<number>`, with or without `@<artifact>`. Raises ReadinessError for none."""
    number, _, artifact = name.removeprefix(f"{product.name}/").partition("@")
    found = lake.ledger.models.model(product.name, int(number)) if number.isdecimal() else None
    if found is None or not found.artifact.startswith(artifact):
        there = ", ".join(each.name for each in lake.ledger.models.models(product.name)[-5:]) or "none"
        raise ReadinessError(f"found no model {name!r} of {product.name}, expected one of: {there}")
    return found


def add_model(product: Product, lake: Lakehouse, chain: Chain, model: ModelVersion, *, below: str | None, how: str) -> None:
    """Add a model, what was decided about it, and all that it rests on."""
    told = {"artifact sha256": model.artifact, "recipe": model.recipe, "code": model.code, "run": model.run}
    told["trained by"] = model.trained_by
    fact = model_fact(model)
    if not chain.add(Fact(fact.id, fact.kind, fact.name, told), below=below, how=how):
        return
    training_set = lake.ledger.models.training_set(product.name, model.training_set)
    if training_set is not None:
        _add_training_set(product, lake, chain, training_set, below=fact.id)
    _add_decisions(product, lake, chain, model, below=fact.id)
    for retrain in lake.ledger.retrains.retrains(product.name):
        if f"retrain {retrain.id}" == model.trained_by:  # others with its number have only found it, and judged it again
            told = {"reason": retrain.reason, "outcome": retrain.outcome, "asked for": retrain.requested_at}
            chain.add(
                Fact(f"retrain:{retrain.id}", Kind.RETRAIN, f"{product.name} {retrain.id}", told), below=fact.id, how="made in"
            )
            for event in retrain.events:
                _add_event(lake, chain, event, below=f"retrain:{retrain.id}")


def model_fact(model: ModelVersion) -> Fact:
    return Fact(f"model:{model.product}/{model.number}", Kind.MODEL, model.name, {"artifact sha256": model.artifact})


def training_fact(training_set: TrainingSet) -> Fact:
    told: dict[str, str | int | float] = {
        "cut off": training_set.cut_off,
        "trained on": f"{training_set.rows_train} rows from {training_set.train_from}",
        "held out": f"{training_set.rows_holdout} rows from {training_set.holdout_from} to {training_set.holdout_to}",
        "left out": ", ".join(f"{reason} {count}" for reason, count in training_set.left_out.items() if count) or "nothing",
    }
    return Fact(f"training_set:{training_set.id}", Kind.TRAINING_SET, training_set.id[:12], told)


def _add_training_set(product: Product, lake: Lakehouse, chain: Chain, training_set: TrainingSet, *, below: str) -> None:
    fact = training_fact(training_set)
    if chain.add(fact, below=below, how="trained on"):
        tables = Tables(product, lake, chain)
        for name in dict.fromkeys(version.table for version in training_set.versions):
            tables.add([v for v in training_set.versions if v.table == name], below=fact.id, how="selected from")


def _add_decisions(product: Product, lake: Lakehouse, chain: Chain, model: ModelVersion, *, below: str) -> None:
    promotions = [each for each in lake.ledger.models.promotions(product.name) if each.number == model.number]
    judgements = [each for each in lake.ledger.models.judgements(product.name) if each.evidence.number == model.number]
    for judged in judgements:
        verdict, evidence = judged.verdict, judged.evidence
        told: dict[str, str | int | float] = {"against": verdict.against_name, "rules": len(verdict.judged), "rows": verdict.rows}
        told |= {"contract": evidence.contract, "risk tier": evidence.tier.value, "severity": evidence.severity.value}
        told |= {status.value: rules for status in _OPEN if (rules := _rules(verdict, status))}
        fact = Fact(f"verdict:{evidence.digest}", Kind.VERDICT, f"{verdict.status}, evidence {evidence.digest[:12]}", told)
        chain.add(fact, below=below, how="judged by")
        for number, review in enumerate(lake.ledger.models.reviews(evidence.digest)):
            said = {"by": review.by, "reason": review.reason, "at": review.decided_at, "until": review.expires_at}
            chain.add(
                Fact(f"review:{evidence.digest}:{number}", Kind.REVIEW, review.decision, said), below=fact.id, how="decided as"
            )
    for promotion in promotions:
        told = {"by": promotion.by, "reason": promotion.reason, "at": promotion.promoted_at}
        name = f"{promotion.kind.replace('_', ' ')} as number {promotion.id} of {product.name}"
        chain.add(Fact(f"promotion:{promotion.id}", Kind.PROMOTION, name, told), below=below, how="served by")
        for _, decision in lake.ledger.drift.decisions(product.name) if promotion.kind == "rolled_back" else ():
            if decision.event[:12] in promotion.reason:  # as a roll back names the event that has led to it
                _add_event(lake, chain, decision.event, below=f"promotion:{promotion.id}")


def _rules(verdict: ModelVerdict, status: Status) -> str:
    return ", ".join(f"{each.rule} {each.about}".strip() for each in verdict.judged if each.status is status)


def _add_event(lake: Lakehouse, chain: Chain, event: str, *, below: str) -> None:
    report = lake.ledger.drift.report_of(event)
    if report is None:
        return
    told: dict[str, str | int | float] = {
        "severity": report.severity.value,
        "columns": ", ".join(report.columns[:5]),
        "reference": report.measured.reference.name,
    }
    name = f"{event[:12]}, {report.measured.monitor} in {report.measured.window}"
    chain.add(Fact(f"event:{event}", Kind.EVENT, name, told), below=below, how="asked for by")
