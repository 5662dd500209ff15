"""Categories that were chosen by the reference's own counts: no false alarms from that, and real drift is still found."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import fisher_exact

from readiness_pipelines.drift.statistics.binned import Binned, categories, numbers
from readiness_pipelines.drift.statistics.chi_squared import chi_squared
from readiness_pipelines.drift.statistics.proportions import Difference
from readiness_pipelines.drift.statistics.psi import debiased
from readiness_pipelines.drift.statistics.unseen import unseen

NO_NULLS = (0, 0)


def zipf(categories: int) -> np.ndarray:
    weights = 1 / np.arange(1, categories + 1)
    return weights / weights.sum()


def counted(reference: np.ndarray, window: np.ndarray, most: int = 50) -> tuple[Binned, Difference]:
    """As a layout does: the most frequent categories of the reference have bins, the others are one, unseen is another."""
    order = np.argsort(-reference, kind="stable")
    top, rest = order[:most], order[most:]
    top = top[reference[top] > 0]
    seen = rest[reference[rest] > 0]
    other = int(reference[seen].sum()), int(window[seen].sum())
    hits = int(window[reference == 0].sum())
    found = categories(reference[top], window[top], other=other, unseen=hits, nulls=NO_NULLS)
    more = unseen(int((reference == 1).sum()), int(reference.sum()), hits, int(window.sum()))
    assert found is not None and more is not None
    return found, more


SHARES = {
    "2": [0.7, 0.3],
    "50 zipf": zipf(50),
    "10 and 40 rare": np.array([0.096] * 10 + [0.001] * 40),
    "51 equal": np.full(51, 1 / 51),
    "100 equal": np.full(100, 0.01),
    "200 equal": np.full(200, 0.005),
    "200 zipf": zipf(200),
    "1000 zipf": zipf(1000),
    "1000 equal": np.full(1000, 0.001),
}


@pytest.mark.parametrize("shares", SHARES.values(), ids=SHARES)
@pytest.mark.parametrize("rows", [500, 2000, 5000])
def test_no_number_of_categories_makes_a_window_differ_from_its_own_population(shares: np.ndarray, rows: int) -> None:
    draw = np.random.default_rng(10)
    found = [counted(*draw.multinomial(rows, shares, size=2)) for _ in range(500)]
    psi_alarms = sum(each.p <= 0.01 and each.effect >= 0.02 for each, _ in found)
    unseen_alarms = sum(each.p <= 0.01 and each.change >= 0.05 for _, each in found)
    assert psi_alarms <= 14 and unseen_alarms <= 14  # of 500 at .01, four standard errors


def test_categories_that_come_anew_are_found_in_a_column_of_many() -> None:
    draw = np.random.default_rng(11)
    shares = zipf(1000)
    before = np.append(draw.multinomial(5000, shares), 0)
    found, more = counted(before, np.append(draw.multinomial(4200, shares), 800))
    assert found.p < 1e-6  # the new ones are among the others, which are two thirds of the rows
    assert more.p < 1e-9 and more.change == pytest.approx(0.16, abs=0.02)


def test_a_move_between_frequent_categories_is_found_in_a_column_of_many() -> None:
    draw = np.random.default_rng(12)
    shares, moved = zipf(1000), zipf(1000)
    moved[0], moved[1] = moved[0] - 0.05, moved[1] + 0.05
    found, more = counted(draw.multinomial(5000, shares), draw.multinomial(5000, moved))
    assert found.p < 1e-9 and found.effect > 0.02
    assert more.p > 0.001


@pytest.mark.parametrize(
    ("rows", "least"),
    [(300, 20), (400, 20), (1000, 50), (2000, 100), (50_000, 100)],
    ids=["20", "5%", "5% more", "100", "100 of many"],
)
def test_what_is_other_unseen_or_chosen_by_few_rows_is_one_bin_with_what_is_rare(rows: int, least: int) -> None:
    many = rows - 2 * least + 1 - 55
    found = categories([many, least - 1, least], [many, least + 9, least], other=(55, 40), unseen=24, nulls=(11, 11))
    expected = [many, least, 11, least - 1 + 55], [many, least, 11, least + 9 + 40 + 24]
    assert found == Binned(debiased(*expected) or math.nan, chi_squared(*expected).p, 3)  # type: ignore[union-attr]


def test_a_category_that_moves_in_a_column_of_many_is_found_in_few_rows() -> None:
    draw = np.random.default_rng(13)
    shares, moved = zipf(1000), zipf(1000)
    moved[0], moved[-1] = moved[0] - 0.1, moved[-1] + 0.1
    found, _ = counted(draw.multinomial(500, shares), draw.multinomial(500, moved))
    assert found.p < 0.001 and found.effect >= 0.02


def test_where_all_categories_have_bins_none_of_them_was_chosen() -> None:
    found = categories([500, 481, 19], [480, 490, 30], other=(0, 0), unseen=0, nulls=NO_NULLS)
    rows = [500, 481, 19], [480, 490, 30]
    assert found is not None and (found.p, found.degrees) == (chi_squared(*rows).p, 2)  # type: ignore[union-attr]


def test_nulls_are_a_bin_of_numbers_too() -> None:
    found = numbers([100, 100], [100, 100], nulls=(0, 50))
    rows = [100, 100, 0], [100, 100, 50]
    assert found == Binned(debiased(*rows) or math.nan, chi_squared(*rows).p, 2)  # type: ignore[union-attr]


def test_a_constant_column_is_told_from_one_of_which_nothing_can_be_compared() -> None:
    assert numbers([0, 300, 0], [0, 300, 0], nulls=NO_NULLS) == Binned(0, 1, 1)
    assert categories([300], [300], other=(0, 0), unseen=0, nulls=NO_NULLS) == Binned(0, 1, 1)
    assert categories([3] * 50, [3] * 50, other=(150, 150), unseen=0, nulls=NO_NULLS) == Binned(0, 1, 0)


def test_a_side_without_rows_is_not_compared() -> None:
    assert numbers([0, 0], [1, 2], nulls=NO_NULLS) is None
    assert categories([1], [0], other=(0, 0), unseen=0, nulls=NO_NULLS) is None
    assert unseen(0, 0, 1, 10) is None
    assert unseen(0, 10, 0, 0) is None


def test_unseen_rows_are_compared_with_the_references_single_ones() -> None:
    assert unseen(0, 100, 0, 100) == Difference(0, 1)
    found = unseen(50, 1000, 150, 1000)
    # .1 more; s .1, variance .1 x .9 / 1000 + 150 / 10^6
    assert found is not None and found.change == pytest.approx(0.1)
    assert found.p == pytest.approx(math.erfc(0.1 / math.sqrt(2 * (0.00009 + 0.00015))), rel=1e-12)
    fewer = unseen(50, 1000, 10, 1000)
    assert fewer is not None and fewer.change < 0
    rare = unseen(0, 1000, 6, 1000)
    assert rare is not None and rare.p == pytest.approx(float(fisher_exact([[0, 1000], [6, 994]]).pvalue), rel=1e-12)
