"""`readiness held list|show`."""

from __future__ import annotations

from typing import Annotated

import typer

from readiness_pipelines.cli.carried_out import show_decisions
from readiness_pipelines.cli.place import console, full_name, lakehouse, products_named, show
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import Status

app = typer.Typer(help="Candidates that a gate did not admit.", no_args_is_help=True, add_completion=False)
Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
ProductName = Annotated[str | None, typer.Option("--product", help="Only this product; default: all of the project.")]


@app.command("list", help="Partitions whose newest candidate is held.")
def list_(product: ProductName = None, as_json: Json = False) -> None:
    ledger = lakehouse().ledger
    rows = [
        {
            "table": verdict.table,
            "partition": verdict.partition,
            "rows_in": verdict.counts.rows_in,
            "rows_quarantined": verdict.counts.quarantined,
            "why": "; ".join(verdict.held_because),
        }
        for declared in products_named(product)
        for table in declared.tables
        for verdict in ledger.latest_verdicts(table.full_name).values()
        if not verdict.outcome.is_admitted
    ]
    show(rows, as_json=as_json, title="Held candidates", empty="Nothing is held.")


@app.command("show", help="One held candidate: why, which rules, where its staged files lie.")
def show_(table: str, partition: str, product: ProductName = None, as_json: Json = False) -> None:
    ledger, name = lakehouse().ledger, full_name(table, product)
    verdict = ledger.latest_verdict(name, partition)
    said = [each for each in ledger.corrections.of(name, partition) if each.kind in ("admit", "withdraw")]
    if verdict is not None and verdict.outcome.is_admitted and said and not as_json:
        console.print(
            f"{name}/{partition} is not held: its newest candidate, {verdict.version_key[:12]}, is admitted", markup=False
        )
        show_decisions(said, kinds=("admit", "withdraw"))
        return
    if verdict is None or verdict.outcome.is_admitted:
        raise ReadinessError(f"{name}/{partition} is not held; `readiness held list` names those that are")
    if as_json:
        typer.echo(verdict.to_json())
        return
    console.print(f"[bold]{name}/{partition}[/bold] candidate {verdict.version_key[:12]}: {verdict.outcome.value}")
    for reason in verdict.held_because:
        console.print(f"  because: {reason}", markup=False)
    console.print(f"  rows: {verdict.counts}", markup=False)
    console.print(f"  made from: {', '.join(verdict.inputs)}", markup=False)
    current = ledger.current_version(name, partition)
    console.print(f"  on main: {current or 'nothing; no reader sees this partition'}", markup=False)
    rules = [
        {
            "rule": r.rule,
            "status": r.status.value,
            "rows": r.element_count,
            "failing": r.unexpected_count,
            "observed": r.observed_value,
        }
        for r in verdict.rules
        if r.status is not Status.PASSED
    ]
    show(rules, as_json=False, title="Rules that did not pass", empty="Every rule passed.")
    for rule in verdict.rules:
        if rule.rests_on and rule.status is not Status.PASSED:
            console.print(f"  {rule.rule} judged by: {', '.join(rule.rests_on)}", markup=False)
    staged = [{"staged_file": f.path, "rows": f.rows} for f in verdict.files]
    show(staged, as_json=False, title="Staged, published nowhere", empty="No rows were staged.")
    show_decisions(said, kinds=("admit", "withdraw"))
