"""Scores for scored tables: the product's models, each loaded once, as a step asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readiness_pipelines.declarations import ModelSpec, Product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import ModelVersion
from readiness_pipelines.layers.scored import Scorer
from readiness_pipelines.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def scorer_of(product: Product, settings: Settings) -> Scorer | None:
    """Return what scores the product's rows; None for a product without a model. Nothing is loaded before it is asked for."""
    return ModelScorer(product.model, settings) if product.model is not None else None


class ModelScorer:
    """Loads a model by its digest, once, and scores rows as it was trained on them. Not for several threads at a time."""

    def __init__(self, spec: ModelSpec, settings: Settings) -> None:
        self._spec, self._settings = spec, settings
        self._loaded: dict[str, Any] = {}

    def scores(self, model: ModelVersion, features: pd.DataFrame) -> np.ndarray[Any, Any]:
        """Return the probability of the positive class for each row, in order.

        `features` has each feature of the spec as `Feature.sql` makes it. Raises ReadinessError where the model's file is gone or
        another one, or where the product declares other features now than the model was trained on.
        """
        from readiness_pipelines.models.scores import score

        scores: np.ndarray[Any, Any] = score(self._estimator(model), self._spec, features)
        return scores

    def _estimator(self, model: ModelVersion) -> Any:
        if model.artifact not in self._loaded:
            from readiness_pipelines.models.registry import Registry

            loaded = Registry.open(self._settings).load(model)
            self._refuse_other_features(model, [str(name) for name in loaded.feature_names_in_])
            self._loaded[model.artifact] = loaded
        return self._loaded[model.artifact]

    def _refuse_other_features(self, model: ModelVersion, trained_on: list[str]) -> None:
        declared = {feature.name for feature in self._spec.features}
        if declared != set(trained_on):
            gone, new = sorted(set(trained_on) - declared), sorted(declared - set(trained_on))
            told = [f"without {', '.join(gone[:8])}"] if gone else []
            told += [f"with {', '.join(new[:8])}"] if new else []
            raise ReadinessError(
                f"{model.name} was trained on other features than {self._spec.product} declares now ({', '.join(told)}); nothing "
                f"was scored: `readiness retrain {self._spec.product}` trains one on these, or put the declaration back"
            )
