"""Whether what a model was trained on still counts: a version that was withdrawn since teaches nobody any more."""

from __future__ import annotations

from readiness_pipelines.declarations import Product
from readiness_pipelines.flow import TrainingSet
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers.downstream import made_from, withdrawn_versions


def withdrawn_since(product: Product, lake: Lakehouse, training_set: TrainingSet) -> dict[str, str]:
    """Return the versions of the training set, as text, that must not be learned from any more, each with why.

    Withdrawn; made, through however many tables, from one that was; or expired although it was pinned, as an erasure does
    with what held the subject. One that was only superseded, by late or corrected data, was right when it was read, and is
    none of these.
    """
    withdrawn = withdrawn_versions(product, lake)
    resting_on_one = made_from(product, lake, withdrawn)
    tables = {version.table for version in training_set.versions}
    expired = {version for table in tables for version in lake.ledger.upkeep.expired(table)}
    found = {}
    for version in training_set.versions:
        if str(version) in withdrawn:
            found[str(version)] = "withdrawn"
        elif str(version) in resting_on_one:
            found[str(version)] = "made from a version that was withdrawn"
        elif version in expired:
            found[str(version)] = "not kept any more: somebody in it was erased"
    return found
