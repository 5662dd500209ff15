"""How columns are binned, by the rows of a reference: numbers at their quantiles, categories by their most frequent values."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from readiness_pipelines.drift.profile import LEAST_ROWS, ColumnKind, ColumnLayout, Layout, digest_of
from readiness_pipelines.drift.scan import number_batches, types_of
from readiness_pipelines.gates.columns import is_number, one_row, without_nan

if TYPE_CHECKING:
    import duckdb

    from readiness_pipelines.drift.binning import Numbers

BINS, COARSE_BINS = 100, 10  # of numbers: the bracket of KS is at most a bin wide; PSI is usual, and calibrated, over ten
MOST_VALUES = 50  # categories with a count of their own
MOST_KNOWN = 10_000  # values of a reference that are told from unseen ones
EXACT_ROWS = 200_000  # quantiles of more rows are those of a uniform sample of about so many: off by a rank of about 0.1 %
_COLUMNS_AT_ONCE = 50  # whose rows, or sample of them, are in memory: 80 MB


def layout_of(
    con: duckdb.DuckDBPyConnection,
    relation_sql: str,
    columns: Sequence[str],
    *,
    as_categories: Collection[str] = (),
    told: Collection[str] = (),
    exact_rows: int = EXACT_ROWS,
) -> Layout:
    """Return the layout that a reference (SQL to select FROM) gives these columns. The same rows in the same order give the same.

    Numbers are compared as numbers unless they are among `as_categories`, text and booleans as categories always.
    Numbers: an edge at each percentile, and those at deciles are the coarse ones. A quantile is the least value that the
    share of the rows does not exceed (nulls and NaN left out); infinite ones are no edges. A value that several percentiles
    share has a bin of its own: its lower neighbour among the float64 is an edge too. So there are at most 100 bins, of which
    ten coarse, and a column that has only one value, or none, has a layout too. Categories: the 50 most frequent
    values, and digests of the others up to 10,000 values.

    `told` are the columns whose single values may be shown. Of others no ends are kept, only categories of ten rows or more
    are named, and there are ten rows beyond each edge: under 1,000 values ten bins, under 100 a single one. Edges and names
    stay in the table that profiles are kept in. Above `exact_rows`
    rows the quantiles are those of a uniform sample.
    Raises ReadinessError for a column that is not there, or neither number, text nor boolean.
    """
    types = types_of(con, relation_sql, columns)
    numbers = [column for column in columns if is_number(types[column]) and column not in as_categories]
    found: dict[str, ColumnLayout] = {}
    for start in range(0, len(numbers), _COLUMNS_AT_ONCE):
        some = numbers[start : start + _COLUMNS_AT_ONCE]
        for column, values in zip(some, _ordered(con, relation_sql, some, exact_rows), strict=True):
            found[column] = _of_numbers(column, values, is_told=column in told)
    for column in columns:
        if column not in found:
            cell = without_nan(column, types)
            found[column] = _of_categories(con, relation_sql, column, cell, is_told=column in told)
    return Layout(tuple(found[column] for column in columns))


def _ordered(con: duckdb.DuckDBPyConnection, relation_sql: str, columns: Sequence[str], exact_rows: int) -> Iterator[Numbers]:
    """Yield the numbers of each column, or of a sample of the rows, in ascending order."""
    import numpy as np
    import pyarrow as pa

    rows = int(one_row(con, f"SELECT count(*) FROM {relation_sql}")[0])
    chance, random = exact_rows / max(rows, 1), np.random.default_rng(0)  # the same rows, the same edges
    batches = list(number_batches(con, relation_sql, columns)) if chance >= 1 else []
    if chance < 1:
        for batch in number_batches(con, relation_sql, columns):
            batches.append(batch.filter(pa.array(random.random(batch.num_rows) < chance)))
    for i in range(len(columns)):
        cells = [batch.column(i).drop_null().to_numpy() for batch in batches]
        values = np.concatenate(cells) if cells else np.empty(0)
        values = values[~np.isnan(values)]
        values.sort()
        yield values


def _of_numbers(column: str, ordered: Numbers, *, is_told: bool) -> ColumnLayout:
    bins = next((n for n in (BINS, COARSE_BINS) if is_told or ordered.size >= LEAST_ROWS * n), 1)
    edges, coarse = (_edges(_quantiles(ordered, min(n, bins))) for n in (BINS, COARSE_BINS))
    positions = tuple(edges.index(edge) for edge in coarse)
    return ColumnLayout(column, ColumnKind.NUMBER, edges=tuple(edges), coarse=positions, is_told=is_told)


def _quantiles(ordered: Numbers, parts: int) -> list[float]:
    """Return the order statistics of rank ceil(n i / parts): Hyndman and Fan 1996, definition 1."""
    n = ordered.size
    return [float(ordered[-(-n * i // parts) - 1]) for i in range(1, parts)] if n else []


def _edges(quantiles: Sequence[float]) -> list[float]:
    edges: list[float] = []
    for value, equal in groupby(quantiles):
        if not math.isfinite(value):
            continue
        below = math.nextafter(value, -math.inf)
        if len(list(equal)) > 1 and math.isfinite(below) and (not edges or below > edges[-1]):
            edges.append(below)
        edges.append(value + 0.0)  # -0.0 is 0.0
    return edges


def _of_categories(con: duckdb.DuckDBPyConnection, relation_sql: str, column: str, cell: str, *, is_told: bool) -> ColumnLayout:
    counted = con.execute(
        f"SELECT CAST(cell AS VARCHAR) AS value, count(*) AS n FROM (SELECT {cell} AS cell FROM {relation_sql}) "
        f"WHERE cell IS NOT NULL GROUP BY cell ORDER BY n DESC, value LIMIT {MOST_KNOWN + 1}"
    ).fetchall()
    least = 1 if is_told else LEAST_ROWS
    values = tuple(value for value, rows in counted[:MOST_VALUES] if rows >= least)
    known = None if len(counted) > MOST_KNOWN else frozenset(digest_of(value) for value, _ in counted[len(values) :])
    singles = sum(rows == 1 for _, rows in counted)
    return ColumnLayout(column, ColumnKind.CATEGORY, values=values, known=known, singles=singles, is_told=is_told)
