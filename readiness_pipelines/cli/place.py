"""What every command needs first: the settings, the products, the lakehouse."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

from readiness_pipelines.cli.project import Project, project
from readiness_pipelines.declarations import Bronze, Gold, Product, Silver, load_product
from readiness_pipelines.declarations.words import TYPE
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.settings import Settings

_WIDTH = 120  # below that tables fold into columns of single letters; a terminal that is narrower wraps whole lines
console = Console() if Console().width >= _WIDTH else Console(width=_WIDTH)
_FOLDED = ("why", "which", "verdict", "also", "row", "reasons", "staged_file", "observed")  # long text; others keep to one line


def product_named(name: str | None, *, of: Project | None = None) -> Product:
    """Return the product of that name, or the only one, of a project (default: the one that the command is run in).

    Raises ReadinessError naming the products there are.
    """
    place = of or project()
    found = place.products()
    if not found:
        raise ReadinessError(f"found no product under {place.defs}, expected a defs.yaml of type {TYPE} below it")
    if name is None and len(found) == 1:
        (name,) = found
    if name is None:
        raise ReadinessError(f"found {len(found)} products, expected the name of one: {', '.join(found)}")
    if name not in found:
        raise ReadinessError(f"found no product {name!r}, expected one of: {', '.join(found)}")
    return load_product(found[name])


def product_with_model(name: str) -> Product:
    """Return the product of that name. Raises ReadinessError where it has no model, naming the products that have one."""
    found = product_named(name)
    if found.model is None:
        there = ", ".join(each.name for each in products_named(None) if each.model is not None) or "none in this project"
        raise ReadinessError(f"{found.name} has no model, expected `model:` in its defs.yaml, or a product that has one: {there}")
    return found


def lakehouse() -> Lakehouse:
    """Return the lakehouse of the settings in force. Raises where its catalog or its ledger cannot be believed."""
    lake = Lakehouse.open(Settings.from_environment())
    lake.require_catalog()
    return lake


def products_named(name: str | None) -> list[Product]:
    """Return the product of that name, or all of the project, by name. Raises ReadinessError if there is none."""
    place = project()
    names = [name] if name else sorted(place.products())
    return [product_named(each, of=place) for each in names] or [product_named(None, of=place)]


def full_name(table: str, product: str | None) -> str:
    """Return `<product>.<layer>.<name>` of a table given by full name, or by leaf name where one product has such a table.

    Raises ReadinessError otherwise, naming the tables there are.
    """
    return table_named(table, product)[1].full_name


def table_named(table: str, product: str | None) -> tuple[Product, Bronze | Silver | Gold]:
    """Return the table of that full or leaf name, and its product. Raises as `full_name` does."""
    declared = [(one, each) for one in products_named(product) for each in one.tables]
    found = [(one, each) for one, each in declared if table in (each.name, each.full_name)]
    if len(found) == 1:
        return found[0]
    expected = ", ".join(each.full_name for _, each in found or declared)
    raise ReadinessError(f"found {len(found)} tables {table!r}, expected one of: {expected}")


def write_page(path: Path, html: str) -> None:
    """Write a page into a file, and say where. Raises ReadinessError where it cannot be written."""
    try:
        path.write_text(html, encoding="utf-8", errors="replace")
    except OSError as error:
        raise ReadinessError(f"{path}: cannot be written: {error.strerror}; expected a place for the page: --output") from error
    console.print(f"written to {path}", markup=False)


def show(rows: Sequence[Mapping[str, Any]], *, as_json: bool, title: str, empty: str) -> None:
    """Print rows as a table for people, or as one JSON array."""
    if as_json:
        sys.stdout.write(json.dumps(list(rows), indent=2, default=str) + "\n")
        return
    if not rows:
        console.print(empty)
        return
    table = Table(title=title, title_justify="left", header_style="bold")
    for column, value in rows[0].items():
        justify: Literal["left", "right"] = "right" if isinstance(value, int) else "left"
        table.add_column(column.replace("_", " "), justify=justify, overflow="fold", no_wrap=column not in _FOLDED)
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    console.print(table)
