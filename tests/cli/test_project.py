"""Which products a command speaks of, by where it is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from readiness_pipelines.cli.project import project, shipped
from readiness_pipelines.errors import ReadinessError

PRODUCT = "type: readiness_pipelines.product.DataProduct\nattributes: {{product: {name}}}\n"


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_in_a_dg_project_they_are_its_own_at_any_depth(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "pyproject.toml": '[tool.dg.project]\nroot_module = "acme"\n',
            "src/acme/defs/sales/orders/defs.yaml": PRODUCT.format(name="orders"),
            "src/acme/defs/other/defs.yaml": "type: dagster.DefsFolderComponent\n",
        },
    )
    found = project(tmp_path / "src" / "acme")
    assert found.products() == {"orders": tmp_path / "src/acme/defs/sales/orders"}
    assert (found.definitions, found.imported_from) == ("acme.definitions", tmp_path / "src")


def test_what_the_project_says_of_its_modules_counts(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "dg.toml": '[project]\nroot_module = "acme"\ndefs_module = "acme.made"\ncode_location_target_module = "acme.all"\n',
            "acme/made/orders/defs.yaml": PRODUCT.format(name="orders"),
        },
    )
    found = project(tmp_path)
    assert (list(found.products()), found.definitions, found.imported_from) == (["orders"], "acme.all", tmp_path)


def test_elsewhere_they_are_those_that_come_with_the_package(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "[tool.other]\n"})
    assert project(tmp_path) == shipped()
    assert "readmission" in shipped().products()


def test_two_products_of_one_name_are_refused(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "pyproject.toml": '[tool.dg.project]\nroot_module = "acme"\n',
            "acme/defs/a/defs.yaml": PRODUCT.format(name="orders"),
            "acme/defs/b/defs.yaml": PRODUCT.format(name="orders"),
        },
    )
    with pytest.raises(ReadinessError, match="second product 'orders'"):
        project(tmp_path).products()


@pytest.mark.parametrize(("text", "said"), [("[tool.dg.project]\n", "no root_module"), ("[tool", "is no TOML")])
def test_a_project_that_cannot_be_read_is_an_error_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    write(tmp_path, {"pyproject.toml": text})
    with pytest.raises(ReadinessError, match=said):
        project(tmp_path)
