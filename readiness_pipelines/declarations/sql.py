"""What a SQL model may be, read from its text: nothing is run here, and `binding` says whether DuckDB understands it.

A silver model is a row map: one SELECT over its one upstream table. Whatever could drop, merge or multiply rows
(WHERE, DISTINCT, GROUP BY, HAVING, QUALIFY, LIMIT, OFFSET, SAMPLE, joins, set operations, subqueries, unnesting,
aggregates) is refused, so that no row can vanish unseen. Window functions are refused too: they keep the number of
rows, but let the other rows of the delivery decide a row's value, so a row would not be its own record's any more.
A gold model is any single SELECT over its declared inputs.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import duckdb
import sqlglot
from sqlglot import Token, TokenType
from sqlglot import expressions as exp

# What can change the number of rows, by the name a reader knows it by, and the word it begins with.
_NO_ROW_MAP: tuple[tuple[str, str, tuple[TokenType, ...]], ...] = (
    ("with_", "WITH", (TokenType.WITH,)),
    ("where", "WHERE (declare drop_where)", (TokenType.WHERE,)),
    ("distinct", "DISTINCT (declare deduplicate)", (TokenType.DISTINCT,)),
    ("group", "GROUP BY", (TokenType.GROUP_BY,)),
    ("having", "HAVING", (TokenType.HAVING,)),
    ("qualify", "QUALIFY", (TokenType.QUALIFY,)),
    ("limit", "LIMIT", (TokenType.LIMIT, TokenType.FETCH)),
    ("offset", "OFFSET", (TokenType.OFFSET,)),
    ("sample", "USING SAMPLE", (TokenType.USING,)),
    ("joins", "a join", (TokenType.JOIN, TokenType.COMMA)),
    ("laterals", "a lateral join", (TokenType.LATERAL,)),
)
_ONE_ROW = "expected a row map: each row in gives one row out"
_WRITTEN_OTHERWISE = {"union": "UNION", "except": "EXCEPT", "intersect": "INTERSECT", "values": "VALUES", "pivot": "PIVOT"}


@dataclass(frozen=True)
class Problem:
    """One mistake in a model: its 1-based line in the SQL file and what was found and expected."""

    line: int
    message: str


@dataclass(frozen=True)
class Model:
    """One statement, and the tokens that know its lines."""

    text: str
    statement: exp.Expression
    tokens: tuple[Token, ...]

    def line_of(self, node: exp.Expr) -> int:
        """Return the line of the first name in `node` (of the statement where it has none)."""
        for found in (node, *node.find_all(exp.Identifier, exp.Column, exp.Anonymous, exp.Func)):
            if "line" in found.meta:
                return int(found.meta["line"])
        words = {node.sql(dialect="duckdb").split("(")[0].lower(), node.key}
        return next((t.line for t in self.tokens if t.text.lower() in words), self.tokens[0].line)

    def line_of_word(self, *kinds: TokenType, after: TokenType | None = None) -> int:
        """Return the line of the first such word outside brackets (of the statement where there is none)."""
        depth, waiting = 0, after is not None
        for token in self.tokens:
            depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(token.token_type, 0)
            waiting = waiting and token.token_type is not after
            if depth == 0 and not waiting and token.token_type in kinds:
                return token.line
        return self.tokens[0].line

    def line_of_output(self, name: str) -> int:
        """Return the line of the column that the statement gives under `name`."""
        for selected in self.statement.selects if isinstance(self.statement, exp.Query) else ():
            if selected.alias_or_name == name:
                alias = selected.args.get("alias")
                return self.line_of(alias if isinstance(alias, exp.Expr) and "line" in alias.meta else selected)
        return self.tokens[0].line


def parse(sql: str) -> exp.Expression:
    """Return the one statement in `sql`. Raises ValueError saying what is wrong with it."""
    found = read_model(sql)
    if isinstance(found, Problem):
        raise ValueError(f"line {found.line}: {found.message}")
    return found.statement


def read_model(sql: str) -> Model | Problem:
    """Return the one statement in `sql`, or why there is not exactly one. DuckDB's own parser has the last word."""
    try:
        duckdb.extract_statements(sql)
    except duckdb.Error as error:
        message = str(error).splitlines()[0].removeprefix("Parser Error: ")
        return Problem(_parser_line(sql), f"found SQL that does not parse ({message}), expected one SELECT")
    try:
        tokens = tuple(sqlglot.tokenize(sql, read="duckdb"))
        statements = [s for s in sqlglot.parse(sql, read="duckdb") if s is not None]
    except sqlglot.errors.SqlglotError as error:
        first = error.errors[0] if isinstance(error, sqlglot.errors.ParseError) and error.errors else {}
        message = first.get("description") or "no reason given"
        return Problem(int(first.get("line") or 1), f"found SQL whose columns cannot be traced ({message}), expected plain SQL")
    if not statements:
        return Problem(1, "found no statement, expected one SELECT")
    if len(statements) > 1:
        ends = [i for i, t in enumerate(tokens) if t.token_type is TokenType.SEMICOLON and i + 1 < len(tokens)]
        return Problem(tokens[ends[0] + 1].line if ends else 1, f"found {len(statements)} statements, expected one SELECT")
    (statement,) = statements
    assert isinstance(statement, exp.Expression)
    return Model(sql, statement, tokens)


