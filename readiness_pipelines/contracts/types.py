"""From a contract's logical type to the engine's type, and the strict cast from delivered text.

A cast here either keeps the meaning of the text or fails; DuckDB's own TRY_CAST also rounds '1.5' to 2, trims blanks
and reads '2025-1-5', which would admit values nobody delivered.

| ODCS logicalType | table type | text that casts |
|---|---|---|
| string | VARCHAR | any |
| integer | BIGINT | optional sign, ASCII digits, within 64 bits |
| number | DOUBLE, or DECIMAL(p,s) as in physicalType | plain decimal, no exponent, infinity, NaN; at most s digits after it |
| boolean | BOOLEAN | true, false (any case) |
| date | DATE | yyyy-mm-dd, a day of the calendar, years 0001 to 9999 |
| timestamp | TIMESTAMPTZ | ISO 8601 with seconds; without an offset it is UTC |

NULL casts to NULL and is no failure. Other notations (1.234,56; 1e5; 31.1.2025) are read where the model's SQL says so.
"""

from __future__ import annotations

import re

LOGICAL_TYPES = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMPTZ",
}

_ICEBERG = {
    "VARCHAR": "string",
    "BIGINT": "long",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMPTZ": "timestamptz",
}

_DECIMAL_TEXT = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)"
_DAY = r"([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])-[0-9]{2}-[0-9]{2}"  # DuckDB also knows a year 0
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"  # no 24:00:00, no leap second
_OFFSET = r"(Z|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)"

_DECIMAL = re.compile(r"decimal\(([1-9][0-9]?),\s*([0-9]{1,2})\)", re.IGNORECASE)
_GIVEN_DECIMAL = re.compile(r"DECIMAL\(([0-9]+),([0-9]+)\)")
_MAX_PRECISION = 38

_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")
_FLOATS = ("FLOAT", "DOUBLE")
_ZONED = ("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE")
_LOCAL = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")


def duckdb_type(logical_type: str, physical_type: str | None = None) -> str | None:
    """Return DuckDB's type for a contract's column, or None when the logical type is not one a table can hold here."""
    decimal = _DECIMAL.fullmatch(physical_type.strip()) if physical_type else None
    if logical_type == "number" and decimal:
        return f"DECIMAL({decimal[1]},{decimal[2]})"
    return LOGICAL_TYPES.get(logical_type)


def physical_type_problem(logical_type: str, physical_type: str) -> str | None:
    """Return why a physicalType cannot be meant, or None. Only decimals are read; any other word is documentation."""
    text = physical_type.strip()
    if not re.match(r"(dec|decimal|numeric)\b", text, re.IGNORECASE):
        return None
    if logical_type != "number":
        return f"found {text!r} beside logicalType {logical_type}, expected it beside number only"
    decimal = _DECIMAL.fullmatch(text)
    if decimal and int(decimal[1]) <= _MAX_PRECISION and int(decimal[2]) <= int(decimal[1]):
        return None
    return f"found {text!r}, expected decimal(p,s) with p up to {_MAX_PRECISION} and s up to p"


def iceberg_type(duckdb: str) -> str:
    """Return Iceberg's name of a type that `duckdb_type` gave."""
    return duckdb.lower().replace(",", ", ") if duckdb.startswith("DECIMAL") else _ICEBERG[duckdb]


def castable(given: str, wanted: str) -> bool:
    """Return whether any value of the type `given` has the same meaning as `wanted`."""
    return _same(given, wanted) or given == '"NULL"' or _cast("x", given, wanted) is not None


def strict_cast(expression: str, *, given: str, wanted: str) -> str:
    """Return SQL that is `expression` as `wanted`, or NULL where that would change its meaning.

    `given` is the expression's own DuckDB type: text goes through the forms in the table above, a number must keep its
    value to the last digit, a time without a zone is UTC whatever the session says, a time that is not midnight is no
    date. The same type passes, but for what no other reader of the table could take: NaN and infinities, and days and
    times outside the years 1 to 9999, infinite ones among them. Types that have nothing in common (`castable`) give NULL
    for every value.
    """
    if given == wanted and given in _FLOATS:
        return f"CASE WHEN isfinite({expression}) THEN {expression} END"
    if _same(given, wanted):
        return _bounded(expression, wanted)
    found = _cast(expression, given, wanted)
    if found is None:
        return f"CAST(NULL AS {wanted})"
    return found if given == "VARCHAR" else _bounded(found, wanted)  # the forms of text have no other years


def _same(given: str, wanted: str) -> bool:
    return given == wanted or (given in _ZONED and wanted in _ZONED)


