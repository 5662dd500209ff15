"""A layout has a bin per percentile of the reference, and one of its own for each value that fills several."""

from __future__ import annotations

import math
from typing import Any

import duckdb
import numpy as np
import pytest

from readiness_pipelines.drift.layout import layout_of
from readiness_pipelines.drift.profile import ColumnKind, ColumnLayout, digest_of
from readiness_pipelines.drift.scan import profile
from readiness_pipelines.errors import ReadinessError
from tests.drift.rows import relation


def laid_out(con: duckdb.DuckDBPyConnection, values: Any, **options: Any) -> ColumnLayout:
    return layout_of(con, relation(con, {"x": values}), ["x"], told=["x"], **options).columns[0]


def test_edges_are_percentiles_and_the_coarse_ones_deciles(con: duckdb.DuckDBPyConnection) -> None:
    found = laid_out(con, np.random.default_rng(0).permutation(np.arange(1.0, 1001.0)))
    assert found.edges == tuple(float(i) for i in range(10, 1000, 10))
    assert [found.edges[i] for i in found.coarse] == [float(i) for i in range(100, 1000, 100)]
    counts = profile(con, "rows", layout_of(con, "rows", ["x"], told=["x"])).columns["x"].counts
    assert counts == (10,) * 100
    assert found.coarsened(counts) == (100,) * 10


def test_edges_are_quantiles_as_duckdb_has_them(con: duckdb.DuckDBPyConnection) -> None:
    found = laid_out(con, np.random.default_rng(3).standard_normal(12_347))
    shares = [i / 100 for i in range(1, 100)]
    (row,) = con.execute(f"SELECT quantile_disc(x, {shares}) FROM rows").fetchall()
    assert found.edges == tuple(row[0])


def test_a_value_that_fills_several_percentiles_has_a_bin_of_its_own(con: duckdb.DuckDBPyConnection) -> None:
    found = laid_out(con, [0.0] * 500 + [float(i) for i in range(1, 501)])
    below = math.nextafter(0.0, -math.inf)
    assert found.edges[:2] == (below, 0.0)
    assert found.single[:3] == (False, True, False)
    assert [found.edges[i] for i in found.coarse][:2] == [below, 0.0]
    assert len(found.edges) <= 99


def test_a_constant_is_told_from_what_is_below_and_above_it(con: duckdb.DuckDBPyConnection) -> None:
    found = laid_out(con, [7] * 30)
    assert found.edges == (math.nextafter(7.0, 0.0), 7.0)
    assert found.coarse == (0, 1)
    layout = layout_of(con, "rows", ["x"], told=["x"])
    assert profile(con, relation(con, {"x": [6, 7, 7, 8]}, name="later"), layout).columns["x"].counts == (1, 2, 1)


def test_few_rows_have_an_edge_each(con: duckdb.DuckDBPyConnection) -> None:
    """Of three rows each fills a third of the percentiles."""
    found = laid_out(con, [1.0, 2.0, 3.0])
    assert [edge for edge, alone in zip(found.edges, found.single[:-1], strict=True) if alone] == [1.0, 2.0, 3.0]


def test_minus_zero_is_zero(con: duckdb.DuckDBPyConnection) -> None:
    assert [math.copysign(1, edge) for edge in laid_out(con, [-0.0] * 5).edges] == [-1.0, 1.0]  # the first is below zero


def test_infinite_quantiles_are_no_edges(con: duckdb.DuckDBPyConnection) -> None:
    found = laid_out(con, [-math.inf] * 30 + [1.0] * 40 + [math.inf] * 30)
    assert found.edges == (math.nextafter(1.0, 0.0), 1.0)
    assert laid_out(con, [math.inf] * 3).edges == ()


@pytest.mark.parametrize("values", [[None, None], [math.nan, math.nan]])
def test_without_a_value_there_is_one_bin(con: duckdb.DuckDBPyConnection, values: list[Any]) -> None:
    con.execute("CREATE TABLE none (x DOUBLE)")
    con.executemany("INSERT INTO none VALUES (?)", [[value] for value in values])
    for source in ("none", "(SELECT * FROM none WHERE false)"):
        assert layout_of(con, source, ["x"]).columns[0].edges == ()


