"""Row rules that look at other rows: repeated values, the row before, distance from the mean.

What they need of the others is looked up once, in SQL, and their `bad` becomes a plain predicate over one row.
"""

from __future__ import annotations

import math
from dataclasses import replace

import duckdb

from readiness_pipelines.flow import digest
from readiness_pipelines.gates.columns import NotCompiled, NotJudgeable, literal, one_row, quoted
from readiness_pipelines.gates.compile import RowPredicates
from readiness_pipelines.gates.suite import Rule

_NEAR = 1e-9  # relative: two right ways to add up floats differ by less, so nearer than this nobody but pandas can say


def looked_up(
    con: duckdb.DuckDBPyConnection, source: str, rule: Rule, found: RowPredicates, *, row_key: str, row_order: str | None
) -> RowPredicates:
    """Return predicates over one row. `row_order`: SQL to order the rows by, None if they have no order.

    Raises NotJudgeable, NotCompiled.
    """
    if found.keys:
        return _repeated(con, source, rule, found)
    if found.sequence:
        return _out_of_order(con, source, rule, found, row_key, row_order)
    if found.spread:
        return _far_from_mean(con, source, found)
    return found


def table_name(what: str, rule: Rule) -> str:
    return f"_{what}_{digest(rule.name)[:16]}"  # names of tables ignore case, names of rules do not


def _repeated(con: duckdb.DuckDBPyConnection, source: str, rule: Rule, found: RowPredicates) -> RowPredicates:
    table = table_name("repeated", rule)
    key = found.keys[0]
    if len(found.keys) > 1:  # in a struct two nulls are equal, which SQL's IN denies
        key = "{" + ", ".join(f"'k{i}': {cell}" for i, cell in enumerate(found.keys)) + "}"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS "
        f"SELECT {key} AS key FROM {source} WHERE {found.considered} GROUP BY ALL HAVING count(*) > 1"
    )
    return replace(found, bad=f"({found.considered} AND coalesce({key} IN (SELECT key FROM {table}), false))", keys=())


def _out_of_order(
    con: duckdb.DuckDBPyConnection, source: str, rule: Rule, found: RowPredicates, row_key: str, row_order: str | None
) -> RowPredicates:
    if row_order is None:
        raise NotJudgeable("the rows of this table have no order")
    assert found.sequence is not None
    column, breaks = found.sequence
    table, name = table_name("late", rule), quoted(column)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT key FROM (SELECT {row_key} AS key, {name} AS now, "
        f"lag({name}) OVER (ORDER BY {row_order}) AS before FROM {source} WHERE {found.considered}) WHERE {breaks}"
    )
    return replace(found, bad=f"({found.considered} AND {row_key} IN (SELECT key FROM {table}))", sequence=None)


def _far_from_mean(con: duckdb.DuckDBPyConnection, source: str, found: RowPredicates) -> RowPredicates:
    """Without a spread nobody is far: one value, or all the same."""
    assert found.spread is not None
    column, threshold, double_sided = found.spread
    cell = f"CAST({quoted(column)} AS DOUBLE)"
    mean, spread = one_row(con, f"SELECT avg({cell}), stddev_samp({cell}) FROM {source} WHERE {found.considered}")
    if mean is None or spread is None or spread == 0:
        return replace(found, bad="false", spread=None)
    if not (math.isfinite(mean) and math.isfinite(spread)) or spread < 1e-6 * abs(mean):
        raise NotCompiled("values whose mean or spread floats do not hold well")
    score = f"(({cell} - {literal(mean)}) / {literal(spread)})"
    score, limit = (f"abs({score})", abs(threshold)) if double_sided else (score, threshold)
    near = f"abs({score} - {literal(limit)}) <= {literal(_NEAR * (1 + abs(limit)))}"
    bad = f"({found.considered} AND NOT {score} < {literal(limit)})"
    return replace(found, bad=bad, unsure=f"({found.considered} AND {near})", spread=None)
