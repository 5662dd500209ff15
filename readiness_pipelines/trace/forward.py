"""What a delivered file has touched: versions, training sets, models, what these have scored, and what was made of that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from readiness_pipelines.declarations import Bronze, Gold, Product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import Delivery, TableVersion, digest
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers.downstream import withdrawn_versions
from readiness_pipelines.trace.chain import Chain, Fact, Kind
from readiness_pipelines.trace.models import model_fact, training_fact

_LONGEST = 12  # names in one message
_SHORTEST = 8  # digits of a sha256 that name a file: no name is as long by chance
FILE = f"the name of a delivered file below landing, or {_SHORTEST} digits or more of its sha256"


def of_file(product: Product, lake: Lakehouse, named: str) -> Chain:
    """Return the chain from a delivered file, named by its name or the beginning of its sha256, to what rests on it.

    What was made from it, the training sets and models that learned from it and their promotions, the versions that these
    have scored, and what was made of them.
    Of every version that was ever judged, not only current ones; of all deliveries of these bytes where the sha256 names them.
    Raises ReadinessError for no such file, or for several.
    """
    deliveries = _deliveries(product, lake, named)
    chain = Chain(f"file:{deliveries[0].sha256}")
    chain.add(_file(deliveries))
    withdrawn = withdrawn_versions(product, lake)
    reached = _bronze(lake, chain, deliveries, withdrawn)
    reached = _tables(product, lake, chain, reached, withdrawn, since=min(each.partition for each in deliveries))
    _models(product, lake, chain, reached)
    return chain


def deliveries_named(product: Product, lake: Lakehouse, named: str) -> dict[str, list[Delivery]]:
    """Return the product's deliveries by sha256 that have this name, or whose sha256 begins so (8 digits or more)."""
    found: dict[str, list[Delivery]] = {}
    for table in product.tables:
        if isinstance(table, Bronze):
            for partition in lake.ledger.arrivals_by_partition(table.full_name):
                for each in lake.ledger.arrivals(table.full_name, partition):
                    if each.name == named or (len(named) >= _SHORTEST and each.sha256.startswith(named)):
                        found.setdefault(each.sha256, []).append(each)
    return found


def _deliveries(product: Product, lake: Lakehouse, named: str) -> list[Delivery]:
    found = deliveries_named(product, lake, named)
    if len(found) != 1:
        shas = ", ".join(sha[:12] for sha in list(found)[:_LONGEST])
        expected = f"one of its contents: {shas}" if found else FILE
        raise ReadinessError(f"found {len(found)} deliveries {named!r} in {product.name}, expected {expected}")
    return next(iter(found.values()))


def _file(deliveries: Sequence[Delivery]) -> Fact:
    first, *others = deliveries
    told: dict[str, str | int | float] = {"sha256": first.sha256, "received": first.received_at}
    if others:
        told["deliveries"] = ", ".join(f"{each.name} for {each.table}/{each.partition}" for each in deliveries)
    names = list(dict.fromkeys(each.name for each in deliveries))
    return Fact(f"file:{first.sha256}", Kind.DELIVERY, ", ".join(names), told)


def _bronze(lake: Lakehouse, chain: Chain, deliveries: Sequence[Delivery], withdrawn: Mapping[str, str]) -> dict[str, str]:
    """Add the bronze versions in which the file counts. Return fact ids by version, as verdicts name it."""
    reached = {}
    for table, partition in dict.fromkeys((each.table, each.partition) for each in deliveries):
        for _, verdict in lake.ledger.verdicts(table, partition):
            if deliveries[0].sha256 in verdict.details.get("effective", ()):
                version = TableVersion(verdict.table, verdict.partition, verdict.version_key, 0)
                reached[str(version)] = _add(lake, chain, version, [chain.subject], withdrawn)
    return reached


def _tables(
    product: Product, lake: Lakehouse, chain: Chain, reached: dict[str, str], withdrawn: Mapping[str, str], *, since: str
) -> dict[str, str]:
    """Add every version that rests on any of `reached`. Inputs never reach into later partitions, so nothing older is looked at."""
    for table in product.tables:
        for partition, key, inputs in lake.ledger.inputs_since(table.full_name, since) if table.upstream else ():
            above = [reached[name] for name in inputs if name in reached]
            if above:
                version = TableVersion(table.full_name, partition, key, 0)
                reached[str(version)] = _add(lake, chain, version, above, withdrawn)
    return reached


