"""`robustness:<how>`: what is left of a challenger where its inputs are a little wrong.

    noise          every number moves by a normal distance of a tenth of its column's standard deviation; one category in twenty
                   is that of another row
    missing        one cell in ten has no value
    out_of_range   one cell in twenty is what was never seen: a number ten ranges beyond its column's ends, an unknown category

The loss of the metric, on the same rows, must not be over the limit: failed where its lower bound is, passed where the loss is not,
undecided between. Whatever comes in, a score stays finite and within [0, 1]: else failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from readiness_pipelines.declarations.model_spec import Feature
from readiness_pipelines.flow import Judged, Metric, Status
from readiness_pipelines.models.judging.better import difference
from readiness_pipelines.models.judging.limits import at_most, told
from readiness_pipelines.models.judging.names import MISSING, NOISE, OUT_OF_RANGE, ROBUSTNESS
from readiness_pipelines.models.judging.replicates import blocks_of

if TYPE_CHECKING:
    import pandas as pd

SPREADS, SWAPPED = 0.1, 0.05  # of a column's standard deviation; of the rows
EMPTIED, FAR, RANGES = 0.1, 0.05, 10.0  # of the cells; the same; beyond an end
MOST_ROWS = 20_000  # of a larger holdout, so many are drawn: each way scores them once more
_UNSEEN = "\u2205 never seen"

Score = Callable[["pd.DataFrame"], np.ndarray]
Perturbed = Callable[["pd.DataFrame", Sequence[Feature], np.random.Generator], "pd.DataFrame"]


def robustness(
    how: str,
    frame: pd.DataFrame,
    features: Sequence[Feature],
    labels: np.ndarray,
    scores: np.ndarray,
    block: np.ndarray,
    *,
    score: Score,
    metric: Metric,
    limit: float,
    draw: np.random.Generator,
) -> Judged:
    """Judge one way of perturbing: `scores` are those of the rows as they are, `score` scores a frame of their columns."""
    rows = np.sort(draw.choice(len(frame), MOST_ROWS, replace=False)) if len(frame) > MOST_ROWS else np.arange(len(frame))
    frame, labels, scores = frame.iloc[rows].reset_index(drop=True), labels[rows], scores[rows]
    changed = score(WAYS[how](frame, features, draw))
    rule, wrong = f"{ROBUSTNESS}:{how}", unusable(changed)
    if wrong:
        return Judged(rule, Status.FAILED, limit=told(limit), n=len(frame), note=f"{how}: {wrong}")
    lost = difference(metric, labels, scores, changed, blocks_of(block[rows]), draw=draw)
    said = at_most(rule, lost, limit, n=len(frame))
    if said.status is Status.PASSED:
        return said
    note = f"{how}: loses {lost.value:.4f} of {metric.value}, expected at most {limit:.4f}"
    return at_most(rule, lost, limit, n=len(frame), note=note)


def unusable(scores: np.ndarray) -> str:
    """Return in words what of these is no score, or nothing: every score is finite and within [0, 1]."""
    wrong = int((~np.isfinite(scores) | (scores < 0) | (scores > 1)).sum())
    return f"{wrong:,} of {len(scores):,} scores are not within 0 and 1" if wrong else ""


def noise(frame: pd.DataFrame, features: Sequence[Feature], draw: np.random.Generator) -> pd.DataFrame:
    """Return the frame with every number a little moved and some categories swapped; what is missing stays so."""
    found = {}
    for feature, cells in _cells(frame, features):
        if feature.kind == "number":
            with np.errstate(invalid="ignore"):
                spread = float(np.nanstd(cells)) if np.isfinite(cells).any() else 0.0
            found[feature.name] = cells + draw.normal(size=len(cells)) * SPREADS * (spread if np.isfinite(spread) else 0.0)
        else:
            found[feature.name] = np.where(draw.random(len(cells)) < SWAPPED, draw.permutation(cells), cells)
    return frame.assign(**found)


def missing(frame: pd.DataFrame, features: Sequence[Feature], draw: np.random.Generator) -> pd.DataFrame:
    """Return the frame with some cells of every feature without a value."""
    return frame.assign(
        **{
            feature.name: np.where(draw.random(len(cells)) < EMPTIED, np.nan if feature.kind == "number" else None, cells)  # type: ignore[arg-type]
            for feature, cells in _cells(frame, features)
        }
    )


def out_of_range(frame: pd.DataFrame, features: Sequence[Feature], draw: np.random.Generator) -> pd.DataFrame:
    """Return the frame with some cells of every feature far beyond what the column has, at either end, or unknown."""
    found = {}
    for feature, cells in _cells(frame, features):
        hit = draw.random(len(cells)) < FAR
        if feature.kind == "number":
            known = cells[np.isfinite(cells)]
            low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
            far = RANGES * max(high - low, 1.0)
            found[feature.name] = np.where(hit, np.where(draw.random(len(cells)) < 0.5, low - far, high + far), cells)
        else:
            found[feature.name] = np.where(hit, _UNSEEN, cells)
    return frame.assign(**found)


def _cells(frame: pd.DataFrame, features: Sequence[Feature]) -> Iterator[tuple[Feature, np.ndarray]]:
    for feature in features:
        column = frame[feature.name]
        if feature.kind == "number":
            yield feature, column.to_numpy(dtype=np.float64, na_value=np.nan)
        else:
            yield feature, column.astype(object).where(column.notna(), None).to_numpy()


WAYS: dict[str, Perturbed] = {NOISE: noise, MISSING: missing, OUT_OF_RANGE: out_of_range}
