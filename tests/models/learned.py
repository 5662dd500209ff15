"""Rows with a label that can be learned, and the spec of a model over them: for what needs no product around it."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd

from readiness_pipelines.declarations import Feature, ModelSpec
from readiness_pipelines.declarations.model import ModelBlock

FEATURES = (Feature("amount", "number"), Feature("age", "number"), Feature("channel", "category"), Feature("region", "category"))
BUILT_IN = ("gradient_boosting", "logistic")


def spec_of(*features: Feature, **words: Any) -> ModelSpec:
    """Return the spec of a model with these words in its block, over `FEATURES` unless others are given."""
    block = {"table": "orders", "time": "at", "label": {"table": "returns", "column": "returned", "by": ["id"]}, **words}
    no_table = cast(Any, None)  # nothing here looks at tables
    return ModelSpec("shop", no_table, no_table, features or FEATURES, ModelBlock.model_validate(block))


def learned(rows: int, *, seed: int = 0, shift: float = -1.5) -> tuple[pd.DataFrame, np.ndarray]:
    """Return rows and their labels: more likely with a high amount and by phone. One in ten is missing in age and region."""
    random = np.random.default_rng(seed)
    amount, age = random.normal(size=rows), random.normal(40, 10, rows)
    age[random.random(rows) < 0.1] = np.nan
    channel = random.choice(["web", "shop", "phone"], rows).astype(object)
    region = random.choice(["north", "south", None], rows, p=[0.5, 0.4, 0.1])
    chance = 1 / (1 + np.exp(-(1.5 * amount + 1.0 * (channel == "phone") + shift)))
    frame = pd.DataFrame({"amount": amount, "age": age, "channel": channel, "region": region})
    return frame, random.random(rows) < chance
