"""Row rules that look at other rows: repeated values, the row before, distance from the mean.

What they need of the others is looked up once, in SQL, and their `bad` becomes a plain predicate over one row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import duckdb

from readiness_pipelines.flow import digest
from readiness_pipelines.gates.columns import NotCompiled, NotJudgeable, literal, one_row, quoted
from readiness_pipelines.gates.compile import RowPredicates
from readiness_pipelines.gates.relation import count_rows
from readiness_pipelines.gates.suite import Rule

_NEAR = 1e-9  # relative: two right ways to add up floats differ by less, so nearer than this nobody but pandas can say


@dataclass(frozen=True)
class Repeats:
    """What is known of a key: SQL for the rows that were grouped by it, and for those of them whose key is repeated."""

    considered: str
    bad: str


Known = dict[frozenset[str], Repeats]  # by the cells of the key


def looked_up(
    con: duckdb.DuckDBPyConnection,
    source: str,
    rule: Rule,
    found: RowPredicates,
    *,
    row_key: str,
    row_order: str | None,
    known: Known,
) -> RowPredicates:
    """Return predicates over one row. `row_order`: SQL to order the rows by, None if they have no order.

    `known` is what earlier rules found about keys; this one's finding is added. Raises NotJudgeable, NotCompiled.
    """
    if found.keys:
        return _repeated(con, source, rule, found, known)
    if found.sequence:
        return _out_of_order(con, source, rule, found, row_key, row_order)
    if found.spread:
        return _far_from_mean(con, source, found)
    return found


def table_name(what: str, rule: Rule) -> str:
    return f"_{what}_{digest(rule.name)[:16]}"  # names of tables ignore case, names of rules do not


def _repeated(con: duckdb.DuckDBPyConnection, source: str, rule: Rule, found: RowPredicates, known: Known) -> RowPredicates:
    """Rows that agree in all cells of a key agree in some of them: only rows that do are grouped, where that is known."""
    table = table_name("repeated", rule)
    key = found.keys[0]
    if len(found.keys) > 1:  # in a struct two nulls are equal, which SQL's IN denies
        key = "{" + ", ".join(f"'k{i}': {cell}" for i, cell in enumerate(found.keys)) + "}"
    where = found.considered
    part = next((cells for cells in known if cells <= frozenset(found.keys)), None)
    if part is not None:
        where += f" AND ({known[part].bad} OR NOT {known[part].considered})"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {key} AS key FROM {source} WHERE {where} GROUP BY ALL HAVING count(*) > 1"
    )
    bad = "false"
    if count_rows(con, table):
        bad = f"({found.considered} AND coalesce({key} IN (SELECT key FROM {table}), false))"
    if found.selected == "true":
        known[frozenset(found.keys)] = Repeats(found.considered, bad)
    return replace(found, bad=bad, keys=())


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
    bad = f"({found.considered} AND {row_key} IN (SELECT key FROM {table}))" if count_rows(con, table) else "false"
    return replace(found, bad=bad, sequence=None)


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
