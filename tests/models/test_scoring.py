"""Scores of a scored table come from the very model that was trained, recorded and promoted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from readiness_pipelines.errors import NotTheArtifact, ReadinessError
from readiness_pipelines.flow import ModelVersion
from readiness_pipelines.lakehouse import relation
from readiness_pipelines.models.registry import Registry
from readiness_pipelines.models.scores import score
from readiness_pipelines.models.scoring import scorer_of
from readiness_pipelines.models.train import Trained, train
from readiness_pipelines.models.training_set import frame, select
from tests.layers.scorers import promote, step
from tests.modelled import Parcels, build_parcels

SCORES = "parcels.gold.order_scores"


def trained(parcels: Parcels, cut_off: int) -> tuple[ModelVersion, Trained]:
    """Train a model as a retrain does, and return it as it was recorded."""
    product, lake = parcels.product, parcels.lake
    assert product.model is not None
    training_set = select(product, lake, cut_off=parcels.day(cut_off))
    found, registry = train(product.model, lake, product, training_set), Registry.open(parcels.settings)
    model = lake.ledger.models.record_model(registry.record(product.model, training_set, found, by="tests"))
    registry.number(model)
    return model, found


@pytest.fixture
def parcels(tmp_path: Path, mlflow: Path) -> Parcels:
    made = build_parcels(tmp_path, scored=True)
    made.fill(range(1, 9))
    return made


@pytest.mark.slow
def test_a_champion_scores_what_it_was_not_trained_on_as_it_did_when_it_was_trained(parcels: Parcels) -> None:
    model, found = trained(parcels, 8)
    promote(parcels.lake, model)
    product = parcels.product
    training_set = parcels.lake.ledger.models.training_set("parcels", model.training_set)
    assert training_set is not None and product.model is not None
    assert training_set.trained_on == tuple(parcels.day(n) for n in (1, 2, 3))  # three days are held out, two have no label yet
    scorer = scorer_of(product, parcels.settings)
    kinds = [step(parcels, "order_scores", day, scorer).kind for day in (3, 4, 7)]
    assert kinds == ["not_due", "admitted", "admitted"]
    held = frame(parcels.lake, product, training_set, part="holdout")
    expected = dict(zip(held["row_id"], score(found.estimator, product.model, held), strict=True))
    version = parcels.lake.ledger.current_version(SCORES, parcels.day(4))
    assert version is not None
    with parcels.lake.connect() as con:
        sql = f"SELECT source_row_id, score, prediction, model_version FROM {relation(parcels.lake, [version])}"
        rows = con.execute(sql).fetchall()
    in_holdout = [(expected[row_id], given, predicted) for row_id, given, predicted, _ in rows if row_id in expected]
    assert len(in_holdout) > 250
    wanted, given, predicted = (np.array(values) for values in zip(*in_holdout, strict=True))
    assert np.abs(wanted - given).max() < 1e-12
    assert np.array_equal(predicted, given >= found.decide_at)
    assert {name for *_, name in rows} == {model.name}

    parcels.declare("features: [amount, items, weight, channel, region]", "features: [amount, items, age_band]")
    with pytest.raises(ReadinessError, match=r"without channel, region, weight, with age_band\); nothing was scored"):
        step(parcels, "order_scores", 8, scorer_of(parcels.product, parcels.settings))
    parcels.declare("features: [amount, items, age_band]", "features: [amount, items, weight, channel, region]")

    for path in parcels.settings.mlflow_artifacts.rglob("*.skops"):
        path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(NotTheArtifact, match="expected"):
        step(parcels, "order_scores", 8, scorer_of(parcels.product, parcels.settings))
    assert parcels.lake.ledger.current_version(SCORES, parcels.day(8)) is None
    assert step(parcels, "order_scores", 7, scorer_of(parcels.product, parcels.settings)).kind == "unchanged"  # loads nothing


def test_a_product_without_a_model_has_nothing_that_scores(tmp_path: Path) -> None:
    parcels = build_parcels(tmp_path, model="")
    assert scorer_of(parcels.product, parcels.settings) is None
