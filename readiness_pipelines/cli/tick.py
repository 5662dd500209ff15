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

from readiness_pipelines.cli.place import console, product_named, show
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

    The sensors and jobs are those of Dagster's daemon, which does the same by itself. Exit code 1 if any of them failed.
    """
    settings, declared = Settings.from_environment(), product_named(product)
    log = settings.state / "tick.log"
    with console.status(f"looking at {declared.name}"), ticking(settings, project(), declared, log=log) as look:
        rows = look()
    show(rows, as_json=as_json, title=f"Runs of {declared.name}", empty="Nothing was to be done.")
    failed = [row for row in rows if not row["succeeded"]]
    if failed and not as_json:
        console.print(f"Dagster's own words: {log}", markup=False)
    raise typer.Exit(1 if failed else 0)


class Ticker:
    """A process that evaluates a product's sensors whenever it is called, and runs what they ask for."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process, self._log = process, log

    def __call__(self) -> list[dict[str, Any]]:
        """Return the runs that were asked for, in their order, when nothing is asked for any more.

        Each has sensor, job, run_id, succeeded, seconds and why. Raises ReadinessError if the process has ended.
        """
        return list(self._answered())

    def _answered(self) -> Iterator[dict[str, Any]]:
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
