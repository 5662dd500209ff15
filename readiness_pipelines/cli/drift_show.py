"""`readiness drift show`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from readiness_pipelines.cli.drift_rows import as_dict, column_rows, decision_row, fitted, trend_row, untold_rows, window_rows
from readiness_pipelines.cli.held import Json
from readiness_pipelines.cli.place import console, lakehouse, product_named, show
from readiness_pipelines.flow import Severity
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.reports.drift_facts import MonitorFacts
from readiness_pipelines.reports.drift_gather import drift_facts
from readiness_pipelines.reports.drift_words import open_points, sentence

_COLUMNS, _UNTOLD, _WINDOWS, _DECISIONS = 30, 10, 10, 10  # that are listed; --json has all

ProductName = Annotated[str | None, typer.Argument(help="The product; it can be left out where the project has one.")]
MonitorName = Annotated[str | None, typer.Option("--monitor", help="Only this monitor; default: all of the product.")]

WindowEnd = Annotated[str | None, typer.Option("--window", help="The window that ends with this partition; default: the newest.")]


def show_(
    product: ProductName = None,
    monitor: MonitorName = None,
    window: Annotated[
        str | None, typer.Option("--window", help="The one that ends with this partition; default: the newest.")
    ] = None,
    last: Annotated[int, typer.Option("--last", min=1, max=1000, help="How many windows, this one included.")] = 24,
    as_json: Json = False,
) -> None:
    """Print how each monitor stands: its newest window column by column, the windows before, and what was decided."""
    declared, lake = product_named(product), lakehouse()
    facts = drift_facts(declared, lake, now=clock(), monitor=monitor, until=window, last=last)
    if as_json:
        sys.stdout.write(json.dumps([as_dict(each) for each in facts.monitors], indent=2) + "\n")
    else:
        for each in facts.monitors:
            _print(each)
    raise typer.Exit(1 if facts.severity.is_at_least(Severity.MEDIUM) else 0)


def _print(of: MonitorFacts) -> None:
    name = of.monitor.name
    console.print(f"{name}: {sentence(of)}", markup=False)
    for note in (*open_points(of), *(of.newest.notes if of.newest else ())):
        console.print(f"  {note}", markup=False)
    if of.newest is None:
        return
    table_of(f"{name}: columns by their worst test, the worst first", list(column_rows(of)), _COLUMNS)
    table_of(f"{name}: why nothing could be told of a column", list(untold_rows(of)), _UNTOLD)
    table_of(f"{name}: trends", [trend_row(each) for each in of.newest.trends], _COLUMNS)
    table_of(f"{name}: windows, the newest first", list(window_rows(of)), _WINDOWS)
    table_of(f"{name}: decided, the newest first", [decision_row(each) for each in of.decisions], _DECISIONS)


def table_of(title: str, rows: Sequence[dict[str, Any]], most: int) -> None:
    """Print at most so many rows as a table, and how many more there are; nothing of none."""
    if not rows:
        return
    show(fitted(rows[:most], width=console.width), as_json=False, title=title, empty="")
    if len(rows) > most:
        console.print(f"... and {len(rows) - most:,} more: --json has all")
