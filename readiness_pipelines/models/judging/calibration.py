"""`calibration`: does a score of .3 mean that three of ten are positive?

The expected calibration error of `models.metrics`, over 10 bins of as many rows each, or fewer so that each has 50: with fewer rows
in a bin, chance alone reads as an error, at 50 rows about .05 where half of them are positive.
"""

from __future__ import annotations

import numpy as np

from readiness_pipelines.flow import Judged, Status
from readiness_pipelines.models.judging.limits import at_most, judged
from readiness_pipelines.models.judging.names import CALIBRATION
from readiness_pipelines.models.judging.replicates import Interval, Statistic, interval, summed

MOST_BINS, LEAST_ROWS = 10, 50
WORSE = 0.02  # a larger error than the champion's by less than this changes nobody's decision


def bins_of(rows: int) -> int:
    """Return over how many bins so many rows are judged."""
    return max(1, min(MOST_BINS, rows // LEAST_ROWS))


def expected_error(labels: np.ndarray, scores: np.ndarray, block: np.ndarray) -> Statistic:
    """Return the expected calibration error as a function of how often each block counts; the bins stay as they are."""
    bins, blocks = bins_of(len(scores)), int(block.max()) + 1
    cells = _places(scores) * blocks + block
    off = np.bincount(cells, weights=scores - labels, minlength=bins * blocks).reshape(bins, blocks)
    rows = np.bincount(block, minlength=blocks)

    def error(counts: np.ndarray) -> np.ndarray:
        found: np.ndarray = np.abs(summed(off, counts)).sum(axis=0) / summed(rows, counts)
        return found

    return error


def calibration(
    labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray | None, block: np.ndarray, *, limit: float, draw: np.random.Generator
) -> Judged:
    """Judge the challenger's expected calibration error: as `at_most` does, and failed where it is clearly worse than `theirs`.

    Clearly worse: the lower bound of the difference is over WORSE. `theirs` is None where what it is compared with is no model.
    """
    sizes, n = np.bincount(block), len(labels)
    mine = expected_error(labels, ours, block)
    found = interval(mine, sizes=sizes, rows=len(sizes), draw=draw, is_distance=True)
    if theirs is not None:
        other = expected_error(labels, theirs, block)
        more = interval(lambda counts: mine(counts) - other(counts), sizes=sizes, rows=len(sizes), draw=draw)
        if more.low > WORSE:
            return judged(CALIBRATION, Status.FAILED, found, limit, n=n, note=_worse(found, more))
    about = at_most(CALIBRATION, found, limit, n=n)
    return about if about.status is Status.PASSED else at_most(CALIBRATION, found, limit, n=n, note=_over(found, limit))


def _worse(found: Interval, more: Interval) -> str:
    sides = f"expected calibration error {found.value:.4f}, the champion's {found.value - more.value:.4f}"
    return f"{sides}: worse by more than {WORSE} with 95% confidence"


def _over(found: Interval, limit: float) -> str:
    return f"expected calibration error {found.value:.4f}, expected at most {limit:.4f}"


def _places(scores: np.ndarray) -> np.ndarray:
    """Return the number of each row's bin, as `models.metrics.calibration_curve` has them: lowest scores first."""
    places = np.empty(len(scores), dtype=np.int64)
    for number, rows in enumerate(np.array_split(np.argsort(scores, kind="stable"), bins_of(len(scores)))):
        places[rows] = number
    return places
