"""Two profiles compared: equal to scipy on the rows, and what becomes of nulls, labels and categories nobody has seen."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from scipy import stats
from scipy.spatial import distance

from readiness_pipelines.declarations.monitors import Watched
from readiness_pipelines.drift.layout import layout_of
from readiness_pipelines.drift.measurements import compared, exactly
from readiness_pipelines.drift.scan import profile
from readiness_pipelines.flow import Kind, Measurement, Test

Cells = Sequence[object] | np.ndarray


def measured(
    reference: Cells, window: Cells, *, kind: str = "number", role: Kind = Kind.DATA, is_public: bool = True
) -> dict[Test, Measurement]:
    """Return what is measured of one column of these rows, by test."""
    con = duckdb.connect()
    for name, cells in (("r", reference), ("w", window)):
        type_ = pa.float64() if kind == "number" else pa.string()
        con.register(name, pa.table({"x": pa.array(list(cells), type_)}))
    layout = layout_of(con, "r", ["x"], told=["x"] if is_public else [])
    found = compared([Watched("x", kind, role, is_public)], layout, profile(con, "r", layout), profile(con, "w", layout))  # type: ignore[arg-type]
    return {each.test: each for each in found}


def normal(rows: int, *, by: float = 0.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(by, 1, rows)


def test_the_bracket_of_ks_holds_scipys_d_and_p() -> None:
    a, b = normal(3000), normal(2000, by=0.2, seed=1)
    found, true = measured(a, b)[Test.KS], stats.ks_2samp(a, b, method="asymp")
    assert found.effect is not None and found.effect_high is not None and found.p is not None and found.p_low is not None
    assert found.effect <= true.statistic <= found.effect_high <= found.effect + 0.02
    assert found.p_low <= true.pvalue <= found.p
    assert (found.n_reference, found.n_window, found.kind) == (3000, 2000, Kind.DATA)


def test_ks_of_few_whole_numbers_is_exact_without_reading_a_row() -> None:
    random = np.random.default_rng(2)
    a, b = random.poisson(2, 4000).astype(float), random.poisson(2.3, 3000).astype(float)
    found, true = measured(a, b)[Test.KS], stats.ks_2samp(a, b, method="asymp")
    assert found.is_exact
    assert found.effect == pytest.approx(true.statistic, abs=1e-12)
    assert found.p == pytest.approx(true.pvalue, abs=1e-12)


def test_a_constant_column_that_stays_constant_differs_in_nothing() -> None:
    found = measured([7.0] * 400, [7.0] * 300)
    assert (found[Test.KS].effect, found[Test.KS].is_exact, found[Test.PSI].effect) == (0.0, True, 0.0)


def test_a_constant_column_that_moves_differs_in_everything() -> None:
    found = measured([7.0] * 400, [8.0] * 300)
    assert found[Test.KS].effect == 1.0 and (found[Test.PSI].effect or 0) > 5


def test_nulls_are_left_out_of_ks_are_a_bin_of_psi_and_have_a_test_of_their_own() -> None:
    a, b = normal(1000), normal(1000, seed=3)
    with_nulls = [None if i % 5 == 0 else float(x) for i, x in enumerate(b)]
    found, plain = measured(a, with_nulls), measured(a, b)
    assert Test.NULLS not in plain
    assert (found[Test.NULLS].effect, found[Test.NULLS].kind) == (0.2, Kind.MISSINGNESS)
    assert found[Test.NULLS].p == pytest.approx(stats.chi2_contingency([[0, 1000], [200, 800]], correction=False).pvalue, rel=1e-9)
    assert found[Test.KS].n_window == 800
    assert (found[Test.PSI].effect or 0) > (plain[Test.PSI].effect or 0) + 0.1


def test_nulls_that_become_fewer_are_an_effect_too() -> None:
    found = measured([None] * 500 + [1.0] * 500, [1.0] * 1000)
    assert found[Test.NULLS].effect == 0.5


def test_psi_and_its_p_are_those_of_the_decile_counts() -> None:
    a, b = normal(5000), normal(4000, by=0.3, seed=4)
    edges = np.sort(a)[np.ceil(np.arange(1, 10) * 5000 / 10).astype(int) - 1]
    counts = [np.bincount(np.searchsorted(edges, side), minlength=10) for side in (a, b)]
    p, q = counts[0] / 5000, counts[1] / 4000
    found = measured(a, b)[Test.PSI]
    psi = float(((q - p) * np.log(q / p)).sum())
    assert found.more["psi"] == pytest.approx(psi, abs=1e-12)
    assert found.effect == pytest.approx(psi - 9 * (1 / 5000 + 1 / 4000), abs=1e-12)
    assert found.p == pytest.approx(stats.chi2_contingency(counts, correction=False).pvalue, abs=1e-12)
    assert found.more["degrees"] == 9
    assert found.more["jensen_shannon"] == pytest.approx(distance.jensenshannon(p, q, base=2), abs=1e-12)


def test_moments_of_both_sides_are_told_beside_ks() -> None:
    a, b = normal(1000), normal(900, by=1, seed=5)
    more = measured(a, b)[Test.KS].more
    assert more["mean_window"] == pytest.approx(b.mean()) and more["sd_reference"] == pytest.approx(a.std(ddof=1))


def test_categories_that_the_reference_has_not_are_a_share_of_the_rows() -> None:
    found = measured(["a"] * 600 + ["b"] * 400, ["a"] * 500 + ["b"] * 300 + ["c"] * 200, kind="category")
    assert Test.KS not in found
    assert found[Test.UNSEEN].effect == 0.2
    assert found[Test.UNSEEN].p == pytest.approx(stats.chi2_contingency([[0, 1000], [200, 800]], correction=False).pvalue, rel=1e-9)
    assert (found[Test.PSI].effect or 0) > 0.2


def test_a_column_of_many_categories_has_unseen_ones_without_drift() -> None:
    random = np.random.default_rng(7)
    shares = 1 / np.arange(1, 3001)
    a, b, new = (random.choice(3000, 2000, p=shares / shares.sum()).astype(str) for _ in range(3))
    found = measured(a, b, kind="category")[Test.UNSEEN]
    singles = sum(count == 1 for count in np.unique(a, return_counts=True)[1])
    assert found.more["share_reference"] == singles / 2000 > 0.15
    assert found.more["share_window"] == np.isin(b, a, invert=True).mean()
    assert (found.effect or 0) < 0.05
    moved = measured(a, np.where(random.random(2000) < 0.2, np.char.add("new ", new), b), kind="category")[Test.UNSEEN]
    assert (moved.effect or 0) > 0.1 and (moved.p or 0) < 1e-6


def test_where_a_reference_has_too_many_values_unseen_ones_are_not_told() -> None:
    a = [str(i) for i in range(10_001)]
    assert set(measured(a, a, kind="category")) == {Test.PSI}


def test_a_label_that_is_not_known_yet_is_no_missing_value() -> None:
    known, late = ["0"] * 700 + ["1"] * 300, ["0"] * 70 + ["1"] * 30 + [None] * 900
    found = measured(known, late, kind="category", role=Kind.LABEL)
    assert Test.NULLS not in found
    assert (found[Test.PSI].kind, found[Test.PSI].n_window) == (Kind.LABEL, 100)
    assert found[Test.PSI].p == 1.0 and (found[Test.PSI].effect or 0) <= 0


def test_a_column_without_a_value_on_one_side_has_no_effect_and_says_why() -> None:
    found = measured(normal(300), [None] * 300)
    assert found[Test.KS].effect is None and "no row of one side" in found[Test.KS].note
    assert found[Test.NULLS].effect == 1.0


def test_no_rows_at_all_measure_nothing() -> None:
    found = measured(normal(300), [])
    assert all(each.effect is None and each.p is None for each in found.values())


def test_the_exact_numbers_take_the_place_of_the_bracket() -> None:
    a, b = normal(3000), normal(2000, by=0.1, seed=6)
    true = stats.ks_2samp(a, b, method="asymp")
    found = exactly(Watched("x", "number", Kind.DATA, False), measured(a, b)[Test.KS], true.statistic, 0.1)
    assert found.is_exact and found.p == pytest.approx(true.pvalue, abs=1e-12)
    assert found.more["wasserstein"] == 0.1 and "mean_window" in found.more


def test_moments_of_few_rows_are_not_told_of_a_column_that_is_not_public() -> None:
    few = [31337.0] * 9 + [None] * 300
    hidden, open_ = (measured(normal(300), few, is_public=is_public)[Test.KS] for is_public in (False, True))
    assert set(hidden.more) == {"mean_reference", "sd_reference"}
    assert open_.more["mean_window"] == 31337
    assert "mean_window" in measured(normal(300), [31337.0] * 10, is_public=False)[Test.KS].more
    assert "wasserstein" not in exactly(Watched("x", "number", Kind.DATA, False), hidden, 1.0, 31337.0).more
