"""All statistics of 1M against 1M rows, 20 numeric and 5 categorical columns, equal to scipy within 1e-12."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency, ks_2samp, wasserstein_distance

from readiness_pipelines.drift.statistics import ks
from readiness_pipelines.drift.statistics.chi_squared import chi_squared
from readiness_pipelines.drift.statistics.jensen_shannon import jensen_shannon
from readiness_pipelines.drift.statistics.psi import psi
from readiness_pipelines.drift.statistics.wasserstein import of_sorted, wasserstein

ROWS = 1_000_000
SHAPES = ("normal", "shifted", "heavy", "rounded", "half zero")


def numbers(shape: str, draw: np.random.Generator, rows: int) -> np.ndarray:
    values = draw.standard_t(2, rows) if shape == "heavy" else draw.normal(0.02 if shape == "shifted" else 0, 1, rows)
    if shape == "rounded":
        values = np.round(values, 1)
    return np.where(draw.random(rows) < 0.5, 0, values) if shape == "half zero" else values


def deciles(values: np.ndarray) -> np.ndarray:
    return np.array([-np.inf, *np.unique(np.quantile(values, np.arange(1, 10) / 10)), np.inf])


@pytest.mark.slow
def test_twenty_numeric_columns_equal_scipys() -> None:
    draw = np.random.default_rng(8)
    for i in range(20):
        window_rows = ROWS if i % 2 else ROWS - 777  # Wasserstein has a way of its own for as many rows on both sides
        a, b = numbers("normal" if i % 5 == 1 else SHAPES[i % 5], draw, ROWS), numbers(SHAPES[i % 5], draw, window_rows)
        expected, d = ks_2samp(a, b, method="asymp"), ks.statistic(a, b)
        assert d is not None and abs(d - float(expected.statistic)) <= 1e-12
        assert abs((ks.p_value(d, ROWS, window_rows) or 0.0) - float(expected.pvalue)) <= 1e-12
        assert abs((wasserstein(a, b) or 0.0) - float(wasserstein_distance(a, b))) <= 1e-12
        p, q = (np.histogram(x, deciles(a))[0] for x in (a, b))
        assert abs((jensen_shannon(p, q) or 0.0) - float(jensenshannon(p, q, base=2))) <= 1e-12
        by_hand = sum((y / q.sum() - x / p.sum()) * np.log((y / q.sum()) / (x / p.sum())) for x, y in zip(p, q, strict=True))
        assert abs((psi(p, q) or 0.0) - float(by_hand)) <= 1e-12
        low, high = ks.bracket(*(np.histogram(x, np.array([-np.inf, *np.linspace(-4, 4, 99), np.inf]))[0] for x in (a, b))) or (
            2,
            2,
        )
        assert low - 1e-12 <= d <= high + 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("categories", [2, 3, 10, 50, 200])
def test_five_categorical_columns_equal_scipys(categories: int) -> None:
    draw = np.random.default_rng(categories)
    shares = draw.dirichlet(np.full(categories, 5.0))
    p, q = (np.bincount(draw.choice(categories, ROWS, p=shares), minlength=categories) for _ in range(2))
    expected, found = chi2_contingency([p, q], correction=False), chi_squared(p, q)
    assert found is not None and found.degrees == categories - 1
    assert abs(found.statistic - float(expected.statistic)) <= 1e-12 * max(1.0, float(expected.statistic))
    assert abs(found.p - float(expected.pvalue)) <= 1e-12
    assert abs((jensen_shannon(p, q) or 0.0) - float(jensenshannon(p, q, base=2))) <= 1e-12


def test_a_window_of_as_many_rows_needs_no_merge_and_has_the_same_distance() -> None:
    draw = np.random.default_rng(9)
    a, b = np.sort(draw.normal(size=1000)), np.sort(draw.normal(0.3, 2, size=1000))
    whole = of_sorted(np.sort(np.tile(a, 2)), b)  # the same distribution, twice the rows
    assert whole is not None and abs(whole - (of_sorted(a, b) or 0.0)) <= 1e-12