def _parser_line(sql: str) -> int:
    with duckdb.connect() as con:
        con.execute("SET errors_as_json = true")
        try:
            con.execute(sql)
        except duckdb.Error as error:
            return line_at(sql, error)
    return 1


def line_at(sql: str, error: duckdb.Error, *, offset: int = 0) -> int:
    """Return the line in `sql` that DuckDB's error (as JSON) points to; `offset` characters stood before it."""
    found = re.search(r'"position":"(\d+)"', str(error))
    return sql.count("\n", 0, int(found[1]) - offset) + 1 if found and int(found[1]) >= offset else 1


def told(error: duckdb.Error) -> tuple[str, str]:
    """Return the first line of what DuckDB says, and the nearest of the names that would do ('' for none)."""
    text = str(error)
    try:
        said = json.loads(text[text.index("{") :])
    except ValueError:
        return text.splitlines()[0][:200], ""
    candidates = [c.split(".")[-1].strip('"') for c in str(said.get("candidates", "")).split(",") if "(" not in c]
    near = difflib.get_close_matches(str(said.get("name", "")), candidates, n=1)
    return str(said.get("exception_message", "")).splitlines()[0].rstrip("!")[:200], near[0] if near else ""


def row_map_problems(model: Model, upstream: str | None) -> Iterator[Problem]:
    """Yield why the model is no row map over `upstream` (over any one table, for None); nothing when it is one."""
    statement = model.statement
    if not isinstance(statement, exp.Select):
        kind = _WRITTEN_OTHERWISE.get(statement.key, statement.key.upper())
        line = next((t.line for t in model.tokens if t.text.upper() == kind), model.tokens[0].line)
        yield Problem(line, f"found {kind}, expected one SELECT: a silver model maps each row to one row")
        return
    refused = list(_refused_parts(model, statement))
    yield from refused
    if refused:
        return  # a join also reads a second table, a subquery also has a WHERE: one mistake, one line
    tables = list(statement.find_all(exp.Table))
    expected = upstream or (tables[0].name if tables else "one table")
    if len(tables) != 1 or not isinstance(tables[0].this, exp.Identifier) or tables[0].name != expected:
        line = model.line_of(tables[0]) if tables else model.tokens[0].line
        read = ", ".join(t.sql(dialect="duckdb")[:60] for t in tables) or "no table"
        yield Problem(line, f"found FROM {read}, expected FROM {expected}")
    elif tables[0].args.get("sample") or tables[0].args.get("pivots") or tables[0].alias_column_names:
        read = tables[0].sql(dialect="duckdb")[:60]
        yield Problem(model.line_of(tables[0]), f"found FROM {read}, expected FROM {expected} as it is")


def _refused_parts(model: Model, statement: exp.Select) -> Iterator[Problem]:
    inner = next((s for s in statement.find_all(exp.Select, exp.SetOperation, exp.Subquery) if s is not statement), None)
    if statement.args.get("with_") is None and inner is not None:
        yield Problem(_second_select(model), "found a subquery, expected no other SELECT: a silver model maps each row by itself")
        return
    parts = [p for p in _NO_ROW_MAP if statement.args.get(p[0]) and not (p[0] == "having" and statement.args.get("group"))]
    for part, name, kinds in parts:
        after = TokenType.FROM if part in ("joins", "sample") else None
        yield Problem(model.line_of_word(*kinds, after=after), f"found {name}, {_ONE_ROW}")
    from_ = statement.args.get("from_")
    source = from_.this if isinstance(from_, exp.From) else None
    if source is not None and (isinstance(source, exp.TableSample) or source.args.get("sample")):
        yield Problem(model.line_of(source), f"found TABLESAMPLE, {_ONE_ROW}")
    elif source is not None and not isinstance(source, exp.Table):
        yield Problem(model.line_of(source), f"found FROM {source.sql(dialect='duckdb')[:60]}, expected FROM one table")
    if not parts:  # a clause explains the aggregates and windows that stand in it or beside it
        yield from _calls_over_rows(model, statement)


