"""`readiness replay uci`."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated

import typer

from readiness_pipelines.cli.place import console
from readiness_pipelines.settings import Settings

app = typer.Typer(help="Lay real data down as landing files.", no_args_is_help=True, add_completion=False)


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


@app.command("nab", help="NAB's machine temperature (csv or parquet) as hours of machine telemetry.")
def nab(
    path: Path,
    hours: Annotated[int, typer.Option(min=1, help="Hours from the first reading on.")] = 72,
    start: Annotated[str, typer.Option(help="Day whose first hour the series begins in, yyyy-mm-dd.")] = "2025-01-06",
) -> None:
    from readiness_pipelines.samples.nab import replay

    landing = Settings.from_environment().landing
    told = replay(path, landing, hours=hours, start=datetime.date.fromisoformat(start))
    console.print(f"{told}", markup=False)
    console.print(f"laid down under {landing}; next: readiness demo machine_telemetry --no-sample", markup=False)
