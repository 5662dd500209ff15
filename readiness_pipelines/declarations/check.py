"""Many products checked together: each by itself, and that no two have one name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from readiness_pipelines import located
from readiness_pipelines.declarations.load import load_product
from readiness_pipelines.declarations.product import TYPE
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
            found += [file.parent for file in sorted(path.rglob("defs.yaml")) if _is_ours(file)]
        else:
            raise ReadinessError(f"found no folder or defs.yaml at {path}; expected a product's folder, or one that holds products")
    if not found:
        raise ReadinessError(f"found no product under {', '.join(map(str, paths))}; expected a defs.yaml of type {TYPE}")
    return list({folder.absolute(): folder for folder in found}.values())


def _is_ours(file: Path) -> bool:
    try:
        data = located.read(file).data
    except DeclarationError:
        return True
    type_ = data.get("type") if isinstance(data, dict) else None
    # A misspelt type of ours is ours too; a component of another package is not.
    return not isinstance(type_, str) or type_.split(".")[0] == TYPE.split(".")[0] or type_.split(".")[-1] == TYPE.split(".")[-1]


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
    try:
        document = located.read(folder / "defs.yaml")
    except DeclarationError:
        return []
    attributes = document.data.get("attributes") if isinstance(document.data, dict) else None
    name = attributes.get("product") if isinstance(attributes, dict) else None
    if not isinstance(name, str):
        return []
    other = first.setdefault(name, folder)
    if other == folder:
        return []
    message = f"found the product {name!r} twice (also in {other / 'defs.yaml'}), expected one product per name"
    return [document.problem(["attributes", "product"], message)]
