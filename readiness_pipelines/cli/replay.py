"""`readiness replay uci|nab`."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated

import typer

from readiness_pipelines.cli.place import console
from readiness_pipelines.errors import ReadinessError
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
    told = replay(path, landing, days=days, start=_day(start))
    console.print(f"{told}", markup=False)
    console.print(f"laid down under {landing}; next: readiness demo --no-sample, or materialise the range in Dagster", markup=False)


@app.command("nab", help="NAB's machine temperature (csv or parquet) as hours of machine telemetry.")
def nab(
    path: Path,
    hours: Annotated[int, typer.Option(min=1, help="Hours of the series; the shipped product's calendar has 72.")] = 72,
    skip: Annotated[int, typer.Option(min=0, help="Hours of the series to leave out before; 840 leads to its repeated hour.")] = 0,
    start: Annotated[str, typer.Option(help="Day whose first hour they begin in, yyyy-mm-dd.")] = "2025-01-06",
) -> None:
    from readiness_pipelines.cli.place import product_named
    from readiness_pipelines.cli.project import shipped
    from readiness_pipelines.layers.calendar import clock, first_key, last_key
    from readiness_pipelines.samples.nab import replay

    landing = Settings.from_environment().landing
    told = replay(path, landing, hours=hours, skip=skip, start=_day(start))
    console.print(f"{told}", markup=False)
    declared = product_named("machine_telemetry", of=shipped())
    first, last = first_key(declared), last_key(declared, now=clock())
    if told.first_hour < first or told.last_hour > last:
        console.print(
            f"of these, only {first} to {last} are in the calendar of machine_telemetry (start and last_due in defs.yaml)"
        )
    console.print(f"laid down under {landing}; next: readiness demo machine_telemetry --no-sample", markup=False)


def _day(text: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise ReadinessError(f"--start: found {text!r}, expected a day as in 2025-01-06") from None
