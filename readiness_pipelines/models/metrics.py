"""How good scores are: metrics of which more is better, and whether a score of .3 means three in ten."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from readiness_pipelines.flow import Metric

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Rows with scores next to each other: how many, their mean score, and the share of positives among them."""

    rows: int
    score: float
    positives: float


def measure(metric: Metric, labels: Any, scores: Any) -> float:
    """Return the metric of these scores; higher is better, so losses (Brier, log loss) are negative.

    `labels` are boolean, `scores` probabilities of True, one each per row. NaN where it is not defined: without rows, the area
    under the ROC curve without both classes, average precision without a positive. Ties count half in the area (Hanley and
    McNeil 1982); average precision does not interpolate. A score of 0 or 1 that is wrong has a finite log loss: scikit-learn
    clips it.
    """
    import numpy as np
    from sklearn import metrics

    truth, said = np.asarray(labels, dtype=bool), np.asarray(scores, dtype=np.float64)
    if not len(truth) or not truth.any() and metric in (Metric.ROC_AUC, Metric.AVERAGE_PRECISION):
        return math.nan
    match metric:
        case Metric.ROC_AUC:
            return math.nan if truth.all() else float(metrics.roc_auc_score(truth, said))
        case Metric.AVERAGE_PRECISION:
            return float(metrics.average_precision_score(truth, said))
        case Metric.BRIER:
            return -float(metrics.brier_score_loss(truth, said))
        case Metric.LOG_LOSS:
            return -float(metrics.log_loss(truth, said, labels=[False, True]))


def calibration_curve(labels: Any, scores: Any, *, bins: int = BINS) -> tuple[Bin, ...]:
    """Return the rows in `bins` bins of as many rows each (they differ by at most one), lowest scores first.

    Fewer rows than bins: a bin per row. Rows of equal scores stay in their order, so a bin may end among them. Bins of equal
    numbers, not of equal width: where positives are rare, nearly all scores lie in the first tenth (Nguyen and O'Connor 2015).
    """
    import numpy as np

    truth, said = np.asarray(labels, dtype=bool), np.asarray(scores, dtype=np.float64)
    order = np.argsort(said, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return tuple(Bin(len(part), float(said[part].mean()), float(truth[part].mean())) for part in parts)


def expected_calibration_error(labels: Any, scores: Any, *, bins: int = BINS) -> float:
    """Return how far, over the bins of `calibration_curve`, mean score and share of positives lie apart, weighed by rows.

    0 is best and 1 worst (Naeini, Cooper and Hauskrecht 2015). NaN without rows. Never quite 0 by chance: a perfect model's is
    about sqrt(2 p (1 - p) bins / (pi n)), so with few rows a limit near that says nothing.
    """
    curve = calibration_curve(labels, scores, bins=bins)
    rows = sum(each.rows for each in curve)
    return sum(each.rows * abs(each.score - each.positives) for each in curve) / rows if rows else math.nan
