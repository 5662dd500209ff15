"""What a SQL model may be. Read with sqlglot, in DuckDB's dialect; nothing is run.

A silver model is a row map: one SELECT over its one upstream table. Whatever could drop, merge or multiply rows
(WHERE, DISTINCT, GROUP BY, HAVING, QUALIFY, LIMIT, OFFSET, joins, set operations, unnesting, aggregates) is refused,
so that no row can vanish unseen. A gold model is any single SELECT over its declared inputs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import sqlglot
from sqlglot import expressions as exp

# What can change the number of rows, by the name a reader knows it by.
_NO_ROW_MAP: tuple[tuple[str, str], ...] = (
    ("where", "WHERE (declare drop_where)"),
    ("distinct", "DISTINCT (declare deduplicate)"),
    ("group", "GROUP BY"),
    ("having", "HAVING"),
    ("qualify", "QUALIFY"),
    ("limit", "LIMIT"),
    ("offset", "OFFSET"),
    ("sample", "USING SAMPLE"),
    ("joins", "a join"),
    ("laterals", "a lateral join"),
)
_READS_OUTSIDE = ("read_", "glob", "sniff_csv", "parquet_", "iceberg_", "delta_", "postgres_", "sqlite_", "mysql_", "query")


def parse(sql: str) -> exp.Expression:
    """Return the one statement in `sql`. Raises ValueError saying what is wrong with it."""
    try:
        statements = [s for s in sqlglot.parse(sql, read="duckdb") if s is not None]
    except sqlglot.errors.ParseError as error:
        first = error.errors[0] if error.errors else {}
        at = f"line {first.get('line')}: " if first.get("line") else ""
        raise ValueError(f"{at}does not parse: {first.get('description') or str(error)[:200]}") from error
    if len(statements) != 1:
        raise ValueError(f"found {len(statements)} statements, expected one SELECT")
    (statement,) = statements
    assert isinstance(statement, exp.Expression)
    return statement


def row_map_problems(statement: exp.Expression, upstream: str) -> Iterator[str]:
    """Yield why `statement` is no row map over `upstream`; nothing when it is one."""
    if not isinstance(statement, exp.Select):
        yield f"found {statement.key.upper()}, expected one SELECT"
        return
    for part, words in _NO_ROW_MAP:
        if statement.args.get(part):
            yield f"found {words}; a silver model maps each row to one row"
    tables = [t.name for t in statement.find_all(exp.Table)]
    if tables != [upstream]:
        yield f"reads {', '.join(tables) or 'nothing'}, expected FROM {upstream} once"
    if next(statement.find_all(exp.Subquery, exp.CTE), None):
        yield "found a subquery; a silver model maps each row by itself"
    for call in statement.find_all(exp.AggFunc, exp.Unnest, exp.Explode):
        if not isinstance(call.parent, exp.Window):
            yield f"found {call.key.upper()}(), which does not map row to row"
    yield from _outside_problems(statement)


def select_problems(statement: exp.Expression, inputs: Collection[str]) -> Iterator[str]:
    """Yield why `statement` is no SELECT over just `inputs`; nothing when it is one."""
    if not isinstance(statement, exp.Query):
        yield f"found {statement.key.upper()}, expected one SELECT"
        return
    named = {cte.alias for cte in statement.find_all(exp.CTE)}
    read = {t.name for t in statement.find_all(exp.Table)} - named
    for table in sorted(read - set(inputs)):
        yield f"reads {table}, which is not among its inputs ({', '.join(sorted(inputs))})"
    for table in sorted(set(inputs) - read):
        yield f"declares the input {table} but never reads it"
    yield from _outside_problems(statement)


def _outside_problems(statement: exp.Expression) -> Iterator[str]:
    for call in statement.find_all(exp.Anonymous, exp.ReadCSV, exp.ReadParquet):
        name = (call.name if isinstance(call, exp.Anonymous) else call.key).lower()
        if not isinstance(call, exp.Anonymous) or name.startswith(_READS_OUTSIDE):
            yield f"calls {name}(); a model reads its declared inputs only"
    for table in statement.find_all(exp.Table):
        if table.db or "." in table.name or "/" in table.name:
            yield f"reads {table.sql(dialect='duckdb')}; a model reads its declared inputs by their plain names"


def output_columns(statement: exp.Expression) -> list[str]:
    """Return the names of the columns that `statement` gives, in order ('*' where it selects a star)."""
    return [s.alias_or_name for s in statement.selects] if isinstance(statement, exp.Query) else []
