"""Does DuckDB understand the SQL? Every model and condition is bound, never run, over empty tables of the declared types.

The database is in memory and may open no file, so a model that reads something else than its inputs does not bind.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import duckdb
from sqlglot import TokenType
from sqlglot import expressions as exp

from readiness_pipelines.contracts.types import castable
from readiness_pipelines.declarations.sql import Model, Problem, line_at, read_model, told
from readiness_pipelines.gates.columns import is_number

_DESCRIBE = "DESCRIBE "
# The clock, the session and the engine, by names that DuckDB calls consistent or knows under another one.
_WITHOUT_BRACKETS = (
    *("current_timestamp", "current_time", "current_date", "localtimestamp", "localtime"),
    *("current_user", "session_user"),
)
_OF_THE_MOMENT = (*_WITHOUT_BRACKETS, "current_localtimestamp", "current_localtime", "version")
# These read nothing but their arguments and the partition at hand, although DuckDB calls them volatile.
_HARMLESS = ("getvariable", "error")
_TABLES_FROM_ARGUMENTS = ("unnest", "range", "generate_series")
_ROW_BY_ROW = {"PROJECTION", "SEQ_SCAN", "ORDER_BY", "DUMMY_SCAN", "EMPTY_RESULT"}


@cache
def _volatile() -> frozenset[str]:
    """Return the functions that may answer otherwise at the next run, as this DuckDB itself counts them: slow to ask."""
    with duckdb.connect() as con:
        rows = con.execute("SELECT DISTINCT function_name FROM duckdb_functions() WHERE stability <> 'CONSISTENT'").fetchall()
    return frozenset(str(r[0]) for r in rows) - frozenset(_HARMLESS) | frozenset(_OF_THE_MOMENT)


class Binder:
    """An empty database. `add` tables, then bind models over them. Close it when done."""

    def __init__(self) -> None:
        self._con = duckdb.connect(config={"enable_external_access": "false", "threads": "1"})
        for statement in ("SET errors_as_json = true", "SET TimeZone = 'UTC'", "PRAGMA disable_optimizer"):
            self._con.execute(statement)
        self._con.execute("SET VARIABLE partition_key = '2025-01-01'")

    def close(self) -> None:
        self._con.close()

    def add(self, name: str, columns: Mapping[str, str]) -> None:
        """Make an empty table of these columns (name -> DuckDB type)."""
        self._con.execute(f"CREATE OR REPLACE TABLE {_quoted(name)} ({', '.join(f'{_quoted(c)} {t}' for c, t in columns.items())})")

    def model_problems(self, model: Model, declared: Mapping[str, str], *, row_map: bool) -> Iterator[Problem]:
        """Yield the first thing in the model that DuckDB does not understand, or each column that cannot be `declared`.

        `row_map`: also what DuckDB would do more than compute each row by itself.
        """
        outside = list(self._outside_problems(model))
        if outside:
            yield from outside
            return
        text = model.text.rstrip().rstrip(";")
        try:
            given = {str(row[0]): str(row[1]) for row in self._con.execute(_DESCRIBE + text).fetchall()}
        except duckdb.Error as error:
            yield Problem(line_at(text, error, offset=len(_DESCRIBE)), _bind_message(error))
            return
        if row_map and (more := self._more_than_row_by_row(text)):
            yield Problem(model.tokens[0].line, f"found SQL for which DuckDB plans {more}, expected a row map")
        for name, wanted in declared.items():
            if name in given and not castable(given[name], wanted):
                yield Problem(
                    model.line_of_output(name), f"found {name} as {given[name]}, expected {wanted} or what casts to it strictly"
                )

    def condition_problem(self, sql: str, columns: Mapping[str, str]) -> str | None:
        """Return why `sql` is no condition over a row of these columns, or None."""
        types = self._types_of(sql, columns, called="a condition", shown=f"CASE WHEN ({sql}) THEN 1 END, ({sql})")
        if isinstance(types, str):
            return types
        if len(types) != 2:
            return "found several values, expected one condition"
        if types[1] not in ("BOOLEAN", '"NULL"'):
            return f"found a value of type {types[1]}, expected a condition (true or false)"
        return self._more_than_one_row(sql, called="a condition")

    def score_problem(self, sql: str, columns: Mapping[str, str]) -> str | None:
        """Return why `sql` is no number (or condition, which counts 1 or 0) over a row of these columns, or None."""
        if not sql.strip():
            return "found nothing, expected a number over a row's columns"
        types = self._types_of(sql, columns, called="a number", shown=f"({sql})")
        if isinstance(types, str):
            return types
        if len(types) != 1:
            return "found several values, expected one number"
        if not is_number(types[0]) and types[0] != "BOOLEAN":
            return f"found a value of type {types[0]}, expected a number"
        return self._more_than_one_row(sql, called="a number")

    def _types_of(self, sql: str, columns: Mapping[str, str], *, called: str, shown: str) -> list[str] | str:
        """Return the types that `shown` gives over a row of these columns, or why `sql` does not bind."""
        self.add("_candidate", columns)
        found = read_model(f"SELECT ({sql})")
        if isinstance(found, Problem):
            return found.message.replace("one SELECT", called)
        for problem in self._outside_problems(found):
            return problem.message
        try:
            return [str(row[1]) for row in self._con.execute(f"{_DESCRIBE}SELECT {shown} FROM _candidate").fetchall()]
        except duckdb.Error as error:
            return _bind_message(error)

    def _more_than_one_row(self, sql: str, *, called: str) -> str | None:
        more = self._more_than_row_by_row(f"SELECT ({sql}) FROM _candidate")
        return f"found SQL for which DuckDB plans {more}, expected {called} over one row" if more else None

    def query_problem(self, query: str) -> str | None:
        """Return why a SELECT over tables that were added does not bind, or None."""
        try:
            self._con.execute(_DESCRIBE + query)
        except duckdb.Error as error:
            return _bind_message(error)
        return None

    def expression_problem(self, expressions: Sequence[str], columns: Mapping[str, str]) -> str | None:
        """Return why these expressions do not bind over a row of these columns, or None."""
        self.add("_candidate", columns)
        try:
            self._con.execute(f"{_DESCRIBE}SELECT {', '.join(expressions)} FROM _candidate")
        except duckdb.Error as error:
            return _bind_message(error)
        return None

    def _more_than_row_by_row(self, select: str) -> str:
        """Return the first step of DuckDB's plan that looks at more than one row, or ''."""
        try:
            row = self._con.execute(f"EXPLAIN (FORMAT json) {select}").fetchone()
        except duckdb.Error as error:
            return told(error)[0]
        plan = json.loads(row[1]) if row else []
        return next((name for name in _steps(plan) if name not in _ROW_BY_ROW), "")

    def _outside_problems(self, model: Model) -> Iterator[Problem]:
        """Yield what the model reads besides its inputs: other databases, table functions, the clock, chance."""
        for table in model.statement.find_all(exp.Table):
            called = table.this
            if isinstance(called, exp.Func):
                name = (called.name if isinstance(called, exp.Anonymous) else called.sql_names()[0]).lower()
                if name not in _TABLES_FROM_ARGUMENTS:
                    yield Problem(model.line_of(table), f"found {name[:60]}(), expected FROM its declared inputs only")
            elif table.db or "." in table.name or "/" in table.name:
                found = table.sql(dialect="duckdb")[:60]
                yield Problem(model.line_of(table), f"found FROM {found}, expected its declared inputs by their plain names")
        for token, after in zip(model.tokens, model.tokens[1:], strict=False):
            name = token.text.lower()
            called = after.token_type is TokenType.L_PAREN
            bare = name in _WITHOUT_BRACKETS and token.token_type is not TokenType.IDENTIFIER
            if (called or bare) and token.token_type is not TokenType.STRING and name in _volatile():
                yield Problem(
                    token.line, f"found {name}(), expected the same value at each run: a version is named by what it is made from"
                )


def _steps(plan: Any) -> Iterator[str]:
    for step in plan:
        yield str(step["name"]).strip()
        yield from _steps(step["children"])


def _bind_message(error: duckdb.Error) -> str:
    said, near = told(error)
    if isinstance(error, duckdb.PermissionException):
        return "found a file or something else outside, expected its declared inputs only"
    expected = f"expected {near!r}?" if near else "expected SQL that DuckDB can bind to the declared columns"
    return f"found SQL that does not bind ({said}), {expected}"


def near_column(found: str, columns: Sequence[str]) -> str:
    """Return `found 'x', expected 'y'?` or the table's first columns."""
    near = difflib.get_close_matches(found, columns, n=1)
    some = ", ".join(columns[:8]) + (" ..." if len(columns) > 8 else "")
    return f"found {found[:60]!r}, expected {repr(near[0]) + '?' if near else f'one of its columns: {some}'}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
