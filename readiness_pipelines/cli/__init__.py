"""`readiness`: what an engineer does from a shell. `readiness --help` lists it.

Exit codes: 0 done and nothing to look at; 1 something is held or missing; 2 the command could not be carried out.
"""

from __future__ import annotations

import sys

import typer

from readiness_pipelines.cli import backfill, demo, held, incidents, quarantine, replay, status
from readiness_pipelines.errors import ReadinessError

app = typer.Typer(
    name="readiness",
    help="Data readiness on Dagster: every table version is a proposal until a gate admits it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("status", help="Where every table of a product stands; exit code 1 if anything is held or missing.")(status.status)
app.command("incidents", help="What is held, missing or failed and not yet right again; exit code 1 if anything is.")(
    incidents.incidents
)
app.command("backfill", help="Bring a range of partitions through all layers, some in one run; can be stopped and resumed.")(
    backfill.backfill
)
app.command("demo", help="Write sample data if there is none, run a shipped product over it, tell what happened.")(demo.demo)
app.command("ui", help="Dagster's webserver and daemon on 127.0.0.1, on the same state. Ctrl-C stops both.")(demo.ui)
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(held.app, name="held")
app.add_typer(replay.app, name="replay")


def main() -> None:
    """Run the command line. Errors that we raise on purpose are told in their own words, without a traceback."""
    try:
        app()
    except ReadinessError as error:
        sys.stderr.write(f"readiness: {error}\n")
        sys.exit(2)
