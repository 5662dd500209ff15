"""What a DuckDB column is to pandas, and values as SQL that mean the same to both."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
_FLOATS = ("FLOAT", "DOUBLE")
_EXACT = Context(prec=400)  # a float has at most 1075 binary digits, of which a bound's comparison needs few
LARGEST_EXACT = 2**53  # whole numbers above it do not all survive as float64, which pandas makes of integers with nulls


class NotJudgeable(Exception):
    """The rule cannot be judged on this table by anybody: undecided, never passed."""


class NotCompiled(Exception):
    """The rule has no SQL that provably means what Great Expectations means: it is judged by Great Expectations itself."""


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def one_row(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    """Return the one row of an aggregate, and leave the connection free for other work."""
    row: tuple[Any, ...] = con.execute(sql).fetchall()[0]
    return row


def family(type_: str) -> str:
    """Return what kind of values a DuckDB type holds: integer, float, decimal, text, boolean, date, time,
    nothing (no cell of it was ever seen) or other."""
    if type_ in _INTEGERS:
        return "integer"
    if type_ in _FLOATS:
        return "float"
    if type_.startswith("DECIMAL"):
        return "decimal"
    if type_ in ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS"):  # with nanoseconds, or a zone, pandas compares otherwise
        return "time"
    return {"VARCHAR": "text", "BOOLEAN": "boolean", "DATE": "date", '"NULL"': "nothing"}.get(type_, "other")


def is_number(type_: str) -> bool:
    return family(type_) in ("integer", "float", "decimal") or type_ in ("HUGEINT", "UBIGINT", "UHUGEINT")


def is_time(type_: str) -> bool:
    return type_ == "DATE" or type_.startswith("TIMESTAMP")


def known(column: str, types: Mapping[str, str]) -> str:
    """Return the column's family. Raises NotJudgeable if there is no such column."""
    if column not in types:
        raise NotJudgeable(f"there is no column {column!r}")
    return family(types[column])


def present(column: str, types: Mapping[str, str]) -> str:
    """Return SQL that is true where the cell is neither null nor NaN. Raises NotJudgeable if there is no such column."""
    kind, name = known(column, types), quoted(column)
    return f"({name} IS NOT NULL AND NOT isnan({name}))" if kind == "float" else f"({name} IS NOT NULL)"


def without_nan(column: str, types: Mapping[str, str]) -> str:
    """Return SQL for the cell, null where it is NaN: pandas tells the two not apart."""
    name = quoted(column)
    return f"CASE WHEN isnan({name}) THEN NULL ELSE {name} END" if known(column, types) == "float" else name


