"""From a contract's logical type to the engine's type, and the strict cast from delivered text.

A cast here either keeps the meaning of the text or fails; DuckDB's own TRY_CAST also rounds '1.5' to 2, trims blanks
and reads '2025-1-5', which would admit values nobody delivered.

| ODCS logicalType | table type | text that casts |
|---|---|---|
| string | VARCHAR | any |
| integer | BIGINT | optional sign, ASCII digits, within 64 bits |
| number | DOUBLE, or DECIMAL(p,s) when physicalType says so | plain decimal, no exponent, infinity or NaN |
| boolean | BOOLEAN | true, false (any case) |
| date | DATE | yyyy-mm-dd, a day of the calendar |
| timestamp | TIMESTAMPTZ | ISO 8601 with seconds; without an offset it is UTC |

NULL casts to NULL and is no failure.
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

_TEXT_FORM = {
    "BIGINT": r"[+-]?[0-9]+",
    "DOUBLE": r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)",
    "DECIMAL": r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)",
    "BOOLEAN": r"(?i)true|false",
    "DATE": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "TIMESTAMPTZ": r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?",
}

_DECIMAL = re.compile(r"decimal\(([1-9][0-9]?),\s*([0-9]{1,2})\)", re.IGNORECASE)


def duckdb_type(logical_type: str, physical_type: str | None = None) -> str | None:
    """Return DuckDB's type for a contract's column, or None when the logical type is not one a table can hold here."""
    decimal = _DECIMAL.fullmatch(physical_type.strip()) if physical_type else None
    if logical_type == "number" and decimal:
        return f"DECIMAL({decimal[1]},{decimal[2]})"
    return LOGICAL_TYPES.get(logical_type)


def iceberg_type(duckdb: str) -> str:
    """Return Iceberg's name of a type that `duckdb_type` gave."""
    return duckdb.lower().replace(",", ", ") if duckdb.startswith("DECIMAL") else _ICEBERG[duckdb]


def strict_cast(expression: str, *, given: str, wanted: str) -> str:
    """Return SQL that is `expression` as `wanted`, or NULL where that would change its meaning.

    `given` is the expression's own DuckDB type: text goes through the forms in the table above, a number with a
    fraction is no integer, the same type passes untouched.
    """
    if given == wanted:
        return expression
    if given == "VARCHAR":
        form = _TEXT_FORM["DECIMAL" if wanted.startswith("DECIMAL") else wanted]
        return f"CASE WHEN regexp_full_match({expression}, '{form}') THEN TRY_CAST({expression} AS {wanted}) END"
    if wanted == "BIGINT" and given.startswith(("DOUBLE", "FLOAT", "DECIMAL")):
        return f"CASE WHEN {expression} = trunc({expression}) THEN TRY_CAST({expression} AS {wanted}) END"
    return f"TRY_CAST({expression} AS {wanted})"
