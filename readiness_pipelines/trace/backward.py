"""What a prediction, a row, a version or a model rests on, back to the delivered file."""

from __future__ import annotations

from typing import Any

from readiness_pipelines.declarations import Gold, Product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import TableVersion
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.trace.chain import Chain
from readiness_pipelines.trace.models import add_model, model_named
from readiness_pipelines.trace.tables import Tables


def of_model(product: Product, lake: Lakehouse, name: str) -> Chain:
    """Return the chain of the model named `<product>/<number>`. Raises ReadinessError if there is none."""
    model = model_named(product, lake, name)
    chain = Chain(f"model:{model.product}/{model.number}")
    add_model(product, lake, chain, model, below=None, how="")
    return chain


def of_version(product: Product, lake: Lakehouse, table: str, partition: str, key: str = "") -> Chain:
    """Return the chain of a version of a table (full name); its key may be shortened, and by default it is the current one.

    Raises VersionNotFound for a version that was never published.
    """
    chain = Chain("")
    tables = Tables(product, lake, chain)
    version = tables.version(table, partition, key)
    chain.subject = f"version:{version}"
    tables.add([version], below=None, how="")
    _add_scoring_model(product, lake, chain, version, below=chain.subject)
    return chain


def of_row(product: Product, lake: Lakehouse, table: str, partition: str, named: str, key: str = "") -> Chain:
    """Return the chain of one row of a version, named by its id or its key; of a prediction, with the model that made it.

    Raises ReadinessError if no row, or more than one, is so named, VersionExpired where its version's files are not kept.
    """
    chain = Chain("")
    tables = Tables(product, lake, chain)
    version = tables.version(table, partition, key)
    declared = next(each for each in product.tables if each.full_name == table)
    row_id = tables.row_named(declared, version, named)
    chain.subject = f"row:{version}:{row_id}"
    told = tables.add_row(declared, version, row_id, below=None, how="")
    if isinstance(declared, Gold) and declared.is_scored:
        _add_model_of_row(product, lake, chain, told, version)
    return chain


def _add_model_of_row(product: Product, lake: Lakehouse, chain: Chain, told: dict[str, Any], version: TableVersion) -> None:
    name = told.get("model_version")
    if name is None:
        _add_scoring_model(product, lake, chain, version, below=chain.subject)
        return
    add_model(product, lake, chain, model_named(product, lake, str(name)), below=chain.subject, how="scored by")


def _add_scoring_model(product: Product, lake: Lakehouse, chain: Chain, version: TableVersion, *, below: str) -> None:
    verdict = lake.ledger.verdict_of(version.table, version.partition, version.version_key)
    scored_by = verdict.details.get("scored_by") if verdict is not None else None
    if scored_by is not None:
        add_model(product, lake, chain, model_named(product, lake, str(scored_by["model"])), below=below, how="scored by")


def parsed(product: Product, subject: str) -> tuple[str, str, str]:
    """Return (full name of the table, partition, key or empty) of `<table>/<partition>` or `<table>/<partition>@<key>`.

    The table may be given by its leaf name. Raises ReadinessError for what is neither, naming the tables there are.
    """
    place, _, key = subject.partition("@")
    table, _, partition = place.partition("/")
    found = [each.full_name for each in product.tables if table in (each.name, each.full_name)]
    if len(found) != 1 or not partition:
        there = ", ".join(each.name for each in product.tables)
        raise ReadinessError(
            f"found {subject!r}, expected TABLE/PARTITION, TABLE/PARTITION@VERSION, {product.name}/NUMBER of a model, or a "
            f"delivered file with --forward; tables of {product.name}: {there}"
        )
    return found[0], partition, key
