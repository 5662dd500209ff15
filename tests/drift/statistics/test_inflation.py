"""How much less certain windows that resemble each other make a trend."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from readiness_pipelines.drift.statistics.trend import Line, inflation, least_squares, mann_kendall

SERIES = [0.0, 1.0, 1.5, 1.0, 0.0, -1.0, -1.5, -1.0, 0.0, 1.0]


def test_the_inflation_by_hand() -> None:
    flat = Line(0.0, 0.0, 1.0)
    r1 = sum(a * b for a, b in zip(SERIES, SERIES[1:], strict=False)) / sum(a * a for a in SERIES)
    r = (r1 + 2 / 10) / (1 - 4 / 10)
    assert r > 0.95
    assert inflation(SERIES, flat) == pytest.approx(1.95 / 0.05)
    mild = [1.0, 1.0, -1.0, -1.0, 1.0, -1.0, 1.0, 1.0, -1.0, -1.0] * 3
    r1 = sum(a * b for a, b in zip(mild, mild[1:], strict=False)) / 30
    r = (r1 + 2 / 30) / (1 - 4 / 30)
    assert inflation(mild, flat) == pytest.approx((1 + r) / (1 - r) if r > 0 else 1.0)


def test_neighbours_are_those_that_follow_each_other() -> None:
    apart: list[float | None] = [x for each in SERIES for x in (each, None)]
    assert inflation(apart, Line(0.0, 0.0, 1.0)) == pytest.approx(1 + 2 * (2 / 10) / (1 - 4 / 10) / (1 - (2 / 10) / (1 - 4 / 10)))


def test_a_series_on_its_line_and_a_short_one_are_taken_as_they_are() -> None:
    line = [0.01 + 0.002 * i for i in range(15)]
    fitted = least_squares(line)
    assert fitted is not None and inflation(line, fitted) == 1.0
    assert inflation([1.0, 2.0, 1.5, 1.0], Line(0.0, 1.0, 1.0)) == 1.0


def test_an_inflated_line_has_a_larger_error_and_fewer_degrees_of_freedom() -> None:
    y = [0.1, 0.3, 0.2, 0.5, 0.4, 0.7, 0.6, 0.9, 0.7, 1.1, 0.9, 1.2]
    plain, true = least_squares(y), stats.linregress(range(12), y)
    found = least_squares(y, inflation=2.0)
    assert plain is not None and found is not None and plain.p == pytest.approx(true.pvalue)
    t = true.slope / (true.stderr * math.sqrt(2))
    assert found.p == pytest.approx(2 * stats.t.sf(t, 12 / 2 - 2)) and found.slope == plain.slope


def test_an_inflated_order_has_a_larger_variance() -> None:
    y = list(np.random.default_rng(0).normal(size=12) + np.arange(12) * 0.2)
    plain, found = mann_kendall(y), mann_kendall(y, inflation=2.0)
    assert plain is not None and found is not None and plain.s == found.s
    assert stats.norm.isf(found.p / 2) * math.sqrt(2) == pytest.approx(stats.norm.isf(plain.p / 2))
