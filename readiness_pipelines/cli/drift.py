"""`readiness drift ...`: the group alone; each command is a module of its own."""

from __future__ import annotations

import typer

from readiness_pipelines.cli.drift_calibrate import calibrate
from readiness_pipelines.cli.drift_measure import measure, redecide, register
from readiness_pipelines.cli.drift_report import report
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
app.command("report", help="One HTML page: severities, columns, performance, trends and decisions over the windows.")(report)
app.command("measure")(measure)
app.command("redecide", help="Judge what was measured by today's rule, without reading data; tell what changes.")(redecide)
app.command("calibrate", help="What other rules would have raised in the windows that were measured.")(calibrate)
app.command("register", help="Take what is admitted of the declared range today for a monitor's reference.")(register)
