"""`untouched`: neither side has seen a row or a person of the holdout, and the holdout is later than what both have seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from readiness_pipelines.flow import Judged, Status, TrainingSet
from readiness_pipelines.models.judging.names import UNTOUCHED


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
    challenger: tuple[TrainingSet, Rows],
    champion: tuple[TrainingSet, Rows | None] | None,
) -> Judged:
    """Judge a holdout, its rows and persons, that is of the training set `held_out_of`.

    Each side is what it was trained on: its training set and the rows. None for the champion's rows: they are not kept any more,
    so nobody can tell, and the rule is undecided. No champion at all: a baseline has seen nothing. Failed where a side was trained
    on a row or a person of the holdout, or on rows as late as the holdout's.
    """
    n, found = len(row_ids), list(_touched("challenger", row_ids, persons, held_out_of, *challenger))
    if champion is not None:
        found += _touched("champion", row_ids, persons, held_out_of, *champion)
    if champion is not None and champion[1] is None and not found:
        note = "what the champion was trained on is not kept, or was selected by other words: nobody can tell whom it has seen"
        return Judged(UNTOUCHED, Status.UNDECIDED, n=n, note=note)
    status = Status.FAILED if found else Status.PASSED
    return Judged(UNTOUCHED, status, value=len(found), limit=0, n=n, note="; ".join(found))


def known(persons: np.ndarray, of: Rows | None) -> np.ndarray:
    """Return which rows of a holdout speak of somebody whom this model was trained on (booleans)."""
    return np.isin(persons, of.persons) if of is not None else np.zeros(len(persons), dtype=bool)


def _touched(
    who: str, row_ids: np.ndarray, persons: np.ndarray, held_out_of: TrainingSet, trained_on: TrainingSet, seen: Rows | None
) -> Iterator[str]:
    if trained_on.holdout_from > held_out_of.holdout_from:
        yield (
            f"the {who} was trained on rows up to {trained_on.holdout_from[:19]}, "
            f"and this holdout is from {held_out_of.holdout_from[:19]} on"
        )
    if seen is None:
        return
    rows, people = int(np.isin(row_ids, seen.row_ids).sum()), len(np.intersect1d(persons, seen.persons))
    if rows:
        yield f"the {who} was trained on {rows:,} of {len(row_ids):,} rows of the holdout"
    elif people:
        yield f"the {who} was trained on {people:,} persons of the holdout"
