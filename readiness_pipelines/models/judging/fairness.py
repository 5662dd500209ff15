"""`fairness:<column>`: what the decisions of a model differ by between groups of people.

    demographic_parity   largest less smallest share predicted positive
    equal_opportunity    largest less smallest share of the positives that is found
    equalized_odds       the larger of that, and the same of the negatives that are taken for positives

as fairlearn computes them, over groups with `min_rows` of the rows that the measure counts: two groups of 2 and 1 rows differ by
.5 for nothing. Sources: Dwork et al. 2012; Hardt, Price, Srebro 2016.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from readiness_pipelines.flow import Judged, Status
from readiness_pipelines.models.judging.limits import at_most, told
from readiness_pipelines.models.judging.names import FAIRNESS
from readiness_pipelines.models.judging.replicates import Statistic, interval, summed
from readiness_pipelines.models.judging.slices import named

_MEASURES = {  # which rows each counts: all, those that are positive, those that are negative
    "demographic_parity": ("all",),
    "equal_opportunity": ("positive",),
    "equalized_odds": ("positive", "negative"),
}


@dataclass(frozen=True)
class Group:
    """What the decisions about one group are. A share is None of no rows; `is_judged`: it has rows enough for the measure."""

    name: str
    rows: int
    positives: int
    predicted: float | None
    found: float | None
    mistaken: float | None
    is_judged: bool


def fairness(
    column: str,
    values: np.ndarray,
    labels: np.ndarray,
    predicted: np.ndarray,
    block: np.ndarray,
    *,
    measure: str,
    limit: float,
    min_rows: int,
    is_public: bool,
    draw: np.random.Generator,
) -> tuple[Judged, tuple[Mapping[str, Any], ...]]:
    """Return what is said of the column, and of each group what the decisions about it are, the largest group first.

    `values` are texts, `labels` and `predicted` booleans. Failed where the interval's lower bound is over `limit`, passed where the
    value is not, undecided between, and where fewer than two groups are large enough. Groups of values that are not public are
    named by their place (`race=#1`).
    """
    groups = list(named(column, values, is_public=is_public))
    counted = [_counted(rows, labels, measure) for _, rows in groups]
    large = [n for n, each in enumerate(counted) if min(int(rows.sum()) for rows in each) >= min_rows]
    shown = tuple(asdict(_group(name, rows, labels, predicted, n in large)) for n, (name, rows) in enumerate(groups))
    rule = f"{FAIRNESS}:{column}"
    if len(large) < 2:
        note = f"{len(large)} of {len(groups)} groups with {min_rows:,} rows that {measure} counts, expected 2"
        return Judged(rule, Status.UNDECIDED, limit=told(limit), n=len(values), note=f"nothing to compare: {note}"), shown
    judged = np.any([groups[n][1] for n in large], axis=0)
    names = np.select([groups[n][1] for n in large], [groups[n][0] for n in large], default="")
    statistic = _difference([counted[n] for n in large], predicted, block)
    sizes = np.bincount(block)
    found = interval(statistic, sizes=sizes, rows=len(sizes), draw=draw, is_distance=True)
    found = replace(found, value=_by_fairlearn(measure, labels[judged], predicted[judged], names[judged]))
    said = at_most(rule, found, limit, n=int(judged.sum()))
    if said.status is not Status.PASSED:
        said = at_most(rule, found, limit, n=said.n, note=f"{measure} differs by {found.value:.3f} {_between(shown, measure)}")
    return said, shown


def _counted(rows: np.ndarray, labels: np.ndarray, measure: str) -> list[np.ndarray]:
    of = {"all": rows, "positive": rows & labels, "negative": rows & ~labels}
    return [of[which] for which in _MEASURES[measure]]


def _difference(groups: Sequence[Sequence[np.ndarray]], predicted: np.ndarray, block: np.ndarray) -> Statistic:
    """Return the largest of the differences, of each kind of rows, between groups, as a function of how often blocks count."""
    blocks = int(block.max()) + 1
    kinds = list(zip(*groups, strict=True))
    hits = [np.array([np.bincount(block[rows & predicted], minlength=blocks) for rows in kind]) for kind in kinds]
    sizes = [np.array([np.bincount(block[rows], minlength=blocks) for rows in kind]) for kind in kinds]

    def largest(counts: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = [summed(hit, counts) / summed(size, counts) for hit, size in zip(hits, sizes, strict=True)]
        found: np.ndarray = np.max([share.max(axis=0) - share.min(axis=0) for share in shares], axis=0)
        return found

    return largest


def _by_fairlearn(measure: str, labels: np.ndarray, predicted: np.ndarray, names: np.ndarray) -> float:
    from fairlearn import metrics

    function = getattr(metrics, f"{measure}_difference")
    return float(function(labels.astype(int), predicted.astype(int), sensitive_features=names))


def _group(name: str, rows: np.ndarray, labels: np.ndarray, predicted: np.ndarray, is_judged: bool) -> Group:
    positive, negative = rows & labels, rows & ~labels
    shares = [told(float(predicted[of].mean())) if of.any() else None for of in (rows, positive, negative)]
    return Group(name, int(rows.sum()), int(positive.sum()), shares[0], shares[1], shares[2], is_judged)


def _between(groups: Sequence[Mapping[str, Any]], measure: str) -> str:
    """Return between which groups, of the first kind of rows that the measure counts."""
    share = "predicted" if measure == "demographic_parity" else "found"
    judged = sorted((g for g in groups if g["is_judged"]), key=lambda g: float(g[share]))
    low, high = judged[0], judged[-1]
    return f"between groups: {share} {low[share]:.1%} of {low['name']}, {high[share]:.1%} of {high['name']}"
