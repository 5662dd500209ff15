"""Statistics of two arrays of values: KS and Wasserstein-1; equal to scipy's, with ties, infinities and what is no value."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp as scipys_ks
from scipy.stats import kstwo, wasserstein_distance

from readiness_pipelines.drift.statistics import ks
from readiness_pipelines.drift.statistics.wasserstein import wasserstein

INF, NAN = math.inf, math.nan
NUMBERS = st.one_of(st.integers(-5, 5).map(float), st.floats(-1e6, 1e6))
SAMPLES = st.lists(NUMBERS, min_size=1, max_size=80)
PAIRS = st.tuples(SAMPLES, SAMPLES).filter(lambda both: len(both[0]) + len(both[1]) > 2)  # else scipy divides by zero
BOTH: dict[str, Callable[[Any, Any], float | None]] = {"ks": ks.statistic, "wasserstein": wasserstein}


def near(value: float | None, to: float, *, scale: float = 1.0) -> bool:
    return value is not None and abs(value - to) <= 1e-12 * max(scale, abs(to))


@given(PAIRS)
def test_both_equal_scipys(pair: tuple[list[float], list[float]]) -> None:
    a, b = pair
    assert near(ks.statistic(a, b), float(scipys_ks(a, b, method="asymp").statistic))
    assert near(wasserstein(a, b), float(wasserstein_distance(a, b)), scale=max(map(abs, a + b)))


@given(SAMPLES, SAMPLES, st.randoms(use_true_random=False))
def test_symmetry_bounds_and_the_order_of_rows(a: list[float], b: list[float], random: Any) -> None:
    shuffled = list(a)
    random.shuffle(shuffled)
    d, w = ks.statistic(a, b), wasserstein(a, b)
    assert d is not None and w is not None
    assert 0 <= d <= 1
    assert 0 <= w <= max(a + b) - min(a + b) + 1e-9
    assert d == ks.statistic(shuffled, b)
    assert near(ks.statistic(b, a), d)
    assert near(wasserstein(b, shuffled), w, scale=max(map(abs, a + b)))


@given(SAMPLES, st.integers(1, 5))
def test_rows_taken_several_times_change_nothing(a: list[float], times: int) -> None:
    assert near(ks.statistic(a, a * times), 0)
    assert near(wasserstein(a, a * times), 0, scale=max(map(abs, a)) + 1)


def test_ties_between_the_two_sides_are_taken_together() -> None:
    assert ks.statistic([1, 1, 2, 2], [1, 2, 2, 2]) == 0.25
    assert ks.statistic([0, 0, 0, 0], [0, 0, 0, 1]) == 0.25
    assert ks.statistic([0, 0, 0, 1], [0, 0, 0, 0]) == 0.25


def test_infinities_are_the_lowest_and_highest_values_of_ks_and_make_no_distance_of_wasserstein() -> None:
    assert ks.statistic([-INF, 0, 1, INF], [0, 1, 2, INF]) == 0.25
    assert ks.statistic([INF, INF], [INF]) == 0
    assert ks.statistic([-INF], [INF]) == 1
    assert wasserstein([0, INF], [0, INF]) is None
    assert wasserstein([0, 1], [-INF, 1]) is None


def test_nan_is_no_value() -> None:
    assert ks.statistic([1, NAN, 2], [2, 3, NAN]) == 0.5
    assert wasserstein([1, NAN, 2], [2, 3, NAN]) == 1


@pytest.mark.parametrize("statistic", BOTH.values(), ids=BOTH)
def test_a_side_without_a_value_has_no_statistic(statistic: Callable[[Any, Any], float | None]) -> None:
    assert statistic([], [1.0]) is None
    assert statistic([1.0], [NAN, NAN]) is None


@pytest.mark.parametrize("statistic", BOTH.values(), ids=BOTH)
def test_constant_columns_are_equal_or_as_far_apart_as_their_values(statistic: Callable[[Any, Any], float | None]) -> None:
    assert statistic([3, 3, 3], [3, 3]) == 0
    assert statistic([3, 3, 3], [4, 4]) == 1


def test_whole_numbers_that_no_float_can_tell_apart_are_compared_as_they_are() -> None:
    assert ks.statistic(np.array([2**60]), np.array([2**60 + 1])) == 1


@pytest.mark.parametrize("statistic", BOTH.values(), ids=BOTH)
def test_the_arrays_are_left_as_they_were(statistic: Callable[[Any, Any], float | None]) -> None:
    a, b = np.array([3.0, NAN, 1.0]), np.array([2.0, 0.0])
    statistic(a, b)
    assert list(a[[0, 2]]) == [3, 1] and list(b) == [2, 0]


@given(PAIRS)
def test_p_equals_scipys_asymptotic_one(pair: tuple[list[float], list[float]]) -> None:
    found = scipys_ks(*pair, method="asymp")
    assert near(ks.p_value(float(found.statistic), len(pair[0]), len(pair[1])), float(found.pvalue))


@pytest.mark.parametrize(("n", "m"), [(100, 100), (500, 500), (1000, 100_000), (5000, 5000), (1_000_000, 1_000_000)])
def test_p_equals_scipys_for_every_distance(n: int, m: int) -> None:
    rows = round(n * m / (n + m))
    for x in (0.05, 0.1, 0.17, 0.18, 0.5, 1.0, 2.0, 5.0):
        d = x / math.sqrt(rows)
        if x >= 0.17 or rows <= 500:  # below that scipy takes minutes
            assert near(ks.p_value(d, n, m), float(kstwo.sf(d, rows)))
    assert ks.p_value(0.0, n, m) == 1
    assert ks.p_value(1.0, n, m) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("rows", [5_001, 60_000, 500_000, 1_000_000])
@pytest.mark.parametrize("x", [2.2, 2.5, 5.0, 12.0, 60.0])
def test_p_of_a_large_distance_equals_scipys_without_its_half_second(rows: int, x: float) -> None:
    d = math.sqrt(x / rows) * (1 + 1e-12)
    begun = time.process_time()
    found = ks.p_value(d, 2 * rows, 2 * rows)
    assert time.process_time() - begun < 0.1
    assert near(found, float(kstwo.sf(d, rows)))


def test_p_is_told_at_once_where_the_distance_is_tiny() -> None:
    assert ks.p_value(1e-4, 100_000, 100_000) == 1


def test_an_empty_side_has_no_p_nor_has_one_value_on_both() -> None:
    assert ks.p_value(0.0, 0, 10) is None
    assert ks.p_value(1.0, 1, 1) is None


@given(SAMPLES, SAMPLES, st.lists(st.floats(-10, 10), max_size=12, unique=True))
def test_d_lies_in_the_bracket_from_any_bins(a: list[float], b: list[float], edges: list[float]) -> None:
    bins = [-INF, *sorted(edges), INF]
    counts = [np.histogram(x, bins)[0] for x in (a, b)]
    found, d = ks.bracket(*counts), ks.statistic(a, b)
    assert found is not None and d is not None
    assert found[0] - 1e-12 <= d <= found[1] + 1e-12


@given(st.lists(st.integers(0, 8), min_size=1), st.lists(st.integers(0, 8), min_size=1))
def test_d_is_the_low_end_where_each_bin_holds_one_value(a: list[int], b: list[int]) -> None:
    found = ks.bracket(np.bincount(a, minlength=9), np.bincount(b, minlength=9))
    assert found is not None
    assert near(found[0], ks.statistic(a, b) or 0.0)


def test_a_bracket_by_hand() -> None:
    # F .2 .5 1, G .4 .5 1: .2 apart at the first end; within the first bin up to .4, the second .3, the third .5
    assert ks.bracket([2, 3, 5], [4, 1, 5]) == (0.2, 0.5)
    assert ks.bracket([4, 0, 6], [0, 4, 6]) == (0.4, 0.6)
    assert ks.bracket([2, 3, 5], [4, 1, 5], single=[False, False, True]) == (0.2, 0.4)
    assert ks.bracket([2, 3, 5], [4, 1, 5], single=[True, False, True]) == (0.2, pytest.approx(0.3))
    assert ks.bracket([2, 3, 5], [4, 1, 5], single=[True, True, True]) == (0.2, 0.2)
    assert ks.bracket([0, 0], [1, 2]) is None
    assert ks.bracket([1, 0], [0, 2]) == (1, 1)
