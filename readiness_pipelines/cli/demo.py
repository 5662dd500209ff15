"""`readiness demo` and `readiness ui`: a shipped product, through Dagster's own commands, on the state folder."""

from __future__ import annotations

import json
import os
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from readiness_pipelines.cli.demo_loop import LOOP, loop, respond
from readiness_pipelines.cli.place import console, lakehouse, product_named
from readiness_pipelines.cli.project import Project, project, shipped
from readiness_pipelines.cli.runs import dagster_environment, make_instance, materialise, shown_progress
from readiness_pipelines.cli.status import print_overview
from readiness_pipelines.cli.story import tell_story
from readiness_pipelines.declarations import Bronze, Product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.lakehouse import Lakehouse, relation
from readiness_pipelines.layers.calendar import clock, first_key, keys_between, last_key
from readiness_pipelines.layers.overview import overview
from readiness_pipelines.layers.rows import quoted
from readiness_pipelines.settings import Settings
from readiness_pipelines.sources.pattern import Pattern


def demo(
    product: Annotated[
        str,
        typer.Argument(help="A shipped product: readmission (and the loop), machine_telemetry, or power_price (the loop alone)."),
    ] = "readmission",
    sample: Annotated[
        bool, typer.Option(help="Write the sample data if the landing folder has none, and let the loop run over it.")
    ] = True,
) -> None:
    """Run a shipped product over everything that has landed, let the loop close over power_price, and tell what happened."""
    settings = Settings.from_environment()
    declared = product_named(product, of=shipped())
    closes = declared.model is not None and sample
    with ThreadPoolExecutor(1, "beside") as beside:
        made = beside.submit(make_instance, settings, log=settings.state / "demo.log") if closes else None
        if sample:
            for each in shipped().products():  # the others' too: their landing is not to look forgotten in the UI
                if each != LOOP:  # its days land one act after the other
                    _write_sample(settings, product_named(each, of=shipped()))
        if made:
            made.result()
            lakehouse()  # its databases too are made by one alone
        closed = beside.submit(loop, settings) if closes else None  # a second core would stand idle
        if declared.name != LOOP:
            _run(settings, declared)
            if closes:
                respond(settings, declared)
        took = _waited_for(closed) if closed else 0.0
    if closes:
        for name in dict.fromkeys([LOOP, declared.name]):
            tell_story(product_named(name, of=shipped()), lakehouse())
        by_hand = "the first model was asked for, and its week of trial was scored"
        console.print(f"The loop of {LOOP} took {took:.0f} s. By hand: {by_hand}; nothing else.", markup=False)


def _waited_for(closed: Future[float]) -> float:
    with console.status(f"{LOOP} goes on"):
        return closed.result()


def _run(settings: Settings, declared: Product) -> None:
    keys = keys_between(declared, first_key(declared), last_key(declared, now=clock()))
    started = time.monotonic()
    lake = lakehouse()
    with shown_progress(lake, declared, keys) as look:
        code = materialise(settings, shipped(), declared, keys, log=settings.state / "demo.log", meanwhile=look)
    found = overview(declared, lake, now=clock())
    print_overview(found)
    _print_kpi(lake, declared)
    console.print(f"\n{len(keys)} partitions in {time.monotonic() - started:.0f} s.", markup=False)
    if found.attention:
        console.print("Dagster's run is marked failed, because it names those above; every other one is published.")
        first = next((s for s, _ in found.attention if s.kind.value == "held"), None)
        if first:
            console.print(f"Look at one: readiness held show {first.table} {first.partition}", markup=False)
    console.print("Rows in quarantine: readiness quarantine list    The graph: make ui, then http://127.0.0.1:3000", markup=False)
    if code != 0 and not found.attention:
        raise ReadinessError(f"the run failed and nothing is held or missing; its log is {settings.state / 'demo.log'}")


def ui(port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 3000) -> None:
    """Serve Dagster's UI and daemon until interrupted."""
    settings = Settings.from_environment()
    environment = dagster_environment(settings)
    workspace = _workspace(settings, project())
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(workspace), "-h", "127.0.0.1", "-p", str(port)]
    sys.stdout.flush()
    os.execve(command[0], command, environment)  # in our place: whoever stops this process stops that one


def _workspace(settings: Settings, place: Project) -> Path:
    """Write what `dagster dev` serves, under the name that `dg dev` gives it, and return where."""
    module = {"module_name": place.definitions, "working_directory": str(place.imported_from), "location_name": place.location}
    path = settings.state / "workspace.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"load_from": [{"python_module": module}]}, indent=2) + "\n", encoding="utf-8")
    return path


def _write_sample(settings: Settings, product: Product) -> None:
    from readiness_pipelines.samples import machine_telemetry, readmission

    feeds = [table.feed.files for table in product.tables if isinstance(table, Bronze)]
    if any(next(Pattern(files).dated(settings.landing), None) for files in feeds):
        return
    with console.status(f"writing sample data under {settings.landing}"):
        if product.name == "readmission":
            readmission.write(settings.landing)
        else:
            machine_telemetry.write(settings.landing)


def _print_kpi(lake: Lakehouse, product: Product) -> None:
    kpi = product.declaration.kpi
    table = product.by_name[kpi.table]
    versions = list(lake.ledger.current_versions(table.full_name).values())
    if not versions:
        console.print(f"KPI {kpi.table}.{kpi.column}: no partition is admitted yet")
        return
    with lake.connect() as con:
        rows = con.execute(
            f"SELECT partition_key, {quoted(kpi.column)} FROM {relation(lake, versions)} ORDER BY partition_key"
        ).fetchall()
    values = [value for _, value in rows if value is not None]
    mean = sum(values) / len(values) if values else float("nan")
    newest = rows[-1]
    console.print(
        f"KPI {kpi.table}.{kpi.column}: {len(values)} partitions, mean {mean:.4f}, newest {newest[0]} {newest[1]:.4f}", markup=False
    )
