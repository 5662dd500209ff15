"""`untouched`: neither side has seen a row or a person of the holdout, and the holdout is later than what both have seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from readiness_pipelines.flow import Judged, Status, TrainingSet

RULE = "untouched"


@dataclass(frozen=True)
class Rows:
    """The rows that a model was trained on: their ids, and whom each speaks of."""

    row_ids: np.ndarray
    persons: np.ndarray


def untouched(
    row_ids: np.ndarray,
    persons: np.ndarray,
    held_out_of: TrainingSet,
    *,
    challenger: Rows,
    champion: tuple[TrainingSet, Rows | None] | None,
) -> Judged:
    """Judge a holdout (its rows and persons) of the training set `held_out_of`, on which the challenger was trained.

    `champion` is the champion's training set and rows; None in their place: they are not kept any more, and nobody can tell, so the
    rule is undecided. None at all: it is judged against a baseline, which was trained on nothing. Failed where any row or person
    of the holdout was trained on, or where the champion was trained on rows as late as the holdout's.
    """
    n, found = len(row_ids), list(_touched("challenger", row_ids, persons, challenger))
    if champion is not None:
        trained, rows = champion
        if trained.holdout_from > held_out_of.holdout_from:
            found.append(
                f"the champion was trained on rows up to {trained.holdout_from}; this holdout is from {held_out_of.holdout_from} on"
            )
        if rows is not None:
            found += _touched("champion", row_ids, persons, rows)
        elif not found:
            return Judged(
                RULE, Status.UNDECIDED, n=n, note="what the champion was trained on is not kept: nobody can tell whom it has seen"
            )
    status = Status.FAILED if found else Status.PASSED
    return Judged(RULE, status, value=len(found), limit=0, n=n, note="; ".join(found))


def known(persons: np.ndarray, of: Rows | None) -> np.ndarray:
    """Return which rows of a holdout speak of somebody whom this model was trained on (booleans)."""
    return np.isin(persons, of.persons) if of is not None else np.zeros(len(persons), dtype=bool)


def _touched(who: str, row_ids: np.ndarray, persons: np.ndarray, trained: Rows) -> Iterator[str]:
    rows = int(np.isin(row_ids, trained.row_ids).sum())
    if rows:
        yield f"the {who} was trained on {rows:,} of {len(row_ids):,} rows of the holdout"
    people = int(len(np.intersect1d(persons, trained.persons)))
    if people and not rows:
        yield f"the {who} was trained on {people:,} persons of the holdout"
