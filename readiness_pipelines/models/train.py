"""A training set becomes a model. The same rows, recipe and code give the same scores, to 1e-12, wherever they are computed."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from readiness_pipelines.declarations import ModelSpec, Product
from readiness_pipelines.errors import Refused
from readiness_pipelines.flow import Metric, TrainingSet, digest
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.models.estimators import estimator, feature_frame
from readiness_pipelines.models.metrics import expected_calibration_error, measure
from readiness_pipelines.models.scores import score
from readiness_pipelines.models.training_set import frame

if TYPE_CHECKING:
    import pandas as pd

# Whose change can change a score, or whether there is one.
_SOURCES = ("estimators", "leakage", "point_in_time", "preparation", "scores", "train", "training_set")
_LIBRARIES = ("numpy", "pandas", "scikit-learn", "scipy")
_LEAKS_TOLD = 3  # a message is read by people
_HOLDOUT_ROWS, _HOLDOUT_POSITIVES = 5, 3  # the holdout needs a fifth of `min_rows`, a third of `min_positives`


@dataclass(frozen=True)
class Trained:
    """A fitted estimator, the score from which it predicts the positive class, and how it did on the holdout.

    `scores` is a digest of its scores on the holdout, in the order of (time, row_id), rounded to 1e-12; `code` is
    `code_fingerprint`. `metrics` are by name, higher is better; what is not defined on the holdout is not among them.
    """

    estimator: Any
    decide_at: float
    scores: str
    code: str
    metrics: Mapping[str, float]


def train(spec: ModelSpec, lake: Lakehouse, product: Product, training_set: TrainingSet) -> Trained:
    """Train the declared estimator on the rows of the training set that are not held out. Nothing is recorded or written.

    Raises Refused, naming what is missing, where nothing can be trained on it; DeclarationError where the estimator cannot be
    used as declared; and as `frame` does where its versions are not kept.
    """
    missing = refusal(spec, training_set)
    if missing:
        raise Refused(f"{product.name}: nothing is trained on {training_set.id[:12]} (up to {training_set.cut_off}): {missing}")
    parts = (frame(lake, product, training_set, part=part) for part in ("train", "holdout"))
    return fit(spec, *parts)


def refusal(spec: ModelSpec, training_set: TrainingSet) -> str:
    """Return in words why nothing can be trained or judged on it; nothing: it can.

    A result, not an error: later days may bring what is missing. Trained on are at least `min_rows` and `min_positives`; held out
    a fifth and a third of them. Of either class there must be a row in both.
    """
    said, found = spec.words, training_set
    train, held = (found.rows_train, found.positives_train), (found.rows_holdout, found.positives_holdout)
    missing = [f"leaks: {leak}" for leak in found.leaks[:_LEAKS_TOLD]]
    for part, (rows, positives), least_rows, least_positives in (
        ("to train on", train, said.min_rows, said.min_positives),
        ("held out", held, math.ceil(said.min_rows / _HOLDOUT_ROWS), math.ceil(said.min_positives / _HOLDOUT_POSITIVES)),
    ):
        if rows < least_rows:
            missing.append(f"found {rows} rows {part}, expected at least {least_rows}")
        if positives < least_positives:
            missing.append(f"found {positives} positives {part}, expected at least {least_positives}")
        if rows and rows == positives:
            missing.append(f"found nothing but positives {part}, expected both classes")
    left_out = ", ".join(f"{reason} {rows}" for reason, rows in sorted(found.left_out.items()))
    return "; ".join(missing) + (f" (left out: {left_out})" if missing and left_out else "")


def fit(spec: ModelSpec, training: pd.DataFrame, holdout: pd.DataFrame) -> Trained:
    """Train on one frame and score the other; both as `training_set.lay_out` has them, in order of (time, row_id)."""
    persons = training["person"].to_numpy() if spec.words.groups else None
    made = estimator(spec).fit(feature_frame(spec, training), training["label"].to_numpy(dtype=bool), persons)
    scores, labels = score(made, spec, holdout), holdout["label"].to_numpy(dtype=bool)
    found = {str(metric): measure(metric, labels, scores) for metric in Metric}
    found["calibration_error"] = expected_calibration_error(labels, scores)
    metrics = {name: value for name, value in found.items() if not math.isnan(value)}
    return Trained(made, made.decide_at_, digest_of(scores), code_fingerprint(spec), metrics)


def digest_of(scores: Any) -> str:
    """Return the digest of scores in their order, rounded to 1e-12."""
    return digest([round(float(each), 12) for each in scores])


def code_fingerprint(spec: ModelSpec) -> str:
    """Return a digest of the code that makes a model: ours, the module of an estimator that is brought along, and libraries.

    Of what such a module imports nothing is in it, nor is DuckDB: rows are read without arithmetic.
    """
    here = Path(__file__).parent
    sources = {name: _sha256(here / f"{name}.py") for name in _SOURCES}
    module, colon, _ = spec.words.estimator.partition(":")
    brought = _source_of(module) if colon else ""
    return digest(sources, brought, {name: metadata.version(name) for name in _LIBRARIES})


def _source_of(module: str) -> str:
    """Return the digest of a module's file; empty where there is none: `estimator` tells that it cannot be imported."""
    try:
        found = util.find_spec(module)
    except (ImportError, ValueError):  # a package above it is missing, or it is no module that was imported from a file
        return ""
    return _sha256(Path(found.origin)) if found is not None and found.origin and Path(found.origin).is_file() else ""


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
