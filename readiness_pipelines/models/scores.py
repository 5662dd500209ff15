"""Scores: what a model says of rows, as probabilities of the positive class."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from readiness_pipelines.declarations.model_spec import ModelSpec
from readiness_pipelines.errors import NotTheArtifact
from readiness_pipelines.flow import ModelVersion, TrainingSet
from readiness_pipelines.models.estimators import feature_frame

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

BATCH = 50_000  # rows that are laid out as features at a time


def score(estimator: Any, spec: ModelSpec, frame: pd.DataFrame, *, batch: int = BATCH) -> Any:
    """Return the probability of the positive class of each row, in the frame's order: float64, within 0 and 1, never missing.

    A row's score depends on that row alone, not on `batch` or on the rows beside it. The frame has each feature of the spec as
    `Feature.sql` makes it, and may have more; no rows give no scores. Raises KeyError if it lacks a feature.
    """
    import numpy as np

    scores = np.empty(len(frame), dtype=np.float64)
    positive = list(estimator.classes_).index(True)
    for first in range(0, len(frame), batch):
        rows = feature_frame(spec, frame.iloc[first : first + batch])
        scores[first : first + batch] = estimator.predict_proba(rows)[:, positive]
    return scores


def score_or_why(
    model: ModelVersion, load: Callable[[ModelVersion], Any], spec: ModelSpec, frame: pd.DataFrame, *, trained_on: TrainingSet
) -> np.ndarray | str:
    """Return what an older model says of these rows, as `score` does, or in words why it cannot say anything of them.

    Its artifact is gone, damaged or cannot be read any more; it was made of other features than are declared now; or it breaks
    on these rows. The same again says the same, and no value of a row. Whatever else `load` raises, it raises.
    """
    from readiness_pipelines.models.judging.robustness import unusable

    try:
        estimator = load(model)
    except NotTheArtifact as error:
        return f"its artifact cannot be loaded: {error}"
    try:
        names = {each.name for each in spec.features}
        if trained_on.selection != spec.selection and set(estimator.feature_names_in_) != names:
            return "it was made of other features than are declared now"
        scores: np.ndarray = score(estimator, spec, frame)
    except Exception as error:  # noqa: BLE001 - whatever one of another release breaks with; its text may hold values
        return f"it breaks on these rows ({type(error).__name__}), as one made of features of other types does"
    return unusable(scores) or scores
