"""`better`: what must be cleared, what is enough where not being worse is, and what nobody can tell."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from readiness_pipelines.flow import Judged, Metric, Status
from readiness_pipelines.models.judging.better import better, paired
from readiness_pipelines.models.judging.delong import delong
from readiness_pipelines.models.judging.replicates import Interval


def said(value: float, low: float, **how: Any) -> Judged:
    usual: dict[str, Any] = {"margin": 0.0, "is_not_worse_enough": False, "rows": 1000, "positives": 200}
    return better(Interval(value, low, value + 0.02, 300), **{**usual, "least_rows": 100, "least_of_class": 10, **how})


@pytest.mark.parametrize(
    ("low", "how", "status", "limit"),
    [
        (0.001, {}, Status.PASSED, 0.0),
        (0.0, {}, Status.FAILED, 0.0),  # the margin must be cleared, not met
        (0.004, {"margin": 0.005}, Status.FAILED, 0.005),
        (0.006, {"margin": 0.005}, Status.PASSED, 0.005),
        (-0.004, {"margin": 0.005, "is_not_worse_enough": True}, Status.PASSED, -0.005),
        (-0.005, {"margin": 0.005, "is_not_worse_enough": True}, Status.FAILED, -0.005),
        (0.5, {"rows": 99, "positives": 50}, Status.UNDECIDED, 0.0),
        (0.5, {"positives": 9}, Status.UNDECIDED, 0.0),
        (0.5, {"positives": 991}, Status.UNDECIDED, 0.0),
        (0.5, {"positives": 991, "least_of_class": 9}, Status.PASSED, 0.0),
        (0.5, {"rows": 99, "positives": 50, "least_rows": 99}, Status.PASSED, 0.0),
        (-math.inf, {}, Status.UNDECIDED, 0.0),
    ],
)
def test_the_lower_bound_must_clear_the_margin(low: float, how: dict[str, Any], status: Status, limit: float) -> None:
    found = said(0.01, low, **how)
    assert (found.status, found.limit) == (status, limit)
    assert bool(found.note) == (status is not Status.PASSED or "is_not_worse_enough" in how)


@pytest.mark.parametrize(
    ("value", "low", "how", "told"),
    [
        (0.01, -0.002, {}, "the difference is +0.0100, its lower bound -0.0020; expected the lower bound above +0.0000"),
        (
            -0.01,
            -0.03,
            {"margin": 0.02},
            "the difference is -0.0100, its lower bound -0.0300; expected the lower bound above +0.0200",
        ),
        (
            -0.01,
            -0.03,
            {"margin": 0.02, "is_not_worse_enough": True},
            "the difference is -0.0100, its lower bound -0.0300; expected the lower bound above -0.0200",
        ),
        (-0.01, -0.03, {"margin": 0.05, "is_not_worse_enough": True}, "not worse by more than 0.05 is enough here"),
    ],
)
def test_it_says_by_how_much_and_that_not_being_worse_was_enough(value: float, low: float, how: dict[str, Any], told: str) -> None:
    assert said(value, low, **how).note == told


def two_models(rows: int, *, seed: int = 0, more: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    labels = draw.random(rows) < 0.3
    return labels, labels * (1 + more) + draw.normal(size=rows), labels + draw.normal(size=rows)


def test_paired_is_seeded_and_paired_by_row() -> None:
    labels, ours, theirs = two_models(400, more=0.5)
    blocks = np.array([f"c{n}" for n in range(400)])
    found = paired(Metric.ROC_AUC, labels, ours, theirs, blocks, seed=3)
    assert found == paired(Metric.ROC_AUC, labels, ours, theirs, blocks, seed=3)
    assert found != paired(Metric.ROC_AUC, labels, ours, theirs, blocks, seed=4)
    value, low, high = paired(Metric.ROC_AUC, labels, ours, ours + 1e-9, blocks, seed=3)
    assert value == low == high == 0  # what makes a row hard is hard for both


def test_independent_rows_give_delongs_ends() -> None:
    labels, ours, theirs = two_models(1500, more=0.2)
    value, low, high = paired(Metric.ROC_AUC, labels, ours, theirs, np.arange(1500), seed=1)
    told = delong(labels, ours, theirs)
    assert told is not None
    assert value == pytest.approx(told.value)
    reach = told.high - told.value
    assert (low, high) == (pytest.approx(told.low, abs=0.12 * reach), pytest.approx(told.high, abs=0.12 * reach))


def test_without_rows_or_with_few_blocks_nothing_is_said() -> None:
    value, low, high = paired(Metric.ROC_AUC, np.array([], dtype=bool), np.array([]), np.array([]), np.array([]), seed=0)
    assert math.isnan(value) and (low, high) == (-math.inf, math.inf)
    labels, ours, theirs = two_models(100)
    assert paired(Metric.ROC_AUC, labels, ours, theirs, np.arange(100) % 4, seed=0)[1:] == (-math.inf, math.inf)


def test_delong_by_counting_all_pairs() -> None:
    labels, ours, theirs = two_models(60)
    ours, theirs = ours.round(1), theirs.round(1)  # with ties
    positives, negatives = np.flatnonzero(labels), np.flatnonzero(~labels)
    won = np.array(
        [
            [
                (ours[i] > ours[j]) + 0.5 * (ours[i] == ours[j]) - (theirs[i] > theirs[j]) - 0.5 * (theirs[i] == theirs[j])
                for j in negatives
            ]
            for i in positives
        ]
    )
    variance = won.mean(axis=1).var(ddof=1) / len(positives) + won.mean(axis=0).var(ddof=1) / len(negatives)
    found = delong(labels, ours, theirs)
    assert found is not None
    assert found.value == pytest.approx(won.mean())
    assert found.high - found.value == pytest.approx(1.6448536269514722 * math.sqrt(variance))
    assert delong(np.array([True, False, False]), np.arange(3.0), np.arange(3.0)) is None
