"""Stage a candidate: its rows as Parquet files that belong to no table yet, ready to be adopted without a copy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import duckdb
import pyarrow.parquet as pq

from readiness_pipelines.errors import BrokenInvariant, ReadinessError
from readiness_pipelines.flow import StagedFile, digest
from readiness_pipelines.lakehouse.catalog import Lakehouse
from readiness_pipelines.lakehouse.columns import duckdb_type, field_ids, footer_problems, literal, quoted
from readiness_pipelines.lakehouse.storage import Storage

if TYPE_CHECKING:
    from pyiceberg.schema import Schema

_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
_LOSING = {"TIME WITH TIME ZONE": "loses its offset", "BIT": "turns into bytes"}  # silently, on the way into Parquet
_MOST_NAMED = 10  # columns named in one message


def stage(
    con: duckdb.DuckDBPyConnection,
    lake: Lakehouse,
    table: str,
    select_sql: str,
    *,
    partition: str,
    version_key: str,
    attempt: str,
) -> tuple[StagedFile, ...]:
    """Write the rows of `select_sql` as Parquet with the table's field ids, and return the file; no rows, no file.

    The SELECT's columns are exactly the table's, in any order; each is cast to the table's type, and a value that
    cannot be cast raises duckdb's ConversionException. The file lies under a path of this candidate and `attempt`; the
    same attempt again writes it anew. Its digest, columns, types, field ids and row count are read back from where it
    lies, so what is returned is complete there.
    Raises ReadinessError for a cast that could change values silently, BrokenInvariant for anything else that differs.
    """
    schema = lake.load(table).schema()
    casts = _casts(con, schema, select_sql, table)
    folder = f"{lake.settings.staging}/{table}/{folder_of(partition)}/{version_key[:16]}-{folder_of(attempt)}"
    lake.storage.make_folder(folder)
    path = f"{folder}/part-0.parquet"
    copied = con.execute(
        f"COPY (SELECT {casts} FROM ({select_sql}) AS candidate) TO {literal(path)} "
        f"(FORMAT parquet, PARQUET_VERSION V2, COMPRESSION zstd, FIELD_IDS {field_ids(schema)})"
    ).fetchone()
    rows = int(copied[0]) if copied else 0
    if rows == 0:
        lake.storage.delete(path)
        return ()
    check_footer(schema, lake.storage, path, rows=rows)
    return (StagedFile(path, rows, lake.storage.size(path) or 0, lake.storage.sha256(path)),)


def check_footer(schema: Schema, storage: Storage, path: str, *, rows: int) -> pq.FileMetaData:
    """Return the file's Parquet metadata. Raises BrokenInvariant unless it has these rows, and the table's columns.

    An absent or swapped field id would be read later as NULL, or as another column, without any error.
    """
    footer = storage.footer(path)
    problems = footer_problems(schema, footer.schema.to_arrow_schema())
    if footer.num_rows != rows:
        problems.append(f"{footer.num_rows} rows, expected {rows}")
    if problems:
        raise BrokenInvariant(
            f"staged file {path} does not fit its table: {'; '.join(problems[:_MOST_NAMED])}; nothing was published: "
            "run the partition again, and report this if it recurs"
        )
    return footer


def check_values(footer: pq.FileMetaData, *, partition: Mapping[str, str], required: Sequence[str], file: str) -> None:
    """Raise BrokenInvariant unless every row has the values `partition` says, and no null in a `required` column.

    Read from the footer's statistics, which DuckDB always writes for columns of plain types.
    """
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        columns = {group.column(i).path_in_schema: group.column(i).statistics for i in range(group.num_columns)}
        for name in required:
            if columns[name] is None or columns[name].null_count != 0:
                raise BrokenInvariant(f"{file}: required column {name} holds nulls; nothing was published")
        for name, value in partition.items():
            if not columns[name].has_min_max or {columns[name].min, columns[name].max} != {value}:
                raise BrokenInvariant(f"{file}: has rows outside {name} = {value!r}; nothing was published")


def _casts(con: duckdb.DuckDBPyConnection, schema: Schema, select_sql: str, table: str) -> str:
    given = {str(row[0]): str(row[1]) for row in con.execute(f"DESCRIBE {select_sql}").fetchall()}
    wanted = {f.name: duckdb_type(f.field_type) for f in schema.fields}
    missing, extra = sorted(wanted.keys() - given.keys()), sorted(given.keys() - wanted.keys())
    if missing or extra:
        raise BrokenInvariant(
            f"the candidate's SELECT for {table} gives other columns than the table has: missing "
            f"{', '.join(missing[:_MOST_NAMED]) or 'none'}; extra {', '.join(extra[:_MOST_NAMED]) or 'none'}"
        )
    if losing := [f"{n} is {given[n]}, which {why}" for n, t in wanted.items() if (why := _loses(given[n], t))]:
        raise ReadinessError(f"{table}: {'; '.join(losing[:_MOST_NAMED])}; write the cast that is meant into the SQL")
    return ", ".join(_cast(name, given[name], type_) for name, type_ in wanted.items())


def _cast(name: str, given: str, wanted: str) -> str:
    return quoted(name) if given == wanted else f"CAST({quoted(name)} AS {wanted}) AS {quoted(name)}"


def _loses(given: str, wanted: str) -> str | None:
    """Return how the cast would change values without an error, if it would."""
    if given in _LOSING:
        return _LOSING[given]
    if wanted in _WHOLE and given.startswith(("FLOAT", "DOUBLE", "DECIMAL")):
        return f"would be rounded to {wanted}"
    if wanted.startswith("DECIMAL") and given != wanted and given.startswith(("FLOAT", "DOUBLE", "DECIMAL")):
        return f"could be rounded to {wanted}"
    return None


def folder_of(text: str) -> str:
    """Return a folder name for a key: itself where it is plain, else its plain part and a digest."""
    plain = re.sub(r"[^A-Za-z0-9_.=-]", "_", text)[:80]
    return text if plain == text and text not in (".", "..") else f"{plain}-{digest(text)[:12]}"
