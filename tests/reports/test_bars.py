"""Bars from profiles: shares that can be counted by hand, and no value where none may be told."""

from __future__ import annotations

import math

import pytest

from readiness_pipelines.drift.profile import ColumnKind, ColumnLayout, ColumnProfile
from readiness_pipelines.reports.bars import bars_of
from readiness_pipelines.reports.drift_plots import MOST_BARS, Bar

AGE = ColumnLayout("age", ColumnKind.NUMBER, edges=(10.0, 20.0, 30.0), coarse=(0, 2))
PAYER = ColumnLayout("payer", ColumnKind.CATEGORY, values=("MC", "HM"), known=frozenset())


def numbers(*counts: int, nulls: int = 0) -> ColumnProfile:
    return ColumnProfile(sum(counts), nulls, counts)


def test_numbers_are_their_coarse_bins_as_shares_of_all_rows() -> None:
    bars = bars_of(AGE, numbers(1, 2, 3, 4), numbers(5, 0, 0, 0, nulls=5), is_told=True)
    assert bars == (Bar("≤ 10", 0.1, 0.5), Bar("10 to 30", 0.5, 0.0), Bar("> 30", 0.4, 0.0), Bar("missing", 0.0, 0.5))


def test_a_bin_of_one_value_is_called_by_it() -> None:
    below = math.nextafter(0.0, -math.inf)
    zeros = ColumnLayout("visits", ColumnKind.NUMBER, edges=(below, 0.0, 3.0), coarse=(0, 1, 2))
    assert [bar.label for bar in bars_of(zeros, numbers(1, 5, 2, 2), numbers(1, 5, 2, 2), is_told=True)] == [
        "< 0",
        "0",
        "0 to 3",
        "> 3",
    ]


def test_a_column_without_edges_is_one_bar() -> None:
    bare = ColumnLayout("constant", ColumnKind.NUMBER)
    assert bars_of(bare, numbers(4), numbers(2, nulls=2), is_told=True) == (Bar("all values", 1.0, 0.5), Bar("missing", 0.0, 0.5))


def test_categories_come_with_what_is_other_unseen_and_missing() -> None:
    reference = ColumnProfile(9, 1, (6, 2), other=1, unseen=0)
    window = ColumnProfile(10, 0, (5, 1), other=0, unseen=4)
    assert bars_of(PAYER, reference, window, is_told=True) == (
        Bar("MC", 0.6, 0.5),
        Bar("HM", 0.2, 0.1),
        Bar("other", 0.1, 0.0),
        Bar("unseen", 0.0, 0.4),
        Bar("missing", 0.1, 0.0),
    )


def test_many_categories_are_those_that_either_side_has_most_of() -> None:
    layout = ColumnLayout("code", ColumnKind.CATEGORY, values=tuple(f"c{n}" for n in range(50)))
    reference = ColumnProfile(100, 0, (2,) * 50, unseen=None)
    window = ColumnProfile(100, 0, (*(1,) * 49, 51), unseen=None)
    bars = bars_of(layout, reference, window, is_told=True)
    assert len(bars) <= MOST_BARS
    assert bars[-2:] == (Bar("c49", 0.02, 0.51), Bar("other", pytest.approx(0.82), pytest.approx(0.41)))
    assert math.fsum(bar.reference for bar in bars) == pytest.approx(1)
    assert math.fsum(bar.window for bar in bars) == pytest.approx(1)


@pytest.mark.parametrize("layout_told, told", [(True, False), (False, True), (False, False)])
def test_a_column_whose_values_may_not_be_told_now_or_when_it_was_binned_has_numbers_for_names(
    layout_told: bool, told: bool
) -> None:
    payer = ColumnLayout("payer", ColumnKind.CATEGORY, values=("MC", "HM"), known=frozenset(), is_told=layout_told)
    age = ColumnLayout("age", ColumnKind.NUMBER, edges=(10.0, 20.0), coarse=(0, 1), is_told=layout_told)
    both = ColumnProfile(9, 1, (6, 3), unseen=0)
    assert [bar.label for bar in bars_of(payer, both, both, is_told=told)] == ["#1", "#2", "missing"]
    assert [bar.label for bar in bars_of(age, numbers(1, 2, 3), numbers(1, 2, 3), is_told=told)] == ["#1", "#2", "#3"]


def test_a_side_without_rows_has_shares_of_nothing() -> None:
    assert bars_of(AGE, numbers(1, 1, 1, 1), numbers(0, 0, 0, 0), is_told=True)[0] == Bar("≤ 10", 0.25, 0.0)
    assert bars_of(AGE, numbers(0, 0, 0, 0), numbers(0, 0, 0, 0), is_told=True) == ()


@pytest.mark.parametrize(
    ("edge", "label"),
    [(0.5, "≤ 0.5"), (1 / 3, "≤ 0.33333"), (12345.6, "≤ 12,346"), (-2e9, "≤ -2e+09"), (100.0, "≤ 100")],
)
def test_numbers_are_short(edge: float, label: str) -> None:
    layout = ColumnLayout("x", ColumnKind.NUMBER, edges=(edge,), coarse=(0,))
    assert bars_of(layout, numbers(1, 1), numbers(1, 1), is_told=True)[0].label == label
