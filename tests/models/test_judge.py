"""The promotion gate over real versions: what it reads of both trainings, and what it says again when asked again."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
import pytest

from readiness_pipelines.errors import BrokenInvariant
from readiness_pipelines.flow import ModelVerdict, ModelVersion, Severity, Status, TrainingSet
from readiness_pipelines.layers.decisions import Signed, withdraw
from readiness_pipelines.models import artifact
from readiness_pipelines.models.evidence import evidence_of
from readiness_pipelines.models.judge import Scored, champion_scored, judge, scored
from readiness_pipelines.models.train import train
from readiness_pipelines.models.training_set import frame, select
from readiness_pipelines.models.withdrawn import withdrawn_since
from tests.modelled import MODEL, ORDERS, Parcels, build_parcels

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Made:
    """A model that was trained on the rows up to a day."""

    model: ModelVersion
    training_set: TrainingSet
    estimator: object

    def scored(self, parcels: Parcels, on: TrainingSet) -> Scored:
        holdout = frame(parcels.lake, parcels.product, on, part="holdout")
        return scored(parcels.product, parcels.lake, model=self.model, estimator=self.estimator, holdout=holdout)


@pytest.fixture(scope="module")
def parcels(tmp_path_factory: pytest.TempPathFactory) -> Parcels:
    """Six days in which cheap orders are sent back, then six in which it is the dear ones, as ever since."""
    words = MODEL.replace("holdout_days: 3", "holdout_days: 2\n    train_days: 2\n    estimator: logistic")
    parcels = build_parcels(tmp_path_factory.mktemp("judged"), model=words)
    parcels.fill(range(1, 7), turned=1.0, rows=400)
    parcels.fill(range(7, 13), rows=400)
    return parcels


def made(parcels: Parcels, day: int) -> Made:
    product, lake = parcels.product, parcels.lake
    training_set = select(product, lake, cut_off=parcels.day(day))
    assert product.model is not None
    trained = train(product.model, lake, product, training_set)
    artifact = f"{next(_numbers):064x}"
    model = ModelVersion(
        product.name, 0, training_set.id, "r", trained.code, artifact, trained.scores, trained.decide_at, "run", "test"
    )
    return Made(lake.ledger.models.record_model(model), training_set, trained.estimator)


@pytest.fixture(scope="module")
def old(parcels: Parcels) -> Made:
    return made(parcels, 6)


@pytest.fixture(scope="module")
def new(parcels: Parcels) -> Made:
    return made(parcels, 12)


@pytest.fixture(scope="module")
def of_new(parcels: Parcels, old: Made, new: Made) -> ModelVerdict:
    return judged(parcels, new, old)


def judged(parcels: Parcels, challenger: Made, champion: Made | None) -> ModelVerdict:
    on = challenger.training_set
    return judge(
        parcels.product,
        parcels.lake,
        challenger=challenger.scored(parcels, on),
        champion=champion.scored(parcels, on) if champion else None,
        training_set=on,
        versions_gone=withdrawn_since(parcels.product, parcels.lake, on),
    )


def status(verdict: ModelVerdict, rule: str) -> Status:
    (found,) = [each.status for each in verdict.judged if each.rule == rule]
    return found


@pytest.mark.slow
def test_a_retrained_model_is_judged_on_people_whom_the_champion_does_not_know(
    parcels: Parcels, old: Made, new: Made, of_new: ModelVerdict
) -> None:
    found = of_new
    assert (found.product, found.challenger, found.against, found.against_name) == (
        "parcels",
        new.model.artifact,
        old.model.artifact,
        old.model.name,
    )
    assert [each.rule for each in found.judged if each.status is Status.FAILED] == []
    assert status(found, "better") is status(found, "untouched") is Status.PASSED
    holdout = frame(parcels.lake, parcels.product, new.training_set, part="holdout")
    seen = frame(parcels.lake, parcels.product, old.training_set, part="train")
    fresh = holdout[~holdout["person"].isin(seen["person"])]
    assert (found.rows, found.more["left_out"]) == (len(fresh), len(holdout) - len(fresh))
    assert 0 < len(fresh) < len(holdout)
    assert found.blocks == fresh["person"].nunique()


@pytest.mark.slow
def test_judged_again_it_is_the_same_evidence(parcels: Parcels, old: Made, new: Made, of_new: ModelVerdict) -> None:
    first = evidence_of(parcels.product, new.model, of_new, severity=Severity.NONE)
    again = evidence_of(parcels.product, new.model, judged(parcels, new, old), severity=Severity.NONE)
    assert first.digest == again.digest


@pytest.mark.slow
def test_the_first_champion_is_judged_against_the_baseline(parcels: Parcels, old: Made) -> None:
    found = judged(parcels, old, None)
    assert (found.against, found.against_name, found.more["left_out"]) == ("", "baseline", 0)
    assert found.more["against"] == 0.5
    assert status(found, "better") is Status.PASSED


@pytest.mark.slow
def test_an_older_model_does_not_get_in_against_a_later_one(parcels: Parcels, old: Made, new: Made) -> None:
    found = judged(parcels, old, new)
    assert status(found, "untouched") is Status.FAILED


@pytest.mark.slow
def test_a_champion_of_other_words_leaves_it_to_a_person(parcels: Parcels, old: Made, new: Made) -> None:
    on = new.training_set
    champion = old.scored(parcels, on)
    champion = replace(champion, training_set=replace(champion.training_set, selection="other"))
    challenger = new.scored(parcels, on)
    found = judge(parcels.product, parcels.lake, challenger=challenger, champion=champion, training_set=on, versions_gone={})
    assert status(found, "untouched") is Status.UNDECIDED
    assert found.more["left_out"] == 0


@pytest.mark.slow
def test_a_champion_of_other_features_is_not_compared(parcels: Parcels, old: Made, new: Made) -> None:
    product, on = parcels.product, new.training_set
    assert product.model is not None
    holdout = frame(parcels.lake, product, on, part="holdout")
    for features in (product.model.features[:2], tuple(replace(each, kind="number") for each in product.model.features)):
        other = replace(product, model=replace(product.model, features=features))  # its selection is another one too
        found = champion_scored(other, parcels.lake, model=old.model, load=lambda _: old.estimator, holdout=holdout)
        assert np.isnan(found.scores).all() and found.why
    other = replace(product, model=replace(product.model, words=product.model.words.model_copy(update={"holdout_days": 3})))
    found = champion_scored(other, parcels.lake, model=old.model, load=lambda _: old.estimator, holdout=holdout)
    assert np.isfinite(found.scores).all() and not found.why


@pytest.mark.slow
def test_a_champion_whose_artifact_cannot_be_loaded_is_not_compared(parcels: Parcels, old: Made, new: Made) -> None:
    product, lake, on = parcels.product, parcels.lake, new.training_set

    def load(model: ModelVersion) -> object:
        return artifact.load(parcels.root / "gone.skops", sha256=model.artifact)

    champion = champion_scored(product, lake, model=old.model, load=load, holdout=frame(lake, product, on, part="holdout"))
    found = judge(product, lake, challenger=new.scored(parcels, on), champion=champion, training_set=on, versions_gone={})
    assert (status(found, "better"), found.status) == (Status.UNDECIDED, Status.UNDECIDED)
    (note,) = [each.note for each in found.judged if each.rule == "better"]
    assert note.startswith("the champion cannot score these rows: its artifact cannot be loaded: ")


@pytest.mark.slow
def test_a_model_whose_training_set_is_not_on_record_is_not_scored(parcels: Parcels, new: Made) -> None:
    lost = Made(replace(new.model, training_set="0" * 64), new.training_set, new.estimator)
    with pytest.raises(BrokenInvariant, match="not the training set 000000000000"):
        lost.scored(parcels, new.training_set)


@pytest.mark.slow
def test_a_version_that_was_withdrawn_after_training_fails_by_name(parcels: Parcels, old: Made, new: Made) -> None:
    (table,) = [each for each in parcels.product.tables if each.full_name == ORDERS]
    withdraw(parcels.lake, table, parcels.day(8), to="nothing", signed=Signed("ann", "the feed was wrong"))
    found = judged(parcels, new, old)
    assert status(found, "versions") is Status.FAILED
    (note,) = [each.note for each in found.judged if each.rule == "versions"]
    assert f"{ORDERS}/{parcels.day(8)}@" in note and "(withdrawn)" in note
    assert found.status is Status.FAILED
