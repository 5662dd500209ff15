from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import readiness_pipelines.models.train as making
from readiness_pipelines.errors import Refused
from readiness_pipelines.flow import TableVersion, TrainingSet, digest
from readiness_pipelines.models.metrics import expected_calibration_error, measure
from readiness_pipelines.models.scores import score
from readiness_pipelines.models.train import Trained, code_fingerprint, digest_of, fit, refusal, train
from readiness_pipelines.models.training_set import frame, select
from tests.modelled import build_parcels
from tests.models.learned import BUILT_IN, learned, spec_of

_MODULES = re.compile(r"^\s*from readiness_pipelines\.models\.(\w+) import", re.MULTILINE)


def rows(number: int, *, seed: int = 0) -> pd.DataFrame:
    """Return rows as a training set lays them out: each person has two."""
    made, labels = learned(number, seed=seed)
    return made.assign(label=labels, person=[f"p{i // 2}" for i in range(number)])


def training_set(**said: Any) -> TrainingSet:
    """Return a training set that is large enough, but for what is said otherwise."""
    numbers = {"rows": 2000, "rows_train": 1000, "rows_holdout": 300, "positives_train": 100, "positives_holdout": 30} | said
    dates = {"train_from": "2025-01-01", "holdout_from": "2025-01-20", "holdout_to": "2025-01-30"}
    return TrainingSet("shop", "s", "2025-01-31", (TableVersion("shop.silver.orders", "2025-01-01", "k", 1),), **dates, **numbers)


def test_a_training_set_of_enough_rows_is_not_refused() -> None:
    assert refusal(spec_of(), training_set()) == ""


@pytest.mark.parametrize(
    ("words", "found", "said"),
    [
        ({"min_rows": 1001}, {}, "found 1000 rows to train on, expected at least 1001"),
        ({"min_rows": 1000}, {}, ""),
        ({"min_positives": 101}, {}, "found 100 positives to train on, expected at least 101"),
        ({"min_positives": 91}, {}, "found 30 positives held out, expected at least 31"),
        ({"min_rows": 1000}, {"rows_holdout": 199}, "found 199 rows held out, expected at least 200"),
        ({}, {"positives_train": 1000}, "found nothing but positives to train on, expected both classes"),
        ({}, {"positives_holdout": 300}, "found nothing but positives held out, expected both classes"),
        ({"min_positives": 1}, {"positives_train": 0}, "found 0 positives to train on, expected at least 1"),
        ({}, {"leaks": ("age alone tells the label",)}, "leaks: age alone tells the label"),
        ({"min_rows": 2000}, {"left_out": {"no_label_yet": 7, "no_time": 1}}, r"\(left out: no_label_yet 7, no_time 1\)"),
    ],
)
def test_what_is_missing_is_said(words: dict[str, Any], found: dict[str, Any], said: str) -> None:
    refused = refusal(spec_of(**words), training_set(**found))
    assert re.search(said, refused) if said else refused == ""


def test_all_that_is_missing_is_said_at_once() -> None:
    said = refusal(spec_of(), training_set(rows_train=10, positives_train=1, rows_holdout=0, positives_holdout=0))
    assert said.count("expected") == 4


@pytest.mark.parametrize("balance", [True, False])
def test_what_is_said_of_the_holdout_is_measured_on_it(balance: bool) -> None:
    spec, held = spec_of(balance=balance, groups=["customer"]), rows(400, seed=1)
    made = fit(spec, rows(600), held)
    scores = score(made.estimator, spec, held)
    expected = {name: measure(name, held.label, scores) for name in ("roc_auc", "average_precision", "brier", "log_loss")}
    assert made.metrics == expected | {"calibration_error": expected_calibration_error(held.label, scores)}
    assert made.scores == digest_of(scores)
    assert made.decide_at == made.estimator.decide_at_


def test_groups_say_who_is_apart_from_whom() -> None:
    """A declared group makes a difference to what is learned about unseen rows, and so to the score from which is decided."""
    held, same = rows(300, seed=1), rows(600).assign(person=lambda frame: frame.label.map(str) + (frame.index % 3).map(str))
    apart, alone = (fit(spec_of(groups=groups), same, held) for groups in (["customer"], []))
    assert apart.decide_at != alone.decide_at


def test_a_metric_that_is_not_defined_on_the_holdout_is_not_told() -> None:
    held = rows(50, seed=1).assign(label=False)
    assert set(fit(spec_of(decide_at=0.5), rows(300), held).metrics) == {"brier", "log_loss", "calibration_error"}


