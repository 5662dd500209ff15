"""A model as the promotion gate sees it: what it is, and what it says of the rows that were held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from readiness_pipelines.flow import TrainingSet

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Scored:
    """A model and its scores of the holdout's rows, in the holdout's order.

    `training_set` is the one that it was trained on: for a champion not the one whose holdout was scored. From `decide_at` on,
    inclusive, a score predicts the positive class. `estimator` is None for a champion, which is asked nothing more; `why` says
    of one that cannot score these rows what for: its scores are all missing then.
    """

    name: str
    artifact: str
    estimator: Any
    decide_at: float
    training_set: TrainingSet
    scores: np.ndarray
    why: str = ""
