"""`readiness trace`: what rests on what, from a prediction to the delivered file, or the other way."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from readiness_pipelines.cli.place import console, lakehouse, product_named, products_named
from readiness_pipelines.declarations import Product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.trace import Chain, in_lines, of_file, of_model, of_row, of_version, parsed, picture


def trace(
    subject: Annotated[str, typer.Argument(help="TABLE/PARTITION, TABLE/PARTITION@VERSION, PRODUCT/NUMBER of a model, or a file.")],
    row: Annotated[str | None, typer.Argument(help="A row of that version: its row_id, or its key (values with commas).")] = None,
    product: Annotated[str | None, typer.Option(help="The product, where several have such a table or file.")] = None,
    forward: Annotated[bool, typer.Option("--forward", help="From a delivered file (name or sha256) to all it touched.")] = False,
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
    """Return the product that is named, or the one whose model, table or file the subject is."""
    found = products_named(name)
    if len(found) == 1:
        return found[0]
    head = subject.partition("/")[0]
    named = [each for each in found if head == each.name or any(head in (t.name, t.full_name) for t in each.tables)]
    if forward:
        named = [each for each in found if _has_file(lake, each, subject)]
    return named[0] if len(named) == 1 else product_named(name)


def _has_file(lake: Lakehouse, product: Product, subject: str) -> bool:
    try:
        of_file(product, lake, subject)
    except ReadinessError:
        return False
    return True


def _chain(lake: Lakehouse, product: Product, subject: str, row: str | None, *, forward: bool) -> Chain:
    if forward:
        return of_file(product, lake, subject)
    if re.fullmatch(rf"{product.name}/\d+(@[0-9a-f]+)?", subject):
        return of_model(product, lake, subject)
    table, partition, key = parsed(product, subject)
    return (
        of_row(product, lake, table, partition, row, key) if row is not None else of_version(product, lake, table, partition, key)
    )
