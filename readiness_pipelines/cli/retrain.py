"""`readiness retrain`: a challenger is asked for by a person, and trained, judged and promoted here as far as that is allowed."""

from __future__ import annotations

import uuid
from typing import Annotated

import typer

from readiness_pipelines.cli.carried_out import By, Reason
from readiness_pipelines.cli.place import console, lakehouse, product_named
from readiness_pipelines.flow import Retrain
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
    declared, lake = product_named(product), lakehouse()
    found = request(declared, lake, by=by, reason=reason, cut_off=cut_off, now=clock())
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
    if ended.state != "ended":
        console.print(_why_not(ended), markup=False, soft_wrap=True)
    raise typer.Exit(0 if ended.outcome == "promoted" else 1)


def _why_not(found: Retrain) -> str:
    if found.state == "started":
        return f"run {found.run} is at retrain {found.id}: nothing to do here"
    until = f"until {found.not_before[:16]} UTC: the week's budget (retraining.per_week) is used up" if found.not_before else ""
    paused = f"for `readiness resume {found.product}`: no person asked for it, and the loop is paused" if found.is_by_itself else ""
    return f"retrain {found.id} waits {' or '.join(filter(None, (until, paused)))}"
