"""The metric of every replicate at once: one sort, then sums of how often each row counts.

With a row's weight w, the number of times its block was drawn,

    roc_auc             sum over positives of w (negatives' w below + half of those equal) / (positives' w * negatives' w)
    average_precision   sum over positives of w (positives' w at or above / all w at or above) / positives' w
    brier, log_loss     the negative mean of (score - label)^2, of -log(score of the true class)

as scikit-learn computes them with these as sample weights. Sources: Hanley and McNeil 1982; Brier 1950; Good 1952.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from readiness_pipelines.flow import Metric
from readiness_pipelines.models.judging.replicates import Statistic, summed


def metric_of(metric: Metric, labels: np.ndarray, scores: np.ndarray, block: np.ndarray) -> Statistic:
    """Return the metric as a function of how often each block counts; higher is better, NaN where a class is absent.

    `labels` are booleans, `scores` finite floats, `block` each row's block. For brier and log_loss, scores are probabilities.
    """
    return _METRICS[metric](labels, scores, block)


def measured(metric: Metric, labels: np.ndarray, scores: np.ndarray) -> float:
    """Return the metric of these rows, each counted once.

    >>> measured(Metric.ROC_AUC, np.array([False, False, True, True]), np.array([0.1, 0.4, 0.35, 0.8]))
    0.75
    """
    block = np.zeros(len(labels), dtype=np.int32)
    return float(metric_of(metric, labels, scores, block)(np.ones((1, 1), dtype=np.int32))[0])


def difference_of(metric: Metric, labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray, block: np.ndarray) -> Statistic:
    """Return the metric of `ours` less that of `theirs`, on the same rows, as a function of how often each block counts."""
    a, b = metric_of(metric, labels, ours, block), metric_of(metric, labels, theirs, block)
    return lambda counts: a(counts) - b(counts)


def _roc_auc(labels: np.ndarray, scores: np.ndarray, block: np.ndarray) -> Statistic:
    positive, negative = scores[labels], scores[~labels]
    order = np.argsort(negative, kind="stable")
    below = np.searchsorted(negative[order], positive, side="left")
    upto = np.searchsorted(negative[order], positive, side="right")
    of_positive, of_negative = block[labels], block[~labels][order]

    def auc(counts: np.ndarray) -> np.ndarray:
        ours, before = counts[of_positive], _sums_before(counts[of_negative])
        won = np.einsum("ib,ib->b", ours, before[below] + before[upto], dtype=np.float64)
        return _over(won, 2.0 * ours.sum(axis=0) * before[-1])

    return auc


def _average_precision(labels: np.ndarray, scores: np.ndarray, block: np.ndarray) -> Statistic:
    falling, rising = -scores[labels], -scores[~labels]
    order, orderly = np.argsort(falling, kind="stable"), np.argsort(rising, kind="stable")
    upto = np.searchsorted(falling[order], falling[order], side="right")
    beside = np.searchsorted(rising[orderly], falling[order], side="right")
    of_positive, of_negative = block[labels][order], block[~labels][orderly]

    def precision(counts: np.ndarray) -> np.ndarray:
        ours = counts[of_positive]
        found, wrong = _sums_before(ours)[upto], _sums_before(counts[of_negative])[beside]
        share = found / np.maximum(found + wrong, 1)
        return _over(np.einsum("ib,ib->b", ours, share, dtype=np.float64), ours.sum(axis=0))

    return precision


def _mean_loss(loss: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Callable[[np.ndarray, np.ndarray, np.ndarray], Statistic]:
    def of(labels: np.ndarray, scores: np.ndarray, block: np.ndarray) -> Statistic:
        lost, rows = np.bincount(block, weights=loss(labels, scores)), np.bincount(block)
        return lambda counts: -_over(summed(lost, counts), summed(rows, counts))

    return of


def _squared(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    found: np.ndarray = (scores - labels) ** 2
    return found


def _logarithmic(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    least = np.finfo(np.float64).eps
    of_truth: np.ndarray = np.where(labels, scores, 1 - scores)
    found: np.ndarray = -np.log(np.clip(of_truth, least, 1 - least))
    return found


def _sums_before(counts: np.ndarray) -> np.ndarray:
    """Return the sums of the first 0, 1, 2, ... rows, replicate by replicate."""
    sums = np.zeros((len(counts) + 1, counts.shape[1]), dtype=np.int32)
    np.cumsum(counts, axis=0, out=sums[1:])
    return sums


def _over(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, above / below, np.nan)


_METRICS: dict[Metric, Callable[[np.ndarray, np.ndarray, np.ndarray], Statistic]] = {
    Metric.ROC_AUC: _roc_auc,
    Metric.AVERAGE_PRECISION: _average_precision,
    Metric.BRIER: _mean_loss(_squared),
    Metric.LOG_LOSS: _mean_loss(_logarithmic),
}