def _add(lake: Lakehouse, chain: Chain, version: TableVersion, above: Iterable[str], withdrawn: Mapping[str, str]) -> str:
    fact = Fact(f"version:{version}", Kind.VERSIONS, str(version), {"state": _state(lake, version, withdrawn)})
    chain.add(fact)
    for each in above:
        chain.add(chain.facts[each], below=fact.id, how="made from")
    return fact.id


def _state(lake: Lakehouse, version: TableVersion, withdrawn: Mapping[str, str]) -> str:
    current = lake.ledger.current_version(version.table, version.partition)
    if current is not None and current.version_key == version.version_key:
        return "current"
    if str(version) in withdrawn:
        return "withdrawn"
    latest = lake.ledger.verdict_of(version.table, version.partition, version.version_key)
    return "superseded" if latest is not None and latest.outcome.is_admitted else "held"


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
                _made_of_scores(product, lake, chain, _scored(product, lake, chain, model.name, made.id))


def _promotions(product: Product, lake: Lakehouse, chain: Chain, number: int, model: str) -> None:
    for promotion in lake.ledger.models.promotions(product.name):
        if promotion.number == number:
            told = {"by": promotion.by, "reason": promotion.reason, "at": promotion.promoted_at}
            fact = Fact(f"promotion:{promotion.id}", Kind.PROMOTION, f"{product.name} number {promotion.id}", told)
            chain.add(fact)
            chain.add(chain.facts[model], below=fact.id, how="made champion")


def _scored(product: Product, lake: Lakehouse, chain: Chain, name: str, model: str) -> dict[TableVersion, str]:
    """Add the versions whose rows this model has scored, also those that another has scored since. Return their facts' ids."""
    reached: dict[TableVersion, str] = {}
    for table in product.tables:
        if isinstance(table, Gold) and table.is_scored:
            found = [
                TableVersion(table.full_name, partition, verdict.version_key, 0)
                for partition in lake.ledger.latest_keys(table.full_name)
                for _, verdict in lake.ledger.verdicts(table.full_name, partition)
                if verdict.details.get("scored_by", {}).get("model") == name
            ]
            reached |= _together(chain, found, [model], how="scored by")
    return reached


def _made_of_scores(product: Product, lake: Lakehouse, chain: Chain, scored: dict[TableVersion, str]) -> None:
    """Add what was made from these versions, and from that, and so on."""
    if not scored:
        return
    since, reached = min(version.partition for version in scored), {str(version): fact for version, fact in scored.items()}
    for table in product.tables:
        found: dict[TableVersion, list[str]] = {}
        for partition, key, inputs in lake.ledger.inputs_since(table.full_name, since) if table.upstream else ():
            if above := [reached[name] for name in inputs if name in reached]:
                found[TableVersion(table.full_name, partition, key, 0)] = above
        above = list(dict.fromkeys(fact for facts in found.values() for fact in facts))
        reached |= {str(version): fact for version, fact in _together(chain, list(found), above, how="made from").items()}


def _together(chain: Chain, found: Sequence[TableVersion], above: Iterable[str], *, how: str) -> dict[TableVersion, str]:
    """Add versions of one table as one fact: a model scores partitions by the hundred. Return its id for each."""
    versions = sorted(dict.fromkeys(found), key=lambda version: version.partition)
    if not versions:
        return {}
    first, last = versions[0].partition, versions[-1].partition
    partitions = first if first == last else f"{first}...{last}"
    told = {"versions": ", ".join(str(version).rpartition("/")[2] for version in versions)}
    name = f"{len(versions)} of {versions[0].table}/{partitions}"
    fact = Fact(f"versions:{digest([str(version) for version in versions])}", Kind.VERSIONS, name, told)
    chain.add(fact)
    for each in above:
        chain.add(chain.facts[each], below=fact.id, how=how)
    return dict.fromkeys(versions, fact.id)
