from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler

from readiness_pipelines.declarations import Feature, ModelSpec
from readiness_pipelines.errors import DeclarationError, Refused
from readiness_pipelines.models.estimators import estimator, feature_frame
from readiness_pipelines.models.preparation import Decider, Frequent, InRange
from readiness_pipelines.models.scores import score
from tests.models.learned import BUILT_IN, learned, spec_of

NUMBER = (Feature("amount", "number"),)


def fitted(spec: ModelSpec, frame: pd.DataFrame, labels: Any, groups: Any = None) -> Any:
    return estimator(spec).fit(feature_frame(spec, frame), labels, groups)


@pytest.fixture(params=BUILT_IN)
def built_in(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_features_come_in_the_declared_order_and_nothing_else() -> None:
    frame = pd.DataFrame({"region": ["north"], "label": [True], "amount": [2], "channel": ["web"], "age": [30.5]})
    made = feature_frame(spec_of(), frame)
    assert list(made.columns) == ["amount", "age", "channel", "region"]
    assert made.iloc[0].tolist() == [2.0, 30.5, "web", "north"]


def test_what_is_missing_or_infinite_is_missing() -> None:
    frame = pd.DataFrame({"amount": [np.inf, -np.inf, None, 1.0], "channel": [None, np.nan, pd.NA, "web"]}, index=[7, 5, 3, 1])
    made = feature_frame(spec_of(Feature("amount", "number"), Feature("channel", "category")), frame)
    assert np.isnan(made.amount).tolist() == [True, True, True, False]
    assert made.channel.isna().tolist() == [True, True, True, False] and made.channel[1] == "web"
    assert made.index.tolist() == [7, 5, 3, 1]
    assert np.isinf(frame.amount).sum() == 2, "the frame that was given is not changed"


def test_a_missing_feature_is_named() -> None:
    with pytest.raises(KeyError, match="age"):
        feature_frame(spec_of(), pd.DataFrame({"amount": [1.0]}))


def test_learns_what_can_be_learned(built_in: str) -> None:
    spec = spec_of(estimator=built_in)
    made = fitted(spec, *learned(2000))
    frame, labels = learned(2000, seed=1)
    assert roc_auc_score(labels, score(made, spec, frame)) > 0.75


def test_boosting_splits_on_categories_as_such() -> None:
    """Every second of twenty categories is positive: codes in order would need a split for each."""
    names = np.array([f"c{i:02d}" for i in range(20)], dtype=object)
    frame = pd.DataFrame({"channel": np.tile(names, 40)})
    labels = np.tile(np.arange(20) % 2 == 0, 40)
    spec = spec_of(Feature("channel", "category"), parameters={"max_iter": 1, "max_leaf_nodes": 2, "learning_rate": 1.0})
    assert roc_auc_score(labels, score(fitted(spec, frame, labels), spec, frame)) == 1.0


def test_logistic_is_scikit_learns_on_scaled_numbers() -> None:
    frame, labels = learned(500)
    spec = spec_of(*NUMBER, estimator="logistic", parameters={"C": 0.1})
    scaled = StandardScaler().fit_transform(frame[["amount"]])
    expected = LogisticRegression(C=0.1).fit(scaled, labels).predict_proba(scaled)[:, 1]
    assert score(fitted(spec, frame, labels), spec, frame) == pytest.approx(expected, abs=1e-12)


def test_boosting_is_scikit_learns_on_numbers() -> None:
    frame, labels = learned(500)
    said = {"max_iter": 20, "learning_rate": 0.1, "max_leaf_nodes": 7, "min_samples_leaf": 5}
    spec = spec_of(*NUMBER, parameters=said)
    theirs = HistGradientBoostingClassifier(**said, early_stopping=False, random_state=0).fit(frame[["amount"]].to_numpy(), labels)
    expected = theirs.predict_proba(frame[["amount"]].to_numpy())[:, 1]
    assert score(fitted(spec, frame, labels), spec, frame) == pytest.approx(expected, abs=1e-12)


def test_the_seed_matters_where_chance_does() -> None:
    frame, labels = learned(300)
    of = {
        seed: score(fitted(spec, frame, labels), spec, frame)
        for seed in (1, 2)
        if (spec := spec_of(seed=seed, parameters={"max_features": 0.5, "max_iter": 5}))
    }
    assert not np.array_equal(of[1], of[2])


@pytest.mark.parametrize("how", ["empty", "constant", "as good as empty"])
def test_columns_that_tell_nothing_do_not_break_training(built_in: str, how: str) -> None:
    frame, labels = learned(300)
    number, category = {"empty": (np.nan, None), "constant": (3.0, "web"), "as good as empty": (np.nan, None)}[how]
    frame["age"], frame["channel"] = number, category
    if how == "as good as empty":  # of three folds, one at most has a value
        frame.loc[0, "age"], frame.loc[0, "channel"] = 7.0, "web"
    spec = spec_of(estimator=built_in, balance=True)
    scores = score(fitted(spec, frame, labels), spec, learned(300, seed=1)[0])
    assert np.isfinite(scores).all()
    assert roc_auc_score(learned(300, seed=1)[1], scores) > 0.65, "the other columns still count"


def test_every_column_may_tell_nothing(built_in: str) -> None:
    frame, labels = learned(300)
    spec = spec_of(estimator=built_in)
    nothing = frame.assign(amount=np.nan, age=1.0, channel=None, region="north")
    scores = score(fitted(spec, nothing, labels), spec, frame)
    assert scores == pytest.approx(np.full(300, labels.mean()), abs=1e-3)


def test_a_column_that_was_empty_in_training_says_nothing_later(built_in: str) -> None:
    frame, labels = learned(300)
    spec = spec_of(estimator=built_in)
    made = fitted(spec, frame.assign(age=np.nan, region=None), labels)
    assert np.array_equal(score(made, spec, frame), score(made, spec, frame.assign(age=99.0, region="new")))


@pytest.mark.parametrize(
    "change", [{"channel": "never seen"}, {"channel": None, "region": None}, {"amount": np.nan, "age": np.nan}, {"age": np.inf}]
)
def test_whatever_comes_is_scored(built_in: str, change: dict[str, Any]) -> None:
    frame, labels = learned(300)
    spec = spec_of(estimator=built_in)
    scores = score(fitted(spec, frame, labels), spec, frame.assign(**change))
    assert ((scores >= 0) & (scores <= 1)).all()


def test_a_number_out_of_the_range_of_training_counts_as_its_end(built_in: str) -> None:
    frame, labels = learned(300)
    spec = spec_of(estimator=built_in)
    made = fitted(spec, frame, labels)
    beyond, end = (score(made, spec, frame.assign(amount=value)) for value in (1e300, frame.amount.max()))
    assert np.array_equal(beyond, end)


def test_more_categories_than_boosting_has_bins_are_borne() -> None:
    frame, labels = learned(6000)
    frame["channel"] = [f"c{i % 400}" for i in range(6000)]
    spec = spec_of(parameters={"max_iter": 3})
    assert len(score(fitted(spec, frame, labels), spec, frame)) == 6000


def test_rare_categories_count_as_one_and_as_what_is_new(built_in: str) -> None:
    frame, labels = learned(400)
    frame.loc[:11, "channel"] = [f"rare {i}" for i in range(12)]
    spec = spec_of(estimator=built_in)
    made = fitted(spec, frame, labels)
    rare = [score(made, spec, frame.assign(channel=f"rare {i}")) for i in range(2)]
    assert np.array_equal(*rare)


def test_balanced_scores_are_probabilities_again(built_in: str) -> None:
    frame, labels = learned(3000, shift=-3.5)
    unseen, truth = learned(3000, seed=1, shift=-3.5)
    spec = spec_of(estimator=built_in, balance=True)
    made = fitted(spec, frame, labels)
    raw = made.estimator_.predict_proba(feature_frame(spec, unseen))[:, 1]
    assert labels.mean() < 0.12
    assert raw.mean() > 2 * truth.mean(), "weighed alike, positives seem frequent"
    assert score(made, spec, unseen).mean() == pytest.approx(truth.mean(), abs=0.015)


def test_balance_changes_nothing_but_what_it_says() -> None:
    made = {balance: estimator(spec_of(balance=balance)) for balance in (True, False)}
    weights = {balance: each.get_params()["estimator__model__class_weight"] for balance, each in made.items()}
    assert weights == {True: "balanced", False: None}


def test_as_many_are_predicted_as_in_training(built_in: str) -> None:
    frame, labels = learned(3000)
    unseen, truth = learned(3000, seed=1)
    spec = spec_of(estimator=built_in)
    made = fitted(spec, frame, labels)
    assert made.predict(feature_frame(spec, unseen)).mean() == pytest.approx(truth.mean(), abs=0.03)


def test_what_is_declared_decides_from_it_on_inclusive() -> None:
    frame, labels = learned(300)
    spec = spec_of(*NUMBER, estimator="logistic", parameters={"max_iter": 200})
    scores = score(fitted(spec, frame, labels), spec, frame)
    declared = spec_of(*NUMBER, estimator="logistic", decide_at=float(scores[0]))
    made = fitted(declared, frame, labels)
    assert made.decide_at_ == scores[0]
    assert np.array_equal(made.predict(feature_frame(declared, frame)), scores >= scores[0])


def test_ties_decide_for_the_nearer_number_of_positives() -> None:
    """Where all rows have one score, all or none can be predicted: of nine, none is nearer to three, and all nearer to six."""
    frame = pd.DataFrame({"amount": [1.0] * 9})
    made = {n: Decider(DummyClassifier()).fit(frame, np.tile(np.arange(3) < n / 3, 3)) for n in (3, 6)}
    assert {n: each.predict(frame).sum() for n, each in made.items()} == {3: 0, 6: 9}


def test_nobody_s_rows_are_scored_by_what_learned_from_them() -> None:
    """Each person's label is in their number: out of folds by rows it is known, by persons it is not."""
    random = np.random.default_rng(0)
    person = random.permutation(np.repeat(np.arange(100), 10))
    frame = pd.DataFrame({"amount": person.astype(float)})
    labels = (random.random(100) < 0.5)[person]
    forest = RandomForestClassifier(n_estimators=5, random_state=0)
    by_rows = Decider(forest, recalibrate=True).fit(frame, labels)
    by_persons = Decider(forest, recalibrate=True).fit(frame, labels, groups=person)
    assert by_rows.slope_ > 10 * abs(by_persons.slope_)


def test_recalibration_is_the_logistic_regression_on_logits() -> None:
    """With many rows Platt's targets are as good as the labels, and weights add their logarithm to the logit."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"amount": random.normal(size=4000)})
    labels = random.random(4000) < 1 / (1 + np.exp(-2 * frame.amount))
    made = Decider(LogisticRegression(class_weight={True: 9.0, False: 1.0}), recalibrate=True).fit(frame, labels)
    assert made.slope_ == pytest.approx(1.0, abs=0.05)
    assert made.intercept_ == pytest.approx(-np.log(9), abs=0.1)
    raw = made.estimator_.predict_proba(frame)[:, 1]
    assert logit(made.predict_proba(frame)[:, 1]) == pytest.approx(made.slope_ * logit(raw) + made.intercept_)


def test_separable_classes_have_finite_scores() -> None:
    frame = pd.DataFrame({"amount": [0.0] * 20 + [1.0] * 20})
    made = Decider(GaussianNB(), recalibrate=True).fit(frame, [False] * 20 + [True] * 20)
    scores = made.predict_proba(frame)[:, 1]
    assert scores[-1] == pytest.approx(21 / 22, abs=0.01), "Platt's target of twenty positives"
    assert scores[0] == pytest.approx(1 / 22, abs=0.01)


@pytest.mark.parametrize(
    ("labels", "groups", "said"),
    [
        ([True, True, *[False] * 10], None, "2 rows of one class"),
        ([True] * 6 + [False] * 6, [1, 2] * 6, "2 groups"),
        ([True] * 4 + [False] * 8, [1] * 4 + [2, 3] * 4, "all rows of one class in the same few groups"),
    ],
)
def test_what_cannot_be_told_from_unseen_rows_is_refused(labels: list[bool], groups: list[int] | None, said: str) -> None:
    with pytest.raises(Refused, match=said):
        Decider(GaussianNB()).fit(pd.DataFrame({"amount": np.arange(12.0)}), labels, groups)


def test_what_is_declared_needs_no_unseen_rows() -> None:
    made = Decider(GaussianNB(), decide_at=0.5).fit(pd.DataFrame({"amount": [0.0, 1.0, 2.0]}), [False, True, True])
    assert made.decide_at_ == 0.5


def test_what_few_rows_have_is_rare() -> None:
    frame = pd.DataFrame({"a": ["x"] * 3 + ["y"] * 2 + ["z", None], "b": ["x"] * 2 + ["w"] * 2 + ["y"] * 2 + ["v"]})
    made = Frequent(least=2, most=2).fit(frame)
    assert made.kept_ == [["x", "y"], ["w", "x"]], "of equally frequent ones the first by name"
    assert made.transform(frame)[:, 0].tolist()[:6] == ["x", "x", "x", "y", "y", "(rare)"]
    assert made.transform(frame)[:, 1].tolist() == ["x", "x", "w", "w", "(rare)", "(rare)", "(rare)"]
    assert pd.isna(made.transform(frame)[6, 0])
    assert Frequent(least=3, most=2).fit(frame).kept_ == [["x"], []]
    assert Frequent(least=2, most=3).fit(frame).kept_[1] == ["w", "x", "y"]


def test_range_keeps_what_is_missing() -> None:
    made = InRange().fit([[1.0, np.nan], [3.0, np.nan]])
    assert made.transform([[9.0, 5.0], [-9.0, np.nan], [np.nan, 0.0]]).tolist()[:2] == [[3.0, 0.0], [1.0, 0.0]]
    assert np.isnan(made.transform([[np.nan, 1.0]])[0, 0])


def test_an_estimator_may_be_brought_along(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = ModuleType("acme_models")
    mine.forest = lambda spec: RandomForestClassifier(**spec.words.parameters, random_state=spec.words.seed)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "acme_models", mine)
    spec = spec_of(*NUMBER, estimator="acme_models:forest", parameters={"n_estimators": 3}, balance=True)
    made = estimator(spec)
    assert made.estimator.n_estimators == 3
    assert made.estimator.class_weight == "balanced"
    assert len(score(made.fit(feature_frame(spec, learned(200)[0]), learned(200)[1]), spec, learned(9)[0])) == 9


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"estimator": "boosting"}, "model.estimator: found boosting, expected gradient_boosting, logistic"),
        ({"estimator": "nowhere_at_all:make"}, "found nowhere_at_all:make"),
        ({"estimator": "math:make"}, "found math:make"),
        ({"estimator": "builtins:str"}, "builtins:str returned str, expected a classifier"),
        ({"parameters": {"max_itr": 5}}, "model.parameters: found max_itr, expected parameters of HistGradientBoostingClassifier"),
        ({"estimator": "logistic", "parameters": {"depth": 5}}, "expected parameters of LogisticRegression"),
    ],
)
def test_what_cannot_be_used_as_written_is_told(words: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError, match=f"shop: .*{said}"):
        estimator(spec_of(**words))


def test_balance_needs_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = ModuleType("acme_models")
    mine.naive = lambda spec: GaussianNB()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "acme_models", mine)
    with pytest.raises(DeclarationError, match="model.balance: acme_models:naive has no class_weight"):
        estimator(spec_of(estimator="acme_models:naive", balance=True))
