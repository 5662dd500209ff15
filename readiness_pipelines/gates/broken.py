"""The rows that break rules, looked up again: only where a rule was broken, and only in the rows that can have broken it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from readiness_pipelines.gates.columns import literal, one_row
from readiness_pipelines.gates.compile import RowPredicates
from readiness_pipelines.gates.counting import Part
from readiness_pipelines.gates.relation import RULES_PER_SCAN

BROKEN = "_broken_rows"  # temp table: the row's key, and its reasons in the suite's order
_FAILING_KEYS = 5


def keep_broken(
    con: duckdb.DuckDBPyConnection,
    parts: Sequence[Part],
    cells: Mapping[str, str],
    failed: Mapping[str, RowPredicates],
    *,
    row_key: str,
) -> None:
    """Make the table of all rows that break a failed rule, or hold a cell that could not be cast (`cells`, by reason)."""
    selects = []
    for part in parts:
        wanted = {**cells, **{name: part.bad(name, p) for name, p in failed.items()}}
        bad = {name: sql for name, sql in wanted.items() if sql != "false" and name not in part.settled}
        if bad:
            reasons = ", ".join(f"CASE WHEN {sql} THEN {literal(name)} END" for name, sql in bad.items())
            selects.append(
                f"SELECT {row_key}, list_filter([{reasons}], lambda r: r IS NOT NULL) AS reasons "
                f"FROM {part.relation} WHERE {' OR '.join(bad.values())}"
            )
    nothing = f"SELECT {row_key}, CAST([] AS VARCHAR[]) AS reasons FROM {parts[0].relation} WHERE false"
    con.execute(f"CREATE OR REPLACE TEMP TABLE {BROKEN} AS {' UNION ALL '.join(selects) or nothing}")


def kept_keys(con: duckdb.DuckDBPyConnection, row_key: str) -> dict[str, tuple[str, ...]]:
    """Return the smallest few keys per reason, of the rows in the table of broken rows."""
    each = f"SELECT {row_key} AS key, unnest(reasons) AS reason FROM {BROKEN}"
    found = con.execute(f"SELECT reason, min(key, {_FAILING_KEYS}) FROM ({each}) GROUP BY ALL").fetchall()
    return {str(reason): _texts(keys) for reason, keys in found}


def failing_keys(
    con: duckdb.DuckDBPyConnection, source: str, broken: Mapping[str, RowPredicates], *, row_key: str
) -> dict[str, tuple[str, ...]]:
    """Return the smallest few keys of the rows that break each of these rules, from one more look at the rows."""
    found: dict[str, tuple[str, ...]] = {}
    names = list(broken)
    for start in range(0, len(names), RULES_PER_SCAN):
        some = names[start : start + RULES_PER_SCAN]
        each = ", ".join(f"min({row_key}, {_FAILING_KEYS}) FILTER ({broken[name].bad})" for name in some)
        row = one_row(con, f"SELECT {each} FROM {source}")
        found |= {name: _texts(keys) for name, keys in zip(some, row, strict=True)}
    return found


def _texts(keys: Sequence[object] | None) -> tuple[str, ...]:
    return tuple(str(key) for key in keys or ())
