"""A mistake in a declaration is the same line in Dagster as on the command line."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from readiness_pipelines.product import DataProduct
from tests.declarations.mutations import MUTATIONS, apply, build
from tests.warm import Warm, warmed

_BY_NAME = {m.name: m for m in MUTATIONS}
_ROOT = Path(__file__).parents[2]
_PYPROJECT = """\
[project]
name = "shop-project"
version = "1"
[tool.dg]
directory_type = "project"
[tool.dg.project]
root_module = "shop_project"
code_location_target_module = "shop_project.definitions"
defs_module = "shop_project.defs"
"""
_DEFINITIONS = """\
from pathlib import Path
import dagster as dg
from readiness_pipelines.product.loading import load_defs

@dg.definitions
def defs():
    here = Path(__file__).parent
    return load_defs(here, defs_folder=here / "defs")
"""


@pytest.fixture
def project(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A project of somebody else's with the shop in its defs folder: (root, the shop's folder, its suites)."""
    _, suites = build(tmp_path, "shop")
    package = tmp_path / "shop_project"
    package.mkdir()
    shutil.move(tmp_path / "defs", package / "defs")
    (package / "__init__.py").touch()
    (package / "defs" / "__init__.py").touch()
    (package / "definitions.py").write_text(_DEFINITIONS)
    (tmp_path / "pyproject.toml").write_text(_PYPROJECT)
    return tmp_path, package / "defs" / "shop", suites


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    with warmed(environment(_ROOT), tmp_path_factory.mktemp("warm")) as found:
        yield found


def environment(*places: Path) -> dict[str, str]:
    found = os.pathsep.join(map(str, places))
    return {**os.environ, "PYTHONPATH": found, "DAGSTER_HOME": "", "COLUMNS": "1000", "NO_COLOR": "1"}


def run(warm: Warm, root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return warm.run(*command, environment=environment(_ROOT, root), cwd=root)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("WHERE", ()),
        ("an unknown classification", ()),
        ("bounds on text", ()),
        # By default dg first holds defs.yaml against the component's JSON schema, and stops at what it finds there.
        ("zero partitions", ("--no-check-yaml",)),
    ],
)
def test_dg_check_defs_tells_our_line(name: str, options: tuple[str, ...], project: tuple[Path, Path, Path], warm: Warm) -> None:
    root, folder, suites = project
    path, line = apply(_BY_NAME[name], folder, suites)
    done = run(warm, root, "dg", "check", "defs", *options)
    assert done.returncode == 1
    assert f"{path}:{line}: " in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a tab indents", "an unknown key at the top", "a misspelt key deep inside", "no such KPI column"])
def test_a_code_location_that_cannot_be_loaded_tells_our_line(name: str, project: tuple[Path, Path, Path], warm: Warm) -> None:
    root, folder, suites = project
    path, line = apply(_BY_NAME[name], folder, suites)
    done = run(warm, root, "dagster", "definitions", "validate", "-m", "shop_project.definitions")
    assert done.returncode == 1
    assert f"{path}:{line}: " in done.stdout + done.stderr


@pytest.mark.slow
def test_dg_check_yaml_still_knows_the_words_of_a_product(project: tuple[Path, Path, Path], warm: Warm) -> None:
    root, folder, suites = project
    fine = run(warm, root, "dg", "check", "yaml")
    assert fine.returncode == 0, fine.stdout + fine.stderr
    apply(_BY_NAME["an unknown attribute"], folder, suites)
    wrong = run(warm, root, "dg", "check", "yaml")
    assert wrong.returncode == 1
    assert "owner" in wrong.stdout


def test_editors_get_the_schema_of_a_product_in_which_nothing_is_referred_to_and_everything_described() -> None:
    schema = DataProduct.get_model_cls().model_json_schema()
    assert {"product", "partitions", "kpi", "bronze"} <= set(schema["required"])
    assert schema["additionalProperties"] is False
    assert "$ref" not in str(schema)  # dg nests it into the schema of a whole file, where references lead nowhere
    assert list(without_description(schema)) == []


def without_description(schema: Any, at: str = "") -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    for name, told in schema.get("properties", {}).items():
        if "description" not in told:
            yield f"{at}.{name}"
    for key, value in schema.items():
        for i, item in enumerate(value if isinstance(value, list) else [value]):
            yield from without_description(item, f"{at}.{key}[{i}]")
