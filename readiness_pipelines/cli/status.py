"""`readiness status`."""

from __future__ import annotations

import datetime
from typing import Annotated, Any

import typer

from readiness_pipelines.cli.place import console, lakehouse, product_named, show
from readiness_pipelines.layers.overview import Overview, TableOverview, overview
from readiness_pipelines.layers.standing import StandingKind

_NAMED = 30  # partitions to look at that are listed; --json lists all


def status(
    product: Annotated[str | None, typer.Argument(help="Product; may be left out where there is only one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array instead of tables.")] = False,
) -> None:
    """Print totals per table and the partitions to look at."""
    found = overview(product_named(product), lakehouse(), now=datetime.datetime.now(datetime.UTC).replace(tzinfo=None))
    print_overview(found, as_json=as_json)
    raise typer.Exit(1 if found.attention else 0)


def print_overview(found: Overview, *, as_json: bool = False) -> None:
    """Print an overview: for people, or as JSON."""
    attention = [
        {"partition": s.partition, "table": s.table.partition(".")[2], "standing": s.kind.value, "why": why}
        for s, why in found.attention
    ]
    if as_json:
        tables = [{**_rows(t), "partitions": dict(t.standings)} for t in found.tables]
        show([{"product": found.product, "tables": tables, "attention": attention}], as_json=True, title="", empty="")
        return
    show([_rows(t) for t in found.tables], as_json=False, title=f"{found.product}: rows", empty="nothing declared")
    show([_partitions(t) for t in found.tables], as_json=False, title=f"{found.product}: partitions", empty="nothing declared")
    show(attention[:_NAMED], as_json=False, title="To look at", empty="Nothing is held or missing.")
    if len(attention) > _NAMED:
        console.print(f"... and {len(attention) - _NAMED} more: --json lists all")


def _rows(table: TableOverview) -> dict[str, Any]:
    return {
        "table": table.table.partition(".")[2],
        "rows_in": table.rows_in,
        "admitted": table.admitted,
        "quarantined": table.quarantined,
        "duplicates": table.duplicates,
        "dropped": table.dropped,
        "held": table.held,
        "adds_up": "yes" if table.conserved else "NO",
    }


def _partitions(table: TableOverview) -> dict[str, Any]:
    kinds = (kind.value for kind in StandingKind)
    return {"table": table.table.partition(".")[2], **{kind: table.standings.get(kind, 0) for kind in kinds}}
