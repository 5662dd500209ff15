"""Which training sets are kept readable, and which are let go: a pin each, `model-<product>-<training set>`."""

from __future__ import annotations

from contextlib import AbstractContextManager

from readiness_pipelines.declarations import Product
from readiness_pipelines.flow import Status, TrainingSet
from readiness_pipelines.lakehouse import Lakehouse, pins, unpin
from readiness_pipelines.ledger import Ledger
from readiness_pipelines.ledger.models import Judgement


def pin_name(training_set: TrainingSet) -> str:
    """Return the name of the pin, in each of its tables, that keeps the training set's versions."""
    return f"{_prefix(training_set.product)}{training_set.id[:12]}"


def turn(lake: Lakehouse, product: Product) -> AbstractContextManager[None]:
    """Wait until nobody else selects a training set of the product or lets one go, and keep others out meanwhile."""
    return lake.ledger.alone(f"{product.name}.model", "training_set")


def resting(product: str, ledger: Ledger) -> frozenset[str]:
    """Return the ids of the training sets that a promoted model, or one that may still be promoted, rests on.

    May still be promoted: the newest that was judged since the newest promotion, also anew after a roll back, and not failed; and
    what was approved before that. A rejected one too: a person may take that back, until another is judged.
    """
    models, history = ledger.models.models(product), ledger.models.promotions(product)
    promoted = {each.number for each in history}
    open_ = _open(ledger, product, since=history[-1].promoted_at if history else "")
    return frozenset(each.training_set for each in models if each.number in promoted | open_)


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


def _open(ledger: Ledger, product: str, *, since: str) -> set[int]:
    """Return the numbers of the models whose newest verdict a decision can still be about, or was about in time."""
    newest: dict[int, Judgement] = {}
    for each in ledger.models.judgements(product):
        newest.pop(each.evidence.number, None)  # so that they stay in the order of time
        newest[each.evidence.number] = each
    judged = [each for each in newest.values() if each.verdict.status is not Status.FAILED and each.recorded_at >= since]
    decisions = {each.evidence.number: ledger.models.reviews(each.evidence.digest)[-1:] for each in judged}
    approved = {number for number, said in decisions.items() if said and said[0].decision == "approved"}
    return {each.evidence.number for each in judged[-1:]} | approved


def _tables(product: Product, ledger: Ledger) -> list[str]:
    """The tables that any training set of the product was read from: its model may be declared otherwise today."""
    now = {product.model.scored.full_name, product.model.labels.full_name} if product.model is not None else set()
    then = {version.table for known in ledger.models.training_sets(product.name) for version in known.versions}
    return sorted(now | then)


def _prefix(product: str) -> str:
    return f"model-{product}-"
