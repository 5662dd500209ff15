"""`readiness gates ...`: the group alone; each command is a module of its own."""

from __future__ import annotations

import typer

from readiness_pipelines.cli.export import export
from readiness_pipelines.cli.gates_report import report
from readiness_pipelines.cli.propose import propose

app = typer.Typer(help="What gates said, and what they should say.", no_args_is_help=True, add_completion=False)


@app.callback()
def gates() -> None:
    """Keep this a group, however many commands it has."""


app.command("propose", help="Write a suite from a table's history or a file; for a table that has a suite, a diff.")(propose)
app.command("export", help="Print a suite as Great Expectations' JSON.")(export)
app.command("report", help="One HTML page per product: rules, rows and quarantine over time, and what to look at.")(report)