def test_no_category_in_the_reference_makes_every_one_unseen(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TABLE none (x VARCHAR)")
    layout = layout_of(con, "none", ["x"])
    assert (layout.columns[0].values, layout.columns[0].known) == ((), frozenset())
    assert profile(con, relation(con, {"x": ["a", None]}), layout).columns["x"].unseen == 1


def test_the_fifty_most_frequent_categories_are_named_and_the_others_known(con: duckdb.DuckDBPyConnection) -> None:
    cells = [f"v{i:02d}" for i in range(60) for _ in range(100 - i)]
    found = laid_out(con, cells)
    assert found.values == tuple(f"v{i:02d}" for i in range(50))
    assert found.known == frozenset(digest_of(f"v{i:02d}") for i in range(50, 60))
    counted = profile(con, "rows", layout_of(con, "rows", ["x"], told=["x"])).columns["x"]
    assert (counted.counts[0], counted.other, counted.unseen) == (100, sum(100 - i for i in range(50, 60)), 0)


def test_equally_frequent_categories_come_in_the_order_of_their_text(con: duckdb.DuckDBPyConnection) -> None:
    assert laid_out(con, ["b", "a", "c", "c"]).values == ("c", "a", "b")


def test_beyond_ten_thousand_values_unseen_cannot_be_told(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TABLE many AS SELECT 'v' || i AS x FROM range(10_001) r(i)")
    assert layout_of(con, "many", ["x"], told=["x"]).columns[0].known is None
    fewer = layout_of(con, "(SELECT * FROM many LIMIT 10_000)", ["x"], told=["x"]).columns[0]
    assert fewer.known is not None
    assert len(fewer.known) == 9_950


def test_rare_categories_of_a_column_that_may_not_be_told_are_not_named(con: duckdb.DuckDBPyConnection) -> None:
    source = relation(con, {"x": ["often"] * 10 + ["rare"] * 9})
    assert layout_of(con, source, ["x"], told=["x"]).columns[0].values == ("often", "rare")
    untold = layout_of(con, source, ["x"])
    assert untold.columns[0] == ColumnLayout(
        "x", ColumnKind.CATEGORY, values=("often",), known=frozenset({digest_of("rare")}), is_told=False
    )
    assert "rare" not in untold.to_json()
    found = profile(con, source, untold).columns["x"]
    assert (found.counts, found.other, found.unseen) == ((10,), 9, 0)


@pytest.mark.parametrize(("rows", "edges", "coarse"), [(1000, 99, 9), (999, 9, 9), (100, 9, 9), (99, 0, 0)])
def test_no_edge_of_a_column_that_may_not_be_told_is_near_its_ends(
    con: duckdb.DuckDBPyConnection, rows: int, edges: int, coarse: int
) -> None:
    source = relation(con, {"x": np.arange(float(rows))})
    found = layout_of(con, source, ["x"]).columns[0]
    assert (len(found.edges), len(found.coarse)) == (edges, coarse)
    assert all(9 <= edge < rows - 10 for edge in found.edges)
    assert len(layout_of(con, source, ["x"], told=["x"]).columns[0].edges) == 99


def test_above_the_limit_of_rows_quantiles_are_those_of_a_sample(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TABLE long AS SELECT (i * 7919) % 100_000 AS x FROM range(100_000) r(i)")
    exact = layout_of(con, "long", ["x"]).columns[0].edges
    assert exact == tuple(float(i) for i in range(999, 99_000, 1000))
    sampled = layout_of(con, "long", ["x"], exact_rows=20_000)
    assert sampled.columns[0].edges != exact
    assert sampled.columns[0].edges == pytest.approx(exact, abs=1500)  # a rank is off by sqrt(p (1 - p) / 20,000), 350 at most
    assert layout_of(con, "long", ["x"], exact_rows=20_000) == sampled


def test_numbers_are_categories_where_they_are_asked_for_as_such(con: duckdb.DuckDBPyConnection) -> None:
    source = relation(con, {"label": [1, 0, 0, None], "x": [0.5, math.nan, 0.5, 2.0]})
    found = layout_of(con, source, ["label", "x"], as_categories=["label", "x"], told=["label", "x"])
    assert [(each.kind, each.values) for each in found.columns] == [
        (ColumnKind.CATEGORY, ("0", "1")),
        (ColumnKind.CATEGORY, ("0.5", "2.0")),
    ]
    assert [str(each.kind) for each in layout_of(con, source, ["label", "x"], as_categories=["x"]).columns] == [
        "number",
        "category",
    ]


def test_columns_keep_the_order_in_which_they_were_asked_for(con: duckdb.DuckDBPyConnection) -> None:
    source = relation(con, {"a": [1], "b": ["u"], "c": [2.0], "d": [True]})
    found = layout_of(con, source, ["d", "c", "b", "a"])
    assert [(each.column, str(each.kind)) for each in found.columns] == [
        ("d", "category"), ("c", "number"), ("b", "category"), ("a", "number"),
    ]  # fmt: skip


def test_a_column_that_cannot_be_measured_is_named(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(ReadinessError, match="at is TIMESTAMP"):
        layout_of(con, "(SELECT TIMESTAMP '2025-01-01' AS at)", ["at"])
    with pytest.raises(ReadinessError, match="no column 'amount'"):
        layout_of(con, "(SELECT 1 AS x)", ["amount"])
