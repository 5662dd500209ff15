"""Twelve columns of made-up orders and a suite of 21 expectations about them: what `benchmarks/gates.py` measures with.

The ids are unique, 40 bits wide and in no order; a bad row breaks one rule of five, or has the id and line of the row
before it. All is derived from the row's number, so the same file is made again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

KEY = "id"
WRITTEN = "(FORMAT parquet, PARQUET_VERSION V2, COMPRESSION zstd)"  # as candidates are staged
_MADE = """
    SELECT ((i - CAST(bad AND kind = 4 AS BIGINT)) * 2654435761) % 1099511627776 AS id,
      CAST(1 + (i - CAST(bad AND kind = 4 AS BIGINT)) % 5 AS INTEGER) AS line_no,
      'c' || lpad(CAST(hash(i + 1) % 1000000 AS VARCHAR), 6, '0') AS customer,
      CASE WHEN bad AND kind = 0 THEN 'nobody'
        ELSE 'user' || hash(i + 2) % 2000000 || '@example.' || ['com', 'org'][CAST(1 + hash(i) % 2 AS BIGINT)] END AS email,
      CASE WHEN bad AND kind = 1 THEN 'none'
        ELSE chr(CAST(65 + hash(i + 3) % 26 AS INTEGER)) || 'K-' || lpad(CAST(hash(i + 4) % 200 AS VARCHAR), 4, '0') END AS sku,
      CASE WHEN bad AND kind = 2 THEN 'XX'
        ELSE ['DE', 'FR', 'IT', 'ES', 'NL', 'PL', 'AT', 'CH'][CAST(1 + hash(i + 5) % 8 AS BIGINT)] END AS country,
      ['new', 'paid', 'sent', 'back'][CAST(1 + hash(i + 6) % 4 AS BIGINT)] AS status,
      TIMESTAMP '2025-01-01' + to_seconds(CAST(hash(i + 7) % 31536000 AS BIGINT)) AS ordered_at,
      CASE WHEN hash(i + 8) % 10 > 0 THEN ordered_at + to_seconds(CAST(hash(i + 8) % 900000 AS BIGINT)) END AS shipped_at,
      CAST(CASE WHEN bad AND kind = 3 THEN -1 ELSE 1 + hash(i + 10) % 99 END AS INTEGER) AS quantity,
      CAST(hash(i + 11) % 1000000 AS DOUBLE) / 100 AS price,
      CASE WHEN hash(i + 12) % 20 > 0 THEN CAST(hash(i + 13) % 80 AS DOUBLE) / 100 END AS discount
    FROM (SELECT i, hash(i + 99) % 1000000 < {bad} AS bad, hash(i + 98) % 5 AS kind FROM range(1, {rows} + 1) made(i))
"""


def _rule(what: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_{what}", "kwargs": kwargs}


UNIQUE = (
    _rule("column_values_to_be_unique", column="id"),
    _rule("compound_columns_to_be_unique", column_list=["id", "line_no"]),
)
OTHERS = (
    _rule("column_values_to_not_be_null", column="id"),
    _rule("column_values_to_not_be_null", column="customer"),
    _rule("column_value_lengths_to_be_between", column="customer", min_value=2, max_value=12),
    _rule("column_values_to_match_regex", column="email", regex=r"^[^@ ]+@[a-z]+\.(com|org)$"),
    _rule("column_values_to_match_regex", column="sku", regex="^[A-Z]{2}-[0-9]{4}$"),
    _rule("column_values_to_be_in_set", column="country", value_set=["DE", "FR", "IT", "ES", "NL", "PL", "AT", "CH"]),
    _rule("column_values_to_not_be_in_set", column="status", value_set=["lost", "stolen"]),
    _rule("column_values_to_be_between", column="line_no", min_value=1, max_value=9),
    _rule("column_values_to_be_between", column="quantity", min_value=1, max_value=100),
    _rule("column_values_to_be_between", column="price", min_value=0, max_value=10_000),
    _rule("column_values_to_be_between", column="discount", min_value=0, max_value=0.9, mostly=0.99),
    _rule(
        "column_pair_values_a_to_be_greater_than_b",
        column_A="shipped_at",
        column_B="ordered_at",
        or_equal=True,
        ignore_row_if="either_value_is_missing",
    ),
    _rule("table_row_count_to_be_between", min_value=1),
    _rule("column_mean_to_be_between", column="price", min_value=4_000, max_value=6_000),
    _rule("column_stdev_to_be_between", column="price", min_value=2_000, max_value=4_000),
    _rule("column_max_to_be_between", column="quantity", max_value=1_000),
    _rule("column_min_to_be_between", column="discount", min_value=0),
    _rule("column_proportion_of_non_null_values_to_be_between", column="shipped_at", min_value=0.5),
    _rule(
        "column_quantile_values_to_be_between",
        column="price",
        quantile_ranges={"quantiles": [0.5], "value_ranges": [[4_000, 6_000]]},
    ),
)
SUITE = (*UNIQUE, *OTHERS)


def make(path: Path, *, rows: int, bad: float) -> None:
    """Write the file: `rows` rows, of which about the share `bad` is bad (of every five of those one repeats the row before)."""
    import duckdb

    with duckdb.connect(config={"memory_limit": "2GB"}) as con:
        con.execute("SET enable_progress_bar = false")
        con.execute(f"COPY ({_MADE.format(rows=rows, bad=round(bad * 1_000_000))}) TO '{path}' {WRITTEN}")
