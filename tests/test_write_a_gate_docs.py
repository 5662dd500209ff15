"""docs/write_a_gate.md, followed literally on the sample product."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from readiness_pipelines.declarations import load_product
from readiness_pipelines.gates import load_suite
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import run_step
from readiness_pipelines.samples import readmission
from readiness_pipelines.settings import Settings

PROJECT = Path(__file__).parent.parent
PAGE = (PROJECT / "docs" / "write_a_gate.md").read_text(encoding="utf-8")
DAYS = [f"2025-01-{day:02}" for day in range(1, 7)]


@pytest.mark.slow
def test_the_commands_of_the_page_do_what_it_says(tmp_path: Path) -> None:
    declared = tmp_path / "readiness_pipelines" / "defs" / "readmission"
    shutil.copytree(PROJECT / "readiness_pipelines" / "defs" / "readmission", declared)
    shutil.copytree(PROJECT / "quality_suites" / "readmission", tmp_path / "quality_suites" / "readmission")
    (tmp_path / "pyproject.toml").write_text('[tool.dg.project]\nroot_module = "readiness_pipelines"\n')
    settings = Settings(state=tmp_path / ".readiness", landing=tmp_path / "data" / "landing")
    readmission.write(settings.landing)
    lake, product = Lakehouse.open(settings), load_product(declared)
    for table in ("raw_encounters", "encounters"):
        for day in DAYS:
            run_step(lake, settings, product, table, day)
    command = tmp_path / "bin" / "readiness"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from readiness_pipelines.cli import main; main()" "$@"\n')
    command.chmod(0o755)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("READINESS_")},
        "PATH": f"{command.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(PROJECT),
    }
    said = []
    for language, block in re.findall(r"```(sh|python)\n(.*?)```", PAGE, re.DOTALL):
        shell = ["bash", "-euo", "pipefail", "-c", block] if language == "sh" else [sys.executable, "-c", block]
        done = subprocess.run(shell, cwd=tmp_path, env=environment, text=True, capture_output=True)
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        said.append(done.stdout)
    shown = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0]
    assert shown in (tmp_path / "proposed.yaml").read_text()
    assert said[0].endswith(" rules written to first_try.yaml\n")
    assert "~ encounter_id_is_number" in said[1] and "= encounter_id_unique\n" in said[1] and "? gender_known" in said[1]
    assert "meta: {name: row_count}\n1 products, 9 tables, all right\n" in said[2]
    proposed = load_suite(tmp_path / "proposed.yaml")
    sensitive = {c.name for c in product.by_name["encounters"].table.columns if c.is_sensitive}
    assert not [r for r in proposed.rules if sensitive & set(r.columns) and {"value_set", "min_value", "max_value"} & set(r.kwargs)]
    assert json.loads((tmp_path / "silver_encounters.json").read_text())["name"] == "silver_encounters"
    ours = load_suite(tmp_path / "quality_suites" / "readmission" / "silver_encounters.yaml")
    assert load_suite(tmp_path / "silver_encounters.json") == ours
