"""`readiness replay uci`."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated

import typer

from readiness_pipelines.cli.place import console
from readiness_pipelines.settings import Settings

app = typer.Typer(help="Lay real data down as landing files.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `uci` a subcommand although it is the only one."""


@app.command("uci", help="The UCI set 'Diabetes 130-US hospitals' (csv, zip or parquet) as days of encounters and outcomes.")
def uci(
    path: Path,
    days: Annotated[int, typer.Option(min=1, help="Days of encounters; outcomes follow 30 days later.")] = 60,
    start: Annotated[str, typer.Option(help="First day, yyyy-mm-dd.")] = "2025-01-01",
) -> None:
    from readiness_pipelines.samples.uci import replay

    landing = Settings.from_environment().landing
    told = replay(path, landing, days=days, start=datetime.date.fromisoformat(start))
    console.print(f"{told}", markup=False)
    console.print(f"laid down under {landing}; next: readiness demo --no-sample, or materialise the range in Dagster", markup=False)
