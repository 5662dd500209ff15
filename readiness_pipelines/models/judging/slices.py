"""`slice:<column>`: on no kind of rows may a challenger lose what it wins elsewhere.

A value of the column is judged by itself where it has `min_rows` rows of the holdout and LEAST_OF_CLASS of each class; the others
are judged together, as `other`. With the difference of the metric (challenger less champion) on these rows:

    passed      its lower bound is over -margin: as much as the margin is not lost
    failed      the margin or more is lost, and its upper bound is under 0: something certainly is
    undecided   between: too few rows to know. Never a pass; a person decides

Where even `other` is too few, that is told and not judged. Where nothing of a column can be judged, the rule is undecided.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from readiness_pipelines.flow import Judged, Metric, Status
from readiness_pipelines.models.judging.better import difference
from readiness_pipelines.models.judging.limits import judged
from readiness_pipelines.models.judging.names import SLICE
from readiness_pipelines.models.judging.replicates import Interval, blocks_of

OTHER = "other"
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

    def can_be_judged(self, min_rows: int) -> bool:
        positives = int(self.labels.sum())
        return len(self.labels) >= min_rows and min(positives, len(self.labels) - positives) >= LEAST_OF_CLASS


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
) -> tuple[tuple[Judged, ...], str]:
    """Return what is said of each value of the column, the most frequent first, and in words what was told and not judged.

    `values` are texts. Where they are not public they are told by their place (`region=#1`), the most frequent first.
    """
    found, left, few = list[Judged](), np.zeros(len(values), dtype=bool), list[str]()
    for name, rows in named(column, values, is_public=is_public):
        if rows.sum() >= min_rows and sides.of(rows).can_be_judged(min_rows):
            found.append(_judged(column, name, sides.of(rows), metric, margin, draw))
        else:
            left, few = left | rows, [*few, name]
    if sides.of(left).can_be_judged(min_rows):
        return (*found, _judged(column, f"{column}={OTHER}", sides.of(left), metric, margin, draw)), ""
    note = f"{column}: {int(left.sum()):,} rows of {len(few):,} values are too few to judge, also together" if few else ""
    return tuple(found) or (Judged(f"{SLICE}:{column}", Status.UNDECIDED, n=len(values), note=note or "no rows"),), note


def named(column: str, values: np.ndarray, *, is_public: bool) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each value's name (`column=value`, or `column=#1` where it is not public) and its rows, the most frequent first."""
    there, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    for rank, each in enumerate(sorted(range(len(there)), key=lambda n: (-counts[n], there[n])), start=1):
        yield f"{column}={there[each] if is_public else f'#{rank}'}", place == each


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