def test_scores_have_one_digest_up_to_the_twelfth_place() -> None:
    assert digest_of(np.array([0.1, 0.2])) == digest_of(np.array([0.1 + 1e-15, 0.2])) == digest([0.1, 0.2])
    assert digest_of(np.array([0.1, 0.2])) != digest_of(np.array([0.1 + 2e-12, 0.2])) != digest_of(np.array([0.2, 0.1]))


def test_the_code_of_what_is_brought_along_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    found = set()
    for text in ("make = 1", "make = 2", "make = 2"):
        (tmp_path / "acme_estimators.py").write_text(text, encoding="utf-8")
        found.add(code_fingerprint(spec_of(estimator="acme_estimators:make")))
    assert len(found) == 2
    assert code_fingerprint(spec_of()) == code_fingerprint(spec_of(seed=5)) not in found


def test_all_code_counts_that_says_which_rows_there_are_and_what_is_made_of_them() -> None:
    told, seen = ["train"], set[str]()
    while told:
        seen.add(name := told.pop())
        told += {*_MODULES.findall((Path(making.__file__).parent / f"{name}.py").read_text(encoding="utf-8"))} - seen
    assert seen - {"kept", "metrics"} == set(making._SOURCES)  # but for which pins there are, and how good the scores are


@pytest.mark.parametrize("name", ["nowhere_at_all:make", "nowhere_at_all.models:make", "builtins:make"])
def test_code_that_is_in_no_file_is_no_error_here(name: str) -> None:
    assert code_fingerprint(spec_of(estimator=name)) == code_fingerprint(spec_of())


def _python(code: str, *arguments: str, **environment: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


_TRAINS = """\
import sys
from dataclasses import replace
from pathlib import Path
import numpy as np
from tests.modelled import Parcels
from readiness_pipelines.models.scores import score
from readiness_pipelines.models.train import train
from readiness_pipelines.models.training_set import frame, select

parcels = Parcels(Path(sys.argv[1]))
product = parcels.product
chosen = select(product, parcels.lake, cut_off=parcels.day(8))
held = frame(parcels.lake, product, chosen, part="holdout")
for name in ("gradient_boosting", "logistic"):
    spec = replace(product.model, words=product.model.words.model_copy(update={"estimator": name, "balance": True}))
    made = train(spec, parcels.lake, product, chosen)
    np.save(f"{sys.argv[2]}.{name}.npy", score(made.estimator, spec, held))
    print(chosen.id, spec.recipe, made.scores, made.code, made.decide_at)
"""


@pytest.mark.slow
def test_trained_twice_the_scores_are_the_same(tmp_path: Path) -> None:
    """In two processes with other hashes and another number of threads, as two machines have them."""
    parcels = build_parcels(tmp_path)
    parcels.fill(range(1, 9))
    ways = [{"PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "1"}, {"PYTHONHASHSEED": "2", "OMP_NUM_THREADS": "4"}]
    said = [_python(_TRAINS, str(tmp_path), str(tmp_path / str(i)), **way) for i, way in enumerate(ways)]
    for name in BUILT_IN:
        first, second = (np.load(tmp_path / f"{i}.{name}.npy") for i in range(2))
        assert len(first) > 300
        assert np.abs(first - second).max() <= 1e-12
    assert said[0] == said[1]
    _is_trained_on_what_is_not_held_out(parcels.product, parcels.lake, said[0].split()[0])


def _is_trained_on_what_is_not_held_out(product: Any, lake: Any, id_: str) -> None:
    chosen = lake.ledger.models.training_set(product.name, id_)
    made = train(product.model, lake, product, chosen)
    parts = [frame(lake, product, chosen, part=part) for part in ("train", "holdout")]
    assert isinstance(made, Trained) and made.scores == fit(product.model, *parts).scores
    assert made.metrics["roc_auc"] > 0.75


@pytest.mark.slow
def test_too_little_is_refused_by_name(tmp_path: Path) -> None:
    parcels = build_parcels(tmp_path)
    parcels.fill(range(1, 7))
    product, lake = parcels.product, parcels.lake
    chosen = select(product, lake, cut_off=parcels.day(6))
    with pytest.raises(
        Refused, match=f"parcels: nothing is trained on {chosen.id[:12]} .up to 2025-01-06.: found .* expected at least 500"
    ):
        train(product.model, lake, product, chosen)
