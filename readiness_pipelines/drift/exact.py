"""Kolmogorov-Smirnov's D and the Wasserstein-1 distance of one column, exactly, from the rows of two relations.

Below a limit of rows both sides are in memory, one column at a time. Above it DuckDB does the same in SQL, and spills to disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from readiness_pipelines.drift.profile import held
from readiness_pipelines.drift.scan import number_batches
from readiness_pipelines.gates.columns import one_row, quoted

if TYPE_CHECKING:
    import duckdb

    from readiness_pipelines.drift.binning import Numbers

ROWS_IN_MEMORY = 25_000_000  # of both sides together: about 500 MB

# F and G rise at each value of either side; D and the area between them need nothing but how many values lie at or below it.
_DISTANCES = """
    WITH risen AS (
        SELECT x, sum(in_reference) OVER rising AS f, sum(in_window) OVER rising AS g, lead(x) OVER rising AS next
        FROM (
            SELECT x, sum(r)::BIGINT AS in_reference, sum(w)::BIGINT AS in_window
            FROM (
                SELECT CAST({column} AS DOUBLE) + 0.0 AS x, 1 AS r, 0 AS w FROM {reference}
                UNION ALL SELECT CAST({column} AS DOUBLE) + 0.0, 0, 1 FROM {window}
            ) WHERE x IS NOT NULL AND NOT isnan(x) GROUP BY x
        ) WINDOW rising AS (ORDER BY x ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    )
    SELECT greatest(max(f / {n} - g / {m}), max(g / {m} - f / {n}), 0.0),
        CASE WHEN bool_and(isfinite(x)) THEN coalesce(sum(abs(f / {n} - g / {m}) * (next - x)), 0.0) END
    FROM risen
"""


@dataclass(frozen=True)
class Distances:
    """`ks`: D of the two distribution functions. `wasserstein`: the area between them, in the column's unit.

    Both are over the rows with a value (NaN is none), of which there are `n_reference` and `n_window`: None if a side has
    none, `wasserstein` also if a value is infinite or the area is beyond float64.
    """

    ks: float | None
    wasserstein: float | None
    n_reference: int
    n_window: int


def distances(
    con: duckdb.DuckDBPyConnection, reference_sql: str, window_sql: str, column: str, *, rows_in_memory: int = ROWS_IN_MEMORY
) -> Distances:
    """Return the exact distances of a column of numbers (as float64) between two relations (SQL to select FROM).

    Equal to `scipy.stats.ks_2samp(...).statistic` and `wasserstein_distance`. Up to `rows_in_memory` rows on both sides
    together it takes about 20 bytes a row; with more, DuckDB's memory limit.
    """
    rows = sum(int(one_row(con, f"SELECT count(*) FROM {sql}")[0]) for sql in (reference_sql, window_sql))
    if rows > rows_in_memory:
        return _spilling(con, reference_sql, window_sql, column)
    from readiness_pipelines.drift.statistics import unsorted

    reference, window = (_numbers(con, sql, column) for sql in (reference_sql, window_sql))
    d, area = unsorted.distances(reference, window)
    return Distances(d, held(area), sum(map(len, reference)), sum(map(len, window)))


def _numbers(con: duckdb.DuckDBPyConnection, relation_sql: str, column: str) -> list[Numbers]:
    """Return the values as they are read, without nulls and NaN."""
    import numpy as np

    found = []
    for batch in number_batches(con, relation_sql, [column]):
        some = batch.column(0).drop_null().to_numpy()
        found.append(some[~np.isnan(some)] if np.isnan(some.min(initial=0.0)) else some)
    return found


def _spilling(con: duckdb.DuckDBPyConnection, reference_sql: str, window_sql: str, column: str) -> Distances:
    n, m = (_values(con, sql, column) for sql in (reference_sql, window_sql))
    if not n or not m:
        return Distances(None, None, n, m)
    # as float64, as numpy divides
    sql = _DISTANCES.format(column=quoted(column), reference=reference_sql, window=window_sql, n=f"{n}::DOUBLE", m=f"{m}::DOUBLE")
    d, area = one_row(con, sql)
    return Distances(float(d), held(area), n, m)


def _values(con: duckdb.DuckDBPyConnection, relation_sql: str, column: str) -> int:
    cell = f"CAST({quoted(column)} AS DOUBLE)"
    return int(one_row(con, f"SELECT count(*) FILTER ({cell} IS NOT NULL AND NOT isnan({cell})) FROM {relation_sql}")[0])
