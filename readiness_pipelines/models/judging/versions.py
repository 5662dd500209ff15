"""`versions` and `leakage`: may what a challenger was trained on still be used at all?"""

from __future__ import annotations

from collections.abc import Sequence

from readiness_pipelines.flow import Judged, Status, TrainingSet

RULE, LEAKAGE = "versions", "leakage"
_NAMED = 5  # of a longer list


def versions(training_set: TrainingSet, gone: Sequence[str]) -> Judged:
    """Judge whether every version is still admitted, or was only superseded; failed where any is among those `gone`.

    `gone` names versions that were withdrawn, made from what was withdrawn, or erased from.
    """
    n = len(training_set.versions)
    if not gone:
        return Judged(RULE, Status.PASSED, value=0, limit=0, n=n)
    note = f"{len(gone):,} of {n:,} versions were withdrawn, made from what was, or erased from since: {_some(gone)}"
    return Judged(RULE, Status.FAILED, value=len(gone), limit=0, n=n, note=note)


def leakage(training_set: TrainingSet) -> Judged:
    """Judge whether a feature tells what must not be known when a score is wanted: failed with any leak of the training set."""
    leaks = training_set.leaks
    if not leaks:
        return Judged(LEAKAGE, Status.PASSED, value=0, limit=0, n=training_set.rows_train)
    return Judged(LEAKAGE, Status.FAILED, value=len(leaks), limit=0, n=training_set.rows_train, note=_some(leaks))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(sorted(names)[:_NAMED]) + more
