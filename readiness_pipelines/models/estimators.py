"""What learns: a scikit-learn classifier over the features of a product, whatever a window of them looks like."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from readiness_pipelines.declarations.model_spec import ModelSpec
from readiness_pipelines.errors import DeclarationError

if TYPE_CHECKING:
    import pandas as pd

# A fixed number of small trees: stopping early would need a holdout of its own, drawn from rows and not from people.
_BOOSTING: Mapping[str, Any] = {"early_stopping": False, "learning_rate": 0.05, "max_leaf_nodes": 15, "min_samples_leaf": 30}
_LOGISTIC: Mapping[str, Any] = {"max_iter": 1000}


def estimator(spec: ModelSpec) -> Any:
    """Return the declared classifier, not fitted yet: `fit(X, y, groups=None)`, `predict_proba(X)`, `predict(X)`.

    X is a `feature_frame`, y is boolean, one row per row of it; `groups` say which rows are of one person. Scores are
    probabilities of True; with `balance` the classes are weighed alike in training and the scores recalibrated
    (`preparation.Decider`). In the built-in ones a missing value, a category that is new or rare, a number out of
    the range of training and a column that is constant or empty are borne, in training as in scoring; of one that is brought
    along that is its own affair.

    Raises DeclarationError where `estimator` or `parameters` cannot be used as written; `fit` raises Refused.
    """
    from readiness_pipelines.models.preparation import Decider

    said = spec.words
    built_in = {"gradient_boosting": _gradient_boosting, "logistic": _logistic}
    made = built_in[said.estimator](spec) if said.estimator in built_in else _brought(spec)
    if said.balance:
        _balance(made, spec)
    return Decider(made, decide_at=said.decide_at, recalibrate=said.balance)


def feature_frame(spec: ModelSpec, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the features of these rows as an estimator takes them, in the declared order, one row per row, the same index.

    The frame has each of them as `Feature.sql` makes it, and may have other columns; it is not changed. Numbers are float64,
    categories text; what is missing is NaN, and so is an infinite number. Raises KeyError if it lacks a feature.
    """
    import pandas as pd

    columns = {each.name: (_numbers if each.kind == "number" else _texts)(frame[each.name]) for each in spec.features}
    return pd.DataFrame(columns, index=frame.index)


def _numbers(column: pd.Series[Any]) -> Any:
    import numpy as np

    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def _texts(column: pd.Series[Any]) -> Any:
    return column.astype(object).where(column.notna(), float("nan"))  # as MLflow gives it when it serves the model


def _gradient_boosting(spec: ModelSpec) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder

    from readiness_pipelines.models.preparation import Frequent, InRange

    numbers, categories = _kinds(spec)
    absent = float("nan")  # what boosting knows how to split on
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=absent, encoded_missing_value=absent)
    coded = Pipeline([("frequent", Frequent()), ("codes", codes), ("range", InRange())])
    columns = ColumnTransformer([("numbers", InRange(), numbers), ("categories", coded, categories)])
    native = list(range(len(numbers), len(numbers) + len(categories))) or None
    given = {**_BOOSTING, "random_state": spec.words.seed, "categorical_features": native}
    return Pipeline([("columns", columns), ("model", _made(HistGradientBoostingClassifier, given, spec))])


def _logistic(spec: ModelSpec) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    from readiness_pipelines.models.preparation import Frequent, InRange

    numbers, categories = _kinds(spec)
    filled = [("range", InRange()), ("fill", SimpleImputer(strategy="median", add_indicator=True)), ("scale", StandardScaler())]
    flags = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    # the range: the only category of training stays flagged
    flagged = Pipeline([("frequent", Frequent()), ("flags", flags), ("range", InRange())])
    columns = ColumnTransformer([("numbers", Pipeline(filled), numbers), ("categories", flagged, categories)])
    return Pipeline(
        [("columns", columns), ("model", _made(LogisticRegression, {**_LOGISTIC, "random_state": spec.words.seed}, spec))]
    )


def _kinds(spec: ModelSpec) -> tuple[list[str], list[str]]:
    names = {kind: [each.name for each in spec.features if each.kind == kind] for kind in ("number", "category")}
    return names["number"], names["category"]


def _made(kind: Any, given: Mapping[str, Any], spec: ModelSpec) -> Any:
    known = kind().get_params()
    unknown = sorted(set(spec.words.parameters) - set(known))
    if unknown:
        expected = f"parameters of {kind.__name__} ({', '.join(sorted(known))})"
        raise _mistake(spec, "parameters", f"found {', '.join(unknown)}, expected {expected}")
    return kind(**{**given, **spec.words.parameters})


def _brought(spec: ModelSpec) -> Any:
    """Return what the declared function makes of the spec."""
    module, _, name = spec.words.estimator.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        expected = "gradient_boosting, logistic, or module:function that can be imported here"
        raise _mistake(spec, "estimator", f"found {spec.words.estimator}, expected {expected}: {error}") from error
    made = function(spec)
    if not all(hasattr(made, each) for each in ("fit", "predict_proba", "get_params")):
        found = f"{spec.words.estimator} returned {type(made).__name__}"
        raise _mistake(spec, "estimator", f"{found}, expected a classifier of scikit-learn's kind")
    return made


def _balance(made: Any, spec: ModelSpec) -> None:
    weights = [name for name in made.get_params(deep=True) if name.split("__")[-1] == "class_weight"]
    if not weights:
        found = f"{spec.words.estimator} has no class_weight"
        raise _mistake(spec, "balance", f"{found}: leave `balance` out, or let it weigh the classes itself")
    made.set_params(**dict.fromkeys(weights, "balanced"))


def _mistake(spec: ModelSpec, where: str, what: str) -> DeclarationError:
    return DeclarationError([f"{spec.product}: model.{where}: {what}"])
