"""docs/drift.md: its commands, followed literally on the second product's sample, and its numbers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from readiness_pipelines.declarations import load_product
from readiness_pipelines.declarations.drift import USUAL_THRESHOLDS, DriftMonitor
from readiness_pipelines.flow import Severity
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import run_step
from readiness_pipelines.layers.calendar import keys_between
from readiness_pipelines.samples import machine_telemetry
from readiness_pipelines.settings import Settings

PROJECT = Path(__file__).parent.parent
PAGE = (PROJECT / "docs" / "drift.md").read_text(encoding="utf-8")
PRODUCT = load_product(PROJECT / "readiness_pipelines" / "defs" / "machine_telemetry")
HOURS = keys_between(PRODUCT, "2025-01-06-00:00", "2025-01-08-23:00")


def rows_of(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, its own heading left out."""
    lines = PAGE.split(f"## {heading}\n", 1)[1].splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("|"))
    table = lines[start : next((i for i, line in enumerate(lines) if i > start and not line.startswith("|")), None)]
    return [[cell.strip() for cell in line.strip("|").replace("\\|", "or").split("|")] for line in table[2:]]


@pytest.mark.slow
def test_the_commands_of_the_page_do_what_it_says(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path / "state", landing=tmp_path / "landing")
    machine_telemetry.write(settings.landing)
    lake = Lakehouse.open(settings)
    for hour in HOURS:
        for table in ("raw_readings", "readings"):
            run_step(lake, settings, PRODUCT, table, hour)
    said = _run(tmp_path, "readiness drift measure machine_telemetry || test $? = 1") + "".join(
        _run(tmp_path, block) for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    )
    assert "critical drift in 2 columns: machine" in said
    assert "insufficient sample" in said
    assert "0 of them otherwise than before" in said
    assert "2 of 3 windows" in said
    assert (tmp_path / "drift.html").read_text().lower().startswith("<!doctype html>")


def _run(root: Path, block: str) -> str:
    command = root / "bin" / "readiness"
    command.parent.mkdir(exist_ok=True)
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from readiness_pipelines.cli import main; main()" "$@"\n')
    command.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{command.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(PROJECT),
        "READINESS_STATE": str(root / "state"),
        "READINESS_LANDING": str(root / "landing"),
        "COLUMNS": "160",
    }
    shell = ["bash", "-euo", "pipefail", "-c", block]
    done = subprocess.run(shell, cwd=root, env=environment, text=True, capture_output=True, check=False)
    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_example_is_a_declaration_of_the_shipped_product() -> None:
    (said,) = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0])["drift"]
    shipped, _ = load_product(PROJECT / "readiness_pipelines" / "defs" / "readmission").monitors
    example = DriftMonitor.model_validate(said)
    assert (example.table, example.window, example.reference) == (
        shipped.words.table,
        shipped.words.window,
        shipped.words.reference,
    )
    assert set(example.features or []) <= {column.name for column in shipped.columns}


def test_every_word_of_a_monitor_is_in_the_table() -> None:
    told = {word for row in rows_of("Watch a table") for word in re.findall(r"`(\w+)`", row[0])}
    assert told == set(DriftMonitor.model_fields) - {"table"}


def test_the_thresholds_of_the_table_are_the_usual_ones() -> None:
    told = {row[0].strip("`"): [float(cell) if cell else None for cell in row[4:]] for row in rows_of("What is measured")}
    assert told == {
        test.value: [getattr(usual, severity.value) for severity in Severity.alarms()] for test, usual in USUAL_THRESHOLDS.items()
    }


def test_the_rows_that_are_needed_are_those_with_power_of_four_fifths() -> None:
    from readiness_pipelines.drift.statistics import power

    for columns, *told in rows_of("Choose window, reference and thresholds"):
        alpha = 0.05 / (2 * int(columns))  # two tests of each, at worst
        needed = [
            *(_fewest(lambda n: power.ks(n, n, alpha), effect) for effect in (0.05, 0.1)),  # noqa: B023 (called at once)
            *(_fewest(lambda n: power.psi(n, n, alpha, 9), effect) for effect in (0.02, 0.1)),  # noqa: B023
        ]
        assert [int(cell.replace(",", "")) for cell in told] == needed


def _fewest(smallest: Callable[[int], float | None], effect: float) -> int:
    low, high = 50, 100_000
    while low < high:
        n = (low + high) // 2
        found = smallest(n)
        low, high = (low, n) if found is not None and found <= effect else (n + 1, high)
    return low
