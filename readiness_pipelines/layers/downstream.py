"""What was made from a version, and what reads a partition."""

from __future__ import annotations

from collections.abc import Mapping

from readiness_pipelines.declarations import Product
from readiness_pipelines.flow import TableVersion
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers.calendar import partitions_read
from readiness_pipelines.layers.corrections import Corrections


def withdrawn_versions(product: Product, lake: Lakehouse) -> dict[str, str]:
    """Return every version in whose place another stands now, as verdicts' inputs name it, each with its partition."""
    found: dict[str, str] = {}
    for table in product.tables:
        said = lake.ledger.corrections.of(table.full_name, kinds=("withdraw",))
        current = lake.ledger.current_versions(table.full_name) if said else {}
        for partition in {each.partition for each in said}:
            here = Corrections(said=tuple(each for each in said if each.partition == partition))
            keys = {key for each in here.said for key in each.subjects}
            gone = [TableVersion(table.full_name, partition, key, 0) for key in keys if here.in_place_of(key)[1] is not None]
            newest, stands = here.said[-1].payload, current.get(partition)
            if "of" in newest and stands is not None and (stands.version_key != newest["of"] or here.to_carry_out(stands)):
                gone.append(TableVersion(table.full_name, partition, str(newest["of"]), 0))
            found |= {str(version): partition for version in gone if not version.is_nothing}
    return found


def made_from(product: Product, lake: Lakehouse, versions: Mapping[str, str]) -> set[str]:
    """Return all versions that rest on any of these, through however many tables, as a verdict's inputs name them.

    `versions` gives each with its partition; inputs never reach into later partitions, so nothing older is looked at.
    """
    if not versions:
        return set()
    found, first = set(versions), min(versions.values())
    for table in product.tables:
        for partition, key, inputs in lake.ledger.inputs_since(table.full_name, first) if table.upstream else []:
            if not found.isdisjoint(inputs):
                found.add(str(TableVersion(table.full_name, partition, key, 0)))
    return found - set(versions)


def readers(product: Product, lake: Lakehouse, name: str, partition: str) -> dict[str, list[str]]:
    """Return, by leaf name, the partitions with a verdict that read this one of the table `name`, through however many tables.

    Itself is not among them. In the order in which they can be computed.
    """
    found = readers_of(product, lake, {name: {partition}})
    return {table: sorted(keys) for table, keys in found.items() if table != name}


def readers_of(product: Product, lake: Lakehouse, start: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return, by leaf name, these partitions and all with a verdict that read any of them."""
    reached = {name: set(keys) for name, keys in start.items()}
    for table in product.tables:
        for key in lake.ledger.latest_keys(table.full_name) if table.upstream else ():
            if any(
                not reached.get(upstream, set()).isdisjoint(partitions_read(product, given, key))
                for upstream, given in table.upstream.items()
            ):
                reached.setdefault(table.name, set()).add(key)
    return reached
