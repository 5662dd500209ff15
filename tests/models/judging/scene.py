"""Rows that were held out, and models made by hand that score them: good, weak, or good for some only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from readiness_pipelines.declarations import ModelSpec
from readiness_pipelines.flow import Judged, ModelVerdict, Status, TableVersion, TrainingSet
from readiness_pipelines.models.judging.scored import Scored
from readiness_pipelines.models.judging.untouched import Rows
from readiness_pipelines.models.judging.verdict import Trained, verdict_of
from tests.modelled import build_parcels

Score = Callable[[pd.DataFrame], np.ndarray]
VERSION = TableVersion("parcels.silver.orders", "2025-01-01", "a" * 64, 7)
TRAINING_SET = TrainingSet(
    "parcels",
    "s",
    "2025-03-31",
    (VERSION,),
    9000,
    "2025-01-01T00:00:00",
    "2025-03-20T00:00:00",
    "2025-03-31T00:00:00",
    5000,
    2000,
    1200,
    600,
)
EARLIER = replace(TRAINING_SET, cut_off="2025-02-28", holdout_from="2025-02-17T00:00:00", holdout_to="2025-02-28T00:00:00")


@lru_cache
def declared() -> ModelSpec:
    with TemporaryDirectory() as folder:
        spec = build_parcels(Path(folder)).product.model
    assert spec is not None
    return spec


def spec(**words: Any) -> ModelSpec:
    """The parcels' model, with other words."""
    return replace(declared(), words=declared().words.model_validate({**declared().words.model_dump(by_alias=True), **words}))


def holdout(rows: int = 2000, *, seed: int = 1, persons: int = 1300) -> pd.DataFrame:
    """Orders of twelve days: dear ones, and those by phone, are sent back."""
    draw = np.random.default_rng(seed)
    amount, channel = draw.normal(0, 1, rows), draw.choice(["web", "shop", "phone"], rows, p=[0.5, 0.3, 0.2])
    lean = 1.4 * amount + 0.9 * (channel == "phone") - 1.3
    seconds = np.sort(draw.integers(0, 12 * 86_400, rows))
    return pd.DataFrame(
        {
            "row_id": [f"r{n:06}" for n in range(rows)],
            "partition_key": "2025-03-31",
            "part": "holdout",
            "label": draw.random(rows) < 1 / (1 + np.exp(-lean)),
            "time": np.datetime64("2025-03-20T00:00:00", "us") + seconds.astype("timedelta64[s]"),
            "person": [f"c{n}" for n in draw.integers(0, persons, rows)],
            "baseline": 0.24,
            "amount": amount,
            "items": draw.poisson(2, rows).astype(float),
            "weight": np.where(draw.random(rows) < 0.1, np.nan, draw.gamma(2, 1.5, rows)),
            "channel": channel,
            "region": draw.choice(["north", "south", "west"], rows, p=[0.5, 0.3, 0.2]),
            "age_band": draw.choice(["young", "middle", "old"], rows),
        }
    )


def good(frame: pd.DataFrame) -> np.ndarray:
    """The truth: as good as a model can be."""
    return _probability(1.4 * _number(frame, "amount") + 0.9 * (frame["channel"] == "phone").to_numpy() - 1.3)


def weak(frame: pd.DataFrame) -> np.ndarray:
    """Sees only whether an order is dear, and not how dear; still calibrated."""
    return np.where(_number(frame, "amount") > 0, 0.45, 0.16)


def loses_the_west(frame: pd.DataFrame) -> np.ndarray:
    """As good as can be, but for one region, of which it sees next to nothing."""
    west = (frame["region"] == "west").to_numpy()
    return _probability(np.where(west, -0.1, 1.4) * _number(frame, "amount") + 0.9 * (frame["channel"] == "phone").to_numpy() - 1.3)


def hard_on_the_old(frame: pd.DataFrame) -> np.ndarray:
    """Misses the old, whatever they order."""
    return np.clip(good(frame) - 0.25 * (frame["age_band"] == "old").to_numpy(), 0.001, 1)


def _number(frame: pd.DataFrame, column: str) -> np.ndarray:
    return np.nan_to_num(frame[column].to_numpy(dtype=float), nan=0.0)


def _probability(lean: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(lean, -30, 30)))


def scored(
    score: Score,
    frame: pd.DataFrame,
    *,
    name: str = "",
    trained_on: TrainingSet = TRAINING_SET,
    decide_at: float = 0.3,
    why: str = "",
) -> Scored:
    name = name or score.__name__
    return Scored(f"parcels/1@{name}", name, None, decide_at, trained_on, score(frame), why)


def rows(*ids: str, persons: tuple[str, ...] = ()) -> Rows:
    return Rows(np.array(ids, dtype=object), np.array(persons or ids, dtype=object))


SEEN_EARLIER = rows("r_1", "r_2", persons=("c_1", "c_2"))


def verdict(
    challenger: Score,
    champion: Score | None = weak,
    *,
    frame: pd.DataFrame | None = None,
    of: ModelSpec | None = None,
    training_set: TrainingSet = TRAINING_SET,
    seen: Rows = SEEN_EARLIER,
    champion_seen: Rows | None = SEEN_EARLIER,
    gone: Mapping[str, str] | None = None,
) -> ModelVerdict:
    """The verdict on a challenger that was trained on this training set, against a champion of an earlier one."""
    frame = holdout() if frame is None else frame
    against = scored(champion, frame, trained_on=EARLIER) if champion else None
    return verdict_of(
        of or spec(),
        frame,
        challenger=scored(challenger, frame, trained_on=training_set),
        champion=against,
        training_set=training_set,
        trained=Trained(seen, champion_seen if champion else None, gone or {}),
        score=challenger,
    )


def of_rule(verdict: ModelVerdict, rule: str) -> tuple[Judged, ...]:
    return tuple(each for each in verdict.judged if each.rule == rule)


def the(verdict: ModelVerdict, rule: str) -> Judged:
    (found,) = of_rule(verdict, rule)
    return found


def failed(verdict: ModelVerdict) -> set[str]:
    return {f"{each.rule} {each.about}".strip() for each in verdict.judged if each.status is Status.FAILED}


def open_points(verdict: ModelVerdict) -> set[str]:
    return {f"{each.rule} {each.about}".strip() for each in verdict.judged if each.status is Status.UNDECIDED}
