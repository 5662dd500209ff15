"""Statistics of two rows of counts: PSI, chi-squared, Jensen-Shannon; equal to scipy or to a calculation by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import distance
from scipy.stats import chi2_contingency

from readiness_pipelines.drift.statistics.chi_squared import ChiSquared, chi_squared, pooled
from readiness_pipelines.drift.statistics.jensen_shannon import jensen_shannon
from readiness_pipelines.drift.statistics.psi import debiased, psi

COUNTS = st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=1, max_size=60)
STATISTICS: dict[str, Callable[[list[int], list[int]], float | None]] = {
    "psi": psi,
    "debiased": debiased,
    "jensen_shannon": jensen_shannon,
    "chi_squared": lambda p, q: None if (found := chi_squared(p, q)) is None else found.p,
}


def near(value: float | None, to: float, *, rel: float = 1e-12) -> bool:
    return value is not None and math.isclose(value, to, rel_tol=rel, abs_tol=1e-12)


def test_psi_of_shares_without_an_empty_bin_is_the_formula() -> None:
    by_hand = (0.3 - 0.2) * math.log(0.3 / 0.2) + (0.3 - 0.5) * math.log(0.3 / 0.5) + (0.4 - 0.3) * math.log(0.4 / 0.3)
    assert near(psi([20, 50, 30], [30, 30, 40]), by_hand)


def test_an_empty_bin_counts_as_the_floor_and_leaves_the_other_bins_as_they_are() -> None:
    by_hand = (0.5 - 1e-4) * math.log(0.5 / 1e-4) + (0.5 - 1.0) * math.log(0.5 / 1.0)
    assert near(psi([0, 100], [50, 50]), by_hand)
    assert near(psi([0, 100], [50, 50], floor=0.01), (0.5 - 0.01) * math.log(50) + 0.5 * math.log(2))


def test_debiased_psi_takes_off_what_sampling_adds_for_each_bin_that_is_not_empty_on_both_sides() -> None:
    value = psi([20, 0, 50, 30], [60, 0, 60, 80])
    assert value is not None
    assert near(debiased([20, 0, 50, 30], [60, 0, 60, 80]), value - 2 * (1 / 100 + 1 / 200))
    assert near(debiased([20, 0, 50, 30], [60, 1, 59, 80]), psi([20, 0, 50, 30], [60, 1, 59, 80]) - 3 * (1 / 100 + 1 / 200))


def test_debiased_psi_is_about_zero_without_drift() -> None:
    draw = np.random.default_rng(1)
    found = [debiased(*draw.multinomial(500, [0.1] * 10, size=2)) for _ in range(2000)]
    assert abs(float(np.mean(found))) < 0.001  # the biased one is .036, and the standard error of this mean .0004


@pytest.mark.parametrize("statistic", STATISTICS.values(), ids=STATISTICS)
def test_a_side_without_rows_has_no_statistic(statistic: Callable[[list[int], list[int]], float | None]) -> None:
    assert statistic([0, 0], [1, 2]) is None
    assert statistic([1, 2], [0, 0]) is None
    assert statistic([], []) is None


@pytest.mark.parametrize("statistic", STATISTICS.values(), ids=STATISTICS)
@pytest.mark.parametrize(("p", "q"), [([1, 2], [1]), ([-1, 2], [1, 1]), ([math.nan, 1], [1, 1]), ([[1, 2]], [[1, 2]])])
def test_what_are_no_counts_of_the_same_bins_is_refused(
    statistic: Callable[[list[int], list[int]], float | None], p: list[int], q: list[int]
) -> None:
    with pytest.raises(ValueError, match="expected"):
        statistic(p, q)


def test_one_category_does_not_differ() -> None:
    assert psi([7], [9]) == 0
    assert debiased([7], [9]) == 0
    assert jensen_shannon([7], [9]) == 0
    assert chi_squared([7, 0], [9, 0]) == ChiSquared(0.0, 1.0, 0)


def test_categories_that_nobody_shares_are_as_far_apart_as_can_be() -> None:
    assert jensen_shannon([5, 0], [0, 8]) == 1
    assert near(psi([5, 0], [0, 8]), 2 * (1 - 1e-4) * math.log(1e4))


@given(COUNTS)
def test_symmetry_and_bounds(counts: list[tuple[int, int]]) -> None:
    p, q = [a for a, _ in counts], [b for _, b in counts]
    if not sum(p) or not sum(q):
        return
    for statistic in STATISTICS.values():
        there, back = statistic(p, q), statistic(q, p)
        assert there is not None and near(back, there, rel=1e-9)
    assert (psi(p, q) or 0) >= 0
    assert 0 <= (jensen_shannon(p, q) or 0) <= 1
    found = chi_squared(p, q)
    assert found is not None and found.statistic >= 0 and 0 <= found.p <= 1 and found.degrees < len(counts)


@given(COUNTS, st.randoms(use_true_random=False))
def test_the_order_of_the_bins_does_not_matter(counts: list[tuple[int, int]], random: np.random.Generator) -> None:
    shuffled = list(counts)
    random.shuffle(shuffled)  # type: ignore[arg-type]
    for statistic in STATISTICS.values():
        one, other = statistic(*map(list, zip(*counts, strict=True))), statistic(*map(list, zip(*shuffled, strict=True)))
        assert (one is None and other is None) or near(one, other or 0.0, rel=1e-9)


@given(st.lists(st.tuples(*[st.integers(0, 10**6)] * 4), min_size=1, max_size=30))
def test_counts_of_parts_added_are_the_counts_of_the_whole(parts: list[tuple[int, int, int, int]]) -> None:
    p, q = np.array([[a, b] for a, b, _, _ in parts]).sum(axis=1), np.array([[c, d] for _, _, c, d in parts]).sum(axis=1)
    merged_p, merged_q = (
        np.add(*np.array([[a, b] for a, b, _, _ in parts]).T),
        np.add(*np.array([[c, d] for _, _, c, d in parts]).T),
    )
    for statistic in STATISTICS.values():
        assert statistic(list(p), list(q)) == statistic(list(merged_p), list(merged_q))


@given(st.lists(st.tuples(st.integers(100, 10**6), st.integers(100, 10**6)), min_size=2, max_size=30))
def test_chi_squared_equals_scipys_where_no_bin_is_rare(counts: list[tuple[int, int]]) -> None:
    p, q = [a for a, _ in counts], [b for _, b in counts]
    expected = chi2_contingency([p, q], correction=False)
    if expected.expected_freq.min() < 5:
        return
    found = chi_squared(p, q)
    assert found is not None
    assert near(found.statistic, float(expected.statistic))
    assert near(found.p, float(expected.pvalue))
    assert found.degrees == expected.dof


@given(COUNTS)
def test_jensen_shannon_equals_scipys(counts: list[tuple[int, int]]) -> None:
    p, q = [a for a, _ in counts], [b for _, b in counts]
    if sum(p) and sum(q):
        expected = float(distance.jensenshannon(p, q, base=2))
        assert near(jensen_shannon(p, q), 0.0 if math.isnan(expected) else expected)


def test_rare_bins_are_pooled_into_one_and_empty_ones_dropped() -> None:
    # of 100 and 100 rows, 3 + 1, 2 + 1 and 2 + 3 make expectations 2, 1.5 and 2.5 on each side: together 6
    p, q = pooled([50, 3, 43, 2, 0, 2], [45, 1, 50, 1, 0, 3])
    assert (list(p), list(q)) == ([50, 43, 7], [45, 50, 5])
    found, expected = chi_squared([50, 3, 43, 2, 0, 2], [45, 1, 50, 1, 0, 3]), chi2_contingency([p, q], correction=False)
    assert found is not None
    assert near(found.p, float(expected.pvalue))


def test_rare_bins_that_are_rare_together_take_the_smallest_other_one() -> None:
    p, q = pooled([60, 30, 8, 2], [55, 35, 10, 0])
    assert (list(p), list(q)) == ([60, 30, 10], [55, 35, 10])


def test_the_least_expectation_is_that_of_the_smaller_side() -> None:
    assert len(pooled([900_000, 100_000], [95, 5])[0]) == 2  # expectations of the window: 90 and 10
    assert len(pooled([990_000, 10_000], [95, 5])[0]) == 1  # 99 and 1
    assert len(pooled([990_000, 10_000], [95, 5], least_expected=0.5)[0]) == 2


def test_where_everything_is_rare_nothing_is_compared() -> None:
    assert chi_squared([1, 1, 1], [1, 1, 1]) == ChiSquared(0.0, 1.0, 0)


@pytest.mark.parametrize("shares", [[0.1] * 10, [0.9] + [0.002] * 50, [0.5, 0.3, 0.15, 0.04, 0.01]])
def test_without_drift_p_is_below_alpha_as_often_as_alpha_says(shares: list[float]) -> None:
    draw = np.random.default_rng(5)
    p = np.array([chi_squared(*draw.multinomial(500, shares, size=2)).p for _ in range(4000)])  # type: ignore[union-attr]
    # at most 4 standard errors above alpha
    assert all((p <= alpha).mean() <= alpha + 4 * math.sqrt(alpha / 4000) for alpha in (0.05, 0.01, 0.001))
    assert (p <= 0.05).mean() >= 0.03
