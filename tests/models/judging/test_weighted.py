"""Metrics of replicates: scikit-learn's, with how often each row counts as its weight."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from readiness_pipelines.flow import Metric
from readiness_pipelines.models.judging.replicates import blocks_of
from readiness_pipelines.models.judging.weighted import difference_of, measured, metric_of

SKLEARNS: dict[Metric, Callable[..., Any]] = {
    Metric.ROC_AUC: lambda y, s, w: metrics.roc_auc_score(y, s, sample_weight=w),
    Metric.AVERAGE_PRECISION: lambda y, s, w: metrics.average_precision_score(y, s, sample_weight=w),
    Metric.BRIER: lambda y, s, w: -metrics.brier_score_loss(y, s, sample_weight=w),
    Metric.LOG_LOSS: lambda y, s, w: -metrics.log_loss(y, s, sample_weight=w, labels=[False, True]),
}
ROWS = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.8, 1.0]), st.integers(0, 4)), min_size=2, max_size=40
)


@pytest.mark.parametrize("metric", list(Metric))
@given(rows=ROWS, seed=st.integers(0, 9))
def test_every_replicate_is_scikit_learns_with_these_weights(
    metric: Metric, rows: list[tuple[bool, float, int]], seed: int
) -> None:
    labels, scores, names = (np.array(column) for column in zip(*rows, strict=True))
    block = blocks_of(names)
    counts = np.random.default_rng(seed).integers(0, 3, size=(int(block.max()) + 1, 4)).astype(np.int32)
    found = metric_of(metric, labels, scores, block)(counts)
    for replicate, value in enumerate(found):
        weight = counts[block, replicate]
        there = set(labels[weight > 0])
        if not there or (metric is Metric.ROC_AUC and len(there) < 2) or (metric is Metric.AVERAGE_PRECISION and True not in there):
            assert np.isnan(value)
        else:
            kept = weight > 0
            assert value == pytest.approx(SKLEARNS[metric](labels[kept], scores[kept], weight[kept]), abs=1e-12)


def test_an_auc_by_hand_with_a_tie_and_a_row_that_counts_twice() -> None:
    labels, scores = np.array([True, True, False, False]), np.array([0.9, 0.5, 0.5, 0.1])
    statistic = metric_of(Metric.ROC_AUC, labels, scores, np.arange(4))
    once, twice, without = statistic(np.array([[1, 1, 1], [1, 2, 0], [1, 1, 1], [1, 1, 0]], dtype=np.int32))
    assert once == 3.5 / 4  # of four pairs three are in order, one is equal
    assert twice == (1 + 1 + 2 * (0.5 + 1)) / 6
    assert without == 1.0


def test_losses_are_told_as_their_negatives_so_that_higher_is_better() -> None:
    labels = np.array([True, False])
    assert measured(Metric.BRIER, labels, np.array([0.8, 0.4])) == pytest.approx(-(0.04 + 0.16) / 2)
    assert measured(Metric.LOG_LOSS, labels, np.array([0.5, 0.5])) == pytest.approx(-np.log(2))
    assert np.isfinite(measured(Metric.LOG_LOSS, labels, np.array([0.0, 1.0])))


@pytest.mark.parametrize("metric", list(Metric))
def test_a_difference_is_that_of_both_on_the_same_rows(metric: Metric) -> None:
    draw = np.random.default_rng(3)
    labels, a, b, block = draw.random(50) < 0.4, draw.random(50), draw.random(50), draw.integers(0, 10, 50)
    counts = draw.integers(0, 3, size=(10, 6)).astype(np.int32)
    expected = metric_of(metric, labels, a, block)(counts) - metric_of(metric, labels, b, block)(counts)
    assert difference_of(metric, labels, a, b, block)(counts) == pytest.approx(expected)
