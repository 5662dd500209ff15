"""`readiness demo` and `readiness ui`: the shipped product, through Dagster's own commands, on the state folder."""

from __future__ import annotations

import datetime
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from readiness_pipelines.cli.place import console, product_named
from readiness_pipelines.cli.status import print_overview
from readiness_pipelines.declarations import Product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.lakehouse import Lakehouse, relation
from readiness_pipelines.layers.calendar import first_key, keys_between, last_key
from readiness_pipelines.layers.overview import overview
from readiness_pipelines.layers.rows import quoted
from readiness_pipelines.settings import Settings

_DAGSTER_YAML = Path("dagster.yaml")
_POLL_SECONDS = 0.5


def demo(
    sample: Annotated[bool, typer.Option(help="Write the sample data if the landing folder has none.")] = True,
) -> None:
    """Run the readmission product over everything that has landed, and tell what happened."""
    settings = Settings.from_environment()
    product = product_named("readmission")
    if sample:
        _write_sample(settings)
    keys = keys_between(product, first_key(product), last_key(product, now=_now()))
    started = time.monotonic()
    code = _materialise(settings, product, keys)
    lake = Lakehouse.open(settings)
    found = overview(product, lake, now=_now())
    print_overview(found)
    _print_kpi(lake, product)
    console.print(f"\n{len(keys)} delivery days in {time.monotonic() - started:.0f} s.", markup=False)
    if found.attention:
        console.print("Dagster's run is marked failed, because it names the days above; every other day is published.")
        first = next((s for s, _ in found.attention if s.kind.value == "held"), None)
        if first:
            console.print(f"Look at one: readiness held show {first.table} {first.partition}", markup=False)
    console.print("Rows in quarantine: readiness quarantine list    The graph: make ui, then http://127.0.0.1:3000", markup=False)
    if code != 0 and not found.attention:
        raise ReadinessError(f"the run failed and no day is held or missing; its log is {settings.state / 'demo.log'}")


def ui(port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 3000) -> None:
    """Serve Dagster's UI and daemon until interrupted."""
    settings = Settings.from_environment()
    environment = _dagster_environment(settings)
    command = [sys.executable, "-m", "dagster", "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, env=environment)
    try:
        raise typer.Exit(process.wait())
    except KeyboardInterrupt:
        process.terminate()
        process.wait(timeout=30)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)


def _write_sample(settings: Settings) -> None:
    from readiness_pipelines.samples import readmission

    if any(settings.landing.glob("encounters/*.csv")):
        return
    with console.status(f"writing sample data under {settings.landing}"):
        readmission.write(settings.landing)


def _dagster_environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a Dagster command: its home in the state folder, with the example instance file."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    target = settings.dagster_home / "dagster.yaml"
    if _DAGSTER_YAML.exists() and not target.exists():
        shutil.copyfile(_DAGSTER_YAML, target)
    return {
        **os.environ,
        "DAGSTER_HOME": str(settings.dagster_home),
        "READINESS_STATE": str(settings.state),
        "READINESS_LANDING": str(settings.landing),
    }


def _materialise(settings: Settings, product: Product, keys: list[str]) -> int:
    """Materialise the range through the code location, as an engineer would, and show how far it is."""
    environment = _dagster_environment(settings)
    log = settings.state / "demo.log"
    command = [
        *(sys.executable, "-m", "dagster", "asset", "materialize", "-m", "readiness_pipelines.definitions"),
        *("--select", f"group:{product.name}", "--partition-range", f"{keys[0]}...{keys[-1]}"),
    ]
    with log.open("wb") as sink, subprocess.Popen(command, env=environment, stdout=sink, stderr=subprocess.STDOUT) as process:
        try:
            _show_progress(settings, product, keys, process)
        except KeyboardInterrupt:
            process.terminate()
            raise
        return process.wait()


def _show_progress(settings: Settings, product: Product, keys: list[str], process: subprocess.Popen[bytes]) -> None:
    ledger = Lakehouse.open(settings).ledger
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bars = {t.full_name: progress.add_task(f"{t.layer} {t.name}", total=len(keys)) for t in product.tables}
        while process.poll() is None:
            for table, bar in bars.items():
                progress.update(bar, completed=ledger.count_decided(table, keys))
            time.sleep(_POLL_SECONDS)


def _print_kpi(lake: Lakehouse, product: Product) -> None:
    kpi = product.declaration.kpi
    table = product.by_name[kpi.table]
    versions = list(lake.ledger.current_versions(table.full_name).values())
    if not versions:
        console.print(f"KPI {kpi.table}.{kpi.column}: no day is admitted yet")
        return
    with lake.connect() as con:
        rows = con.execute(
            f"SELECT partition_key, {quoted(kpi.column)} FROM {relation(lake, versions)} ORDER BY partition_key"
        ).fetchall()
    values = [value for _, value in rows if value is not None]
    mean = sum(values) / len(values) if values else float("nan")
    newest = rows[-1]
    console.print(
        f"KPI {kpi.table}.{kpi.column}: {len(values)} days, mean {mean:.4f}, newest {newest[0]} {newest[1]:.4f}", markup=False
    )
