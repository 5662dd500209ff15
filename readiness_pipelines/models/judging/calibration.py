"""`calibration`: does a score of .3 mean that three of ten are positive?

    ECE = sum over bins of (rows in the bin / rows) |mean score - share of positives|

over bins of about equal numbers of rows in order of score, at most 10 and of at least 50 rows each; equal scores share a bin. With
bins of fewer rows chance alone reads as an error: at 50 rows about .05 where half of them are positive. Source: Naeini, Cooper,
Hauskrecht 2015; equal numbers instead of equal widths, so that rare positives do not all fall into the first bin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from readiness_pipelines.flow import Judged, Status
from readiness_pipelines.models.judging.limits import at_most, judged, told
from readiness_pipelines.models.judging.replicates import Interval, Statistic, interval

RULE = "calibration"
MOST_BINS, LEAST_ROWS = 10, 50
WORSE = 0.02  # a larger error than the champion's by less than this changes nobody's decision


@dataclass(frozen=True)
class Bin:
    """Rows of neighbouring scores: their mean score, their share of positives, how many."""

    score: float
    positive: float
    rows: int


def curve(labels: np.ndarray, scores: np.ndarray) -> tuple[Bin, ...]:
    """Return the bins in order of score; none without rows."""
    place = _bins(scores)
    rows = np.bincount(place)
    mean, positive = np.bincount(place, weights=scores) / rows, np.bincount(place, weights=labels) / rows
    return tuple(Bin(told(a) or 0.0, told(b) or 0.0, int(n)) for a, b, n in zip(mean, positive, rows, strict=True))


def expected_error(labels: np.ndarray, scores: np.ndarray, block: np.ndarray) -> Statistic:
    """Return the expected calibration error as a function of how often each block counts; the bins stay as they are."""
    place, blocks = _bins(scores), int(block.max(initial=-1)) + 1
    bins = int(place.max(initial=-1)) + 1
    cells = place.astype(np.int64) * blocks + block
    off = np.bincount(cells, weights=scores - labels, minlength=bins * blocks).reshape(bins, blocks)
    rows = np.bincount(block, minlength=blocks)

    def error(counts: np.ndarray) -> np.ndarray:
        found: np.ndarray = np.abs(off @ counts).sum(axis=0) / (rows @ counts)
        return found

    return error


def calibration(
    labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray | None, block: np.ndarray, *, limit: float, draw: np.random.Generator
) -> Judged:
    """Judge the challenger's expected calibration error: as `at_most` does, and failed where it is clearly worse than `theirs`.

    Clearly worse: the lower end of the difference is over WORSE. `theirs` is None where what it is compared with is no model.
    """
    blocks, n = int(block.max()) + 1, len(labels)
    mine = expected_error(labels, ours, block)
    found = interval(mine, blocks=blocks, rows=blocks, draw=draw, is_distance=True)
    if theirs is not None:
        other = expected_error(labels, theirs, block)
        more = interval(lambda counts: mine(counts) - other(counts), blocks=blocks, rows=blocks, draw=draw)
        if more.low > WORSE:
            return judged(RULE, Status.FAILED, found, limit, n=n, note=_worse(found, more))
    about = at_most(RULE, found, limit, n=n)
    return about if about.status is Status.PASSED else at_most(RULE, found, limit, n=n, note=_over(found, limit))


def _worse(found: Interval, more: Interval) -> str:
    sides = f"expected calibration error {found.value:.4f}, the champion's {found.value - more.value:.4f}"
    return f"{sides}: worse by more than {WORSE} with 95% confidence"


def _over(found: Interval, limit: float) -> str:
    return f"expected calibration error {found.value:.4f}, expected at most {limit:.4f}"


def _bins(scores: np.ndarray) -> np.ndarray:
    """Return the number of each row's bin: of its score's first place in order, so that equal scores share it. No bin is empty."""
    bins = max(1, min(MOST_BINS, len(scores) // LEAST_ROWS))
    first = np.sort(scores).searchsorted(scores, side="left")
    return np.unique(first * bins // max(1, len(scores)), return_inverse=True)[1]
