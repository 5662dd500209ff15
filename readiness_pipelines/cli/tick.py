"""`readiness tick`: a product's sensors, evaluated once in a process of their own, for whoever has no daemon."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from readiness_pipelines.cli.place import console, product_named
from readiness_pipelines.cli.project import Project, project
from readiness_pipelines.cli.runs import dagster_environment
from readiness_pipelines.declarations import Product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.settings import Settings


def tick(
    product: Annotated[str, typer.Argument(help="Product.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """Run what has landed, and whatever follows: drift is decided, models are retrained and promoted, until nothing is asked for.

    The sensors and jobs are those of Dagster's daemon, which does the same by itself. Schedules (`retraining.every`, maintenance)
    are not looked at: `readiness retrain`, `readiness maintain`. Exit code 1 if any run failed.
    """
    settings, declared = Settings.from_environment(), product_named(product)
    log = settings.state / "tick.log"
    rows: list[dict[str, Any]] = []
    with console.status(f"looking at {declared.name}"), ticking(settings, project(), declared, log=log) as look:
        for row in look.runs():
            rows.append(row)
            if not as_json:
                console.print(_line(row), markup=False, soft_wrap=True)
    failed = [row for row in rows if not row["succeeded"]]
    if as_json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    elif failed:
        console.print(f"Dagster's own words: {log}", markup=False)
    elif not rows:
        console.print("Nothing was to be done.")
    raise typer.Exit(1 if failed else 0)


def _line(row: dict[str, Any]) -> str:
    """Return how a run ended, or what became of a sensor that asked for none."""
    why = f": {' '.join(row['why'].split())}" if row["why"] else ""
    if not row["job"]:
        return f"{row['sensor'] or 'all sensors'} asked for no run{why}"
    how = "succeeded" if row["succeeded"] else "failed"
    return f"{row['job']}, asked for by {row['sensor']}: {how} after {row['seconds']:g} s, run {row['run_id']}{why}"


class Ticker:
    """A process that evaluates a product's sensors whenever it is called, and runs what they ask for."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process, self._log = process, log

    def __call__(self) -> list[dict[str, Any]]:
        """Return the runs that were asked for, in their order, when nothing is asked for any more.

        Each has sensor, job, run_id, succeeded, seconds and why. Raises ReadinessError if the process has ended.
        """
        return list(self.runs())

    def runs(self) -> Iterator[dict[str, Any]]:
        """Yield the same, each as soon as it has ended."""
        asked, answers = self._process.stdin, self._process.stdout
        assert asked is not None and answers is not None, "both are pipes"
        try:
            asked.write("\n")
            asked.flush()
        except BrokenPipeError:
            raise self._ended() from None
        while line := answers.readline():
            if not line.strip():
                return
            yield json.loads(line)
        raise self._ended()

    def _ended(self) -> ReadinessError:
        return ReadinessError(f"the process that evaluates the sensors has ended; what it said is in {self._log}")


@contextmanager
def ticking(settings: Settings, place: Project, product: Product, *, log: Path) -> Iterator[Ticker]:
    """Yield what evaluates the sensors of a product of the project `place`. What Dagster says is appended to `log`."""
    environment = dagster_environment(settings)
    path = os.pathsep.join(filter(None, [str(place.imported_from), environment.get("PYTHONPATH", "")]))
    command = [sys.executable, "-m", "readiness_pipelines.product.ticks", str(product.folder)]
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("a") as sink,
        subprocess.Popen(
            command,
            env={**environment, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=sink,
            text=True,
        ) as process,
    ):
        try:
            yield Ticker(process, log)
        finally:
            process.terminate()
