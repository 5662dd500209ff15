from __future__ import annotations

import hashlib
import pickle
import sys
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, QuantileTransformer

from readiness_pipelines.errors import DeclarationError, NotTheArtifact
from readiness_pipelines.models import artifact
from readiness_pipelines.models.estimators import estimator, feature_frame
from readiness_pipelines.models.preparation import Decider
from readiness_pipelines.models.scores import score
from tests.models.learned import BUILT_IN, learned, spec_of


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("balance", [True, False])
def test_what_was_saved_scores_the_same(name: str, balance: bool, tmp_path: Path) -> None:
    spec, (frame, labels) = spec_of(estimator=name, balance=balance), learned(300)
    frame = frame.assign(age=np.nan)
    made = estimator(spec).fit(feature_frame(spec, frame), labels)
    sha256 = artifact.save(made, tmp_path / "model.skops")
    again = artifact.load(tmp_path / "model.skops", sha256=sha256)
    assert np.array_equal(score(again, spec, frame), score(made, spec, frame))
    assert again.decide_at_ == made.decide_at_
    assert sha256 == hashlib.sha256((tmp_path / "model.skops").read_bytes()).hexdigest()


@pytest.mark.parametrize("name", BUILT_IN)
def test_no_category_that_few_rows_have_is_in_the_file(name: str, tmp_path: Path) -> None:
    spec, (frame, labels) = spec_of(estimator=name, balance=True), learned(300)
    frame.loc[:8, "channel"] = "said by nine"
    frame.loc[10:19, "channel"] = "said by ten"
    artifact.save(estimator(spec).fit(feature_frame(spec, frame), labels), tmp_path / "model.skops")
    with ZipFile(tmp_path / "model.skops") as file:
        written = b"".join(file.read(each) for each in file.namelist())
    assert b"said by ten" in written
    assert b"said by nine" not in written


@pytest.mark.parametrize(
    "brought",
    [
        RandomForestClassifier(n_estimators=3),
        GradientBoostingClassifier(n_estimators=3),
        make_pipeline(PolynomialFeatures(), LogisticRegression()),
        make_pipeline(QuantileTransformer(n_quantiles=10), LogisticRegression()),
    ],
)
def test_estimators_of_scikit_learn_can_be_brought_along(brought: object, tmp_path: Path) -> None:
    frame, labels = learned(100)
    made = Decider(brought, decide_at=0.5).fit(frame[["amount"]], labels)
    again = artifact.load(tmp_path / "model", sha256=artifact.save(made, tmp_path / "model"))
    assert np.array_equal(again.predict_proba(frame[["amount"]]), made.predict_proba(frame[["amount"]]))


class Foreign(LogisticRegression):
    """Of scikit-learn's kind, but not scikit-learn's."""


def test_other_types_are_refused_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, Foreign.__module__, sys.modules[__name__])
    with pytest.raises(DeclarationError, match="model.estimator: found .*Foreign, expected types of scikit-learn alone"):
        artifact.save(Decider(Foreign()), tmp_path / "model.skops")
    assert not (tmp_path / "model.skops").exists()


def test_other_types_are_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, Foreign.__module__, sys.modules[__name__])
    written = skops.io.dumps(Foreign())
    (tmp_path / "model.skops").write_bytes(written)
    with pytest.raises(NotTheArtifact, match="Foreign"):
        artifact.load(tmp_path / "model.skops", sha256=hashlib.sha256(written).hexdigest())


def test_another_digest_is_not_opened(tmp_path: Path) -> None:
    sha256 = artifact.save(LogisticRegression(), tmp_path / "model.skops")
    artifact.save(LogisticRegression(C=2.0), tmp_path / "model.skops")
    with pytest.raises(NotTheArtifact, match=f"expected {sha256[:12]}: it is not the model that was recorded"):
        artifact.load(tmp_path / "model.skops", sha256=sha256)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotTheArtifact, match="found no file"):
        artifact.load(tmp_path / "model.skops", sha256="0" * 64)


class Trap:
    """Leaves a file behind if it is ever unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.mark,)


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    written = pickle.dumps(Trap(tmp_path / "mark"))
    (tmp_path / "model.skops").write_bytes(written)
    with pytest.raises(NotTheArtifact, match="no file of skops"):
        artifact.load(tmp_path / "model.skops", sha256=hashlib.sha256(written).hexdigest())
    assert not (tmp_path / "mark").exists()


def test_what_another_release_wrote_and_this_one_cannot_read_is_told(tmp_path: Path) -> None:
    artifact.save(LogisticRegression(), tmp_path / "old.skops")
    with ZipFile(tmp_path / "old.skops") as old, ZipFile(tmp_path / "model.skops", "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'"ObjectNode"', b'"NodeOfOld"'))
    sha256 = hashlib.sha256((tmp_path / "model.skops").read_bytes()).hexdigest()
    with pytest.raises(NotTheArtifact, match="it cannot be read .*, with scikit-learn .* expected the releases it was saved with"):
        artifact.load(tmp_path / "model.skops", sha256=sha256)