def literal(value: Any) -> str:
    """Return a Python value as SQL of its own type. Raises NotCompiled for a value without one."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if abs(value) >= 2**63:
            raise NotCompiled("a number beyond 64 bits")
        return repr(value)
    if isinstance(value, float):
        if math.isnan(value):
            raise NotCompiled("a bound or value that is NaN")
        return f"'{value!r}'::DOUBLE"
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            raise NotCompiled("a time with a zone")
        return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
    if isinstance(value, datetime.date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, str):
        if "\0" in value:
            raise NotCompiled("a text with a NUL character")
        return "'" + value.replace("'", "''") + "'"
    raise NotCompiled(f"a value of type {type(value).__name__}")


def in_set(column: str, types: Mapping[str, str], values: Sequence[Any]) -> str:
    """Return SQL that is true where the cell is one of the values. A value of another kind than the column's matches nothing.

    Raises NotCompiled where pandas would convert one to the other.
    """
    kind, name = known(column, types), quoted(column)
    some = [v for v in values if v is not None]
    if kind in ("other", "nothing") or types[column] == "FLOAT":
        raise NotCompiled(f"a value set for a column of type {types[column]}")
    if kind != "boolean" and kind != "text" and any(isinstance(v, bool) for v in some):
        raise NotCompiled("true or false in a value set for a column of another kind")
    fitting: list[str] = []
    if kind in ("integer", "float"):
        numbers = [v for v in some if isinstance(v, int | float) and not (isinstance(v, float) and math.isnan(v))]
        whole = kind == "integer" and all(isinstance(v, int) for v in numbers)
        if any(isinstance(v, int) and abs(v) > (2**63 - 1 if whole else LARGEST_EXACT) for v in numbers):
            raise NotCompiled("a number in a value set beyond what floats hold exactly")
        fitting = [literal(v if whole else float(v)) for v in numbers]
        name = name if whole else f"CAST({name} AS DOUBLE)"
    elif kind == "decimal":
        fitting = [d for v in some if isinstance(v, int | float) and (d := _decimal(v, types[column])) is not None]
    elif kind == "boolean":
        if not all(isinstance(v, bool) for v in some):
            raise NotCompiled("values other than true and false for a column of them")
        fitting = [literal(v) for v in some]
    elif kind == "text":
        fitting = [literal(v) for v in some if isinstance(v, str)]
    elif kind == "date":
        fitting = [literal(v) for v in some if isinstance(v, datetime.date) and not isinstance(v, datetime.datetime)]
    else:
        if not all(isinstance(v, datetime.datetime) for v in some):
            raise NotCompiled("values other than times for a column of times")
        fitting = [literal(v) for v in some]
    return f"({name} IN ({', '.join(fitting)}))" if fitting else "false"


def in_table(columns: Sequence[str], types: Mapping[str, str], table: str) -> str:
    """Return SQL that is true where the cells are among the values `v` of a table; two or more columns are a struct in it.

    The types are alike: whoever filled the table has seen to that. In a struct two nulls are equal.
    """
    cells = [without_nan(c, types) for c in columns]
    key = cells[0] if len(cells) == 1 else "{" + ", ".join(f"'k{i}': {cell}" for i, cell in enumerate(cells)) + "}"
    return f"({key} IN (SELECT v FROM {table}))"


def _scale(type_: str) -> int:
    return int(type_.rstrip(")").split(",")[1])


def _decimal(value: float, type_: str) -> str | None:
    """Return the number as a decimal of the column's scale, None if no cell can equal it."""
    exact = Decimal(value)
    if not exact.is_finite() or abs(exact) >= Decimal(10) ** (38 - _scale(type_)):
        return None
    rounded = exact.quantize(Decimal(1).scaleb(-_scale(type_)), rounding=ROUND_FLOOR, context=_EXACT)
    return f"'{rounded:f}'::DECIMAL(38, {_scale(type_)})" if rounded == exact else None


def compared(column: str, types: Mapping[str, str], operator: str, bound: Any) -> str:
    """Return SQL that compares the cell with a bound as Python compares them. Raises NotCompiled where it would not."""
    kind, name = known(column, types), quoted(column)
    if isinstance(bound, float | int) and not isinstance(bound, bool):
        if kind in ("integer", "float"):
            return f"CAST({name} AS DOUBLE) {operator} {literal(float(bound))}"
        if kind == "boolean":
            return f"CAST({name} AS INTEGER) {operator} {literal(float(bound))}"
        if kind == "decimal":
            return f"{name} {_decimal_bound(operator, bound, types[column])}"
    elif isinstance(bound, datetime.datetime):
        if kind == "time":
            return f"{name} {operator} {literal(bound)}"
    elif isinstance(bound, datetime.date) and kind == "date":
        return f"{name} {operator} {literal(bound)}"
    raise NotCompiled(f"a {types[column]} compared with {bound!r}"[:200])


def _decimal_bound(operator: str, bound: float, type_: str) -> str:
    """A decimal is compared with the float exactly, not after rounding: 0.1 the float is above 0.10 the decimal."""
    exact = Decimal(bound)
    if not exact.is_finite() or abs(exact) >= Decimal(10) ** (37 - _scale(type_)):
        raise NotCompiled("a bound beyond what decimals hold")
    rounding = ROUND_CEILING if operator in (">=", "<") else ROUND_FLOOR
    rounded = exact.quantize(Decimal(1).scaleb(-_scale(type_)), rounding=rounding, context=_EXACT)
    return f"{operator} '{rounded:f}'::DECIMAL(38, {_scale(type_)})"
