"""Profiles of one layout add up, and layouts come back from JSON as they were."""

from __future__ import annotations

import math

import pytest

from readiness_pipelines.drift.profile import (
    ColumnKind,
    ColumnLayout,
    ColumnProfile,
    Layout,
    Profile,
    digest_of,
    empty,
    merged,
    total,
)
from readiness_pipelines.errors import BrokenInvariant

NUMBER = ColumnLayout("amount", ColumnKind.NUMBER, edges=(1.0, 2.0, 3.0), coarse=(1,))
WORDS = ColumnLayout("state", ColumnKind.CATEGORY, values=("MA", "NY"), known=frozenset({digest_of("VT")}))
LAYOUT = Layout((NUMBER, WORDS))


def amounts(n: int, mean: float | None, m2: float | None, **more: float) -> ColumnProfile:
    return ColumnProfile(n, 1, (n, 0, 0, 0), mean=mean, m2=m2, **more)  # type: ignore[arg-type]


def test_a_bin_more_than_edges_and_a_count_per_value() -> None:
    assert (NUMBER.bins, WORDS.bins) == (4, 2)
    assert ColumnLayout("x", ColumnKind.NUMBER).bins == 1


def test_coarse_counts_are_sums_of_bins_up_to_the_coarse_edges() -> None:
    assert NUMBER.coarsened((1, 2, 4, 8)) == (3, 12)
    assert ColumnLayout("x", ColumnKind.NUMBER).coarsened((7,)) == (7,)
    assert WORDS.coarsened((1, 2)) == (1, 2)


def test_a_bin_is_single_where_one_float_fits_into_it() -> None:
    layout = ColumnLayout("x", ColumnKind.NUMBER, edges=(math.nextafter(5.0, 0.0), 5.0, 6.0))
    assert layout.single == (False, True, False, False)
    assert ColumnLayout("x", ColumnKind.NUMBER).single == (False,)


@pytest.mark.parametrize("edges", [(2.0, 1.0), (1.0, 1.0), (math.inf,), (math.nan,)])
def test_edges_that_are_no_edges_are_refused(edges: tuple[float, ...]) -> None:
    with pytest.raises(BrokenInvariant, match="edges of x"):
        ColumnLayout("x", ColumnKind.NUMBER, edges=edges)


def test_the_id_of_a_layout_changes_with_everything_that_it_says() -> None:
    others = [
        ColumnLayout("amount", ColumnKind.NUMBER, edges=(1.0, 2.0, 3.5), coarse=(1,)),
        ColumnLayout("amount", ColumnKind.NUMBER, edges=(1.0, 2.0, 3.0), coarse=(0,)),
        ColumnLayout("amounts", ColumnKind.NUMBER, edges=(1.0, 2.0, 3.0), coarse=(1,)),
        ColumnLayout("amount", ColumnKind.NUMBER, edges=(1.0, 2.0, 3.0), coarse=(1,), is_told=False),
    ]
    words = [
        ColumnLayout("state", ColumnKind.CATEGORY, values=("NY", "MA"), known=WORDS.known),
        ColumnLayout("state", ColumnKind.CATEGORY, values=("MA", "NY"), known=frozenset()),
        ColumnLayout("state", ColumnKind.CATEGORY, values=("MA", "NY"), known=None),
    ]
    layouts = [LAYOUT, *(Layout((each, WORDS)) for each in others), *(Layout((NUMBER, each)) for each in words)]
    assert len({each.id for each in layouts}) == len(layouts)


def test_a_layout_comes_back_from_json_as_it_was() -> None:
    layout = Layout((NUMBER, WORDS, ColumnLayout("many", ColumnKind.CATEGORY, values=("é",), known=None, is_told=False)))
    assert Layout.from_json(layout.to_json()) == layout
    assert Layout.from_json(layout.to_json()).id == layout.id


def test_merging_adds_counts_and_moments_by_hand() -> None:
    """1, 2, 3 (mean 2, m2 2) and 5, 7 (mean 6, m2 2) are five numbers of mean 3.6 and m2 23.2."""
    a = Profile("l", 4, {"x": amounts(3, 2.0, 2.0, low=1.0, high=3.0)})
    b = Profile("l", 3, {"x": amounts(2, 6.0, 2.0, low=5.0, high=7.0)})
    whole = merged(a, b)
    found = whole.columns["x"]
    assert (whole.rows, found.n, found.nulls, found.rows, found.counts) == (7, 5, 2, 7, (5, 0, 0, 0))
    assert (found.mean, found.m2, found.low, found.high) == (
        pytest.approx(3.6, abs=1e-15),
        pytest.approx(23.2, abs=1e-14),
        1.0,
        7.0,
    )
    assert found.sd == pytest.approx(math.sqrt(23.2 / 4), abs=1e-15)


def test_merging_leaves_infinities_out_of_moments() -> None:
    a = ColumnProfile(2, 0, (2,), infinities=2)
    b = ColumnProfile(3, 0, (3,), infinities=1, mean=4.0, m2=2.0)
    found = merged(Profile("l", 2, {"x": a}), Profile("l", 3, {"x": b})).columns["x"]
    assert (found.n, found.infinities, found.finite, found.mean, found.m2) == (5, 3, 2, 4.0, 2.0)


def test_what_a_float_cannot_hold_stays_unknown() -> None:
    a = ColumnProfile(2, 0, (2,), mean=None, m2=None)
    b = ColumnProfile(1, 0, (1,), mean=1.0, m2=0.0)
    found = merged(Profile("l", 2, {"x": a}), Profile("l", 1, {"x": b})).columns["x"]
    assert (found.mean, found.m2, found.sd) == (None, None, None)
    huge = ColumnProfile(1, 0, (1,), mean=1e308, m2=0.0), ColumnProfile(1, 0, (1,), mean=-1e308, m2=0.0)
    assert merged(Profile("l", 1, {"x": huge[0]}), Profile("l", 1, {"x": huge[1]})).columns["x"].m2 is None


def test_unseen_is_added_and_is_unknown_where_one_side_cannot_tell() -> None:
    a, b = ColumnProfile(5, 0, (3,), other=1, unseen=1), ColumnProfile(5, 0, (3,), other=0, unseen=2)
    assert merged(Profile("l", 5, {"x": a}), Profile("l", 5, {"x": b})).columns["x"].unseen == 3
    unknown = ColumnProfile(5, 0, (3,), other=2)
    assert merged(Profile("l", 5, {"x": a}), Profile("l", 5, {"x": unknown})).columns["x"].unseen is None


def test_profiles_of_different_layouts_are_not_added() -> None:
    with pytest.raises(BrokenInvariant, match="cannot be added"):
        merged(empty(LAYOUT), empty(Layout((NUMBER,))))


def test_nothing_added_up_is_the_profile_of_no_rows() -> None:
    none = total(LAYOUT, [])
    assert none == empty(LAYOUT) == merged(none, none)
    assert (none.rows, none.columns["amount"].counts, none.columns["state"].unseen) == (0, (0, 0, 0, 0), 0)
    assert (none.columns["amount"].mean, none.columns["amount"].unseen) == (None, None)
