"""`slice:<column>`: on no kind of rows may a challenger lose what it wins elsewhere.

A value of the column is judged by itself where it has `min_rows` rows of the holdout and LEAST_OF_CLASS of each class; the others
are judged together, as `other`. With the difference of the metric (challenger less champion) on these rows:

    passed      its lower bound is over -margin: as much as the margin is not lost
    failed      the margin or more is lost, and its upper bound is under 0: something certainly is
    undecided   between: too few rows to know. Never a pass; a person decides

Where even `other` is too few, nobody has looked at it: that is told with the largest value, and from 5% of the rows, or of a class,
on it is undecided. Where nothing of a column can be judged, the rule is undecided.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from readiness_pipelines.flow import Judged, Metric, Status
from readiness_pipelines.models.judging.better import difference
from readiness_pipelines.models.judging.limits import judged
from readiness_pipelines.models.judging.names import SLICE
from readiness_pipelines.models.judging.replicates import Interval, blocks_of
from readiness_pipelines.models.judging.values import OTHER, parted, unjudged

LEAST_OF_CLASS = 10  # of fewer positives, or negatives, an AUC hangs on single rows


@dataclass(frozen=True)
class Sides:
    """Rows, what is true of them, what both say of them, and the block of each."""

    labels: np.ndarray
    ours: np.ndarray
    theirs: np.ndarray
    block: np.ndarray

    def of(self, rows: np.ndarray) -> Sides:
        """Return those of these rows (booleans), blocks numbered anew."""
        return Sides(self.labels[rows], self.ours[rows], self.theirs[rows], blocks_of(self.block[rows]))

    def can_be_judged(self, rows: np.ndarray, *, min_rows: int) -> bool:
        """Return whether these rows (booleans) are enough, of both classes."""
        every, positives = int(rows.sum()), int((rows & self.labels).sum())
        return every >= min_rows and min(positives, every - positives) >= LEAST_OF_CLASS


def slices(
    column: str,
    values: np.ndarray,
    sides: Sides,
    *,
    metric: Metric,
    margin: float,
    min_rows: int,
    is_public: bool,
    draw: np.random.Generator,
) -> tuple[Judged, ...]:
    """Return what is said of each value of the column, the most frequent first, and of what nobody has looked at.

    `values` are texts. Where they are not public they are told by their place (`region=#1`), the most frequent first.
    """
    parts = parted(column, values, lambda rows: sides.can_be_judged(rows, min_rows=min_rows), is_public=is_public)
    found = [_judged(column, name, sides.of(rows), metric, margin, draw) for name, rows in parts.judged]
    classes = {"rows": np.ones_like(parts.left), "positives": sides.labels, "negatives": ~sides.labels}
    left = unjudged(values, parts.left, classes, is_public=is_public)
    if not found:
        return (Judged(f"{SLICE}:{column}", Status.UNDECIDED, n=len(values), note=left.note or "no rows"),)
    if left.is_too_much:
        return (*found, Judged(f"{SLICE}:{column}", Status.UNDECIDED, f"{column}={OTHER}", note=left.note))
    return (replace(found[0], note="; ".join(filter(None, [found[0].note, left.note]))), *found[1:])


def _judged(column: str, about: str, sides: Sides, metric: Metric, margin: float, draw: np.random.Generator) -> Judged:
    found = difference(metric, sides.labels, sides.ours, sides.theirs, sides.block, draw=draw)
    status, note = _said(found, margin)
    return judged(
        f"{SLICE}:{column}", status, found, -margin, n=len(sides.labels), about=about, note=f"{about}: {note}" if note else ""
    )


def _said(found: Interval, margin: float) -> tuple[Status, str]:
    if found.low > -margin:
        return Status.PASSED, ""
    if found.value <= -margin and found.high < 0:
        return Status.FAILED, f"worse than the champion by {-found.value:.4f}; less than {margin:.4f} is borne"
    return Status.UNDECIDED, f"better by {found.value:+.4f}, and a loss of {margin:.4f} cannot be ruled out on so few rows"
