"""Exact distances are scipy's, whether the rows are sorted in memory or in DuckDB."""

from __future__ import annotations

import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from readiness_pipelines.drift.exact import Distances, distances
from tests.drift.rows import relation

IN_MEMORY, SPILLING = 10**9, 0
BOTH = pytest.mark.parametrize("rows_in_memory", [IN_MEMORY, SPILLING], ids=["in memory", "spilling"])


def measured(con: duckdb.DuckDBPyConnection, a: Any, b: Any, rows_in_memory: int) -> Distances:
    reference, window = relation(con, {"x": a}, name="reference"), relation(con, {"x": b}, name='"window"')
    return distances(con, reference, window, "x", rows_in_memory=rows_in_memory)


def by_scipy(a: Any, b: Any) -> tuple[float, float]:
    from scipy.stats import ks_2samp, wasserstein_distance

    return float(ks_2samp(a, b, method="asymp").statistic), float(wasserstein_distance(a, b))


@BOTH
@pytest.mark.parametrize("name", ["normal", "ties", "heavy", "apart", "same size"])
def test_distances_are_those_of_scipy(con: duckdb.DuckDBPyConnection, name: str, rows_in_memory: int) -> None:
    random = np.random.default_rng(5)
    a, b = {
        "normal": (random.standard_normal(20_000), random.normal(0.1, 1.2, 31_007)),
        "ties": (random.poisson(4, 20_000).astype(float), random.poisson(4.3, 9_000).astype(float)),
        "heavy": (random.standard_cauchy(20_000), random.standard_cauchy(10_000)),
        "apart": (random.random(500), 5 + random.random(700)),
        "same size": (random.lognormal(size=8_000), random.lognormal(0.2, size=8_000)),
    }[name]
    found, (d, w1) = measured(con, a, b, rows_in_memory), by_scipy(a, b)
    assert (found.n_reference, found.n_window) == (len(a), len(b))
    assert found.ks == pytest.approx(d, abs=1e-12)
    assert found.wasserstein == pytest.approx(w1, abs=1e-12, rel=1e-12)


@BOTH
def test_nulls_and_nan_are_no_values(con: duckdb.DuckDBPyConnection, rows_in_memory: int) -> None:
    found = measured(con, [1.0, None, 2.0, math.nan], [2.0, 3.0, None], rows_in_memory)
    assert found == Distances(0.5, 1.0, 2, 2)


@BOTH
def test_minus_zero_is_zero(con: duckdb.DuckDBPyConnection, rows_in_memory: int) -> None:
    assert measured(con, [-0.0, 1.0], [0.0, 1.0], rows_in_memory) == Distances(0.0, 0.0, 2, 2)


@BOTH
def test_an_infinite_value_has_a_place_and_no_distance(con: duckdb.DuckDBPyConnection, rows_in_memory: int) -> None:
    found = measured(con, [-math.inf, 0.0, 1.0, math.inf], [0.0, 1.0, math.inf, math.inf], rows_in_memory)
    assert (found.ks, found.wasserstein) == (0.25, None)


@BOTH
def test_a_distance_beyond_float64_is_none(con: duckdb.DuckDBPyConnection, rows_in_memory: int) -> None:
    with np.errstate(over="ignore"):
        found = measured(con, [-1.7e308], [1.7e308], rows_in_memory)
    assert (found.ks, found.wasserstein) == (1.0, None)


@BOTH
@pytest.mark.parametrize(("a", "b", "n", "m"), [([None], [1.0], 0, 1), ([1.0], [None], 1, 0), ([None], [None], 0, 0)])
def test_a_side_without_values_has_no_distance(
    con: duckdb.DuckDBPyConnection, a: list[Any], b: list[Any], n: int, m: int, rows_in_memory: int
) -> None:
    con.execute("CREATE TABLE a (x DOUBLE)")
    con.execute("CREATE TABLE b (x DOUBLE)")
    con.execute("INSERT INTO a VALUES (?)", a)
    con.execute("INSERT INTO b VALUES (?)", b)
    assert distances(con, "a", "b", "x", rows_in_memory=rows_in_memory) == Distances(None, None, n, m)


@BOTH
def test_constants_are_no_distance_or_their_difference(con: duckdb.DuckDBPyConnection, rows_in_memory: int) -> None:
    assert measured(con, [3.0] * 5, [3.0] * 9, rows_in_memory) == Distances(0.0, 0.0, 5, 9)
    assert measured(con, [3.0] * 5, [5.0] * 9, rows_in_memory) == Distances(1.0, 2.0, 5, 9)


@BOTH
def test_integers_and_decimals_are_compared_as_float64(con: duckdb.DuckDBPyConnection, rows_in_memory: int) -> None:
    a, b = [Decimal("1.50"), Decimal("2.50")], [Decimal("2.50"), Decimal("2.50")]
    assert measured(con, a, b, rows_in_memory) == Distances(0.5, 0.5, 2, 2)
    assert measured(con, [1, 2, 3], [2, 3, 4], rows_in_memory).wasserstein == pytest.approx(1.0, abs=1e-15)


SIDE = st.lists(st.one_of(st.none(), st.integers(-3, 3).map(float), st.floats(-1e6, 1e6)), min_size=1, max_size=25)


@given(a=SIDE, b=SIDE)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_ways_say_the_same_and_do_not_depend_on_sides_or_order(
    con: duckdb.DuckDBPyConnection, a: list[float | None], b: list[float | None]
) -> None:
    con.execute("CREATE OR REPLACE TABLE a (x DOUBLE)")
    con.execute("CREATE OR REPLACE TABLE b (x DOUBLE)")
    con.executemany("INSERT INTO a VALUES (?)", [[x] for x in a])
    con.executemany("INSERT INTO b VALUES (?)", [[x] for x in b])
    whole = distances(con, "a", "b", "x")
    for other in (
        distances(con, "a", "b", "x", rows_in_memory=SPILLING),
        distances(con, "b", "a", "x"),
        distances(con, "(SELECT * FROM a ORDER BY hash(x))", "b", "x"),
    ):
        assert other.ks == pytest.approx(whole.ks, abs=1e-12)
        if whole.wasserstein is None:
            assert other.wasserstein is None
        else:
            assert other.wasserstein == pytest.approx(whole.wasserstein, abs=1e-9, rel=1e-12)


@pytest.mark.slow
def test_beyond_the_limit_of_memory_it_spills(tmp_path: Path) -> None:
    with duckdb.connect(config={"memory_limit": "60MB", "temp_directory": str(tmp_path / "spill"), "threads": 1}) as con:
        con.execute("SET preserve_insertion_order = false")
        rows = "(SELECT sin(i * {step}) AS x FROM range(1_500_000) r(i))"
        a, b = rows.format(step=1), rows.format(step=2)
        spilled = distances(con, a, b, "x", rows_in_memory=SPILLING)
    with duckdb.connect() as con:
        assert distances(con, a, b, "x").ks == pytest.approx(spilled.ks, abs=1e-12)
