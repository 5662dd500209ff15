"""Many products checked together: each by itself, and that no two have one name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from readiness_pipelines import located
from readiness_pipelines.declarations.load import load_product
from readiness_pipelines.declarations.words import TYPE
from readiness_pipelines.errors import DeclarationError, ReadinessError


@dataclass(frozen=True)
class Checked:
    """How many products and tables are all right, and every problem of the others."""

    products: int
    tables: int
    problems: tuple[str, ...]


def product_folders(paths: Sequence[Path]) -> list[Path]:
    """Return the folders of the products at or below `paths` (folders, or defs.yaml files), each once, in order.

    Below a folder only what is declared as a data product counts, or what cannot be read: other components are not ours.
    Raises ReadinessError where a path is nothing of the kind, or no product is found at all.
    """
    found: list[Path] = []
    for path in paths:
        if path.name == "defs.yaml" and path.is_file():
            found.append(path.parent)
        elif (path / "defs.yaml").is_file():
            found.append(path)
        elif path.is_dir():
            found += products_below(path)
        else:
            raise ReadinessError(f"found no folder or defs.yaml at {path}; expected a product's folder, or one that holds products")
    if not found:
        raise ReadinessError(f"found no product under {', '.join(map(str, paths))}; expected a defs.yaml of type {TYPE}")
    return list({folder.absolute(): folder for folder in found}.values())


def products_below(folder: Path) -> list[Path]:
    """Return the folder of every product below `folder`, at any depth, in order: where a defs.yaml is of our type.

    A misspelt type of ours is ours too, and so is a file that names it and cannot be read: both are to be told.
    """
    return [file.parent for file in sorted(folder.rglob("defs.yaml")) if _is_ours(file)]


def name_of(folder: Path) -> str | None:
    """Return the name that a product says of itself; None where it says none that can be read."""
    try:
        data = located.read(folder / "defs.yaml").data
    except DeclarationError:
        return None
    attributes = data.get("attributes") if isinstance(data, dict) else None
    name = attributes.get("product") if isinstance(attributes, dict) else None
    return name if isinstance(name, str) else None


def _is_ours(file: Path) -> bool:
    package, _, rest = TYPE.partition(".")
    component = rest.rpartition(".")[2]
    text = file.read_bytes().decode("utf-8", "replace")
    try:
        types = [_type_of(node) for node in yaml.compose_all(text, Loader=located.FastestLoader)]
    except (yaml.YAMLError, RecursionError):
        return component in text or f"{package}." in text
    return not types or any(t is None or t.split(".")[0] == package or t.split(".")[-1] == component for t in types)


def _type_of(node: yaml.Node | None) -> str | None:
    """Return the type that one document names; a file of many is read too, because those of other components may be."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((str(value.value) for key, value in pairs if key.value == "type" and isinstance(value, yaml.ScalarNode)), None)


def check_products(folders: Sequence[Path]) -> Checked:
    """Check every product in `folders`."""
    products, tables = 0, 0
    problems: list[str] = []
    first: dict[str, Path] = {}
    for folder in folders:
        try:
            tables += len(load_product(folder).tables)
            products += 1
        except DeclarationError as error:
            problems += error.problems
        problems += _name_problems(folder, first)
    return Checked(products, tables, tuple(dict.fromkeys(problems)))


def _name_problems(folder: Path, first: dict[str, Path]) -> list[str]:
    """Return a problem where another folder has a product of the same name: their tables would be one table."""
    name = name_of(folder)
    if name is None:
        return []
    other = first.setdefault(name, folder)
    if other == folder:
        return []
    message = f"found the product {name!r} twice (also in {other / 'defs.yaml'}), expected one product per name"
    return [located.read(folder / "defs.yaml").problem(["attributes", "product"], message)]
