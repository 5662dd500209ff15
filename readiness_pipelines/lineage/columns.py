"""Column lineage of a SQL model, read from its text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlglot
from sqlglot import expressions as exp
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.qualify import qualify


def column_lineage(sql: str, inputs: Mapping[str, Sequence[str]]) -> dict[str, tuple[tuple[str, str], ...]]:
    """Return, for each column that `sql` gives, the (input table, column) pairs its value is computed from, sorted.

    `inputs` maps each input's name to its columns. A constant has no pairs. Columns that only decide which rows appear
    (join and filter conditions) are not named: this is lineage of values.
    """
    schema: dict[str, object] = {table: dict.fromkeys(columns, "VARCHAR") for table, columns in inputs.items()}
    statement = qualify(sqlglot.parse_one(sql, read="duckdb"), schema=schema, dialect="duckdb")
    if not isinstance(statement, exp.Query):
        return {}
    return {name: _sources(lineage(name, statement, schema=schema, dialect="duckdb")) for name in statement.named_selects}


def _sources(root: Node) -> tuple[tuple[str, str], ...]:
    found = {
        (node.expression.name, node.name.rpartition(".")[2].strip('"'))
        for node in root.walk()
        if isinstance(node.expression, exp.Table) and not node.downstream
    }
    return tuple(sorted(found))
