"""Trends over windows, equal to scipy or to a published example; and the smallest effects that a test would have found."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, kendalltau, ks_2samp, kstwo, linregress, ncx2, norm

from readiness_pipelines.drift.statistics import power
from readiness_pipelines.drift.statistics.chi_squared import chi_squared
from readiness_pipelines.drift.statistics.psi import psi
from readiness_pipelines.drift.statistics.trend import Line, MannKendall, crossing, least_squares, mann_kendall

SERIES = st.lists(st.integers(-50, 50).map(float), min_size=3, max_size=30)


def near(value: float | None, to: float) -> bool:
    return value is not None and math.isclose(value, to, rel_tol=1e-9, abs_tol=1e-12)


@given(SERIES)
def test_least_squares_equals_scipys(series: list[float]) -> None:
    found, expected = least_squares(series), linregress(np.arange(len(series)), series)
    assert found is not None
    assert near(found.slope, float(expected.slope)) and near(found.intercept, float(expected.intercept))
    if len(set(series)) == 1:
        assert found.p == 1  # scipy's is 1 too, or no number
    elif expected.rvalue**2 < 1 - 1e-12:  # next to a line that fits exactly scipy's p is rounding
        assert math.isclose(found.p, float(expected.pvalue), rel_tol=1e-6, abs_tol=1e-12)


@pytest.mark.parametrize("series", [[], [1.0, 2.0], [1.0, None, 2.0, None], [None] * 5, [math.nan, 1.0, 2.0]])
def test_fewer_than_three_windows_have_no_trend(series: list[float | None]) -> None:
    assert least_squares(series) is None
    assert mann_kendall(series) is None


def test_a_constant_series_has_none_and_one_on_a_line_surely_has() -> None:
    assert least_squares([0.3] * 5) == Line(0, 0.3, 1)
    assert mann_kendall([0.3] * 5) == MannKendall(0, 1)
    assert least_squares([0, 1, 2, 3]) == Line(1, 0, 0)


def test_a_window_without_a_number_keeps_its_place() -> None:
    found = least_squares([0, None, 2, 3, None, 5.5])
    expected = linregress([0, 2, 3, 5], [0, 2, 3, 5.5])
    assert found is not None and near(found.slope, float(expected.slope)) and near(found.p, float(expected.pvalue))


def test_mann_kendall_by_hand() -> None:
    # 1 3 2 4: five pairs rise, one falls, S 4, var 4 x 3 x 13 / 18
    found = mann_kendall([1, 3, 2, 4])
    assert found is not None and found.s == 4 and near(found.p, 2 * float(norm.sf(3 / math.sqrt(4 * 3 * 13 / 18))))
    # 1 2 2 4 5 5 5: ties of two and of three take 2 x 1 x 9 + 3 x 2 x 11 off
    found = mann_kendall([1, 2, 2, 4, 5, 5, 5])
    variance = (7 * 6 * 19 - 18 - 66) / 18
    assert found is not None and found.s == 17 and near(found.p, 2 * float(norm.sf(16 / math.sqrt(variance))))


@given(SERIES)
def test_mann_kendalls_s_is_kendalls_tau_unscaled_and_turns_with_the_series(series: list[float]) -> None:
    found, turned = mann_kendall(series), mann_kendall(series[::-1])
    assert found is not None and turned is not None
    assert (turned.s, turned.p) == (-found.s, found.p) and 0 <= found.p <= 1
    if len(set(series)) > 1:
        pairs = len(series) * (len(series) - 1) / 2
        tied = sum(a == b for i, a in enumerate(series) for b in series[:i])
        tau = float(kendalltau(np.arange(len(series)), series).statistic)
        assert math.isclose(found.s, tau * math.sqrt(pairs * (pairs - tied)), abs_tol=1e-6)


def test_without_a_trend_either_test_keeps_its_rate() -> None:
    draw = np.random.default_rng(4)
    for test in (least_squares, mann_kendall):
        found = [test(list(draw.normal(size=12))) for _ in range(3000)]
        rate = sum(f is not None and f.p <= 0.05 for f in found) / 3000
        assert 0.025 <= rate <= 0.066


def test_a_line_crosses_where_it_is_first_at_the_threshold() -> None:
    rising = Line(slope=0.01, intercept=0.0, p=0.0)
    assert crossing(rising, last=3, threshold=0.05, horizon=10) == 2
    assert crossing(rising, last=3, threshold=0.055, horizon=10) == 3
    assert crossing(rising, last=3, threshold=0.055, horizon=2) is None
    assert crossing(rising, last=6, threshold=0.05, horizon=10) == 0
    assert crossing(Line(-0.01, 0.04, 0.0), last=3, threshold=0.05, horizon=10) is None
    assert crossing(Line(-0.01, 0.09, 0.0), last=3, threshold=0.05, horizon=10) == 0


# power


@pytest.mark.parametrize(("n", "m"), [(500, 500), (5000, 2000)])
@pytest.mark.parametrize("alpha", [0.05, 0.001])
def test_the_smallest_d_is_found_at_least_as_often_as_it_says(n: int, m: int, alpha: float) -> None:
    smallest = power.ks(n, m, alpha)
    assert smallest is not None
    draw, critical = np.random.default_rng(6), float(kstwo.isf(alpha, round(n * m / (n + m))))
    # the worst case: everything at one point, where the shares are .5 -+ D/2
    high = draw.binomial(n, 0.5 + smallest / 2, size=4000) / n
    low = draw.binomial(m, 0.5 - smallest / 2, size=4000) / m
    assert 0.78 <= (np.abs(high - low) >= critical).mean() <= 0.86
    shift = 2 * float(norm.ppf((1 + smallest) / 2))  # a shift of a normal column by so much has this D
    found = [ks_2samp(draw.normal(size=n), draw.normal(shift, size=m), method="asymp").pvalue <= alpha for _ in range(400)]
    assert np.mean(found) >= 0.78


@pytest.mark.parametrize("alpha", [0.05, 0.001])
def test_the_smallest_psi_is_found_as_often_as_it_says(alpha: float) -> None:
    n, m, degrees = 3000, 2000, 9
    smallest = power.psi(n, m, alpha, degrees)
    assert smallest is not None
    assert ncx2.sf(chi2.isf(alpha, degrees), degrees, smallest / (1 / n + 1 / m)) == pytest.approx(0.8, abs=1e-9)
    p, low, high = np.full(10, 0.1), 0.0, 0.05
    for _ in range(60):  # shares that are apart by exactly this PSI
        middle = (low + high) / 2
        q = p + middle * np.array([1, -1] * 5)
        low, high = (middle, high) if (psi(p * 1e9, q * 1e9) or 0) < smallest else (low, middle)
    draw = np.random.default_rng(7)
    tests = [chi_squared(draw.multinomial(n, p), draw.multinomial(m, q)) for _ in range(2000)]
    assert 0.76 <= sum(t is not None and t.p <= alpha for t in tests) / 2000 <= 0.84


def test_the_smallest_change_of_a_share_is_the_two_proportion_tests() -> None:
    z = float(norm.isf(0.025) + norm.isf(0.2))
    assert near(power.share(400, 600, 0.05), z * math.sqrt((1 / 400 + 1 / 600) / 4))
    assert near(power.normal(0.01, 0.05), 0.01 * z)


@pytest.mark.parametrize(("base", "n", "m"), [(0.02, 3000, 3000), (0.3, 4000, 900), (0.97, 800, 2000)])
def test_a_change_of_a_known_share_is_found_four_times_of_five(base: float, n: int, m: int) -> None:
    smallest = power.share(n, m, 0.01, base=base)
    assert smallest is not None and smallest < power.share(n, m, 0.01)  # type: ignore[operator]
    draw = np.random.default_rng(6)
    a = draw.binomial(n, base, 20_000) / n
    b = draw.binomial(m, base + smallest if base < 0.5 else base - smallest, 20_000) / m
    p = (n * a + m * b) / (n + m)
    z = np.abs(a - b) / np.sqrt(p * (1 - p) * (1 / n + 1 / m))
    assert 0.78 <= float((z >= norm.isf(0.005)).mean()) <= 0.82


def test_a_smaller_alpha_or_more_power_needs_a_larger_effect_and_more_rows_a_smaller_one() -> None:
    for smallest in (power.ks, power.share, lambda n, m, a, p=0.8: power.psi(n, m, a, 9, p)):
        usual = smallest(1000, 1000, 0.01)
        assert smallest(1000, 1000, 0.001) > usual and smallest(1000, 1000, 0.01, 0.95) > usual  # type: ignore[operator]
        assert smallest(2000, 1000, 0.01) < usual and smallest(1000, 2000, 0.01) < usual  # type: ignore[operator]
    assert power.psi(1000, 1000, 0.01, 30) > power.psi(1000, 1000, 0.01, 3)  # type: ignore[operator]


def test_nothing_is_found_without_rows_or_with_nothing_to_compare() -> None:
    assert power.ks(0, 10, 0.05) is None
    assert power.ks(2, 2, 0.0001) is None
    assert power.psi(0, 10, 0.05, 9) is None
    assert power.psi(10, 10, 0.05, 0) is None
    assert power.share(0, 10, 0.05) is None
    assert power.share(2, 2, 0.0001) is None
    assert power.normal(0.9, 0.05) is None
