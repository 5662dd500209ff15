"""Relations to measure: a few typed columns, and any arrays as a table of DuckDB."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb
import pyarrow as pa


def relation(con: duckdb.DuckDBPyConnection, columns: Mapping[str, Any], *, name: str = "rows") -> str:
    """Put arrays (with NaN, infinities, None) into a table, and return SQL to select FROM."""
    arrow = pa.table({column: pa.array(values) for column, values in columns.items()})
    con.register("_arrow", arrow)
    con.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM _arrow")
    con.unregister("_arrow")
    return name
