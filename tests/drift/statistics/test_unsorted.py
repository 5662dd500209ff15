"""D and W1 of arrays that are hardly sorted are those of sorted ones, and scipy's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import ks_2samp, wasserstein_distance

from readiness_pipelines.drift.statistics import ks, unsorted, wasserstein

N = 120_000
RANDOM = np.random.default_rng(11)
ZERO = RANDOM.random(N) < 0.6
CASES = {
    "no drift": (RANDOM.standard_normal(N), RANDOM.standard_normal(N)),
    "shifted": (RANDOM.standard_normal(N), RANDOM.standard_normal(N) + 0.25),
    "wider": (RANDOM.standard_normal(N), 1.3 * RANDOM.standard_normal(2 * N)),
    "heavy tails": (RANDOM.standard_t(2, N), RANDOM.standard_t(2, N)),
    "skewed": (RANDOM.lognormal(0, 2, N), RANDOM.lognormal(0.1, 2, N)),
    "cents": (np.round(20 + 5 * RANDOM.standard_normal(N), 2), np.round(20 + 5 * RANDOM.standard_normal(N), 2)),
    "integers": (RANDOM.poisson(5, N) * 1.0, RANDOM.poisson(5.1, N) * 1.0),
    "mostly zero": (np.where(ZERO, 0.0, RANDOM.standard_normal(N)), np.where(ZERO, 0.0, RANDOM.standard_normal(N))),
    "constant": (np.ones(N), np.ones(N)),
    "two constants": (np.ones(N), np.full(N, 3.0)),
    "apart": (RANDOM.random(N), 10 + RANDOM.random(N)),
    "one far away": (np.append(RANDOM.random(N), 1e6), RANDOM.random(N)),
}


@pytest.mark.parametrize("name", CASES)
def test_distances_of_large_arrays_are_scipys(name: str) -> None:
    a, b = CASES[name]
    d, area = unsorted.distances([a], [b[:7], b[7:]])
    assert d == pytest.approx(float(ks_2samp(a, b, method="asymp").statistic), abs=1e-12)
    assert area == pytest.approx(float(wasserstein_distance(a, b)), abs=1e-12, rel=1e-11)


def test_distances_far_from_zero_are_as_exact_as_the_values() -> None:
    a, b = 1e6 + CASES["no drift"][0], 1e6 + CASES["shifted"][1]
    d, area = unsorted.distances([a], [b[:7], b[7:]])
    assert d == pytest.approx(float(ks_2samp(a, b, method="asymp").statistic), abs=1e-12)
    assert area == pytest.approx(float(wasserstein_distance(a, b)), abs=1e-9)


def test_infinite_values_have_a_place_and_no_distance() -> None:
    a, b = (side.copy() for side in CASES["no drift"])
    a[:3000], b[:1000], b[1000:1500] = math.inf, -math.inf, math.inf
    assert unsorted.distances([a], [b[:7], b[7:]]) == (ks.statistic(a, b), None)


def test_values_almost_as_far_apart_as_can_be_are_no_error() -> None:
    a, b = (side.copy() for side in CASES["no drift"])
    a[0], b[0] = 1.7e308, -1.7e308
    d, area = unsorted.distances([a], [b[:7], b[7:]])
    assert d == ks.statistic(a, b)
    assert area == pytest.approx(1.7e308 / N * 2, rel=1e-9)


def test_hardly_any_value_is_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    sorted_: list[int] = []
    picked = unsorted._Side.picked

    def counted(side: unsorted._Side, is_left: NDArray[np.bool_]) -> tuple[unsorted.Floats, NDArray[np.int64], NDArray[np.int64]]:
        some = picked(side, is_left)
        sorted_.append(len(some[0]))
        return some

    monkeypatch.setattr(unsorted._Side, "picked", counted)
    for name in ("no drift", "shifted", "cents", "integers", "heavy tails"):
        unsorted.distances(*([side] for side in CASES[name]))
    assert len(sorted_) == 10
    assert max(sorted_) < 0.2 * N


VALUE = st.one_of(st.integers(-4, 4).map(float), st.floats(-100, 100), st.floats(allow_nan=False, width=32))
SIDE = st.lists(VALUE, min_size=1, max_size=60)


@given(a=SIDE, b=SIDE)
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_small_arrays_have_the_distances_that_sorted_ones_have(
    monkeypatch: pytest.MonkeyPatch, a: list[float], b: list[float]
) -> None:
    monkeypatch.setattr(unsorted, "_FEW", 0)
    monkeypatch.setattr(unsorted, "_MOST_LEFT", 2.0)
    monkeypatch.setattr(unsorted, "_MANY_LEFT", 0.3)
    d, area = unsorted.distances([np.array(a[:3]), np.array(a[3:])], [np.array(b)])
    assert d == pytest.approx(ks.statistic(a, b), abs=1e-12)
    exact = wasserstein.wasserstein(a, b)
    spread = max(map(abs, [*a, *b]))
    if exact is None:
        assert area is None
    else:
        assert area == pytest.approx(exact, rel=1e-9, abs=1e-12 * max(spread, 1.0))


@pytest.mark.parametrize(("a", "b"), [([], []), ([1.0], []), ([], [1.0])])
def test_a_side_without_values_has_no_distance(a: list[float], b: list[float]) -> None:
    assert unsorted.distances([np.array(a)], [np.array(b)]) == (None, None)
