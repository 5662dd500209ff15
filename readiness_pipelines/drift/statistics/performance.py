"""What predictions are worth where labels are known: ROC AUC of scores, accuracy of classes, and what a window has lost.

AUC = P(score of a positive > score of a negative) + P(equal) / 2        accuracy = rows predicted right / rows
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from readiness_pipelines.drift.statistics.proportions import difference

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Performance:
    """A metric from 0 to 1, its confidence interval [low, high], its standard error, and the rows it was computed from."""

    value: float
    low: float
    high: float
    standard_error: float
    n: int


@dataclass(frozen=True)
class Loss:
    """`value` is the reference's metric less the window's, negative where the window is better; `p` is two-sided."""

    value: float
    p: float
    standard_error: float


def auc(scores: ArrayLike, labels: ArrayLike, *, confidence: float = CONFIDENCE) -> Performance | None:
    """Return the AUC of finite or infinite scores against labels (true: positive). Rows whose score is NaN are left out.

    Ties count one half (midranks), so a constant score has .5. Its variance is DeLong's: with v the share of negatives below a
    positive (ties half), and w the share of positives above a negative,

        var = var(v) / positives + var(w) / negatives        both with one degree of freedom less

    and the interval is AUC -+ z sqrt(var), cut to [0, 1]; where all pairs are in order it is a point, however few they are.
    None with fewer than two positives or two negatives. Source: DeLong, DeLong, Clarke-Pearson 1988; O(n log n) as Sun and
    Xu 2014.

    >>> auc([0.1, 0.4, 0.35, 0.8], [False, False, True, True]).value
    0.75
    """
    score, label = np.asarray(scores), np.asarray(labels, dtype=bool)
    if score.dtype.kind == "f":
        score, label = score[~np.isnan(score)], label[~np.isnan(score)]
    positives, negatives = np.sort(score[label]), np.sort(score[~label])
    if len(positives) < 2 or len(negatives) < 2:
        return None
    below = negatives.searchsorted(positives, side="left") + negatives.searchsorted(positives, side="right")
    under = positives.searchsorted(negatives, side="left") + positives.searchsorted(negatives, side="right")
    value = int(below.sum()) / (2 * len(positives) * len(negatives))
    v, w = below / (2 * len(negatives)), 1 - under / (2 * len(positives))
    error = math.sqrt(float(v.var(ddof=1)) / len(positives) + float(w.var(ddof=1)) / len(negatives))
    reach = _quantile(confidence) * error
    return Performance(value, max(0.0, value - reach), min(1.0, value + reach), error, len(score))


def auc_loss(reference: Performance, window: Performance) -> Loss:
    """Return what two AUCs of different rows differ by: z = loss / sqrt(var + var), normal.

    Where both variances are 0: p 1 if the two are equal, else 0.
    """
    value = reference.value - window.value
    error = math.hypot(reference.standard_error, window.standard_error)
    if not error:
        return Loss(value, 0.0 if value else 1.0, 0.0)
    return Loss(value, math.erfc(abs(value) / error / math.sqrt(2)), error)


def accuracy(right: int, n: int, *, confidence: float = CONFIDENCE) -> Performance | None:
    """Return the share of `n` rows that were predicted right, with Wilson's interval; None without rows.

        (p + z2/2n -+ z sqrt(p (1 - p) / n + z2/4n2)) / (1 + z2/n)        source: Wilson 1927

    Raises ValueError for more right than there are rows.

    >>> [round(x, 6) for x in (accuracy(8, 10).low, accuracy(8, 10).high)]
    [0.490162, 0.943318]
    """
    if not 0 <= right <= n:
        raise ValueError(f"found {right} rows predicted right among {n}, expected 0 to {n}")
    if not n:
        return None
    p, z = right / n, _quantile(confidence)
    middle, reach = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = (middle - reach) / (1 + z * z / n), (middle + reach) / (1 + z * z / n)
    return Performance(p, max(0.0, low), min(1.0, high), math.sqrt(p * (1 - p) / n), n)


def accuracy_loss(right_reference: int, n_reference: int, right_window: int, n_window: int) -> Loss | None:
    """Return what two accuracies of different rows differ by, p by `proportions.difference`; None if either has no rows."""
    a, b = accuracy(right_reference, n_reference), accuracy(right_window, n_window)
    tested = difference(right_reference, n_reference, right_window, n_window)
    if a is None or b is None or tested is None:
        return None
    return Loss(a.value - b.value, tested.p, math.hypot(a.standard_error, b.standard_error))


def _quantile(confidence: float) -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + confidence) / 2))
