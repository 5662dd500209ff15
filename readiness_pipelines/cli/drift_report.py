"""`readiness drift report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from readiness_pipelines.cli.drift_show import ProductName
from readiness_pipelines.cli.place import console, lakehouse, product_named, write_page
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.reports.drift_gather import drift_facts
from readiness_pipelines.reports.drift_page import drift_page
from readiness_pipelines.reports.drift_words import product_sentence
from readiness_pipelines.reports.histograms import histograms


def report(
    product: ProductName = None,
    last: Annotated[int | None, typer.Option("--last", min=1, help="Only so many of the newest windows; default: all.")] = None,
    output: Annotated[Path | None, typer.Option("--output", help="File to write; default: <product>_drift.html.")] = None,
) -> None:
    """Write the page, and say where. It has no category and no extreme of a column that is not public."""
    declared, lake = product_named(product), lakehouse()
    facts = drift_facts(declared, lake, now=clock(), last=last)
    worst = {each.monitor.name: histograms(lake, each.monitor, each.newest) for each in facts.monitors if each.newest}
    console.print(f"{declared.name}: {product_sentence(facts)}", markup=False)
    write_page(output or Path(f"{declared.name}_drift.html"), drift_page(facts, worst))
