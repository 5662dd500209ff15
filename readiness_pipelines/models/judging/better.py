"""`better`: the challenger's metric less the champion's, on the same rows, neither of which has seen them."""

from __future__ import annotations

import math

import numpy as np

from readiness_pipelines.flow import Judged, Metric, Status
from readiness_pipelines.models.judging.limits import judged
from readiness_pipelines.models.judging.names import BETTER
from readiness_pipelines.models.judging.replicates import LEAST_BLOCKS, Interval, blocks_of, interval
from readiness_pipelines.models.judging.weighted import difference_of


def paired(
    metric: Metric, labels: np.ndarray, challenger: np.ndarray, champion: np.ndarray, blocks: np.ndarray, *, seed: int
) -> tuple[float, float, float]:
    """Return what the challenger's scores are better by, and the bounds that this is above, or below, with 95% each.

    `blocks` names each row's person or day; the same rows are drawn for both sides, so what makes a row hard is in neither bound.
    A bound is infinite where nothing can be said: fewer than 5 blocks, or a class that is hardly there. Scores are finite.
    """
    found = difference(metric, labels, challenger, champion, blocks_of(blocks), draw=np.random.default_rng(seed))
    return found.value, found.low, found.high


def difference(
    metric: Metric, labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray, block: np.ndarray, *, draw: np.random.Generator
) -> Interval:
    """Return the interval of the difference; `block` are numbers of blocks, from 0 and without gaps."""
    if not len(labels):
        return Interval(math.nan, -math.inf, math.inf, 0)
    rarer = labels if labels.sum() * 2 <= len(labels) else ~labels
    sizes = np.bincount(block[rarer], minlength=int(block.max()) + 1)
    return interval(difference_of(metric, labels, ours, theirs, block), sizes=sizes, rows=len(labels), draw=draw)


def better(
    found: Interval, *, margin: float, is_not_worse_enough: bool, rows: int, positives: int, least_rows: int, least_of_class: int
) -> Judged:
    """Judge the difference: passed where its lower bound is over `margin`, or over -`margin` if not being worse is enough.

    The note of a pass says where not being worse was enough: the rule's name does not. Failed otherwise: a challenger is not
    promoted on a hope. Undecided with fewer than `least_rows` rows, `least_of_class` rows of a class, or where the bounds say
    nothing.
    """
    limit = -margin if is_not_worse_enough else margin
    negatives = rows - positives
    if rows < least_rows or min(positives, negatives) < least_of_class:
        note = f"{rows:,} rows, {positives:,} of them positive; expected {least_rows:,}, and {least_of_class:,} of each class"
        return judged(BETTER, Status.UNDECIDED, found, limit, n=rows, note=f"too little to judge by: {note}")
    if not math.isfinite(found.low):
        note = f"{found.blocks} persons or days, expected as much as {LEAST_BLOCKS} of equal size say"
        return judged(BETTER, Status.UNDECIDED, found, limit, n=rows, note=f"no interval: {note}")
    if found.low > limit:
        note = f"not worse by more than {margin:g} is enough here" if is_not_worse_enough else ""
        return judged(BETTER, Status.PASSED, found, limit, n=rows, note=note)
    note = f"the difference is {found.value:+.4f}, its lower bound {found.low:+.4f}; expected the lower bound above {limit:+.4f}"
    return judged(BETTER, Status.FAILED, found, limit, n=rows, note=note)
