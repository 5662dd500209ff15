"""Real classifiers for scored tables, and champions as the ledger knows them, without the rest of the loop."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from readiness_pipelines.flow import ModelVersion, TrainingSet
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import StepResult, run_step
from readiness_pipelines.layers.scored import Scorer
from tests import challenged
from tests.modelled import ORDERS, Parcels, orders_of

NUMBERS = ("amount", "items")


@dataclass
class Fitted:
    """Scores with logistic regressions on the numbers of an order, by artifact. `batches`: how many rows it was given at a time."""

    estimators: dict[str, LogisticRegression] = field(default_factory=dict)
    batches: list[int] = field(default_factory=list)

    def scores(self, model: ModelVersion, features: pd.DataFrame) -> np.ndarray[Any, Any]:
        self.batches.append(len(features))
        found: np.ndarray[Any, Any] = self.estimators[model.artifact].predict_proba(features[[*NUMBERS]].to_numpy())[:, 1]
        return found


def train(parcels: Parcels, scorer: Fitted, days: Iterable[int], *, trained_on: Iterable[int] | None = None) -> ModelVersion:
    """Fit a model to the orders of these days and record it; by default these days' partitions are those it was trained on."""
    days = list(days)
    rows = [orders_of(day) for day in days]
    given = np.column_stack([np.concatenate([each[name] for each in rows]).astype(float) for name in NUMBERS])
    estimator = LogisticRegression().fit(given, np.concatenate([each["returned"] for each in rows]).astype(bool))
    said = tuple(parcels.day(day) for day in (days if trained_on is None else trained_on))
    times = (parcels.day(days[0]), parcels.day(days[-1]), parcels.day(days[-1]))
    training_set = TrainingSet("parcels", "selection", parcels.day(max(days)), (), 0, *times, 0, 0, 0, 0, trained_on=said)
    artifact = hashlib.sha256(estimator.coef_.tobytes()).hexdigest()
    scorer.estimators[artifact] = estimator
    parcels.lake.ledger.models.record_training_set(training_set)
    model = ModelVersion("parcels", 0, training_set.id, "recipe", "code", artifact, "scores", 0.4, "run", "tests")
    return parcels.lake.ledger.models.record_model(model)


def promote(lake: Lakehouse, model: ModelVersion) -> None:
    """Make it the champion: the transaction alone."""
    ledger, turns = lake.ledger.models, len(lake.ledger.models.promotions(model.product))
    before = ledger.champion(model.product)
    said = challenged.verdict(model, against=before)
    about = challenged.evidence(model, said, policy=f"of turn {turns}")
    ledger.record_verdict(said, about)
    ledger.record_review(challenged.review(about))
    made = challenged.promotion(about, previous=before.number if before else 0)
    assert ledger.promote(made, after=turns, check=lambda _: None) is not None


def step(parcels: Parcels, name: str, day: int, scorer: Scorer | None = None, model: ModelVersion | None = None) -> StepResult:
    """Run the step of a day, with its orders before it."""
    if parcels.lake.ledger.latest_outcome(ORDERS, parcels.day(day)) is None:
        parcels.run([day], tables=("raw_orders", "orders"))
    return run_step(parcels.lake, parcels.settings, parcels.product, name, parcels.day(day), scorer=scorer, model=model)


def renamed(model: ModelVersion, **other: Any) -> ModelVersion:
    return replace(model, **other)
