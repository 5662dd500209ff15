"""Scores: what a model says of rows, as probabilities of the positive class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readiness_pipelines.declarations.model_spec import ModelSpec
from readiness_pipelines.models.estimators import feature_frame

if TYPE_CHECKING:
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
