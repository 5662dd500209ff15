"""The SQL files of a product, checked: read, parsed, compared with the contract, bound over the tables they read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlglot import expressions as exp

from readiness_pipelines.contracts import Table
from readiness_pipelines.declarations.binding import Binder
from readiness_pipelines.declarations.sql import (
    Model,
    Problem,
    column_problems,
    misspelt,
    output_columns,
    read_model,
    row_map_problems,
    select_problems,
)
from readiness_pipelines.declarations.words import DropWhere
from readiness_pipelines.errors import DeclarationError
from readiness_pipelines.located import one_line

IDENTITY = {"row_id": "VARCHAR", "partition_key": "VARCHAR"}
PROVENANCE = {"delivery_sha256": "VARCHAR", "delivery_name": "VARCHAR", "record_number": "BIGINT", "received_at": "VARCHAR"}
SOURCE = {"source_row_id": "VARCHAR"}
# What a scored table finds beside the columns of the model's table: by which model, from which version of the row's partition.
SCORED = {"score": "DOUBLE", "prediction": "BOOLEAN", "model_version": "VARCHAR", "input_version": "VARCHAR"}


@dataclass
class Visible:
    """The columns, with their types, that a model sees in each table; a table that is not understood is not among them.

    `declared` has those of the contract alone. A column that contract and SQL spell differently is known by both names.
    """

    tables: dict[str, dict[str, str]] = field(default_factory=dict)
    declared: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, name: str, layer: str, table: Table, model: Model | None) -> None:
        """Add a table of the product: our columns, then the contract's."""
        system = dict(IDENTITY)
        if layer == "bronze":
            system |= PROVENANCE
        if layer == "gold" and model is not None and "source_row_id" in output_columns(model.statement):
            system |= SOURCE
        columns = {c.name: c.type for c in table.columns}
        if model is not None:
            columns |= {given: columns[meant] for given, meant in misspelt(model, list(columns), system=SOURCE).items()}
        self.declared[name] = columns
        self.tables[name] = system | columns

    def scored(self, name: str) -> Visible:
        """Return what a scored table sees: the rows of the table `name` with their scores."""
        return Visible(self.tables | {name: self.tables[name] | SCORED}, self.declared)


def read_sql(path: Path) -> tuple[str, Model | None, list[str]]:
    """Return (text, statement, problems) of a SQL file. Raises DeclarationError where there is no text to read."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise DeclarationError([f"{path}:{line}: document: found no UTF-8 text, expected it"]) from error
    except OSError as error:
        raise DeclarationError([f"{path}:1: document: found a file that cannot be read, expected SQL"]) from error
    found = read_model(text)
    if isinstance(found, Problem):
        return text, None, [f"{path}:{found.line}: document: {one_line(found.message)}"]
    return text, found, []


def model_problems(
    model: Model,
    *,
    layer: str,
    reads: Sequence[str] | None,
    table: Table | None,
    visible: Visible,
    binder: Binder,
) -> Iterator[Problem]:
    """Yield what is wrong with a model. `reads` is None where its inputs are not understood, `table` where its columns are."""
    upstream = reads[0] if reads else None
    shape = list(row_map_problems(model, upstream) if layer == "silver" else select_problems(model, reads))
    yield from shape
    if shape:
        return
    columns = (
        list(column_problems(model, [c.name for c in table.columns], system=SOURCE if layer == "gold" else ())) if table else []
    )
    yield from columns
    if reads is None or any(name not in visible.tables for name in reads):
        return
    for name in reads:
        binder.add(name, visible.tables[name])
    declared = {c.name: c.type for c in table.columns} if table else {}
    system = SOURCE if layer == "gold" else {}
    told = {problem.line for problem in columns}
    for problem in binder.model_problems(model, declared | system, row_map=layer == "silver"):
        if problem.line not in told:  # a misspelt column is also one that the contract does not declare
            yield problem


def scored_problems(model: Model) -> Iterator[Problem]:
    """Yield what a scored table's SELECT does not give, under its own name, of what names where a score comes from."""
    given = model.statement.selects if isinstance(model.statement, exp.Query) else []
    for name, what in (("model_version", "model"), ("input_version", "version of the rows")):
        read = [column.name for each in given if each.alias_or_name == name for column in each.find_all(exp.Column)]
        if name not in read:
            message = (
                f"found no {name} from what is scored, expected the column {name}: each prediction names the {what} it rests on"
            )
            yield Problem(model.line_of_output(name), message)


def drop_problems(drops: Sequence[DropWhere], columns: Mapping[str, str], binder: Binder) -> Iterator[tuple[int, str, str]]:
    """Yield (index, key, message) of each declared drop whose condition is none, or whose reason is taken."""
    for i, drop in enumerate(drops):
        if drop.reason in [d.reason for d in drops[:i]]:
            yield i, "reason", f"found {drop.reason!r} twice, expected one reason per drop"
        message = binder.condition_problem(drop.sql, columns) if drop.sql.strip() else "found nothing, expected a condition"
        if message:
            yield i, "sql", re.sub(r"_candidate\b", "the table", message)
