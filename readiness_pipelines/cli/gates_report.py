"""`readiness gates report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from readiness_pipelines.cli.place import console, lakehouse, products_named, write_page
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.reports import gate_report, page
from readiness_pipelines.reports.page import sentence


def report(
    product: Annotated[str | None, typer.Argument(help="Only this product; default: all of the project, a page each.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="First partition, inclusive; default: the product's first.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last partition, inclusive; default: the newest that has ended.")] = None,
    output: Annotated[Path | None, typer.Option("--output", help="File to write; default: <product>_gates.html.")] = None,
) -> None:
    """Write one page per product, and say where; what it says is in the ledger, and no value of a row is in it."""
    products = products_named(product)
    if output is not None and len(products) > 1:
        names = ", ".join(each.name for each in products)
        raise ReadinessError(f"found one --output for {len(products)} products, expected the name of one: {names}")
    lake = lakehouse()
    for declared in products:
        found = gate_report(declared, lake, now=clock(), first=first, last=last)
        console.print(f"{declared.name}: {sentence(found)}", markup=False)
        write_page(output or Path(f"{declared.name}_gates.html"), page(found))
