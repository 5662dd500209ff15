"""A feature that gives the label away is named; one that is only good is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score

from readiness_pipelines.declarations import Feature, ModelSpec
from readiness_pipelines.models.leakage import leaks
from tests.modelled import build_parcels

ROWS = 2000
RANDOM = np.random.default_rng(3)
LABEL = RANDOM.random(ROWS) < 0.2


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> ModelSpec:
    model = build_parcels(tmp_path_factory.mktemp("parcels")).product.model
    assert model is not None
    return model


def told(spec: ModelSpec, columns: Mapping[str, Any], *, label: Any = LABEL, part: Any = "train", **kinds: str) -> tuple[str, ...]:
    """Return the leaks of these columns; numbers unless `kinds` says otherwise."""
    features = tuple(Feature(name, kinds.get(name, "number")) for name in columns)  # type: ignore[arg-type]
    rows = len(label)
    laid = {
        "label": pa.array(label),
        "part": pa.array(np.broadcast_to(part, rows)),
        **{n: pa.array(list(c)) for n, c in columns.items()},
    }
    with duckdb.connect() as con:
        con.register("given", pa.table(laid))
        con.execute("CREATE TABLE laid AS SELECT * FROM given")
        return leaks(con, "laid", replace(spec, features=features))


def noisy(by: float) -> np.ndarray:
    """A number that tells the label the better the less noise it has."""
    return LABEL + np.random.default_rng(1).normal(0, by, ROWS)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("by", "is_leak"), [(0.3, True), (0.36, False)])
def test_a_number_whose_auc_is_nearly_perfect_in_either_direction_is_a_leak(
    spec: ModelSpec, by: float, is_leak: bool, sign: int
) -> None:
    area = roc_auc_score(LABEL, noisy(by))
    assert bool(area >= 0.98) is is_leak and 0.96 < area < 0.999
    expected = (f"days alone tells returned: ROC AUC {area:.3f} over 2,000 rows that have it",) if is_leak else ()
    assert told(spec, {"days": sign * noisy(by)}) == expected


def test_ties_count_half_and_rows_without_a_value_are_left_out(spec: ModelSpec) -> None:
    rounded = np.round(noisy(0.3) * 4).astype(object)
    area = roc_auc_score(LABEL[5:], rounded[5:].astype(float))
    assert area >= 0.98
    rounded[:5] = None
    assert told(spec, {"days": rounded}) == (f"days alone tells returned: ROC AUC {area:.3f} over 1,995 rows that have it",)


def test_a_category_that_tells_the_label_is_a_leak_and_a_good_one_is_not(spec: ModelSpec) -> None:
    many = np.char.add(np.where(LABEL, "back ", "kept "), RANDOM.integers(0, 9, ROWS).astype(str))
    (said,) = told(spec, {"state": many}, state="category")
    assert said == "state alone tells returned: ROC AUC 1.000 by its values, each row told by the others with its value"
    for share, is_leak in ((0.05, True), (0.15, False)):
        state = np.where(np.random.default_rng(5).random(ROWS) < share, "kept 1", many)
        same = state[:, None] == state[None, :]
        by_others = (same @ LABEL.astype(float) - LABEL) / (same.sum(axis=1) - 1)
        assert bool(roc_auc_score(LABEL, by_others) >= 0.98) is is_leak
        assert bool(told(spec, {"state": state}, state="category")) is is_leak


def test_codes_that_are_numbers_tell_by_their_values_too(spec: ModelSpec) -> None:
    codes = np.where(LABEL, 5, np.where(RANDOM.random(ROWS) < 0.5, 1, 9))
    assert roc_auc_score(LABEL, codes) < 0.7
    assert told(spec, {"code": codes})[0].startswith("code alone tells returned: ROC AUC 1.000 by its values")


@pytest.mark.parametrize(
    "values", [[f"v{i}" for i in range(ROWS)], ["same"] * ROWS, [None] * ROWS, [f"v{i // 2}" for i in range(ROWS)]]
)
def test_values_that_occur_once_or_never_change_tell_nothing(spec: ModelSpec, values: list[str | None]) -> None:
    assert told(spec, {"name": values}, name="category") == ()


def test_a_copy_of_the_label_is_told_as_one(spec: ModelSpec) -> None:
    said = "{} is the label, row by row: one of its two values for each class"
    found = told(spec, {"copy": np.where(LABEL, 2, 1), "word": np.where(LABEL, "yes", "no")}, word="category")
    assert found == (said.format("copy"), said.format("word"))
    flawed = np.where(LABEL, 2, 1)
    flawed[0] = 3 - flawed[0]
    assert told(spec, {"copy": flawed})[0].startswith("copy alone tells returned: ROC AUC 0.99")


def test_the_label_itself_among_the_features_is_named(spec: ModelSpec) -> None:
    label = spec.words.label.model_copy(update={"table": "orders"})
    own = replace(spec, labels=spec.scored, words=spec.words.model_copy(update={"label": label}))
    assert told(own, {"returned": RANDOM.random(ROWS)}) == ("returned is the label",)


def test_a_feature_that_one_class_alone_has_is_a_leak(spec: ModelSpec) -> None:
    some = LABEL & (RANDOM.random(ROWS) < 0.2)
    assert 30 <= some.sum() < 120
    said = f"reason has a value in {some.sum():,} rows, all of them of the positive class: it is filled in when the label is known"
    assert told(spec, {"reason": [float(i) if has else None for i, has in enumerate(some)]}) == (said,)
    few = some & (np.cumsum(some) < 30)
    assert told(spec, {"reason": [float(i) if has else None for i, has in enumerate(few)]}) == ()


def test_what_chance_leaves_to_the_frequent_class_alone_is_no_leak(spec: ModelSpec) -> None:
    kept = np.flatnonzero(~LABEL)
    for rows, count in ((kept[:56], 0), (kept[:57], 1)):  # .784 ** 56 is above one in a million, .784 ** 57 below
        share = 1 - LABEL.mean()
        assert bool(share ** len(rows) < 1e-6) is bool(count)
        assert len(told(spec, {"note": [1.5 * i if i in set(rows) else None for i in range(ROWS)]})) == count


def test_only_rows_that_are_trained_on_are_looked_at(spec: ModelSpec) -> None:
    part = np.where(np.arange(ROWS) < ROWS // 2, "train", "holdout")
    days = np.where(part == "train", RANDOM.random(ROWS), LABEL)
    assert told(spec, {"days": days}, part=part) == ()
    assert told(spec, {"days": days}, part=np.where(part == "train", "holdout", "train")) != ()


@pytest.mark.parametrize(("positives", "found"), [(9, 0), (10, 1)])
def test_with_too_few_of_a_class_nothing_is_judged(spec: ModelSpec, positives: int, found: int) -> None:
    label = np.arange(300) < positives
    assert len(told(spec, {"days": label * 1.0 + np.arange(300) / 1000}, label=label)) == found
    assert len(told(spec, {"days": ~label * 1.0 + np.arange(300) / 1000}, label=~label)) == found
