"""`unexpected_rows_expectation`: one SELECT over `{batch}` and tables that are named in braces, and nothing else.

Braces are Great Expectations' own: `{name}` is a table, `{{` and `}}` are braces of the SQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from string import Formatter

import duckdb
import sqlglot
from sqlglot import TokenType
from sqlglot import expressions as exp

BATCH = "batch"
_STANDS_FOR = "_readiness_of_"
# The clock, the session and the engine, by names that DuckDB calls consistent or knows under another one.
_WITHOUT_BRACKETS = (
    "current_timestamp",
    "current_time",
    "current_date",
    "localtimestamp",
    "localtime",
    "current_user",
    "session_user",
)
_OF_THE_MOMENT = (
    *_WITHOUT_BRACKETS,
    "current_localtimestamp",
    "current_localtime",
    "version",
    "getenv",
    "ago",
    "user",
    "current_role",
)


def tables_of(query: str) -> tuple[str, ...]:
    """Return the names in braces, each once, in order. Raises ValueError for a brace that never pairs."""
    names = [name for _, name, _, _ in Formatter().parse(query) if name is not None]
    return tuple(dict.fromkeys(names))


def filled(query: str, relations: Mapping[str, str]) -> str:
    """Return the query over these relations (SQL for FROM, by name)."""
    parts = [literal + (relations[name] if name is not None else "") for literal, name, _, _ in Formatter().parse(query)]
    return "".join(parts).rstrip("; \t\r\n\v\f")


def stand_in(name: str) -> str:
    """Return the name of the table that stands for `{name}` where a query is only looked at."""
    return f"{_STANDS_FOR}{name}"


def looked_at(query: str) -> str:
    """Return the query over stand-ins. Raises ValueError for a brace that never pairs."""
    return filled(query, {name: stand_in(name) for name in tables_of(query)})


def query_problem(query: str) -> str | None:
    """Return why the query is no read-only SELECT over `{batch}` and other tables in braces, or None."""
    try:
        return next(_problems(query), None)
    except ValueError as error:
        return f"found a brace that never pairs ({str(error)[:80]}), expected {{batch}} or {{{{ for a brace of the SQL"


def _problems(query: str) -> Iterator[str]:
    names = tables_of(query)
    strange = next((name for name in names if not name.isidentifier()), None)
    if strange is not None:
        yield f"found {{{strange[:60]}}}, expected the name of a table in braces, and {{{{ for a brace of the SQL"
        return
    sql = looked_at(query)
    try:
        duckdb.extract_statements(sql)
        tokens = sqlglot.tokenize(sql, read="duckdb")
        statements = [s for s in sqlglot.parse(sql, read="duckdb") if s is not None]
    except (duckdb.Error, sqlglot.errors.SqlglotError) as error:
        said = str(error).splitlines()[0].removeprefix("Parser Error: ").replace(_STANDS_FOR, "")[:120]
        yield f"found SQL that does not parse ({said}), expected one SELECT"
        return
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        found = statements[0].key.upper() if len(statements) == 1 else f"{len(statements)} statements"
        yield f"found {found}, expected one SELECT"
        return
    yield from _reads(statements[0], names)
    for token, after in zip(tokens, [*tokens[1:], tokens[-1]], strict=True):
        name = token.text.lower()
        called = after.token_type is TokenType.L_PAREN
        bare = name in _WITHOUT_BRACKETS and token.token_type is not TokenType.IDENTIFIER
        if (called or bare) and token.token_type is not TokenType.STRING and name in _volatile():
            yield f"found {name}() in line {token.line} of the query, expected the same answer at each run"


def _reads(statement: exp.Expr, names: tuple[str, ...]) -> Iterator[str]:
    """Yield what the query reads besides the tables in braces, and names that stand where no table does."""
    if BATCH not in names:
        yield "found a query without {batch}, expected it to read the rows at hand"
        return
    if statement.find(exp.TableSample):
        yield "found a sample, expected the same answer at each run"
    with_names = {cte.alias for cte in statement.find_all(exp.CTE)}
    read = set()
    for table in statement.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier) or table.db or not table.name.isidentifier():
            yield f"found FROM {table.sql(dialect='duckdb')[:60]}, expected {{batch}} and tables in braces only"
        elif table.name.startswith(_STANDS_FOR):
            read.add(table.name.removeprefix(_STANDS_FOR))
        elif table.name not in with_names:
            yield f"found FROM {table.name[:60]}, expected {{{table.name[:60]}}}: a table in braces"
    for name in names:
        if name not in read:
            yield f"found {{{name}}} where no table stands, expected it after FROM or JOIN"


def _volatile() -> frozenset[str]:
    """Return the functions that look at more than their arguments, as DuckDB itself tells them."""
    global _known
    if _known is None:
        with duckdb.connect() as con:
            found = con.execute("SELECT DISTINCT function_name FROM duckdb_functions() WHERE stability <> 'CONSISTENT'").fetchall()
        _known = frozenset(str(row[0]) for row in found) - {"error", "getvariable"} | frozenset(_OF_THE_MOMENT)
    return _known


_known: frozenset[str] | None = None
