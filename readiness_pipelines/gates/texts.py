"""Rules about a text's form, judged once per distinct value where values repeat: a pattern costs far more than a look-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import duckdb

from readiness_pipelines.gates.around import table_name
from readiness_pipelines.gates.columns import one_row, quoted
from readiness_pipelines.gates.compile import RowPredicates
from readiness_pipelines.gates.relation import count_rows
from readiness_pipelines.gates.suite import Rule

_SAMPLE = 20_000  # rows; a smaller table costs nothing either way
_REPEATED = 10  # times that a value must come: below it, telling values apart costs as much as the pattern


def repeating(con: duckdb.DuckDBPyConnection, source: str, columns: set[str]) -> set[str]:
    """Return the columns whose values repeat so often that to judge each value once is cheaper.

    How many values there are is estimated from the first rows (Chao's estimate: those seen once and twice tell of those
    not seen). A guess about cost alone: what a rule means does not depend on it.
    """
    rows = count_rows(con, source) if columns else 0
    return {c for c in sorted(columns) if rows > _SAMPLE and _REPEATED * _values(con, source, c) <= rows}


def _values(con: duckdb.DuckDBPyConnection, source: str, column: str) -> float:
    name = quoted(column)
    seen = f"SELECT count(*) AS times FROM (SELECT {name} FROM {source} LIMIT {_SAMPLE}) GROUP BY {name}"
    values, once, twice = one_row(con, f"SELECT count(*), count_if(times = 1), count_if(times = 2) FROM ({seen})")
    return float(values + once * once / (2 * max(twice, 1)))


def by_value(
    con: duckdb.DuckDBPyConnection, source: str, rules: Sequence[Rule], found: Mapping[str, RowPredicates]
) -> dict[str, RowPredicates]:
    """Return, for rules over one column's text, predicates that look the cell up among the bad and the unsure values."""
    values: dict[str, str] = {}
    looked_up = {}
    for rule in rules:
        column = rule.kwargs["column"]
        with suppress(duckdb.Error):  # then the scan over the rows will say what is wrong with the rule
            if column not in values:
                table = table_name("values", rule)
                con.execute(
                    f"CREATE OR REPLACE TEMP TABLE {table} AS "
                    f"SELECT DISTINCT {quoted(column)} FROM {source} WHERE {quoted(column)} IS NOT NULL"
                )
                values[column] = table
            looked_up[rule.name] = _looked_up(con, values[column], rule, found[rule.name])
    return looked_up


def _looked_up(con: duckdb.DuckDBPyConnection, values: str, rule: Rule, predicates: RowPredicates) -> RowPredicates:
    assert predicates.of_value is not None
    name = quoted(rule.kwargs["column"])
    bad, unsure = (
        _among(con, table_name(what, rule), values, name, sql)
        for what, sql in zip(("bad_values", "unsure_values"), predicates.of_value, strict=True)
    )
    there = predicates.considered
    return replace(
        predicates,
        bad="false" if bad == "false" else f"({there} AND {bad})",
        unsure="false" if unsure == "false" else f"({there} AND {unsure})",
    )


def _among(con: duckdb.DuckDBPyConnection, table: str, values: str, name: str, condition: str) -> str:
    """Return SQL, never NULL, that is true where the cell is one of the values for which the condition is true."""
    if condition == "false":
        return "false"
    con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {name} AS value FROM {values} WHERE {condition}")
    if one_row(con, f"SELECT count(*) FROM {table}")[0] == 0:
        return "false"
    return f"coalesce({name} IN (SELECT value FROM {table}), false)"
