"""Reading rows: the layout of a reference, and the profile of any rows over it. Every column is read once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from readiness_pipelines.drift.profile import ColumnKind, ColumnLayout, ColumnProfile, Layout, Profile, digest_of
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.gates.columns import family, is_number, one_row, quoted, without_nan

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_CELLS_PER_BATCH = 1_200_000  # about 10 MB; for 20 columns 60,000 rows, which stay in a core's cache column by column
_SETS_PER_SCAN = 20  # planning a wide statement grows faster than linearly


def types_of(con: duckdb.DuckDBPyConnection, relation_sql: str, columns: Sequence[str]) -> Mapping[str, str]:
    """Return DuckDB's type of each column: a number of any type, text or boolean.

    Raises ReadinessError for a column that is not there, or of another type.
    """
    there = {str(row[0]): str(row[1]) for row in con.execute(f"DESCRIBE SELECT * FROM {relation_sql}").fetchall()}
    if missing := [column for column in columns if column not in there]:
        raise ReadinessError(f"found no column {missing[0]!r} to measure drift of; there are {', '.join(sorted(there))[:500]}")
    for column in columns:
        if not is_number(there[column]) and family(there[column]) not in ("text", "boolean"):
            raise ReadinessError(
                f"{column} is {there[column]}; drift is measured of numbers, text and booleans: leave it out, or derive a number "
                "from it in gold"
            )
    return {column: there[column] for column in columns}


def profile(con: duckdb.DuckDBPyConnection, relation_sql: str, layout: Layout) -> Profile:
    """Return the profile of the rows of a relation (SQL to select FROM) over a layout.

    Counts, ends and infinities are exact and the same in whatever order the rows come; moments up to rounding. Memory is
    bounded by DuckDB's limit and one batch. Raises ReadinessError where a column is gone or cannot be compared with the layout's.
    """
    columns = [each.column for each in layout.columns]
    types = types_of(con, relation_sql, columns)
    numbers = [each for each in layout.columns if each.kind is ColumnKind.NUMBER]
    if other := [each.column for each in numbers if not is_number(types[each.column])]:
        raise ReadinessError(
            f"{other[0]} is {types[other[0]]} here and was a number in the reference that it is compared with; declare a "
            "reference after the change of its type"
        )
    categories = [each for each in layout.columns if each.kind is ColumnKind.CATEGORY]
    found = _numbers(con, relation_sql, numbers) if numbers else {}
    for start in range(0, len(categories), _SETS_PER_SCAN):
        found |= _categories(con, relation_sql, categories[start : start + _SETS_PER_SCAN], types)
    rows = next(iter(found.values())).rows if found else int(one_row(con, f"SELECT count(*) FROM {relation_sql}")[0])
    return Profile(layout.id, rows, {column: found[column] for column in columns})


def number_batches(con: duckdb.DuckDBPyConnection, relation_sql: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the columns as float64, in the order of the rows; the connection is busy until the last batch."""
    cells = ", ".join(f"CAST({quoted(column)} AS DOUBLE) AS c{i}" for i, column in enumerate(columns))
    yield from con.sql(f"SELECT {cells} FROM {relation_sql}").to_arrow_reader(max(2048, _CELLS_PER_BATCH // len(columns)))


def _numbers(con: duckdb.DuckDBPyConnection, relation_sql: str, layouts: Sequence[ColumnLayout]) -> dict[str, ColumnProfile]:
    from readiness_pipelines.drift.binning import NumberCounter

    counters = [NumberCounter(each) for each in layouts]
    for batch in number_batches(con, relation_sql, [each.column for each in layouts]):
        for counter, cells in zip(counters, batch.columns, strict=True):
            counter.add(cells)
    return {each.column: counter.profile() for each, counter in zip(layouts, counters, strict=True)}


def _categories(
    con: duckdb.DuckDBPyConnection, relation_sql: str, layouts: Sequence[ColumnLayout], types: Mapping[str, str]
) -> dict[str, ColumnProfile]:
    """One GROUP BY per column in one reading: DuckDB aggregates out of core, and only distinct values come back."""
    counters = [_CategoryCounter(each) for each in layouts]
    cells = ", ".join(f"{without_nan(each.column, types)} AS c{i}" for i, each in enumerate(layouts))
    which = " ".join(f"WHEN grouping(c{i}) = 0 THEN {i}" for i in range(len(layouts)))
    value = ", ".join(f"CAST(c{i} AS VARCHAR)" for i in range(len(layouts)))
    sets = ", ".join(f"(c{i})" for i in range(len(layouts)))
    found = con.sql(
        f"SELECT CASE {which} END, coalesce({value}, NULL), count(*) FROM (SELECT {cells} FROM {relation_sql}) "
        f"GROUP BY GROUPING SETS ({sets})"
    )
    for batch in found.to_arrow_reader(_CELLS_PER_BATCH // 3):
        for i, text, rows in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            counters[i].add(text, rows)
    return {each.column: counter.profile() for each, counter in zip(layouts, counters, strict=True)}


class _CategoryCounter:
    """The profile of one column of categories, from its distinct values."""

    def __init__(self, layout: ColumnLayout) -> None:
        self._counts = dict.fromkeys(layout.values, 0)
        self._known = layout.known
        self._nulls = self._other = self._unseen = 0

    def add(self, value: str | None, rows: int) -> None:
        if value is None:
            self._nulls += rows
        elif value in self._counts:
            self._counts[value] += rows
        elif self._known is None or digest_of(value) in self._known:
            self._other += rows
        else:
            self._unseen += rows

    def profile(self) -> ColumnProfile:
        counts, unseen = tuple(self._counts.values()), None if self._known is None else self._unseen
        return ColumnProfile(sum(counts) + self._other + self._unseen, self._nulls, counts, other=self._other, unseen=unseen)
