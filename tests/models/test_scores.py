from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from readiness_pipelines.declarations import Feature, ModelSpec
from readiness_pipelines.errors import ServiceUnreachable
from readiness_pipelines.flow import ModelVersion, TrainingSet
from readiness_pipelines.models import artifact
from readiness_pipelines.models.estimators import estimator, feature_frame
from readiness_pipelines.models.scores import score, score_or_why
from tests.challenged import model, training_set
from tests.models.judging.scene import holdout
from tests.models.judging.scene import spec as declared
from tests.models.learned import BUILT_IN, learned, spec_of

ROWS = holdout(100, seed=2)
AMOUNT = Feature("amount", "category")


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_score_depends_on_its_row_alone(name: str) -> None:
    spec, (frame, labels) = spec_of(estimator=name, decide_at=0.5), learned(300)
    made = estimator(spec).fit(feature_frame(spec, frame), labels)
    whole = score(made, spec, frame)
    assert whole.dtype == np.float64
    assert score(made, spec, frame, batch=7) == pytest.approx(whole, abs=1e-15)
    assert score(made, spec, frame.iloc[::-1])[::-1] == pytest.approx(whole, abs=1e-15)
    assert score(made, spec, frame.iloc[[5]]) == pytest.approx(whole[[5]], abs=1e-15)


def test_batches_bound_what_is_laid_out_at_once() -> None:
    class Watched:
        classes_ = np.array([False, True])
        seen: list[int] = []

        def predict_proba(self, rows: object) -> np.ndarray:
            self.seen.append(len(rows))  # type: ignore[arg-type]
            return np.full((len(rows), 2), 0.5)  # type: ignore[arg-type]

    score(Watched(), spec_of(), learned(100)[0], batch=40)
    assert Watched.seen == [40, 40, 20]


def test_no_rows_have_no_scores() -> None:
    spec, (frame, labels) = spec_of(decide_at=0.5, parameters={"max_iter": 1}), learned(100)
    made = estimator(spec).fit(feature_frame(spec, frame), labels)
    assert score(made, spec, frame.iloc[:0]).shape == (0,)


# an older model


def older(folder: Path, spec: ModelSpec) -> tuple[ModelVersion, Callable[[ModelVersion], Any], TrainingSet]:
    """Return a model of this spec whose artifact lies in the folder, what loads it, and what it was trained on."""
    rows = holdout(300)
    made = estimator(spec).fit(feature_frame(spec, rows), rows["label"].to_numpy())
    sha256 = artifact.save(made, folder / "model.skops")
    used = replace(training_set(), selection=spec.selection)
    return model(sha256, of=used), lambda of: artifact.load(folder / "model.skops", sha256=of.artifact), used


def test_an_older_model_scores_as_it_always_did(tmp_path: Path) -> None:
    spec = declared(estimator="logistic", decide_at=0.5)
    made, load, used = older(tmp_path, spec)
    for trained_on in (used, replace(used, selection="declared otherwise")):
        assert np.array_equal(score_or_why(made, load, spec, ROWS, trained_on=trained_on), score(load(made), spec, ROWS))


def test_why_an_older_model_cannot_score_is_said_without_a_value(tmp_path: Path) -> None:
    spec = declared(estimator="logistic", decide_at=0.5)
    made, load, used = older(tmp_path, spec)
    fewer, of_text = (replace(spec, features=features) for features in (spec.features[1:], (AMOUNT, *spec.features[1:])))
    assert score_or_why(made, load, fewer, ROWS, trained_on=used) == "it was made of other features than are declared now"
    said = score_or_why(made, load, of_text, ROWS.assign(amount="secret"), trained_on=used)
    assert isinstance(said, str) and said.startswith("it breaks on these rows (") and "secret" not in said
    (tmp_path / "model.skops").unlink()
    assert "its artifact cannot be loaded: " in str(score_or_why(made, load, spec, ROWS, trained_on=used))


def test_what_else_goes_wrong_while_it_is_loaded_is_raised(tmp_path: Path) -> None:
    spec = declared(estimator="logistic", decide_at=0.5)
    made, _, used = older(tmp_path, spec)

    def unreachable(_: ModelVersion) -> Any:
        raise ServiceUnreachable("MLflow unreachable", service="mlflow")

    with pytest.raises(ServiceUnreachable):
        score_or_why(made, unreachable, spec, ROWS, trained_on=used)


def test_scores_that_are_none_are_said_to_be_none() -> None:
    class Odd:
        classes_ = np.array([False, True])

        def predict_proba(self, rows: object) -> np.ndarray:
            return np.full((len(rows), 2), np.nan)  # type: ignore[arg-type]

    used = replace(training_set(), selection=declared().selection)
    said = score_or_why(model(), lambda _: Odd(), declared(), ROWS, trained_on=used)
    assert said == "100 of 100 scores are not within 0 and 1"
