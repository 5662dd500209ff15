"""The same lines from the command line and from Dagster, and several mistakes at once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from readiness_pipelines.declarations import load_product
from readiness_pipelines.errors import DeclarationError
from tests.declarations.mutations import MUTATIONS, apply, build

_BY_NAME = {m.name: m for m in MUTATIONS}
_SOME = ("a tab indents", "a misspelt key deep inside", "WHERE", "an unknown classification", "bounds on text")
_ROOT = Path(__file__).parents[2]


def validate(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from readiness_pipelines.cli import main; main()", "validate", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, env=_environment())


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(_ROOT), "COLUMNS": "60"}


@pytest.mark.parametrize("name", _SOME)
def test_the_command_line_prints_the_line_relative_to_where_one_stands(name: str, tmp_path: Path) -> None:
    folder, suites = build(tmp_path, "shop")
    path, line = apply(_BY_NAME[name], folder, suites)
    done = validate("defs", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert len(done.stdout.splitlines()) == 1
    assert done.stdout.startswith(f"{path.relative_to(tmp_path)}:{line}: ")


def test_what_is_all_right_is_counted(tmp_path: Path) -> None:
    build(tmp_path, "shop")
    done = validate("defs/shop/defs.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "1 products, 4 tables, all right\n")


def test_json_has_each_problem_in_its_parts(tmp_path: Path) -> None:
    folder, suites = build(tmp_path, "shop")
    _, line = apply(_BY_NAME["WHERE"], folder, suites)
    said = json.loads(validate("defs", "--json", cwd=tmp_path).stdout)
    assert said["products"] == 0
    (problem,) = said["problems"]
    assert (problem["path"], problem["line"], problem["where"]) == ("defs/shop/silver/orders.sql", line, "orders")


def test_a_path_that_holds_no_product_cannot_be_checked(tmp_path: Path) -> None:
    for path in ("nowhere", "."):
        done = validate(path, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert "expected a" in done.stderr


def test_a_file_of_many_mistakes_is_cut_short_with_a_count(tmp_path: Path) -> None:
    folder, suites = build(tmp_path, "shop")
    rules = "".join(f"  - {{type: nothing_{i}, kwargs: {{}}}}\n" for i in range(60))
    (suites / "silver_orders.yaml").write_text(f"expectations:\n{rules}")
    lines = validate(str(folder), cwd=tmp_path).stdout.splitlines()
    assert len(lines) == 51
    assert lines[-1] == "quality_suites/shop/silver_orders.yaml: and 10 more"


def test_two_products_of_one_name_are_told(tmp_path: Path) -> None:
    folder, _ = build(tmp_path, "shop")
    shutil.copytree(folder, folder.parent / "shop_again")
    done = validate("defs", cwd=tmp_path)
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    assert line.startswith("defs/shop_again/defs.yaml:3: attributes.product: found the product 'shop' twice")


def test_components_of_other_packages_are_left_alone(tmp_path: Path) -> None:
    folder, _ = build(tmp_path, "shop")
    other = folder.parent / "other"
    other.mkdir()
    (other / "defs.yaml").write_text("type: dagster.DefsFolderComponent\n")
    assert validate("defs", cwd=tmp_path).returncode == 0


def test_mistakes_in_all_files_are_told_at_once(tmp_path: Path) -> None:
    folder, suites = build(tmp_path, "shop")
    for name in ("a misspelt key deep inside", "no such KPI column", "WHERE", "an unknown classification", "an unknown severity"):
        apply(_BY_NAME[name], folder, suites)
    with pytest.raises(DeclarationError) as error:
        load_product(folder)
    told = sorted(Path(p.split(":")[0]).name for p in error.value.problems)
    assert told == ["contract.yaml", "defs.yaml", "defs.yaml", "orders.sql", "silver_orders.yaml"]


def test_validating_loads_neither_dagster_nor_iceberg_nor_great_expectations() -> None:
    code = (
        "import sys\n"
        "from readiness_pipelines.cli import app\n"
        "code = app(args=['validate'], standalone_mode=False)\n"
        "heavy = {'dagster', 'great_expectations', 'pyiceberg', 'pandas', 'scipy', 'apprise', 'sqlalchemy'}\n"
        "print(code, sorted(heavy & {name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=_environment())
    assert done.stdout.endswith("all right\n0 []\n")


def test_help_loads_nothing_heavy() -> None:
    code = "import sys; import readiness_pipelines.cli; print([m for m in ('dagster', 'pyiceberg', 'duckdb', 'yaml') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=_environment())
    assert done.stdout == "[]\n"
