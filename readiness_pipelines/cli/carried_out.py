"""A decision, carried out: the partition is run through Dagster, and it is told what came of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Any

import typer

from readiness_pipelines.cli.place import console, show
from readiness_pipelines.cli.project import project
from readiness_pipelines.declarations import Bronze, Gold, Product, Silver
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers.decided import ABOUT_ROWS, in_short, told
from readiness_pipelines.layers.downstream import readers
from readiness_pipelines.layers.effect import why_not_in_effect
from readiness_pipelines.layers.left_out import left_out
from readiness_pipelines.layers.quarantine import rows_of
from readiness_pipelines.ledger import Correction

Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept with the decision.")]
By = Annotated[str, typer.Option("--by", help="Who decides, as typed; it is kept with the decision.")]
NoRun = Annotated[bool, typer.Option("--no-run", help="Record the decision only; `readiness backfill` runs it with others.")]

_NAMED = 20  # rows or partitions that are told


def carry_out(
    lake: Lakehouse, product: Product, table: Bronze | Silver | Gold, said: Correction, *, is_news: bool, no_run: bool
) -> typer.Exit:
    """Run the decision's partition through all tables of the product, say what came of it, and return the exit code.

    0: the decision is in effect, or with `no_run` recorded; 1: recorded, and not in effect, which one line says why.
    """
    from readiness_pipelines.cli.runs import materialise

    console.print(("recorded: " if is_news else "known already: ") + told(said), markup=False)
    if no_run:
        console.print(f"next: readiness backfill {product.name} --from {said.partition} --to {said.partition}", markup=False)
        return typer.Exit(0)
    log = lake.settings.state / "decisions.log"
    before = lake.ledger.current_version(said.table, said.partition)
    with console.status(f"running {said.partition}"):
        code = materialise(lake.settings, project(), product, [said.partition], log=log)
    still = [row for row in rows_of(lake, said.table, said.partition) if said.kind == "release" and row.row_id in said.subjects]
    console.print(f"{said.table}/{said.partition}, as judged last: {_outcome(lake, said)}", markup=False)
    if code != 0:
        console.print(
            f"the run ended failed; `readiness status {product.name}` says what is held or missing, {log} Dagster's own words",
            markup=False,
        )
    if still:
        left = [{"row_id": row.row_id, "reasons": ", ".join(row.reasons)} for row in still[:_NAMED]]
        show(left, as_json=False, title=f"Still in quarantine: {len(still)} of {len(said.subjects)}", empty="")
    for line in left_out(lake, said, before):
        console.print(line, markup=False, soft_wrap=True)
    _name_readers(lake, product, table.name, said.partition)
    if why := why_not_in_effect(lake, product, table, said):
        console.print(why, markup=False, soft_wrap=True)
    return typer.Exit(1 if why else 0)


def _outcome(lake: Lakehouse, said: Correction) -> str:
    verdict = lake.ledger.latest_verdict(said.table, said.partition)
    if verdict is None:
        return "never"
    c, words = verdict.counts, verdict.outcome.value.replace("_", " ")
    left_out = c.duplicates + sum(c.dropped.values())
    why = "".join(f"; {each}" for each in verdict.held_because)
    return (
        f"{words}: {c.rows_in} rows in, {c.admitted} admitted, {c.quarantined} quarantined, {left_out} left out, {c.held} held{why}"
    )


def _name_readers(lake: Lakehouse, product: Product, name: str, partition: str) -> None:
    """Say which other partitions read this one: they are brought up by a backfill."""
    found = readers(product, lake, name, partition)
    others = sorted({key for keys in found.values() for key in keys} - {partition})
    if others:
        tables = ", ".join(table for table, keys in found.items() if set(keys) - {partition})
        command = f"readiness backfill {product.name} --from {others[0]} --to {others[-1]} --again"
        console.print(f"{len(others)} other partitions of {tables} read it; to bring them up: {command}", markup=False)


def show_decisions(said: Sequence[Correction], *, kinds: Collection[str]) -> None:
    """Print who decided what about a partition, and why, oldest first; nothing where nobody did."""
    rows: list[dict[str, Any]] = [
        {
            "when": each.recorded_at[:19],
            "decided": in_short(each),
            "rows": len(each.subjects) if each.kind in ABOUT_ROWS else None,
            "by": each.by,
            "why": each.reason,
        }
        for each in said
        if each.kind in kinds
    ]
    if rows:
        show(rows, as_json=False, title="Decisions", empty="")
