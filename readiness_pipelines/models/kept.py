"""Which training sets are kept readable, and which are let go: a pin each, `model-<product>-<training set>`."""

from __future__ import annotations

from contextlib import AbstractContextManager

from readiness_pipelines.declarations import Product
from readiness_pipelines.flow import Status, TrainingSet
from readiness_pipelines.lakehouse import Lakehouse, pins, unpin
from readiness_pipelines.ledger import Ledger


def pin_name(training_set: TrainingSet) -> str:
    """Return the name of the pin, in each of its tables, that keeps the training set's versions."""
    return f"{_prefix(training_set.product)}{training_set.id[:12]}"


def turn(lake: Lakehouse, product: Product) -> AbstractContextManager[None]:
    """Wait until nobody else selects a training set of the product or lets one go, and keep others out meanwhile."""
    return lake.ledger.alone(f"{product.name}.model", "training_set")


def resting(product: str, ledger: Ledger) -> frozenset[str]:
    """Return the ids of the training sets that a promoted model, or one that may still be promoted, rests on.

    May still be promoted: judged, not failed, newer than every promoted model, and its evidence not rejected.
    """
    models = {model.number: model for model in ledger.models.models(product)}
    promoted = {promotion.number for promotion in ledger.models.promotions(product)}
    newest = max(promoted, default=0)
    waiting = {number for number in models if number > newest and _may_be_promoted(product, ledger, number)}
    return frozenset(models[number].training_set for number in promoted | waiting if number in models)


def let_go(product: Product, lake: Lakehouse) -> tuple[str, ...]:
    """Take the pins away of training sets that nothing rests on; return their names, in order.

    While a retrain is in flight nothing is let go: what it rests on may not be on record yet. Safe to kill and to repeat.
    """
    with turn(lake, product):
        if lake.ledger.retrains.in_flight(product.name) is not None:
            return ()
        kept = {f"{_prefix(product.name)}{id_[:12]}" for id_ in resting(product.name, lake.ledger)}
        gone = set()
        for table in _tables(product, lake.ledger):
            for name in pins(lake, table):
                if name.startswith(_prefix(product.name)) and name not in kept:
                    unpin(lake, table, name=name)
                    gone.add(name)
    return tuple(sorted(gone))


def _may_be_promoted(product: str, ledger: Ledger, number: int) -> bool:
    judgement = ledger.models.judgement(product, number)
    if judgement is None or judgement.verdict.status is Status.FAILED:
        return False
    reviews = ledger.models.reviews(judgement.evidence.digest)
    return not reviews or reviews[-1].decision != "rejected"


def _tables(product: Product, ledger: Ledger) -> list[str]:
    """The tables that any training set of the product was read from: its model may be declared otherwise today."""
    now = {product.model.scored.full_name, product.model.labels.full_name} if product.model is not None else set()
    then = {version.table for known in ledger.models.training_sets(product.name) for version in known.versions}
    return sorted(now | then)


def _prefix(product: str) -> str:
    return f"model-{product}-"
