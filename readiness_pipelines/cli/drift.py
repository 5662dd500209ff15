"""`readiness drift ...`: the group alone; each command is a module of its own."""

from __future__ import annotations

import typer

from readiness_pipelines.cli.drift_show import show_

app = typer.Typer(
    help="How far windows of admitted rows are from their reference, and what was done about it.",
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def drift() -> None:
    """Keep this a group, however many commands it has."""


app.command("show", help="How the newest window of each monitor stands; exit code 1 if any is at medium or above.")(show_)
