"""`readiness status`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from readiness_pipelines.cli.place import console, lakehouse, products_named, show
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.layers.overview import Overview, TableOverview, overview
from readiness_pipelines.layers.standing import StandingKind

_NAMED = 30  # partitions to look at that are listed; --json lists all


def status(
    product: Annotated[str | None, typer.Argument(help="Only this product; default: all of the project.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array instead of tables.")] = False,
) -> None:
    """Print totals per table and the partitions to look at."""
    lake = lakehouse()
    found = [overview(declared, lake, now=clock()) for declared in products_named(product)]
    if as_json:
        show([_as_json(each) for each in found], as_json=True, title="", empty="")
    else:
        for each in found:
            print_overview(each)
    raise typer.Exit(1 if any(each.attention for each in found) else 0)


def _as_json(found: Overview) -> dict[str, Any]:
    tables = [{**_rows(t), "partitions": dict(t.standings)} for t in found.tables]
    return {"product": found.product, "tables": tables, "attention": _attention(found)}


def _attention(found: Overview) -> list[dict[str, Any]]:
    return [
        {"partition": s.partition, "table": s.table.partition(".")[2], "standing": s.kind.value, "why": why}
        for s, why in found.attention
    ]


def print_overview(found: Overview) -> None:
    """Print an overview for people."""
    attention = _attention(found)
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
