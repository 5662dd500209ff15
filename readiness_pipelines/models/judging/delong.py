"""What two AUCs of the same rows differ by, if the rows were independent: shown beside the bootstrap, and judges nothing.

With v the share of negatives below a positive (ties half) and w the share of positives above a negative, of either model,

    var = var(v1 - v2) / positives + var(w1 - w2) / negatives        both with one degree of freedom less

Source: DeLong, DeLong, Clarke-Pearson 1988.
"""

from __future__ import annotations

import math

import numpy as np

from readiness_pipelines.models.judging.replicates import CONFIDENCE, Interval


def delong(labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> Interval | None:
    """Return the difference of AUCs (ours less theirs) with its bounds; None with fewer than two rows of a class.

    The bounds are one-sided, 95% each, as the bootstrap's are. `blocks` are the rows.
    """
    from scipy.special import ndtri

    if min(labels.sum(), (~labels).sum()) < 2:
        return None
    (v1, w1), (v2, w2) = _shares(labels, ours), _shares(labels, theirs)
    v, w = v1 - v2, w1 - w2
    reach = float(ndtri(CONFIDENCE)) * math.sqrt(v.var(ddof=1) / len(v) + w.var(ddof=1) / len(w))
    return Interval(float(v.mean()), float(v.mean()) - reach, float(v.mean()) + reach, len(labels))


def _shares(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    positives, negatives = np.sort(scores[labels]), np.sort(scores[~labels])
    below = negatives.searchsorted(scores[labels], side="left") + negatives.searchsorted(scores[labels], side="right")
    upto = positives.searchsorted(scores[~labels], side="left") + positives.searchsorted(scores[~labels], side="right")
    return below / (2 * len(negatives)), 1 - upto / (2 * len(positives))
