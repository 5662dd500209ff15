"""Everything that a delivered file has touched: versions, training sets, models, and what these have scored."""

from __future__ import annotations

from collections.abc import Iterable

from readiness_pipelines.declarations import Bronze, Gold, Product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import Delivery, TableVersion
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.trace.chain import Chain, Fact, Kind
from readiness_pipelines.trace.models import model_fact, training_fact

_LONGEST = 12  # names in one message


def of_file(product: Product, lake: Lakehouse, named: str) -> Chain:
    """Return the chain from a delivered file, named by its name or the beginning of its sha256, to all that rests on it.

    Of every version that was ever judged, not only current ones. Raises ReadinessError for no such file, or several.
    """
    delivery = _delivery(product, lake, named)
    told = {"sha256": delivery.sha256, "received": delivery.received_at}
    chain = Chain(f"file:{delivery.sha256}")
    chain.add(Fact(chain.subject, Kind.DELIVERY, delivery.name, told))
    reached = _bronze(lake, chain, delivery)
    reached = _tables(product, lake, chain, reached, since=delivery.partition)
    _models(product, lake, chain, reached)
    return chain


def _delivery(product: Product, lake: Lakehouse, named: str) -> Delivery:
    found = {}
    for table in product.tables:
        if isinstance(table, Bronze):
            for partition in lake.ledger.arrivals_by_partition(table.full_name):
                for each in lake.ledger.arrivals(table.full_name, partition):
                    if each.name == named or (len(named) >= 8 and each.sha256.startswith(named)):
                        found[each.sha256] = each
    if len(found) != 1:
        shas = ", ".join(sha[:12] for sha in list(found)[:_LONGEST])
        expected = f"one of its contents: {shas}" if found else "the name of a delivered file below landing, or its sha256"
        raise ReadinessError(f"found {len(found)} deliveries {named!r} in {product.name}, expected {expected}")
    return next(iter(found.values()))


def _bronze(lake: Lakehouse, chain: Chain, delivery: Delivery) -> dict[str, str]:
    """Add the bronze versions in which the file counts. Return fact ids by version, as verdicts name it."""
    reached = {}
    for _, verdict in lake.ledger.verdicts(delivery.table, delivery.partition):
        if delivery.sha256 in verdict.details.get("effective", ()):
            version = TableVersion(verdict.table, verdict.partition, verdict.version_key, 0)
            reached[str(version)] = _add(lake, chain, version, [chain.subject])
    return reached


def _tables(product: Product, lake: Lakehouse, chain: Chain, reached: dict[str, str], *, since: str) -> dict[str, str]:
    """Add every version that rests on any of `reached`. Inputs never reach into later partitions, so nothing older is looked at."""
    for table in product.tables:
        for partition, key, inputs in lake.ledger.inputs_since(table.full_name, since) if table.upstream else ():
            above = [reached[name] for name in inputs if name in reached]
            if above:
                version = TableVersion(table.full_name, partition, key, 0)
                reached[str(version)] = _add(lake, chain, version, above)
    return reached


def _add(lake: Lakehouse, chain: Chain, version: TableVersion, above: Iterable[str]) -> str:
    current = lake.ledger.current_version(version.table, version.partition)
    latest = lake.ledger.verdict_of(version.table, version.partition, version.version_key)
    is_current = current is not None and current.version_key == version.version_key
    state = "current" if is_current else "superseded" if latest is not None and latest.outcome.is_admitted else "held"
    fact = Fact(f"version:{version}", Kind.VERSIONS, str(version), {"state": state})
    chain.add(fact)
    for each in above:
        chain.add(chain.facts[each], below=fact.id, how="made from")
    return fact.id


def _models(product: Product, lake: Lakehouse, chain: Chain, reached: dict[str, str]) -> None:
    models = lake.ledger.models
    for training_set in models.training_sets(product.name):
        above = [reached[str(version)] for version in training_set.versions if str(version) in reached]
        if not above:
            continue
        fact = training_fact(training_set)
        chain.add(fact)
        for each in above:
            chain.add(chain.facts[each], below=fact.id, how="selected from")
        for model in models.models(product.name):
            if model.training_set == training_set.id:
                made = model_fact(model)
                chain.add(made)
                chain.add(fact, below=made.id, how="trained on")
                _promotions(product, lake, chain, model.number, made.id)
                _scored(product, lake, chain, model.name, made.id)


def _promotions(product: Product, lake: Lakehouse, chain: Chain, number: int, model: str) -> None:
    for promotion in lake.ledger.models.promotions(product.name):
        if promotion.number == number:
            told = {"by": promotion.by, "reason": promotion.reason, "at": promotion.promoted_at}
            fact = Fact(f"promotion:{promotion.id}", Kind.PROMOTION, f"{product.name} number {promotion.id}", told)
            chain.add(fact)
            chain.add(chain.facts[model], below=fact.id, how="made champion")


def _scored(product: Product, lake: Lakehouse, chain: Chain, name: str, model: str) -> None:
    """Add the versions whose rows this model has scored, also those that another has scored since; one fact per table."""
    for table in product.tables:
        if not isinstance(table, Gold) or not table.is_scored:
            continue
        found = [
            key
            for key in lake.ledger.latest_keys(table.full_name)
            for _, verdict in lake.ledger.verdicts(table.full_name, key)
            if verdict.details.get("scored_by", {}).get("model") == name
        ]
        if partitions := list(dict.fromkeys(found)):
            told = {"partitions": ", ".join(partitions)}
            fact = Fact(f"scored:{table.full_name}:{name}", Kind.VERSIONS, f"{len(partitions)} of {table.full_name}", told)
            chain.add(fact)
            chain.add(chain.facts[model], below=fact.id, how="scored by")
