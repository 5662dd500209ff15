"""`unexpected_rows_expectation`: one SELECT over `{batch}` and tables that are named in braces, and nothing else.

Braces are Great Expectations' own: `{name}` is a table, `{{` and `}}` are braces of the SQL. What a query reads and calls is
told by DuckDB's own parser, and only what is known to give the same answer at each run may be called.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from string import Formatter
from typing import Any

import duckdb

BATCH = "batch"
_STANDS_FOR = "_readiness_of_"
_NODES = ("SELECT_NODE", "SET_OPERATION_NODE", "CTE_NODE")
_TABLE_FUNCTIONS = ("unnest", "range", "generate_series")
# The clock and the session, which DuckDB finds where no column is called so.
_NO_COLUMNS = (
    "current_timestamp",
    "current_time",
    "current_date",
    "localtimestamp",
    "localtime",
    "current_user",
    "session_user",
    "current_role",
    "user",
    "current_catalog",
    "current_schema",
)
# DuckDB calls these consistent, and they tell the moment, the engine, chance or the catalog.
_NOT_CONSISTENT = (
    "current_localtimestamp",
    "current_localtime",
    "version",
    "reservoir_quantile",
    "json_serialize_plan",
    "parse_duckdb_log_message",
)
# Macros, of which DuckDB tells no stability, that are made of consistent functions.
_MACROS = (
    "date_add",
    "days_in_month",
    "fdiv",
    "fmod",
    "generate_subscripts",
    "geomean",
    "geometric_mean",
    "if",
    "json",
    "json_group_array",
    "json_group_object",
    "json_group_structure",
    "map_contains_entry",
    "map_contains_value",
    "md5_number_lower",
    "md5_number_upper",
    "nullif",
    "pg_typeof",
    "regexp_split_to_table",
    "split_part",
    "wavg",
    "weighted_avg",
)
_MACROS_OF_LISTS = ("list_", "array_")
_ALSO = ("getvariable", "error", "unnest")  # the partition's key; a failure on purpose; rows of a list


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


def counting(query: str, relations: Mapping[str, str]) -> str:
    """Return SQL for the number of rows that the query gives over these relations.

    They are named outside of it, by their stand-ins: no name that the query gives to anything can hide one.
    """
    named = (f"{stand_in(name)} AS NOT MATERIALIZED (SELECT * FROM {relations[name]})" for name in tables_of(query))
    return f"WITH {', '.join(named)} SELECT count(*) FROM ({looked_at(query)}\n)"


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
    if any(spec or conversion for _, _, spec, conversion in Formatter().parse(query)):
        yield "found a brace with more than the name of a table in it, expected {{ for a brace of the SQL"
        return
    sql = looked_at(query)
    try:
        found = [statement.type.name for statement in duckdb.extract_statements(sql)]
        tree = json.loads(_parser().execute("SELECT json_serialize_sql(?)", [sql]).fetchall()[0][0])
    except duckdb.Error as error:
        yield _unparsed(str(error).splitlines()[0].removeprefix("Parser Error: "))
        return
    if found != ["SELECT"]:
        yield f"found {found[0] if len(found) == 1 else f'{len(found)} statements'}, expected one SELECT"
        return
    if tree["error"]:
        yield _unparsed(str(tree["error_message"]))
        return
    if BATCH not in names:
        yield "found a query without {batch}, expected it to read the rows at hand"
        return
    read = set[str]()
    yield from _tree_problems(tree["statements"][0]["node"], frozenset(stand_in(name).lower() for name in names), read, sql)
    for name in names:
        if name.lower() not in read:
            yield f"found {{{name}}} where no table stands, expected it after FROM or JOIN"


def _unparsed(said: str) -> str:
    return f"found SQL that does not parse ({said.replace(_STANDS_FOR, '')[:120]}), expected one SELECT"


def _tree_problems(tree: Any, visible: frozenset[str], read: set[str], sql: str) -> Iterator[str]:
    """Yield what the query reads or calls that it may not. `visible` are names of WITH in scope; `read` gathers the tables."""
    if isinstance(tree, list):
        for each in tree:
            yield from _tree_problems(each, visible, read, sql)
    if not isinstance(tree, dict):
        return
    for each in (tree.get("cte_map") or {}).get("map", ()):  # in order: none sees itself, or those after it
        if str(each["key"]).lower().startswith(_STANDS_FOR):
            yield f"found the name {each['key']} after WITH, expected another"
        yield from _tree_problems(each["value"], visible, read, sql)
        visible |= {str(each["key"]).lower()}
    yield from _own_problems(tree, visible, read, sql)
    for key, each in tree.items():
        if key != "cte_map" and not (tree.get("type") == "TABLE_FUNCTION" and key == "function"):
            yield from _tree_problems(each, visible, read, sql)
    if tree.get("type") == "TABLE_FUNCTION":
        yield from _tree_problems(tree["function"].get("arguments"), visible, read, sql)


def _own_problems(node: Mapping[str, Any], visible: frozenset[str], read: set[str], sql: str) -> Iterator[str]:
    kind, place = str(node.get("type")), node.get("query_location")
    line = sql.encode()[:place].count(b"\n") + 1 if isinstance(place, int) and 0 <= place <= len(sql.encode()) else 1
    if kind.endswith("_NODE") and kind not in _NODES:
        said = "WITH RECURSIVE" if kind == "RECURSIVE_CTE_NODE" else kind.removesuffix("_NODE").replace("_", " ")
        yield f"found {said}, expected one SELECT"
    if node.get("sample"):
        yield "found a sample, expected the same answer at each run"
    if kind == "SHOW_REF":
        yield "found DESCRIBE or SHOW, expected {batch} and tables in braces only"
    elif kind == "TABLE_FUNCTION" and node["function"].get("function_name", "").lower() not in _TABLE_FUNCTIONS:
        yield f"found FROM {node['function'].get('function_name', '')[:60]}(), expected {{batch}} and tables in braces only"
    elif kind == "BASE_TABLE":
        yield from _table_problems(node, visible, read)
    elif kind == "COLUMN_REF" and len(names := node["column_names"]) == 1 and names[0].lower() in _NO_COLUMNS:
        yield f"found {names[0].lower()}() in line {line} of the query, expected the same answer at each run"
    elif kind == "FUNCTION" and not _is_consistent(node):
        name = str(node["function_name"]).lower()[:60]
        yield f"found {name}() in line {line} of the query, expected the same answer at each run"


def _table_problems(node: Mapping[str, Any], visible: frozenset[str], read: set[str]) -> Iterator[str]:
    name, path = str(node["table_name"]), (node.get("catalog_name"), node.get("schema_name"))
    if any(path) or node.get("at_clause") or not name.isidentifier():
        whole = ".".join(part for part in (*path, name) if part)
        yield f"found FROM {whole[:60]}, expected {{batch}} and tables in braces only"
    elif name.lower() not in visible:
        yield f"found FROM {name[:60]}, expected {{{name[:60]}}}: a table in braces"
    elif name.lower().startswith(_STANDS_FOR):
        read.add(name.lower().removeprefix(_STANDS_FOR))


def _is_consistent(node: Mapping[str, Any]) -> bool:
    name = str(node["function_name"]).lower()
    if any(node.get(part) not in (None, "", "main", "system") for part in ("schema", "catalog")):
        return False
    if name == "age" and len(node.get("arguments") or ()) == 1:  # until now
        return False
    return name in _consistent()


@cache
def _consistent() -> frozenset[str]:
    """Return the functions that look at nothing but their arguments, as DuckDB itself tells them."""
    found = _parser().execute("SELECT function_name, function_type, stability FROM duckdb_functions() WHERE internal").fetchall()
    of_macros = {str(n) for n, type_, _ in found if type_ == "macro" and (n in _MACROS or str(n).startswith(_MACROS_OF_LISTS))}
    plain = {str(n).lower() for n, type_, _ in found if type_ in ("scalar", "aggregate", "window")}
    strange = {str(n).lower() for n, type_, stability in found if type_ != "macro" and stability not in ("CONSISTENT", None)}
    return frozenset((plain - strange - set(_NOT_CONSISTENT)) | of_macros | set(_ALSO))


def _parser() -> duckdb.DuckDBPyConnection:
    """Return a connection that can look at nothing: it parses, and tells DuckDB's functions."""
    global _connection
    if _connection is None:
        _connection = duckdb.connect(config={"enable_external_access": "false", "threads": "1"})
    return _connection.cursor()


_connection: duckdb.DuckDBPyConnection | None = None
