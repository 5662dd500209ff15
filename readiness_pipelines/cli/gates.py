"""`readiness gates ...`: each command in a module of its own."""

from __future__ import annotations

import typer

from readiness_pipelines.cli.propose import propose

app = typer.Typer(help="What gates ask of a table, and what they found.", no_args_is_help=True, add_completion=False)
app.command("propose", help="Write a suite that a table's history, or a file, speaks for; beside a suite that is there, a diff.")(
    propose
)


@app.callback()
def _group() -> None:
    """Keep `gates` a group, however many commands it has."""