def _cast(x: str, given: str, wanted: str) -> str | None:
    tried = f"TRY_CAST({x} AS {wanted})"
    if given == "VARCHAR":
        return _from_text(x, wanted)
    if wanted == "VARCHAR":
        return _to_text(x, given)
    if wanted == "DATE" and given in (*_LOCAL, *_ZONED):
        moment = f"timezone('UTC', {x})" if given in _ZONED else x
        return f"CASE WHEN {moment} = date_trunc('day', {moment}) THEN TRY_CAST({moment} AS DATE) END"
    if wanted in _ZONED and given in ("DATE", *_LOCAL):
        moment = f"TRY_CAST({x} AS TIMESTAMP)"
        return f"CASE WHEN {moment} = {x} THEN timezone('UTC', {moment}) END"
    decimal, source = _GIVEN_DECIMAL.fullmatch(wanted), _GIVEN_DECIMAL.fullmatch(given)
    if given in _INTEGERS and (wanted == "BIGINT" or decimal):
        return tried
    if given == "FLOAT" and wanted == "DOUBLE":
        return tried
    if source and decimal and int(source[2]) <= int(decimal[2]):
        return tried
    if given in _FLOATS and decimal:
        return _from_text(f"CAST({x} AS VARCHAR)", wanted)  # the digits it shows, and none that it does not have
    if (given in _INTEGERS or given in _FLOATS or source) and (wanted in ("BIGINT", "DOUBLE") or decimal):
        return f"CASE WHEN TRY_CAST({tried} AS {given}) = {x} THEN {tried} END"  # there and back again, to the last digit
    return None


def _from_text(x: str, wanted: str) -> str:
    tried = f"TRY_CAST({x} AS {wanted})"
    decimal = _GIVEN_DECIMAL.fullmatch(wanted)
    if decimal:
        scale = int(decimal[2])
        short = rf"\.[0-9]{{1,{scale}}}"  # DuckDB rounds what is longer
        form = rf"[+-]?([0-9]+({short}|\.)?|{short})" if scale else r"[+-]?[0-9]+\.?"
        return _matching(x, form, tried)
    if wanted in _ZONED:
        zoned, local = f"{_DAY}[T ]{_TIME}{_OFFSET}", f"{_DAY}[T ]{_TIME}"
        in_calendar = f"(left({x}, 4) BETWEEN '0002' AND '9998' OR {_in_calendar(tried)})"
        return (
            f"CASE WHEN regexp_full_match({x}, '{zoned}') AND {in_calendar} THEN {tried} "
            f"WHEN regexp_full_match({x}, '{local}') THEN TRY_CAST({x} || 'Z' AS {wanted}) END"
        )
    match wanted:
        case "BIGINT":
            form = r"[+-]?[0-9]+"
        case "DOUBLE":
            # What is too large becomes infinity in one place and an error in another: neither is the number.
            digits = f"length(ltrim(regexp_replace({x}, '[^0-9]', '', 'g'), '0'))"
            is_kept = f"isfinite({tried}) AND {digits} <= 17 AND ({tried} <> 0 OR {digits} = 0)"
            # 17 digits say which double is meant; nearly every number is seen to have no more by its length alone
            return f"CASE WHEN regexp_full_match({x}, '{_DECIMAL_TEXT}') AND (length({x}) <= 17 OR ({is_kept})) THEN {tried} END"
        case "BOOLEAN":
            return f"CASE WHEN {x} IN ('true', 'false') OR regexp_full_match({x}, '(?i)true|false') THEN {tried} END"
        case "DATE":
            form = _DAY
            return _matching(x, form, tried, plain=f"length({x}) = 10 AND ")  # no infinity, no year beyond 9999
    return _matching(x, form, tried)


def _matching(x: str, form: str, tried: str, *, plain: str = "") -> str:
    """Return `tried` where the text has the form. Text that is written as the engine writes the value back has it.

    Writing a value costs a third of matching text, and most text is written so. `plain` excludes what is not.
    """
    return f"CASE WHEN ({plain}CAST({tried} AS VARCHAR) = {x}) OR regexp_full_match({x}, '{form}') THEN {tried} END"


def _bounded(expression: str, wanted: str) -> str:
    if wanted in _ZONED:
        return f"CASE WHEN {_in_calendar(expression)} THEN {expression} END"
    if wanted == "DATE":
        return f"CASE WHEN ({expression}) BETWEEN DATE '0001-01-01' AND DATE '9999-12-31' THEN {expression} END"
    return expression


def _in_calendar(moment: str) -> str:
    """An offset can carry a time out of the years 1 to 9999, where no other reader of the table follows."""
    return f"({moment} BETWEEN TIMESTAMPTZ '0001-01-01 00:00:00+00' AND TIMESTAMPTZ '9999-12-31 23:59:59.999999+00')"


def _to_text(x: str, given: str) -> str | None:
    if given in _ZONED:
        return f"(CAST(timezone('UTC', {x}) AS VARCHAR) || '+00')"
    plain = (*_INTEGERS, *_FLOATS, *_LOCAL, "BOOLEAN", "DATE", "TIME", "UUID")
    return f"CAST({x} AS VARCHAR)" if given in plain or given.startswith(("DECIMAL", "ENUM")) else None
