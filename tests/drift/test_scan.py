"""A profile counts what numpy and DuckDB count, whatever the rows are and however they are cut and ordered."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from readiness_pipelines.drift import scan
from readiness_pipelines.drift.binning import Bins
from readiness_pipelines.drift.layout import layout_of
from readiness_pipelines.drift.profile import ColumnKind, ColumnLayout, ColumnProfile, Layout, digest_of, empty, merged
from readiness_pipelines.drift.scan import profile
from readiness_pipelines.errors import ReadinessError
from tests.drift.rows import relation

ANY = st.floats(width=64)
SORTED = st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=40, unique=True).map(
    lambda xs: sorted({x + 0.0 for x in xs})
)


def number(*edges: float, is_told: bool = True) -> Layout:
    return Layout((ColumnLayout("x", ColumnKind.NUMBER, edges=edges, is_told=is_told),))


def words(*values: str, known: tuple[str, ...] | None = ()) -> Layout:
    digests = None if known is None else frozenset(map(digest_of, known))
    return Layout((ColumnLayout("x", ColumnKind.CATEGORY, values=values, known=digests),))


def profiled(con: duckdb.DuckDBPyConnection, values: Any, layout: Layout) -> ColumnProfile:
    return profile(con, relation(con, {"x": values}), layout).columns["x"]


def test_a_number_is_in_the_bin_whose_upper_end_it_is(con: duckdb.DuckDBPyConnection) -> None:
    found = profiled(con, [0.0, 1.0, 1.5, 2.0, 2.5, None, math.nan], number(1.0, 2.0))
    assert (found.counts, found.n, found.nulls, found.infinities) == ((2, 2, 1), 5, 2, 0)
    assert (found.mean, found.low, found.high) == (1.4, 0.0, 2.5)
    assert found.m2 == pytest.approx(3.7, abs=1e-15)


def test_infinities_are_in_the_outer_bins_and_in_no_moment(con: duckdb.DuckDBPyConnection) -> None:
    found = profiled(con, [-math.inf, 1.0, 3.0, math.inf, math.inf], number(1.0, 2.0))
    assert (found.counts, found.infinities, found.finite) == ((2, 0, 3), 3, 2)
    assert (found.mean, found.m2, found.low, found.high) == (2.0, 2.0, 1.0, 3.0)
    alone = profiled(con, [-math.inf, math.inf], number(1.0))
    assert (alone.counts, alone.mean, alone.m2, alone.low, alone.high, alone.sd) == ((1, 1), None, None, None, None, None)


def test_numbers_beyond_what_a_float_can_add_have_no_moments(con: duckdb.DuckDBPyConnection) -> None:
    found = profiled(con, [1.7e308, 1.7e308, -1.7e308], number(0.0, 1.0))
    assert (found.counts, found.m2, found.low, found.high) == ((1, 0, 2), None, -1.7e308, 1.7e308)


@pytest.mark.parametrize("values", [[], [None, None], [math.nan]])
def test_without_a_value_there_is_nothing_but_nulls(con: duckdb.DuckDBPyConnection, values: list[Any]) -> None:
    con.execute("CREATE TABLE none (x DOUBLE)")
    con.executemany("INSERT INTO none VALUES (?)", [[value] for value in values] or [[None]])
    source = "none" if values else "(SELECT * FROM none WHERE false)"
    found = profile(con, source, number(1.0, 2.0))
    assert found.rows == len(values)
    assert found.columns["x"] == ColumnProfile(0, len(values), (0, 0, 0))


def test_a_constant_has_no_spread_at_all(con: duckdb.DuckDBPyConnection) -> None:
    found = profiled(con, [0.1] * 1000, number(0.1))
    assert (found.mean, found.m2, found.sd, found.counts) == (0.1, 0.0, 0.0, (1000, 0))


@pytest.mark.parametrize(
    ("type_", "cells", "counts"),
    [
        ("BIGINT", [1, 2, 9_007_199_254_740_993, None], (1, 1, 1)),
        ("DECIMAL(9,2)", [Decimal("1.00"), Decimal("1.01"), Decimal("-5.00"), Decimal("2.01")], (2, 1, 1)),
        ("FLOAT", [1.0, 1.1, 3.0, math.nan], (1, 1, 1)),
        ("UTINYINT", [0, 2, 255, None], (1, 1, 1)),
    ],
)
def test_numbers_of_every_type_are_compared_as_float64(
    con: duckdb.DuckDBPyConnection, type_: str, cells: list[Any], counts: tuple[int, ...]
) -> None:
    con.execute(f"CREATE TABLE t (x {type_})")
    con.executemany("INSERT INTO t VALUES (?)", [[cell] for cell in cells])
    found = profile(con, "t", number(1.0, 2.0)).columns["x"]
    assert found.counts == counts
    assert found.n + found.nulls == len(cells)


def test_booleans_are_two_categories(con: duckdb.DuckDBPyConnection) -> None:
    found = profiled(con, [True, False, True, None], words("true", "false"))
    assert (found.counts, found.nulls) == ((2, 1), 1)


def test_numbers_can_be_categories_and_nan_is_none_of_them(con: duckdb.DuckDBPyConnection) -> None:
    assert profiled(con, [1, 0, 1, None], words("1", "0")).counts == (2, 1)
    found = profiled(con, [1.0, math.nan, None, 2.5, 1.0], words("1.0"))
    assert (found.counts, found.nulls, found.unseen) == ((2,), 2, 1)


def test_a_category_is_named_other_or_unseen(con: duckdb.DuckDBPyConnection) -> None:
    cells = ["MA", "NY", "MA", "VT", "ME", "", None]
    found = profiled(con, cells, words("MA", "NY", known=("VT",)))
    assert (found.counts, found.other, found.unseen, found.nulls, found.n) == ((2, 1), 1, 2, 1, 6)
    assert (found.mean, found.m2, found.low, found.high) == (None, None, None, None)
    blind = profiled(con, cells, words("MA", "NY", known=None))
    assert (blind.counts, blind.other, blind.unseen) == ((2, 1), 3, None)


def test_null_categories_of_several_columns_are_kept_apart(con: duckdb.DuckDBPyConnection) -> None:
    layouts = tuple(ColumnLayout(name, ColumnKind.CATEGORY, values=("u", "v"), known=frozenset()) for name in ("a", "b"))
    source = relation(con, {"a": ["u", None, None], "b": ["u", "v", None]})
    found = profile(con, source, Layout(layouts)).columns
    assert [(each.counts, each.nulls) for each in found.values()] == [((1, 0), 2), ((1, 1), 1)]


def test_more_categories_than_one_statement_takes(con: duckdb.DuckDBPyConnection) -> None:
    names = [f"c{i}" for i in range(45)]
    layout = Layout(tuple(ColumnLayout(name, ColumnKind.CATEGORY, values=("u",), known=frozenset()) for name in names))
    source = relation(con, {name: ["u"] * i + ["v"] * (45 - i) for i, name in enumerate(names)})
    assert [each.counts[0] for each in profile(con, source, layout).columns.values()] == list(range(45))


def test_ends_are_kept_only_where_they_may_be_told(con: duckdb.DuckDBPyConnection) -> None:
    cells = [1.0, 2.0]
    assert profiled(con, cells, number(1.0)).high == 2.0
    untold = profiled(con, cells, number(1.0, is_told=False))
    assert (untold.low, untold.high, untold.mean, untold.m2, untold.counts) == (None, None, None, None, (1, 1))
    ten = profiled(con, cells * 5, number(1.0, is_told=False))
    assert (ten.low, ten.high, ten.mean, ten.m2) == (None, None, 1.5, 2.5)


def test_no_columns_are_rows_alone(con: duckdb.DuckDBPyConnection) -> None:
    assert profile(con, relation(con, {"x": [1, 2, 3]}), Layout(())).rows == 3


def test_columns_may_be_named_as_they_like(con: duckdb.DuckDBPyConnection) -> None:
    odd = 'a "b", c'
    source = relation(con, {odd: [1.0], f"{odd}'": ["u"]})
    layout = Layout(
        (ColumnLayout(odd, ColumnKind.NUMBER), ColumnLayout(f"{odd}'", ColumnKind.CATEGORY, values=("u",), known=frozenset()))
    )
    assert [each.counts for each in profile(con, source, layout).columns.values()] == [(1,), (1,)]


def test_a_column_of_another_kind_than_in_the_reference_is_refused(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(ReadinessError, match="x is VARCHAR here and was a number in the reference"):
        profiled(con, ["1"], number(1.0))
    with pytest.raises(ReadinessError, match="no column 'x'"):
        profile(con, relation(con, {"y": [1]}), number(1.0))
    with pytest.raises(ReadinessError, match="x is DATE"):
        profile(con, "(SELECT DATE '2025-01-01' AS x)", number(1.0))


def test_counts_are_those_of_duckdb_and_numpy_on_many_rows(con: duckdb.DuckDBPyConnection) -> None:
    random = np.random.default_rng(7)
    columns = {
        "normal": random.standard_normal(300_000),
        "heavy": random.standard_cauchy(300_000),
        "log": random.lognormal(0, 3, 300_000),
        "rounded": np.round(random.standard_normal(300_000), 1),
        "ints": random.poisson(3, 300_000),
        "far": 1e9 + random.standard_normal(300_000),
    }
    source = relation(con, columns)
    layout = layout_of(con, source, list(columns), told=list(columns))
    found = profile(con, source, layout)
    for name, values in columns.items():
        numbers, each, edges = values.astype(np.float64), found.columns[name], layout.by_column[name].edges
        assert len(edges) > 5
        oracle = np.bincount(np.searchsorted(np.array(edges), numbers), minlength=len(edges) + 1)
        assert each.counts == tuple(oracle.tolist())
        text = ", ".join(f"'{edge!r}'::DOUBLE" for edge in edges)
        (counted,) = con.execute(f"SELECT histogram(CAST({name} AS DOUBLE), [{text}]) FROM {source}").fetchall()
        assert tuple(counted[0].get(edge, 0) for edge in edges) == each.counts[:-1]
        assert each.mean == pytest.approx(numbers.mean(), rel=1e-12, abs=1e-12)
        assert each.sd == pytest.approx(numbers.std(ddof=1), rel=1e-10)
        assert (each.low, each.high) == (numbers.min(), numbers.max())


def test_the_order_of_rows_changes_no_count(con: duckdb.DuckDBPyConnection) -> None:
    source = relation(con, {"x": np.random.default_rng(1).standard_normal(200_000), "w": [str(i % 7) for i in range(200_000)]})
    layout = layout_of(con, source, ["x", "w"])
    a, b = profile(con, source, layout), profile(con, f"(SELECT * FROM {source} ORDER BY hash(x))", layout)
    assert a.columns["w"] == b.columns["w"]
    assert [(p.n, p.counts, p.low, p.high) for p in (a.columns["x"],)] == [
        (p.n, p.counts, p.low, p.high) for p in (b.columns["x"],)
    ]


@given(edges=SORTED, numbers=st.lists(st.floats(allow_nan=False), max_size=60))
@settings(max_examples=400, deadline=None)
def test_every_number_is_in_the_one_bin_that_a_binary_search_finds(edges: list[float], numbers: list[float]) -> None:
    bins = Bins(edges)
    some = np.array(numbers + edges + [math.nextafter(edge, math.inf) for edge in edges], dtype=np.float64)
    bins.add(some)
    assert bins.counts.tolist() == np.bincount(np.searchsorted(np.array(edges), some), minlength=len(edges) + 1).tolist()


@given(numbers=st.lists(st.integers(-50, 50), min_size=1, max_size=200), scale=st.sampled_from([1e-300, 0.1, 1.0, 1e300]))
@settings(max_examples=200, deadline=None)
def test_edges_that_crowd_in_one_cell_are_told_apart(numbers: list[int], scale: float) -> None:
    edges = sorted({x * scale for x in numbers} | {x * scale * 1e-9 for x in numbers})
    bins, some = Bins(edges), np.array([x * scale * 1e-9 for x in numbers] + [x * scale for x in numbers])
    bins.add(some)
    assert bins.counts.tolist() == np.bincount(np.searchsorted(np.array(edges), some), minlength=len(edges) + 1).tolist()


CELL = st.one_of(st.none(), ANY)
WORD = st.one_of(st.none(), st.sampled_from(["a", "b", "c", "d", "e"]))


@given(rows=st.lists(st.tuples(CELL, WORD), max_size=40), cut=st.integers(0, 40), edges=SORTED)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_two_parts_merge_to_the_whole_in_either_order(
    con: duckdb.DuckDBPyConnection, rows: list[tuple[float | None, str | None]], cut: int, edges: list[float]
) -> None:
    layout = Layout(
        (
            ColumnLayout("x", ColumnKind.NUMBER, edges=tuple(edges)),
            ColumnLayout("w", ColumnKind.CATEGORY, values=("a", "b"), known=frozenset({digest_of("c")})),
        )
    )
    con.execute("CREATE OR REPLACE TABLE parts (x DOUBLE, w VARCHAR)")
    profiles = []
    for part in (rows[:cut], rows[cut:], rows):
        con.execute("DELETE FROM parts")
        if part:
            con.executemany("INSERT INTO parts VALUES (?, ?)", [list(row) for row in part])
        profiles.append(profile(con, "parts", layout))
    first, second, whole = profiles
    assert sum(whole.columns["x"].counts) == whole.columns["x"].n
    for both in (merged(first, second), merged(second, first), merged(merged(empty(layout), first), second)):
        assert both.rows == whole.rows == len(rows)
        assert both.columns["w"] == whole.columns["w"]
        a, b = both.columns["x"], whole.columns["x"]
        assert (a.n, a.nulls, a.counts, a.infinities, a.low, a.high) == (b.n, b.nulls, b.counts, b.infinities, b.low, b.high)
        if a.mean is not None and b.mean is not None:
            assert a.mean == pytest.approx(b.mean, rel=1e-9, abs=1e-9 * max(abs(b.low or 0), abs(b.high or 0)))


def test_a_batch_holds_few_cells_however_many_columns(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TABLE wide AS SELECT i AS a, i AS b FROM range(1_000_000) r(i)")
    sizes = [batch.num_rows for batch in scan.number_batches(con, "wide", ["a", "b"])]
    assert sum(sizes) == 1_000_000
    assert max(sizes) <= 600_000
