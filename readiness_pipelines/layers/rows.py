"""The row work that silver and gold share: strict casts, declared drops, duplicates, the row as it came."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import sqlglot
from sqlglot import expressions as exp

from readiness_pipelines.contracts import Table
from readiness_pipelines.contracts.types import strict_cast
from readiness_pipelines.declarations.product import Deduplicate, DropWhere
from readiness_pipelines.layers.candidate import ROWS


def quoted(name: str) -> str:
    """Return `name` as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return `text` as a SQL string."""
    return "'" + text.replace("'", "''") + "'"


def types_of(con: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """Return column name -> DuckDB type of a relation."""
    return {row[0]: str(row[1]) for row in con.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()}


def lay_out(
    con: duckdb.DuckDBPyConnection,
    *,
    mapped: str,
    system: Sequence[str],
    table: Table,
    drop_where: Sequence[DropWhere],
    order: Sequence[str] = (),
) -> dict[str, int]:
    """Create `_candidate` from the relation `mapped`: system columns, strictly cast columns, `cast_failures`.

    A row for which a `drop_where` is true is left out and counted under the first such reason; a null condition drops
    nothing, and neither does one that speaks of a column which could not be cast: nobody knows what it would have said.
    Returns rows per reason. `order` columns are carried along for `deduplicate`.
    """
    types = types_of(con, mapped)
    casts, failures = [], []
    for column in table.columns:
        name = quoted(column.name)
        cast = strict_cast(name, given=types[column.name], wanted=column.type)
        casts.append(f"{cast} AS {name}")
        if cast != name:
            failures.append(f"CASE WHEN {name} IS NOT NULL AND ({cast}) IS NULL THEN {literal(column.name)} END")
    failed = f"list_filter([{', '.join(failures)}], lambda c: c IS NOT NULL)" if failures else "[]::VARCHAR[]"
    carried = ", ".join([*system, *casts, f"{failed} AS cast_failures", *order])
    typed = f"SELECT {carried} FROM {mapped}"
    if not drop_where:
        con.execute(f"CREATE OR REPLACE TEMP TABLE {ROWS} AS {typed}")
        return {}
    reasons = " ".join(f"WHEN {_known(d.sql)} AND ({d.sql}) THEN {literal(d.reason)}" for d in drop_where)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {ROWS} AS SELECT *, CASE {reasons} END AS _dropped FROM ({typed})")
    counts = con.execute(f"SELECT _dropped, count(*) FROM {ROWS} WHERE _dropped IS NOT NULL GROUP BY ALL ORDER BY ALL").fetchall()
    con.execute(f"DELETE FROM {ROWS} WHERE _dropped IS NOT NULL")
    con.execute(f"ALTER TABLE {ROWS} DROP COLUMN _dropped")
    return {str(reason): int(n) for reason, n in counts}


def _known(condition: str) -> str:
    """Return SQL that is true where every column that `condition` names could be cast."""
    parsed = sqlglot.parse_one(f"SELECT ({condition})", read="duckdb")
    named = sorted({column.name for column in parsed.find_all(exp.Column)})
    return f"NOT list_has_any(cast_failures, [{', '.join(literal(c) for c in named)}]::VARCHAR[])"


def deduplicate(con: duckdb.DuckDBPyConnection, rule: Deduplicate, *, order: Sequence[str]) -> int:
    """Take duplicates out of `_candidate` and return how many. Only rows that could be cast take part.

    Rows that agree in all of `by` are one row: the first or last by `order` stays. A null in `by` is no duplicate.
    """
    by = ", ".join(quoted(c) for c in rule.by)
    whole = " AND ".join(f"{quoted(c)} IS NOT NULL" for c in rule.by) + " AND len(cast_failures) = 0"
    repeated = con.execute(f"SELECT count(*) - count(DISTINCT ({by})) FROM {ROWS} WHERE {whole}").fetchone()
    if repeated is None or repeated[0] == 0:
        return 0
    direction = "DESC" if rule.keep == "last" else "ASC"
    ranked = ", ".join(f"{c} {direction}" for c in order)
    con.execute(
        f"DELETE FROM {ROWS} WHERE row_id IN (SELECT row_id FROM {ROWS} WHERE {whole} "
        f"QUALIFY row_number() OVER (PARTITION BY {by} ORDER BY {ranked}) > 1)"
    )
    return int(repeated[0])


def as_json(columns: Sequence[str]) -> str:
    """Return SQL that is the named columns as one JSON object, as text."""
    fields = ", ".join(f"{literal(c)}: {quoted(c)}" for c in columns)
    return f"CAST(to_json({{{fields}}}) AS VARCHAR)"
