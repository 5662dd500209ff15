"""`readiness retrain`: a challenger is asked for by a person, and trained, judged and promoted here as far as that is allowed."""

from __future__ import annotations

import uuid
from typing import Annotated

import typer

from readiness_pipelines.cli.carried_out import By, Reason
from readiness_pipelines.cli.place import console, lakehouse, product_with_model
from readiness_pipelines.governance import signed
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.ledger.running import at_work, is_at_work
from readiness_pipelines.response import carry_out, request


def retrain(
    product: Annotated[str, typer.Argument(help="The product.")],
    by: By,
    reason: Reason,
    cut_off: Annotated[
        str | None, typer.Option("--cut-off", help="Newest partition to look at, inclusive; default: the newest admitted.")
    ] = None,
    no_run: Annotated[bool, typer.Option("--no-run", help="Only ask for it; the product's sensor takes it up.")] = False,
) -> None:
    """Train a challenger, let the promotion gate judge it, and promote it where the policy may; else say what it waits for.

    Where a retrain is in flight already, that one is joined. Safe to stop and to repeat: it is carried on where it was.
    Exit code 1 if nothing was promoted.
    """
    declared, lake = product_with_model(product), lakehouse()
    who, why = signed(by, reason)
    found = request(declared, lake, by=who, reason=why, cut_off=cut_off, now=clock())
    console.print(f"recorded: retrain {found.id} of {found.product}, data up to {found.cut_off}", markup=False)
    if no_run:
        raise typer.Exit(0)
    run, state = f"shell-{uuid.uuid4()}", lake.settings.state
    with at_work(state, run):
        ended = carry_out(
            declared,
            lake,
            retrain=found.id,
            run=run,
            is_over=lambda other: not is_at_work(state, other),
            now=clock(),
            say=lambda text: console.print(text, markup=False, soft_wrap=True),
        )
    if ended.state != "ended":  # of what a person asks for nothing else is in the way
        console.print(f"run {ended.run} is at retrain {ended.id}: nothing to do here", markup=False, soft_wrap=True)
    raise typer.Exit(0 if ended.outcome == "promoted" else 1)
