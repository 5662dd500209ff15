"""Runs of a product, through Dagster's own command, in a process of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from readiness_pipelines.cli.place import console
from readiness_pipelines.cli.project import Project
from readiness_pipelines.declarations import Product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.settings import Settings

_DAGSTER_YAML = Path("dagster.yaml")
_LOOK_SECONDS = 0.5


def dagster_environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a Dagster command: the instance in DAGSTER_HOME, by default one in the state folder.

    The default instance starts from the example `dagster.yaml` of the working directory, if there is one.
    """
    home = Path(os.environ.get("DAGSTER_HOME", settings.dagster_home))
    home.mkdir(parents=True, exist_ok=True)
    target = home / "dagster.yaml"
    if "DAGSTER_HOME" not in os.environ and _DAGSTER_YAML.exists() and not target.exists():
        shutil.copyfile(_DAGSTER_YAML, target)
    return {
        **os.environ,
        "DAGSTER_HOME": str(home),
        "READINESS_STATE": str(settings.state),
        "READINESS_LANDING": str(settings.landing),
    }


def make_instance(settings: Settings, *, log: Path) -> None:
    """Let Dagster make the default instance's databases, if they are not there: no two processes may begin with that at once.

    Raises ReadinessError if it cannot; what Dagster says is appended to `log`.
    """
    if "DAGSTER_HOME" in os.environ or (settings.dagster_home / "history").exists():
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "dagster", "instance", "migrate"]
    with log.open("ab") as sink:
        done = subprocess.run(command, env=dagster_environment(settings), stdout=sink, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise ReadinessError(f"Dagster could not make its instance in {settings.dagster_home}; what it said is in {log}")


def materialise(
    settings: Settings,
    place: Project,
    product: Product,
    keys: Sequence[str],
    *,
    log: Path,
    meanwhile: Callable[[], None] = lambda: None,
) -> int:
    """Materialise all of the product of the project `place` for a range of partitions in one run, and return Dagster's exit code.

    Dagster's output is appended to `log`; `meanwhile` is called twice a second. An interruption ends the run too.
    """
    command = [
        *(sys.executable, "-m", "dagster", "asset", "materialize", "-m", place.definitions, "-d", str(place.imported_from)),
        *("--select", f"group:{product.name}", "--partition-range", f"{keys[0]}...{keys[-1]}"),
    ]
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = dagster_environment(settings)
    with log.open("ab") as sink, subprocess.Popen(command, env=environment, stdout=sink, stderr=subprocess.STDOUT) as process:
        try:
            while process.poll() is None:
                meanwhile()
                time.sleep(_LOOK_SECONDS)
        except KeyboardInterrupt:
            process.terminate()
            raise
    meanwhile()
    return process.returncode


@contextmanager
def shown_progress(lake: Lakehouse, product: Product, keys: Sequence[str]) -> Iterator[Callable[[], None]]:
    """Show one bar per table, of how many of `keys` have a verdict; what is yielded brings them up to date."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bars = {t.full_name: progress.add_task(f"{t.layer} {t.name}", total=len(keys)) for t in product.tables}

        def look() -> None:
            for table, bar in bars.items():
                progress.update(bar, completed=lake.ledger.count_decided(table, keys))

        yield look
