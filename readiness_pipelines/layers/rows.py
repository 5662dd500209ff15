"""The row work that silver and gold share: strict casts, declared drops, duplicates, the row as it came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import duckdb
import sqlglot
from sqlglot import expressions as exp

from readiness_pipelines.contracts import Table
from readiness_pipelines.contracts.types import strict_cast
from readiness_pipelines.declarations.words import Deduplicate, DropWhere
from readiness_pipelines.flow import RESERVED
from readiness_pipelines.layers.candidate import DELIVERED, ROWS

_GIVEN, _UNCAST, _REASON = f"{RESERVED}given_", f"{RESERVED}uncast_", f"{RESERVED}reason"
_TYPED, _LAID, _REPEATED, _DUPLICATES = "_typed", "_laid", "_repeated_keys", "_duplicates"
_FEW = 100_000  # rows that are held: to plan a wide view for each look at so few costs more than the looks


def quoted(name: str) -> str:
    """Return `name` as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return `text` as a SQL string."""
    return "'" + text.replace("'", "''") + "'"


def types_of(con: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """Return column name -> DuckDB type of a relation."""
    return {row[0]: str(row[1]) for row in con.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()}


@dataclass(frozen=True)
class Laid:
    """What became of the rows of a candidate before any rule: `uncast` as in `Candidate`, `dropped` rows per reason."""

    uncast: Mapping[str, str]
    dropped: Mapping[str, int] = field(default_factory=dict)


def lay_out(
    con: duckdb.DuckDBPyConnection,
    *,
    mapped: str,
    rows_in: int,
    system: Sequence[str],
    table: Table,
    drop_where: Sequence[DropWhere],
    order: Sequence[str] = (),
) -> Laid:
    """Make the view `_candidate` of the relation `mapped`: system columns, strictly cast columns, flags, the row as it came.

    Of many rows (`rows_in`) none is held: whoever looks at the view reads the columns that it asks for. A row for which
    a `drop_where` is true is left out and counted under the first such reason; a null condition drops nothing, and neither does one
    that speaks of a column which could not be cast: nobody knows what it would have said. `order` columns are carried
    along for `deduplicate`.
    """
    types = types_of(con, mapped)
    casts, given, flags, uncast = [], [], [], {}
    for number, column in enumerate(table.columns):
        name = f"m.{quoted(column.name)}"
        cast = strict_cast(name, given=types[column.name], wanted=column.type)
        casts.append(f"{cast} AS {quoted(column.name)}")
        if cast != name:
            given.append(f"{name} AS {_GIVEN}{number}")
            flags.append(f"({_GIVEN}{number} IS NOT NULL AND {quoted(column.name)} IS NULL) AS {_UNCAST}{number}")
            uncast[column.name] = f"{_UNCAST}{number}"
    named = [quoted(column.name) for column in table.columns]
    carried = [*system, DELIVERED, *order]
    typed = f"SELECT {', '.join([*(f'm.{c}' for c in carried), *casts, *given])} FROM {mapped} AS m"
    kind = "TABLE" if rows_in <= _FEW else "VIEW"
    con.execute(f"CREATE OR REPLACE TEMP {kind} {_TYPED} AS SELECT {', '.join([*carried, *named, *flags])} FROM ({typed})")
    whens = " ".join(f"WHEN {_known(d.sql, uncast)} AND ({d.sql}) THEN {literal(d.reason)}" for d in drop_where)
    reason = f"CASE {whens} END" if whens else "NULL"
    con.execute(f"CREATE OR REPLACE TEMP VIEW {_LAID} AS SELECT * FROM {_TYPED} WHERE {reason} IS NULL")
    con.execute(f"CREATE OR REPLACE TEMP VIEW {ROWS} AS FROM {_LAID}")
    if not drop_where:
        return Laid(uncast)
    reasons = (
        f"SELECT {_REASON}, count(*) FROM (SELECT {reason} AS {_REASON} FROM {_TYPED}) WHERE {_REASON} IS NOT NULL GROUP BY ALL"
    )
    counts = con.execute(reasons).fetchall()
    return Laid(uncast, {str(r): int(n) for r, n in sorted(counts)})


def _known(condition: str, uncast: Mapping[str, str]) -> str:
    """Return SQL that is true where every column that `condition` names could be cast."""
    parsed = sqlglot.parse_one(f"SELECT ({condition})", read="duckdb")
    named = {column.name.lower() for column in parsed.find_all(exp.Column)}
    flags = [quoted(flag) for column, flag in uncast.items() if column.lower() in named]
    return f"NOT ({' OR '.join(flags)})" if flags else "true"


def deduplicate(con: duckdb.DuckDBPyConnection, rule: Deduplicate, *, uncast: Mapping[str, str], order: Sequence[str]) -> int:
    """Take duplicates out of `_candidate` and return how many. Only rows that could be cast take part.

    Rows that agree in all of `by` are one row: the first or last by `order` stays. A null in `by` is no duplicate.
    """
    by = ", ".join(quoted(c) for c in rule.by)
    whole = " AND ".join(f"{quoted(c)} IS NOT NULL" for c in rule.by)
    con.execute(  # of all rows, whether they could be cast or not: that would have every column read
        f"CREATE OR REPLACE TEMP TABLE {_REPEATED} AS SELECT {by} FROM {ROWS} WHERE {whole} GROUP BY ALL HAVING count(*) > 1"
    )
    if count(con, _REPEATED) == 0:
        return 0
    direction = "DESC" if rule.keep == "last" else "ASC"
    ranked = ", ".join(f"{c} {direction}" for c in order)
    castable = f"NOT ({' OR '.join(quoted(flag) for flag in uncast.values()) or 'false'})"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {_DUPLICATES} AS SELECT row_id FROM {ROWS} SEMI JOIN {_REPEATED} USING ({by}) "
        f"WHERE {castable} QUALIFY row_number() OVER (PARTITION BY {by} ORDER BY {ranked}) > 1"
    )
    con.execute(f"CREATE OR REPLACE TEMP VIEW {ROWS} AS SELECT * FROM {_LAID} ANTI JOIN {_DUPLICATES} USING (row_id)")
    return count(con, _DUPLICATES)


def count(con: duckdb.DuckDBPyConnection, relation: str) -> int:
    found = con.execute(f"SELECT count(*) FROM {relation}").fetchone()
    return int(found[0]) if found else 0


def delivered(columns: Sequence[str], *, sha256: str, record_number: str, of: str = "", name: str = DELIVERED) -> str:
    """Return SQL that is the row as it came, for the column `name`: the named columns, and where it came from.

    `of` is the relation that the columns are of. It costs next to nothing where nobody reads it.
    """
    prefix = f"{of}." if of else ""
    values = ", ".join(f"{literal(c)}: {prefix}{quoted(c)}" for c in columns)
    return f"{{'row_values': {{{values}}}, 'delivery_sha256': {sha256}, 'record_number': {record_number}}} AS {name}"
