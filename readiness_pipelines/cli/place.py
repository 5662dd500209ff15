"""What every command needs first: the settings, the products, the lakehouse."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

from readiness_pipelines.cli.project import Project, project
from readiness_pipelines.declarations import Product, load_product
from readiness_pipelines.declarations.product import TYPE
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.settings import Settings

_WIDTH = 120  # below that tables fold into columns of single letters; a terminal that is narrower wraps whole lines
console = Console() if Console().width >= _WIDTH else Console(width=_WIDTH)
_FOLDED = ("why", "row", "reasons", "staged_file", "observed")  # long text; every other column keeps to one line


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


def lakehouse() -> Lakehouse:
    """Return the lakehouse of the settings in force."""
    return Lakehouse.open(Settings.from_environment())


def full_name(product: Product, table: str) -> str:
    """Return `<product>.<layer>.<name>` of a table given by leaf name or full name. Raises ReadinessError otherwise."""
    for declared in product.tables:
        if table in (declared.name, declared.full_name):
            return declared.full_name
    raise ReadinessError(f"found no table {table!r}; expected one of: {', '.join(t.name for t in product.tables)}")


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
