from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from readiness_pipelines.flow import Metric
from readiness_pipelines.models.metrics import Bin, calibration_curve, expected_calibration_error, measure

LABELS, SCORES = [False, False, True, True], [0.1, 0.4, 0.35, 0.8]


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (Metric.ROC_AUC, 3 / 4),  # of four pairs one is the wrong way round
        (Metric.AVERAGE_PRECISION, 1 / 2 * 1 + 1 / 2 * 2 / 3),
        (Metric.BRIER, -(0.01 + 0.16 + 0.65**2 + 0.04) / 4),
        (Metric.LOG_LOSS, (math.log(0.9) + math.log(0.6) + math.log(0.35) + math.log(0.8)) / 4),
    ],
)
def test_metrics_by_hand(metric: Metric, expected: float) -> None:
    assert measure(metric, LABELS, SCORES) == pytest.approx(expected)


@pytest.mark.parametrize("metric", Metric)
def test_higher_is_better(metric: Metric) -> None:
    assert (
        measure(metric, LABELS, [0.1, 0.2, 0.8, 0.9])
        > measure(metric, LABELS, SCORES)
        > measure(metric, LABELS, [0.9, 0.8, 0.2, 0.1])
    )


def test_the_area_is_scipy_s_rank_statistic_ties_included() -> None:
    random = np.random.default_rng(0)
    labels, scores = random.random(500) < 0.3, random.integers(0, 10, 500) / 10
    u = mannwhitneyu(scores[labels], scores[~labels]).statistic
    assert measure(Metric.ROC_AUC, labels, scores) == pytest.approx(u / (labels.sum() * (~labels).sum()))


@pytest.mark.parametrize(
    ("metric", "labels", "expected"),
    [
        (Metric.ROC_AUC, [True, True], None),
        (Metric.ROC_AUC, [False, False], None),
        (Metric.AVERAGE_PRECISION, [False, False], None),
        (Metric.AVERAGE_PRECISION, [True, True], 1.0),
        (Metric.BRIER, [False, False], -0.25),
        (Metric.LOG_LOSS, [False, False], math.log(0.5)),
    ],
)
def test_what_is_not_defined_is_nan(metric: Metric, labels: list[bool], expected: float | None) -> None:
    found = measure(metric, labels, [0.5, 0.5])
    assert math.isnan(found) if expected is None else found == pytest.approx(expected)


@pytest.mark.parametrize("metric", Metric)
def test_nothing_is_measured_without_rows(metric: Metric) -> None:
    assert math.isnan(measure(metric, [], []))


def test_certain_and_wrong_is_a_finite_loss() -> None:
    assert -40 < measure(Metric.LOG_LOSS, [True, False], [0.0, 0.0]) < -10


def test_the_curve_has_bins_of_as_many_rows() -> None:
    labels, scores = [True, False, False, True, True], [0.9, 0.1, 0.2, 0.3, 0.8]
    assert calibration_curve(labels, scores, bins=2) == (
        Bin(3, pytest.approx(0.2), pytest.approx(1 / 3)),
        Bin(2, pytest.approx(0.85), 1.0),
    )


def test_fewer_rows_than_bins_have_a_bin_each() -> None:
    assert [each.rows for each in calibration_curve([True, False], [0.9, 0.1])] == [1, 1]
    assert calibration_curve([], []) == ()


def test_calibration_error_by_hand() -> None:
    labels, scores = [True, False, False, True, True], [0.9, 0.1, 0.2, 0.3, 0.8]
    assert expected_calibration_error(labels, scores, bins=2) == pytest.approx(3 / 5 * (1 / 3 - 0.2) + 2 / 5 * 0.15)
    assert expected_calibration_error(labels, scores, bins=1) == pytest.approx(3 / 5 - 2.3 / 5)


def test_calibration_error_of_nothing_is_nan() -> None:
    assert math.isnan(expected_calibration_error([], []))


def test_a_perfect_model_s_error_is_what_chance_makes_it() -> None:
    random = np.random.default_rng(0)
    found = [expected_calibration_error(random.random(500) < 0.2, np.full(500, 0.2)) for _ in range(200)]
    assert np.mean(found) == pytest.approx(math.sqrt(2 * 0.2 * 0.8 * 10 / (math.pi * 500)), rel=0.05)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1), st.integers(1, 20))
def test_the_error_lies_between_0_and_1_and_every_row_in_a_bin(rows: list[tuple[bool, float]], bins: int) -> None:
    labels, scores = (np.array(each) for each in zip(*rows, strict=True))
    curve: Any = calibration_curve(labels, scores, bins=bins)
    assert sum(each.rows for each in curve) == len(rows)
    assert sum(each.rows * each.positives for each in curve) == pytest.approx(labels.sum())
    assert -1e-9 <= expected_calibration_error(labels, scores, bins=bins) <= 1 + 1e-9
