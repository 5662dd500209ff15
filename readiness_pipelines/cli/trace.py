"""`readiness trace`: what rests on what, from a prediction to the delivered file, or the other way."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from readiness_pipelines.cli.place import console, lakehouse, products_named
from readiness_pipelines.declarations import Product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.trace import (
    FILE,
    Chain,
    deliveries_named,
    in_lines,
    of_file,
    of_model,
    of_row,
    of_version,
    parsed,
    picture,
)


def trace(
    subject: Annotated[str, typer.Argument(help="TABLE/PARTITION, TABLE/PARTITION@VERSION, PRODUCT/NUMBER of a model, or a file.")],
    row: Annotated[
        str | None,
        typer.Argument(help="A row of it: its row_id, or its key (values with commas, times as 2025-03-01 10:00:00+00)."),
    ] = None,
    product: Annotated[str | None, typer.Option(help="The product, where several have such a table or file.")] = None,
    forward: Annotated[
        bool,
        typer.Option(
            "--forward",
            help="From a delivered file (name or sha256) on: what was made from it, the models that learned from it, what they "
            "scored, and what was made of that.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object of facts and links.")] = False,
    svg: Annotated[Path | None, typer.Option("--picture", help="Also draw it into this SVG file.")] = None,
) -> None:
    """Tell what a prediction, a version or a model rests on, or with --forward what rests on a delivered file."""
    lake = lakehouse()
    chain = _chain(lake, _product(lake, subject, product, forward=forward), subject, row, forward=forward)
    if svg is not None:
        svg.write_text(picture(chain, forward=forward), encoding="utf-8")
    if as_json:
        sys.stdout.write(chain.to_json() + "\n")
        return
    for line in in_lines(chain, forward=forward):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if svg is not None:
        console.print(f"\ndrawn in {svg}", markup=False)


def _product(lake: Lakehouse, subject: str, name: str | None, *, forward: bool) -> Product:
    """Return the product that is named, or the only one whose model, table or file the subject is."""
    found = products_named(name)
    if len(found) == 1:
        return found[0]
    named = [each for each in found if (deliveries_named(each, lake, subject) if forward else _has(each, subject))]
    if len(named) == 1:
        return named[0]
    if named:
        raise ReadinessError(f"found {subject!r} in {_names(named)}, expected one of them: say which with --product")
    expected = FILE if forward else "TABLE/PARTITION, TABLE/PARTITION@VERSION, PRODUCT/NUMBER, or a delivered file with --forward"
    raise ReadinessError(f"found {subject!r} in none of {_names(found)}, expected {expected}")


def _has(product: Product, subject: str) -> bool:
    head = subject.partition("/")[0]
    return head == product.name or any(head in (table.name, table.full_name) for table in product.tables)


def _names(products: Sequence[Product]) -> str:
    return ", ".join(each.name for each in products)


def _chain(lake: Lakehouse, product: Product, subject: str, row: str | None, *, forward: bool) -> Chain:
    if forward:
        return of_file(product, lake, subject)
    if re.fullmatch(rf"{product.name}/\d+(@[0-9a-f]+)?", subject):
        return of_model(product, lake, subject)
    table, partition, key = parsed(product, subject)
    return (
        of_row(product, lake, table, partition, row, key) if row is not None else of_version(product, lake, table, partition, key)
    )