def _calls_over_rows(model: Model, statement: exp.Select) -> Iterator[Problem]:
    for window in statement.find_all(exp.Window):
        yield Problem(model.line_of(window), "found a window function, which looks at other rows; expected a row map")
    for call in statement.find_all(exp.AggFunc, exp.Unnest, exp.Explode):
        if call.find_ancestor(exp.Window, exp.From) is None:
            name = "UNNEST" if isinstance(call, exp.Unnest | exp.Explode) else call.key.upper()
            line = next((t.line for t in model.tokens if t.text.upper() == name), model.line_of(call))
            yield Problem(int(call.meta.get("line", line)), f"found {name}(), {_ONE_ROW}")


def _second_select(model: Model) -> int:
    selects = [t.line for t in model.tokens if t.token_type is TokenType.SELECT]
    return selects[1] if len(selects) > 1 else model.tokens[0].line


def select_problems(model: Model, inputs: Collection[str] | None) -> Iterator[Problem]:
    """Yield why the model is no SELECT over just `inputs` (over any, for None); nothing when it is one."""
    statement = model.statement
    if not isinstance(statement, exp.Query):
        yield Problem(model.tokens[0].line, f"found {statement.key.upper()}, expected one SELECT")
        return
    if inputs is None:
        return
    named = {cte.alias for cte in statement.find_all(exp.CTE)}
    read: dict[str, exp.Table] = {}
    for table in statement.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier) and table.name not in named:
            read.setdefault(table.name, table)
    unread = sorted(set(inputs) - set(read))
    for name in sorted(set(read) - set(inputs)):
        near = difflib.get_close_matches(name, unread, n=1) or (unread[:] if len(unread) == 1 else [])
        if near:
            unread.remove(near[0])
        expected = f"its input {near[0]}" if near else f"one of its inputs ({', '.join(sorted(inputs))})"
        yield Problem(model.line_of(read[name]), f"found FROM {name[:60]}, expected {expected}")
    for name in unread:
        yield Problem(model.tokens[0].line, f"found no FROM {name}, expected its declared input to be read")


def output_columns(statement: exp.Expression) -> list[str]:
    """Return the names of the columns that `statement` gives, in order ('*' where it selects a star)."""
    return [s.alias_or_name for s in statement.selects] if isinstance(statement, exp.Query) else []


def misspelt(model: Model, declared: Collection[str], *, system: Collection[str] = ()) -> dict[str, str]:
    """Return given -> declared for each column that the model gives under a name near a declared one it lacks."""
    given = output_columns(model.statement)
    lacking = [name for name in declared if name not in given]
    strays = [name for name in given if name not in declared and name not in system]
    found: dict[str, str] = {}
    for name in strays:
        near = difflib.get_close_matches(name, lacking, n=1) or (lacking[:] if len(lacking) == len(strays) == 1 else [])
        if near:
            lacking.remove(near[0])
            found[name] = near[0]
    return found


def column_problems(model: Model, declared: Collection[str], *, system: Collection[str] = ()) -> Iterator[Problem]:
    """Yield how the columns the model gives differ from the declared ones. `system` may be given and need not."""
    given = output_columns(model.statement)
    if any(s.is_star or s.find(exp.Star) and not s.find(exp.Count) for s in _selects(model.statement)):
        yield Problem(
            model.tokens[0].line, "found *, expected every column by name, so that the contract and the SQL can be compared"
        )
        return
    meant = misspelt(model, declared, system=system)
    for i, name in enumerate(given):
        if name in given[:i]:
            yield Problem(model.line_of_output(name), f"found the column {name!r} twice, expected it once")
        elif name in meant:
            yield Problem(model.line_of_output(name), f"found the column {name!r}, expected {meant[name]!r}?")
        elif name not in declared and name not in system:
            message = f"found the column {name!r}, which the contract does not declare; expected a declared column"
            yield Problem(model.line_of_output(name), message)
    for name in declared:
        if name not in given and name not in meant.values():
            yield Problem(model.tokens[0].line, f"found no column {name!r}, expected it: the contract declares it")


def _selects(statement: exp.Expression) -> list[exp.Expr]:
    return list(statement.selects) if isinstance(statement, exp.Query) else []
