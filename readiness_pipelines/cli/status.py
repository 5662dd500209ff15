"""`readiness status`."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from readiness_pipelines.cli.place import console, lakehouse, product_named, show
from readiness_pipelines.layers.overview import Overview, overview

_NAMED = 30  # partitions to look at that are listed; --json lists all


def status(
    product: Annotated[str | None, typer.Argument(help="Product; may be left out where there is only one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array instead of tables.")] = False,
) -> None:
    """Print totals per table and the partitions to look at."""
    found = overview(product_named(product), lakehouse().ledger, now=datetime.datetime.now(datetime.UTC).replace(tzinfo=None))
    print_overview(found, as_json=as_json)
    raise typer.Exit(1 if found.attention else 0)


def print_overview(found: Overview, *, as_json: bool = False) -> None:
    """Print an overview: for people, or as JSON."""
    rows = [
        {
            "table": t.table.removeprefix(f"{found.product}."),
            "rows_in": t.rows_in,
            "admitted": t.admitted,
            "quarantined": t.quarantined,
            "duplicates": t.duplicates,
            "dropped": t.dropped,
            "held": t.held,
            "adds_up": "yes" if t.conserved else "NO",
            **_days(t.standings),
        }
        for t in found.tables
    ]
    if as_json:
        attention = [{"table": s.table, "partition": s.partition, "standing": s.kind.value, "why": why} for s, why in found.attention]
        show([{"product": found.product, "tables": rows, "attention": attention}], as_json=True, title="", empty="")
        return
    show(rows, as_json=False, title=f"{found.product}: rows, then partitions", empty="nothing declared")
    looked = [
        {"partition": s.partition, "table": s.table, "standing": s.kind.value, "why": why} for s, why in found.attention[:_NAMED]
    ]
    show(looked, as_json=False, title="To look at", empty="Nothing is held or missing.")
    if len(found.attention) > _NAMED:
        console.print(f"... and {len(found.attention) - _NAMED} more: --json lists all")


def _days(standings: Mapping[str, int]) -> dict[str, Any]:
    kinds = ("admitted", "held", "missing", "blocked", "absent")
    return {f"{kind}_": standings.get(kind, 0) for kind in kinds if kind != "held"} | {"held_": standings.get("held", 0)}
