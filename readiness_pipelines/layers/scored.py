"""Scored tables: which model scores a partition, and the rows of the model's table with their scores.

A prediction was acted on, so a partition keeps the model that has scored it for as long as the rows that were scored are
the same, whoever is the champion by then. Before there is a champion, and for rows it was trained on, nothing is due.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import duckdb
import pyarrow as pa

from readiness_pipelines.declarations import Gold, ModelSpec, Product, TableDeclaration
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import GateVerdict, ModelVersion, TableVersion, digest
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers.champion import Champion
from readiness_pipelines.layers.inputs import Inputs
from readiness_pipelines.layers.keys import plain_key
from readiness_pipelines.layers.rows import literal

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SCORED_BY = "scored_by"  # in the details of a verdict on a scored table: by which model, and of which rows
_SCORES = "_scores"  # temp table: row_id, score
_VECTORS = 49  # of 2,048 rows: a batch of some 100,000, so that memory does not grow with the partition


class Scorer(Protocol):
    """Scores rows with a model of the product. Which model, the step decides."""

    def scores(self, model: ModelVersion, features: pd.DataFrame) -> np.ndarray[Any, Any]:
        """Return the probability of the positive class for each row of `features`, in their order.

        `features` has the columns of the product's model, in their order, numbers as float64 and categories as text, and
        any number of rows from one on. Raises ReadinessError where the model cannot be loaded, or was made for others.
        """
        ...


@dataclass(frozen=True)
class Scoring:
    """One partition's scoring: with this model, the rows of `version`. `rows` is the plain key of these rows."""

    spec: ModelSpec
    model: ModelVersion
    version: TableVersion
    rows: str
    scorer: Scorer | None

    @property
    def identity(self) -> str:
        """What of the model a version key depends on."""
        return digest(self.model.name, self.model.artifact, self.model.decide_at)

    @property
    def details(self) -> Mapping[str, Any]:
        """What a verdict keeps of it."""
        said = {"model": self.model.name, "number": self.model.number, "artifact": self.model.artifact}
        return {SCORED_BY: {**said, "training_set": self.model.training_set, "rows": self.rows}}


@dataclass(frozen=True)
class ToScore:
    """What a step was given for scored tables: a scorer, and the model that somebody asks for on purpose."""

    scorer: Scorer | None = None
    on_purpose: ModelVersion | None = None

    def is_due(self, lake: Lakehouse, table: TableDeclaration, partition: str, champion: Champion) -> bool:
        """Return whether a partition is to be scored: somebody asks, the champion may by itself, or some model has already."""
        found = self.on_purpose or champion.may_score(partition) or _newest(lake, table.full_name, partition)
        return found is not None

    def scoring(
        self, lake: Lakehouse, product: Product, table: Gold, partition: str, inputs: Inputs, champion: Champion
    ) -> Scoring | None:
        """Return how a partition that is due is scored; None for a table without scores.

        With the model that is asked for on purpose; else with the one that has scored these rows for what is published; else
        with the champion; and where that was trained on them, with the one that had scored the partition before.
        """
        spec = product.model
        if spec is None or not table.is_scored:
            return None
        (version,) = inputs.versions[spec.scored.name]  # `read: same`, and what is held or missing blocks it
        rows = plain_key(lake, version)
        said = _published(lake, table.full_name, partition)
        model = self.on_purpose
        if model is None and said is not None and said["rows"] == rows:
            model = _model(lake, product, said)
        model = model or champion.may_score(partition)
        before = said or _newest(lake, table.full_name, partition)
        if model is None and before is not None:
            model = _model(lake, product, before)
        return Scoring(spec, model, version, rows, self.scorer) if model is not None else None


def lay_scores(con: duckdb.DuckDBPyConnection, source: str, scoring: Scoring) -> str:
    """Return SQL to select FROM: the rows of the relation `source` with score, prediction, model_version and input_version.

    Scored in batches, laid down in `con`, which spills to disk: memory does not grow with the rows. Raises ReadinessError if
    the model gives something else than a probability.
    """
    con.execute(f"CREATE OR REPLACE TEMP TABLE {_SCORES} (row_id VARCHAR, score DOUBLE)")
    features = [feature.name for feature in scoring.spec.features]
    cells = ", ".join(feature.sql for feature in scoring.spec.features)
    with con.cursor() as reader:  # of its own: what is read goes on while what was scored is laid down
        reader.execute(f"SELECT row_id, {cells} FROM {source}")
        while len(batch := reader.fetch_df_chunk(_VECTORS)):
            scores = _scores(scoring, batch[features])
            con.register("_batch", pa.table({"row_id": pa.array(batch["row_id"], pa.string()), "score": pa.array(scores)}))
            con.execute(f"INSERT INTO {_SCORES} FROM _batch")
            con.unregister("_batch")
    model = scoring.model
    more = (
        f"p.score, p.score >= CAST({model.decide_at!r} AS DOUBLE) AS prediction, {literal(model.name)} AS model_version, "
        f"{literal(scoring.version.version_key)} AS input_version"
    )
    return f"(SELECT s.*, {more} FROM {source} AS s JOIN {_SCORES} AS p USING (row_id))"


def _scores(scoring: Scoring, features: pd.DataFrame) -> np.ndarray[Any, Any]:
    import numpy as np

    if scoring.scorer is None:
        raise ReadinessError(f"{scoring.version} is to be scored with {scoring.model.name}, and nothing was given to score it with")
    scores = np.asarray(scoring.scorer.scores(scoring.model, features), dtype=np.float64)
    if scores.shape != (len(features),) or not ((scores >= 0) & (scores <= 1)).all():
        raise ReadinessError(
            f"{scoring.model.name} gave something else than a probability for each of {len(features)} rows of {scoring.version}; "
            f"expected numbers from 0 to 1: mend its estimator ({scoring.spec.words.estimator}) and train again, or roll back: "
            f"`readiness model roll-back {scoring.spec.product}`"
        )
    return scores


def scored_by(verdict: GateVerdict | None) -> Mapping[str, Any] | None:
    """Return by which model a candidate was scored: model, number, artifact, training_set and rows, or None."""
    return verdict.details.get(SCORED_BY) if verdict is not None else None


def _published(lake: Lakehouse, table: str, partition: str) -> Mapping[str, Any] | None:
    """Of what is on `main`; of what was withdrawn to nothing, too: it is not made anew because there is another champion."""
    current = lake.ledger.current_version(table, partition)
    return scored_by(lake.ledger.verdict_of(table, partition, current.version_key)) if current is not None else None


def _newest(lake: Lakehouse, table: str, partition: str) -> Mapping[str, Any] | None:
    return scored_by(lake.ledger.latest_verdict(table, partition))


def _model(lake: Lakehouse, product: Product, said: Mapping[str, Any]) -> ModelVersion:
    model = lake.ledger.models.model(product.name, int(said["number"]))
    if model is None or model.artifact != said["artifact"]:
        raise ReadinessError(
            f"a verdict says that {said['model']} has scored it, and the ledger does not know that model: put the ledger back from "
            f"its backup, or score it with the champion: `readiness score {product.name}`"
        )
    return model
