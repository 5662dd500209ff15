"""`versions` and `leakage`: may what a challenger was trained on still be used at all?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from readiness_pipelines.flow import Judged, Status, TrainingSet
from readiness_pipelines.models.judging.names import LEAKAGE, VERSIONS

_NAMED = 5  # of a longer list


def versions(training_set: TrainingSet, gone: Mapping[str, str]) -> Judged:
    """Judge whether every version is still admitted, or was only superseded; failed where any is among those `gone`.

    `gone` names versions that nobody may learn from any more, each with why: withdrawn, made from what was, erased from.
    """
    n = len(training_set.versions)
    if not gone:
        return Judged(VERSIONS, Status.PASSED, value=0, limit=0, n=n)
    note = f"{len(gone):,} of {n:,} versions may not be learned from any more: {_some([f'{v} ({why})' for v, why in gone.items()])}"
    return Judged(VERSIONS, Status.FAILED, value=len(gone), limit=0, n=n, note=note)


def leakage(training_set: TrainingSet) -> Judged:
    """Judge whether a feature tells what must not be known when a score is wanted: failed with any leak of the training set."""
    leaks = training_set.leaks
    if not leaks:
        return Judged(LEAKAGE, Status.PASSED, value=0, limit=0, n=training_set.rows_train)
    return Judged(LEAKAGE, Status.FAILED, value=len(leaks), limit=0, n=training_set.rows_train, note=_some(leaks))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(sorted(names)[:_NAMED]) + more
