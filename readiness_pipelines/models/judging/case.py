"""One holdout as the rules take it: the rows that count, both sides' scores of them, and the randomness of each rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from readiness_pipelines.declarations.model_spec import ModelSpec
from readiness_pipelines.flow import Metric, TrainingSet, digest
from readiness_pipelines.models.judging.replicates import blocks_of
from readiness_pipelines.models.judging.robustness import Score, unusable
from readiness_pipelines.models.judging.scored import Scored

if TYPE_CHECKING:
    import pandas as pd

BASELINE = "baseline"  # what the first champion is judged against; also the holdout's column with its scores
NO_VALUE = "no value"
_OF_PROBABILITIES = (Metric.BRIER, Metric.LOG_LOSS)


@dataclass(frozen=True)
class Case:
    """The rows that are judged: the holdout without whom the champion knows."""

    spec: ModelSpec
    frame: pd.DataFrame
    labels: np.ndarray
    ours: np.ndarray
    theirs: np.ndarray
    block: np.ndarray
    decide_at: float
    against_model: bool
    why_not_theirs: str
    seed: str
    training_set: TrainingSet
    score: Score

    @classmethod
    def of(
        cls,
        spec: ModelSpec,
        holdout: pd.DataFrame,
        ours: Scored,
        theirs: Scored | None,
        kept: np.ndarray,
        training_set: TrainingSet,
        score: Score,
    ) -> Case:
        frame = holdout.loc[kept].reset_index(drop=True)
        labels = frame["label"].to_numpy(dtype=bool)
        other = (theirs.scores if theirs else _baseline(holdout, training_set))[kept]
        names = frame["person"].to_numpy() if spec.words.groups else frame["time"].to_numpy(dtype="datetime64[D]")
        seed = digest(training_set.id, ours.artifact, theirs.artifact if theirs else "")
        block = blocks_of(names)
        against = theirs is not None, theirs.why if theirs else ""
        return cls(spec, frame, labels, ours.scores[kept], other, block, ours.decide_at, *against, seed, training_set, score)

    @property
    def cannot_be_compared(self) -> str:
        """Say why the other side's scores are no match for the challenger's, or nothing."""
        metric = self.spec.words.metric
        if self.against_model and (why := self.why_not_theirs or unusable(self.theirs)):
            return f"the champion cannot score these rows: {why}"
        if metric in _OF_PROBABILITIES and unusable(self.theirs):
            return f"the baseline is no probability, and {metric.value} needs one"
        return ""

    @property
    def blocks(self) -> int:
        return int(self.block.max(initial=-1)) + 1

    @property
    def cannot_be_judged(self) -> str:
        """Say why no number can be had of these rows, or nothing."""
        if unusable(self.ours):
            return "the challenger's scores are no scores"
        if self.labels.all() or not self.labels.any():
            return (
                f"{len(self.labels):,} rows are left in the holdout, none of them {'negative' if self.labels.any() else 'positive'}"
            )
        return ""

    def draw(self, rule: str) -> np.random.Generator:
        """Return the randomness of one rule: its own, so that another rule more changes nothing."""
        return np.random.default_rng(int(digest(self.seed, rule)[:16], 16))

    def is_public(self, column: str) -> bool:
        return self.spec.scored.table.column(column).classification == "public"

    def texts(self, column: str) -> np.ndarray:
        found = self.frame[column]
        return found.astype(object).where(found.notna(), NO_VALUE).to_numpy().astype(str)


def _baseline(holdout: pd.DataFrame, training_set: TrainingSet) -> np.ndarray:
    """Return what the baseline says of each row; of one that it says nothing of, what is usual."""
    said = holdout[BASELINE].to_numpy(dtype=np.float64)
    return np.where(np.isnan(said), training_set.positives_train / max(1, training_set.rows_train), said)
