"""docs/quarantine.md, followed literally on the sample product."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from readiness_pipelines.declarations import load_product
from readiness_pipelines.flow import NOTHING
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import run_step
from readiness_pipelines.samples import readmission
from readiness_pipelines.settings import Settings

PROJECT = Path(__file__).parent.parent
PRODUCT = load_product(PROJECT / "readiness_pipelines" / "defs" / "readmission")
DAYS = ["2025-01-01", "2025-01-02", "2025-01-03", "2025-02-02", "2025-02-11"]
ENCOUNTERS = "readmission.silver.encounters"


@pytest.mark.slow
def test_the_commands_of_the_page_do_what_it_says(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path / "state", landing=tmp_path / "landing")
    readmission.write(settings.landing)
    for path in settings.landing.rglob("*.csv"):
        if not any(day in path.name for day in DAYS):
            path.unlink()
    lake = Lakehouse.open(settings)
    for table in PRODUCT.tables:
        for day in DAYS:
            run_step(lake, settings, PRODUCT, table.name, day)
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "readiness"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from readiness_pipelines.cli import main; main()" "$@"\n')
    command.chmod(0o755)
    blocks = re.findall(r"```sh\n(.*?)```", (PROJECT / "docs" / "quarantine.md").read_text(), re.DOTALL)
    environment = {
        **os.environ,
        "PATH": f"{command.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(PROJECT),
        "READINESS_STATE": str(settings.state),
        "READINESS_LANDING": str(settings.landing),
    }
    said = ""
    for block in blocks:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block], cwd=tmp_path, env=environment, text=True, capture_output=True
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        said += done.stdout
    assert "2 rows released with corrected values, by ann@example.com" in said
    third = lake.ledger.latest_verdict(ENCOUNTERS, "2025-01-03")
    assert third is not None
    assert (third.counts.rows_in, third.counts.quarantined, third.counts.dropped["discarded"]) == (1001, 10, 1)
    assert third.counts.conserved
    held = lake.ledger.current_version(ENCOUNTERS, "2025-02-11")
    assert held is not None and held.version_key == NOTHING
    kinds = [each.kind for each in lake.ledger.corrections.of(ENCOUNTERS)]
    assert kinds == ["release", "release", "discard", "admit", "withdraw"]
    published = [p.version_key for p in lake.ledger.publications(ENCOUNTERS, "2025-01-03") if p.state == "done"]
    assert len(published) == len(set(published)) == 3  # the first, the corrected values, then waiver and discard together
