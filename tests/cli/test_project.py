"""Which products a command speaks of, by where it is run."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from readiness_pipelines.cli.place import product_named
from readiness_pipelines.cli.project import project, shipped
from readiness_pipelines.errors import DeclarationError, ReadinessError

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
    assert (found.definitions, found.imported_from, found.location) == ("acme.definitions", tmp_path / "src", tmp_path.name)


def test_what_the_project_says_of_its_modules_counts(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "dg.toml": '[project]\nroot_module = "acme"\ndefs_module = "acme.made"\n'
            'code_location_target_module = "acme.all"\ncode_location_name = "here"\n',
            "acme/made/orders/defs.yaml": PRODUCT.format(name="orders"),
        },
    )
    found = project(tmp_path)
    assert list(found.products()) == ["orders"]
    assert (found.definitions, found.imported_from, found.location) == ("acme.all", tmp_path, "here")


def test_a_definitions_folder_serves_where_there_is_no_defs_folder(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "pyproject.toml": '[tool.dg.project]\nroot_module = "acme"\n',
            "acme/definitions/orders/defs.yaml": PRODUCT.format(name="orders"),
        },
    )
    assert list(project(tmp_path).products()) == ["orders"]
    write(tmp_path, {"acme/defs/bills/defs.yaml": PRODUCT.format(name="bills")})
    assert list(project(tmp_path).products()) == ["bills"]


def test_a_dg_toml_stands_in_for_the_pyproject_toml_beside_it(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "acme/dg.toml": 'directory_type = "workspace"\n[workspace]\n',
            "acme/pyproject.toml": '[tool.dg.project]\nroot_module = "not_asked"\n',
            "pyproject.toml": '[tool.dg.project]\nroot_module = "acme"\n',
        },
    )
    assert project(tmp_path / "acme").definitions == "acme.definitions"


def test_a_project_without_products_says_where_it_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"pyproject.toml": '[tool.dg.project]\nroot_module = "acme"\n', "acme/__init__.py": ""})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ReadinessError, match=f"found no product under {tmp_path}/acme/defs, expected a defs.yaml of type"):
        product_named(None)


FOREIGN = {
    "two documents": "type: dagster.FunctionComponent\n---\ntype: dagster.DefsFolderComponent\n",
    "a key twice": "type: dagster.FunctionComponent\nattributes: {a: 1, a: 2}\n",
    "a tag": "type: other.Thing\nattributes: !secret {a: 1}\n",
    "no YAML": "type: other.Thing\nattributes: {{ env.THING }\n",
}


@pytest.mark.parametrize("text", FOREIGN.values(), ids=FOREIGN.keys())
def test_what_other_components_say_is_none_of_our_business(tmp_path: Path, text: str) -> None:
    write(
        tmp_path,
        {
            "pyproject.toml": '[tool.dg.project]\nroot_module = "acme"\n',
            "acme/defs/theirs/defs.yaml": text,
            "acme/defs/orders/defs.yaml": PRODUCT.format(name="orders"),
        },
    )
    assert list(project(tmp_path).products()) == ["orders"]


OURS = {
    "two in one file": (
        PRODUCT.format(name="orders") + "---\n" + PRODUCT.format(name="bills"),
        ":3: document: found a second document",
    ),
    "beside another component": ("type: dagster.FunctionComponent\n---\n" + PRODUCT.format(name="orders"), "expected one per file"),
    "attributes are no mapping": (PRODUCT.replace("{{product: {name}}}", "[]"), "attributes: found a list, expected a mapping"),
    "no YAML": (PRODUCT.replace("}}", ""), "defs.yaml:2: document: YAML syntax"),
    "a misspelt type": (PRODUCT.format(name="sales").replace("DataProduct", "DataProdukt"), "type: found"),
}


@pytest.mark.parametrize(("text", "said"), OURS.values(), ids=OURS.keys())
def test_a_product_that_cannot_be_read_is_told_when_it_is_asked_for_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    write(
        tmp_path,
        {
            "pyproject.toml": '[tool.dg.project]\nroot_module = "acme"\n',
            "acme/defs/broken/sales/defs.yaml": text,
            "acme/defs/good/defs.yaml": PRODUCT.format(name="good"),
        },
    )
    monkeypatch.chdir(tmp_path)
    assert set(project().products()) == {"sales", "good"}
    with pytest.raises(DeclarationError, match=r"(?s)acme/defs/broken/sales/defs\.yaml:") as told:
        product_named("sales")
    assert said in str(told.value)


def test_elsewhere_they_are_those_that_come_with_the_package(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "[tool.other]\n"})
    assert project(tmp_path) == shipped()
    assert "readmission" in shipped().products()


def test_the_checkout_itself_is_served_under_the_name_in_workspace_yaml() -> None:
    root = Path(__file__).parents[2]
    (served,) = yaml.safe_load((root / "workspace.yaml").read_text())["load_from"]
    assert project(root) == shipped()
    assert served["python_module"] == {"module_name": shipped().definitions, "location_name": shipped().location}


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
