"""`fairness:<column>`: what the decisions of a model differ by between groups of people.

    demographic_parity   largest less smallest share predicted positive
    equal_opportunity    largest less smallest share of the positives that is found
    equalized_odds       the larger of that, and the same of the negatives that are taken for positives

as fairlearn computes them, over groups with `min_rows` of the rows that the measure counts: two groups of 2 and 1 rows differ by
.5 for nothing. Smaller groups are compared together, as `other`. Where even these are too few, nobody has looked at them: that
is told, and from 5% of what the measure counts on nobody can say passed. Sources: Dwork et al. 2012; Hardt, Price, Srebro 2016.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from readiness_pipelines.drift.profile import LEAST_ROWS
from readiness_pipelines.flow import Judged, Status
from readiness_pipelines.models.judging.limits import at_most, told
from readiness_pipelines.models.judging.names import FAIRNESS
from readiness_pipelines.models.judging.replicates import Statistic, interval, summed
from readiness_pipelines.models.judging.values import Parts, Value, named, parted, tellable, unjudged

_MEASURES = {  # which rows each counts
    "demographic_parity": ("rows",),
    "equal_opportunity": ("positives",),
    "equalized_odds": ("positives", "negatives"),
}
_PREDICTED = {"rows": "what is predicted positive", "positives": "true positives", "negatives": "false alarms"}


@dataclass(frozen=True)
class Group:
    """What the decisions about one group are. `is_judged`: it has rows enough for the measure.

    A share is None of no rows, and of fewer than LEAST_ROWS where the column is not public.
    """

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
    named by their place (`race=#1`), and none of fewer than LEAST_ROWS rows is judged or told by itself.
    """
    rule, least = f"{FAIRNESS}:{column}", min_rows if is_public else max(min_rows, LEAST_ROWS)
    every = {"rows": np.ones(len(values), dtype=bool), "positives": labels, "negatives": ~labels}
    counted = {kind: every[kind] for kind in _MEASURES[measure]}
    parts = parted(
        column, values, lambda rows: min(int((rows & of).sum()) for of in counted.values()) >= least, is_public=is_public
    )
    shown = tuple(asdict(group) for group in _shown(column, values, parts, labels, predicted, is_public=is_public))
    left = unjudged(values, parts.left, counted, is_public=is_public)
    if len(parts.judged) < 2:
        there = f"{len(parts.judged)} of {len(np.unique(values))} groups, small ones together,"
        note = f"nothing to compare: {there} with {least:,} rows that {measure} counts, expected 2"
        return Judged(rule, Status.UNDECIDED, limit=told(limit), n=len(values), note=note), shown
    said = _compared(rule, parts.judged, counted, labels, predicted, block, measure=measure, limit=limit, draw=draw)
    status = Status.UNDECIDED if left.is_too_much and said.status is Status.PASSED else said.status
    return replace(said, status=status, note="; ".join(filter(None, [said.note, left.note]))), shown


def _compared(
    rule: str,
    groups: Sequence[Value],
    counted: Mapping[str, np.ndarray],
    labels: np.ndarray,
    predicted: np.ndarray,
    block: np.ndarray,
    *,
    measure: str,
    limit: float,
    draw: np.random.Generator,
) -> Judged:
    judged: np.ndarray = np.any([rows for _, rows in groups], axis=0)
    places = np.select([rows for _, rows in groups], range(len(groups)), default=-1)
    statistic = _difference([[rows & of for of in counted.values()] for _, rows in groups], predicted, block)
    sizes = np.bincount(block)
    found = interval(statistic, sizes=sizes, rows=len(sizes), draw=draw, is_distance=True)
    found = replace(found, value=_by_fairlearn(measure, labels[judged], predicted[judged], places[judged]))
    said = at_most(rule, found, limit, n=int(judged.sum()))
    if said.status is Status.PASSED:
        return said
    return replace(said, note=f"{measure} differs by {found.value:.3f} in {_between(groups, counted, predicted)}")


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


def _by_fairlearn(measure: str, labels: np.ndarray, predicted: np.ndarray, groups: np.ndarray) -> float:
    from fairlearn import metrics

    function = getattr(metrics, f"{measure}_difference")
    return float(function(labels.astype(int), predicted.astype(int), sensitive_features=groups))


def _shown(
    column: str, values: np.ndarray, parts: Parts, labels: np.ndarray, predicted: np.ndarray, *, is_public: bool
) -> list[Group]:
    groups = list(named(column, values, is_public=is_public))
    told_ = groups if is_public else tellable(column, groups)
    alone: np.ndarray = np.any([np.zeros_like(labels), *(rows for _, rows in parts.alone)], axis=0)
    least = 1 if is_public else LEAST_ROWS
    found = [_group(name, rows, labels, predicted, least, is_judged=bool((rows & alone).any())) for name, rows in told_]
    return found + [_group(name, rows, labels, predicted, least, is_judged=True) for name, rows in parts.together]


def _group(name: str, rows: np.ndarray, labels: np.ndarray, predicted: np.ndarray, least: int, *, is_judged: bool) -> Group:
    positive, negative = rows & labels, rows & ~labels
    shares = [told(float(predicted[of].mean())) if of.sum() >= least else None for of in (rows, positive, negative)]
    return Group(name, int(rows.sum()), int(positive.sum()), shares[0], shares[1], shares[2], is_judged)


def _between(groups: Sequence[Value], counted: Mapping[str, np.ndarray], predicted: np.ndarray) -> str:
    """Return in what the groups differ most, of the kinds of rows that the measure counts, and between which."""
    found = []
    for kind, of in counted.items():
        shares = sorted((float(predicted[rows & of].mean()), name) for name, rows in groups)
        found.append((shares[-1][0] - shares[0][0], kind, shares[0], shares[-1]))
    _, kind, low, high = max(found, key=lambda each: each[0])
    return f"{_PREDICTED[kind]}: {low[0]:.1%} of the {kind} of {low[1]}, {high[0]:.1%} of {high[1]}"
