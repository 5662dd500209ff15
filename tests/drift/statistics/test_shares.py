"""Differences of shares, corrections of many p-values, and what predictions are worth: equal to scipy or by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2_contingency, false_discovery_control, fisher_exact, mannwhitneyu, norm

from readiness_pipelines.drift.statistics.correction import benjamini_hochberg
from readiness_pipelines.drift.statistics.performance import Loss, Performance, accuracy, accuracy_loss, auc, auc_loss
from readiness_pipelines.drift.statistics.proportions import Difference, difference

PS = st.lists(st.floats(0, 1), min_size=1, max_size=40)


def near(value: float | None, to: float) -> bool:
    return value is not None and math.isclose(value, to, rel_tol=1e-12, abs_tol=1e-12)


# shares


def test_a_share_with_enough_expected_rows_is_tested_by_chi_squared() -> None:
    found = difference(20, 1000, 80, 1000)
    expected = chi2_contingency([[20, 980], [80, 920]], correction=False)
    assert found is not None and near(found.change, 0.06) and near(found.p, float(expected.pvalue))


def test_a_share_with_few_expected_rows_is_tested_by_fishers_exact_test() -> None:
    found = difference(0, 1000, 6, 1000)
    assert found is not None and near(found.p, float(fisher_exact([[0, 1000], [6, 994]]).pvalue))
    # expectations of exactly five are enough
    found = difference(2, 1000, 8, 1000)
    assert found is not None and near(found.p, float(chi2_contingency([[2, 998], [8, 992]], correction=False).pvalue))


def test_shares_that_cannot_differ_have_p_one() -> None:
    assert difference(0, 50, 0, 70) == Difference(0, 1)
    assert difference(50, 50, 70, 70) == Difference(0, 1)


def test_a_share_of_no_rows_does_not_exist() -> None:
    assert difference(0, 0, 3, 10) is None
    assert difference(3, 10, 0, 0) is None


@pytest.mark.parametrize("counts", [(11, 10, 1, 10), (1, 10, 11, 10), (-1, 10, 1, 10)])
def test_hits_that_are_not_among_the_rows_are_refused(counts: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="among the rows"):
        difference(*counts)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 60), st.integers(1, 60))
def test_a_difference_turns_its_sign_with_the_sides_and_keeps_its_p(a: int, b: int, n: int, m: int) -> None:
    there, back = difference(min(a, n), n, min(b, m), m), difference(min(b, m), m, min(a, n), n)
    assert there is not None and back is not None
    assert near(there.change, -back.change) and 0 <= there.p <= 1
    assert math.isclose(there.p, back.p, rel_tol=1e-9)


# many tests


@given(PS)
def test_benjamini_hochberg_equals_scipys(p: list[float]) -> None:
    assert np.allclose(benjamini_hochberg(p), false_discovery_control(p), rtol=1e-12, atol=1e-12)


@given(PS, st.randoms(use_true_random=False))
def test_adjusted_p_belong_to_their_tests_and_are_no_smaller(p: list[float], random: np.random.Generator) -> None:
    order = list(range(len(p)))
    random.shuffle(order)  # type: ignore[arg-type]
    adjusted = benjamini_hochberg(p)
    assert benjamini_hochberg([p[i] for i in order]) == [adjusted[i] for i in order]
    assert all(of >= raw * (1 - 1e-15) and of <= 1 for of, raw in zip(adjusted, p, strict=True))


def test_no_tests_need_no_correction() -> None:
    assert benjamini_hochberg([]) == []


def test_equal_weights_change_nothing_whatever_their_size() -> None:
    assert benjamini_hochberg([0.01, 0.2, 0.03], [7, 7, 7]) == benjamini_hochberg([0.01, 0.2, 0.03])


def test_a_weight_divides_the_p_of_its_test_and_the_others_pay() -> None:
    # weights 3, 1, 2 are 1.5, .5, 1 at mean one: p .02, .02, .03 become .01333, .04, .03
    adjusted = benjamini_hochberg([0.02, 0.02, 0.03], [3, 1, 2])
    assert np.allclose(adjusted, [0.04, 0.04, 0.04], rtol=1e-12)
    assert np.allclose(benjamini_hochberg([0.001, 0.9, 0.9], [3, 1, 2])[0], 0.002, rtol=1e-12)


@pytest.mark.parametrize("weights", [[1.0], [1.0, 0.0], [1.0, -1.0], [1.0, math.inf]])
def test_weights_that_are_not_one_positive_number_for_each_test_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="positive"):
        benjamini_hochberg([0.1, 0.2], weights)


def test_weighted_and_unweighted_keep_their_rate_without_drift() -> None:
    draw = np.random.default_rng(2)
    weights = [4.0] * 5 + [1.0] * 20
    for of in (None, weights):
        alarms = sum(min(benjamini_hochberg(list(draw.uniform(size=25)), of)) <= 0.05 for _ in range(4000))
        assert abs(alarms / 4000 - 0.05) <= 4 * math.sqrt(0.05 * 0.95 / 4000)


# what predictions are worth


def test_auc_counts_pairs_in_order_and_ties_as_half() -> None:
    # positives 2, 3, 3 against negatives 1, 3: in order 1 + 1 + 1, ties 2
    found = auc([2, 3, 3, 1, 3], [1, 1, 1, 0, 0])
    assert found is not None and near(found.value, (3 + 2 / 2) / 6)


def test_auc_and_its_variance_by_hand() -> None:
    # positives .35, .8 have 1/2 and 2/2 of the negatives below; negatives .1, .4 have 2/2 and 1/2 of the positives above
    found = auc([0.1, 0.4, 0.35, 0.8], [False, False, True, True])
    assert found is not None
    assert near(found.standard_error, math.sqrt(0.125 / 2 + 0.125 / 2))
    assert (found.low, found.high) == (pytest.approx(0.75 - 1.959963984540054 * math.sqrt(0.125), abs=1e-12), 1)
    wide = auc([0.1, 0.4, 0.35, 0.8], [False, False, True, True], confidence=0.99)
    assert wide is not None and wide.low < found.low


@given(st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=4))
def test_auc_equals_mann_whitneys_u_over_the_pairs(rows: list[tuple[int, bool]]) -> None:
    scores, labels = np.array([s for s, _ in rows]), np.array([label for _, label in rows])
    found = auc(scores, labels)
    if min(labels.sum(), (~labels).sum()) < 2:
        assert found is None
        return
    u = float(mannwhitneyu(scores[labels], scores[~labels], method="asymptotic").statistic)
    assert found is not None and near(found.value, u / (labels.sum() * (~labels).sum()))
    assert 0 <= found.low <= found.value <= found.high <= 1
    turned = auc(-scores, labels)
    assert turned is not None and near(turned.value, 1 - found.value) and near(turned.standard_error, found.standard_error)


def test_delongs_interval_covers_the_true_auc_as_often_as_it_says() -> None:
    draw, true = np.random.default_rng(3), norm.cdf(1 / math.sqrt(2))
    labels = np.arange(300) % 3 == 0
    found = [auc(draw.normal(size=300) + labels, labels) for _ in range(2000)]
    covered = sum(f is not None and f.low <= true <= f.high for f in found) / 2000
    assert abs(covered - 0.95) <= 0.02


def test_a_constant_score_is_worth_one_half() -> None:
    assert auc([1] * 6, [0, 1] * 3) == Performance(0.5, 0.5, 0.5, 0, 6)


def test_rows_whose_score_is_nan_are_left_out_and_infinite_scores_are_the_ends() -> None:
    found = auc([math.nan, math.inf, 3, -math.inf, 2], [1, 1, 1, 0, 0])
    assert found is not None and (found.value, found.n) == (1, 4)


def test_wilsons_interval_equals_scipys() -> None:
    for right, n in ((0, 10), (8, 10), (10, 10), (90, 1000)):
        found, expected = accuracy(right, n), binomtest(right, n).proportion_ci(method="wilson")
        assert found is not None and near(found.low, float(expected.low)) and near(found.high, float(expected.high))
    assert accuracy(0, 0) is None
    narrow = accuracy(8, 10, confidence=0.5)
    assert narrow is not None and narrow.low > 0.6
    with pytest.raises(ValueError, match="predicted right"):
        accuracy(3, 2)


def test_a_loss_is_what_the_reference_had_more() -> None:
    before, after = Performance(0.8, 0.7, 0.9, 0.03, 500), Performance(0.7, 0.6, 0.8, 0.04, 300)
    lost = auc_loss(before, after)
    assert near(lost.value, 0.1) and near(lost.standard_error, 0.05) and near(lost.p, 2 * float(norm.sf(2)))
    assert auc_loss(after, before).value == -lost.value
    assert accuracy_loss(90, 100, 80, 100) == Loss(
        pytest.approx(0.1),
        pytest.approx(difference(90, 100, 80, 100).p),
        pytest.approx(0.05),  # type: ignore[union-attr, arg-type]
    )
    assert accuracy_loss(0, 0, 1, 1) is None


def test_a_loss_of_scores_that_are_perfect_on_both_sides_is_none() -> None:
    perfect, useless = Performance(1, 1, 1, 0, 50), Performance(0, 0, 0, 0, 50)
    assert auc_loss(perfect, perfect) == Loss(0, 1, 0)
    assert auc_loss(perfect, useless) == Loss(1, 0, 0)
