"""A reference and a window of 20 columns of numbers and 5 of categories: what `benchmarks/drift.py` measures with.

Four kinds of drift are in the window: `normal_1` lies a quarter of a standard deviation higher, `normal_2` is 1.3 times as wide,
`normal_3` has 8% nulls instead of 2%, and of `category_10` a tenth of the rows has moved to another value. All is derived
from the row's number, so the same files are made again. Written as versions are staged.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

NUMBERS = (
    *(f"normal_{i}" for i in range(9)),
    *(f"log_{i}" for i in range(4)),
    *(f"heavy_{i}" for i in range(2)),
    *(f"cents_{i}" for i in range(3)),
    *(f"count_{i}" for i in range(2)),
)
CATEGORIES = tuple(f"category_{values}" for values in (3, 10, 50, 200, 2000))
DRIFTED = ("normal_1", "normal_2", "normal_3", "category_10")


def make(file: Path, *, rows: int, window: bool) -> None:
    """Write one side."""
    import duckdb

    first = rows if window else 0  # other rows than the reference's
    with duckdb.connect() as con:
        con.execute("SET enable_progress_bar = false")
        columns = ", ".join(_columns(window=window))
        rows_sql = f"SELECT {columns} FROM range({first}, {first + rows}) made(i)"
        con.execute(f"COPY ({rows_sql}) TO '{file}' (FORMAT parquet, PARQUET_VERSION V2, COMPRESSION zstd)")


def _columns(*, window: bool) -> Iterator[str]:
    for number, name in enumerate(NUMBERS):
        kind = name.partition("_")[0]
        normal = f"sqrt(-2 * ln({_share(number, 0)})) * cos(2 * pi() * {_share(number, 1)})"  # Box and Muller 1958
        value = {
            "normal": normal,
            "log": f"exp({normal})",
            "heavy": f"tan(pi() * ({_share(number, 0)} - 0.5))",
            "cents": f"round(20 + 5 * {normal}, 2)",
            "count": f"floor(-5 * ln({_share(number, 0)}))",
        }[kind]
        if window and name in DRIFTED[:2]:
            value = {"normal_1": f"{value} + 0.25", "normal_2": f"{value} * 1.3"}[name]
        nulls = {"normal_3": 0.08 if window else 0.02, "log_0": 0.02, "cents_0": 0.02}.get(name)
        yield f"{value if nulls is None else f'CASE WHEN {_share(number, 2)} >= {nulls} THEN {value} END'} AS {name}"
    for number, name in enumerate(CATEGORIES, start=len(NUMBERS)):
        values = int(name.partition("_")[2])
        code = f"CAST(floor({values} * power({_share(number, 0)}, 2)) AS INTEGER)"  # the first are the most frequent
        if window and name in DRIFTED:
            code = f"CASE WHEN {_share(number, 1)} < 0.1 THEN 7 ELSE {code} END"
        yield f"'value ' || {code} AS {name}"


def _share(column: int, draw: int) -> str:
    """A number above 0 and below 1, of the row's number."""
    return f"((CAST(hash(i * 1000 + {column * 10 + draw}) >> 12 AS DOUBLE) + 0.5) / 4503599627370496)"
