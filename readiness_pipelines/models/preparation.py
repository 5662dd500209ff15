"""The parts of a model that scikit-learn has not. Imports it at once: import this only where a model is made or opened."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, StratifiedKFold
from threadpoolctl import ThreadpoolController

from readiness_pipelines.errors import Refused

FOLDS = 3  # as in Platt (1999); each costs one more training
RARE = "(rare)"  # a category of this very name counts as rare
_SURE = 1e-7  # a score counts as no nearer to 0 or 1 than this: its logit is finite


class InRange(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Keep every number within what training has seen: what lies beyond counts as the nearest end.

    Takes and returns numbers, columns as they come. Missing stays missing; but a column without any value in training is 0 for
    every row, also where values come later: nothing was learned from it.
    """

    def fit(self, X: Any, y: Any = None) -> InRange:
        values = np.asarray(X, dtype=np.float64)
        missing = np.isnan(values)
        self.n_features_in_ = values.shape[1]
        self.empty_ = missing.all(axis=0)
        self.low_ = np.where(self.empty_, 0.0, np.where(missing, np.inf, values).min(axis=0))
        self.high_ = np.where(self.empty_, 0.0, np.where(missing, -np.inf, values).max(axis=0))
        return self

    def transform(self, X: Any) -> Any:
        values = np.clip(np.asarray(X, dtype=np.float64), self.low_, self.high_)
        values[:, self.empty_] = 0.0
        return values


class Frequent(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Keep the categories that at least `least` rows of training have, the `most` frequent of them; all others are `RARE`.

    What is rare is not remembered, so a model holds no value that few rows have; what is new later is as rare. Of equally
    frequent ones the first by name are kept. Missing stays missing. Takes a frame of text, returns an array of it.
    """

    def __init__(self, least: int = 10, most: int = 200) -> None:
        self.least = least
        self.most = most

    def fit(self, X: Any, y: Any = None) -> Frequent:
        self.n_features_in_ = X.shape[1]
        self.kept_ = [self._kept(X.iloc[:, each]) for each in range(X.shape[1])]
        return self

    def transform(self, X: Any) -> Any:
        columns = [X.iloc[:, each].astype(object) for each in range(X.shape[1])]
        known = [column.isna() | column.isin(kept) for column, kept in zip(columns, self.kept_, strict=True)]
        return np.column_stack([column.where(is_known, RARE) for column, is_known in zip(columns, known, strict=True)])

    def _kept(self, column: Any) -> list[str]:
        rows = column.value_counts()
        frequent = [(-count, name) for name, count in rows.items() if count >= self.least]
        return sorted(str(name) for _, name in sorted(frequent)[: self.most])


class Decider(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier whose scores are probabilities, and which predicts the positive class from `decide_at_` (inclusive) on.

    Where nothing says what a score means or from which one to predict, the scores of rows that were not trained on do: those of
    three folds, no group in two of them (no `groups`: rows in order, the classes shared out). With `recalibrate`, the logit of
    a score is scaled and shifted by a logistic regression on them (Cox 1958), with Platt's (1999) targets, so that
    separable classes have finite scores too. Without `decide_at`, as many of them are predicted positive as are.

    Raises Refused where a class is too rare, or has too few groups, for that.
    """

    def __init__(self, estimator: Any, decide_at: float | None = None, recalibrate: bool = False) -> None:
        self.estimator = estimator
        self.decide_at = decide_at
        self.recalibrate = recalibrate

    def fit(self, X: Any, y: Any, groups: Any = None) -> Decider:
        labels = np.asarray(y, dtype=bool)
        self.classes_, self.feature_names_in_ = np.array([False, True]), np.asarray(X.columns, dtype=object)
        self.slope_, self.intercept_ = 1.0, 0.0
        with _one_thread():
            unseen = self._unseen(X, labels, groups) if self.recalibrate or self.decide_at is None else None
            if self.recalibrate:
                self.slope_, self.intercept_ = _calibration(_logit(unseen), labels)
            self.estimator_ = clone(self.estimator).fit(X, labels)
        self.decide_at_ = float(_as_many(self._meant(unseen), labels) if self.decide_at is None else self.decide_at)
        return self

    def predict_proba(self, X: Any) -> Any:
        with _one_thread():
            positive = self._meant(_positive(self.estimator_, X))
        return np.column_stack([1.0 - positive, positive])

    def predict(self, X: Any) -> Any:
        return self.predict_proba(X)[:, 1] >= self.decide_at_

    def _unseen(self, X: Any, labels: Any, groups: Any) -> Any:
        scores = np.empty(len(labels))
        for train, rest in _folds(labels, groups):
            scores[rest] = _positive(clone(self.estimator).fit(X.iloc[train], labels[train]), X.iloc[rest])
        return scores

    def _meant(self, scores: Any) -> Any:
        return 1 / (1 + np.exp(-(self.slope_ * _logit(scores) + self.intercept_))) if self.recalibrate else scores


def _one_thread() -> AbstractContextManager[Any]:
    """Let nothing inside compute in several threads.

    Their sums differ with their number, and in the last digits with their order; and where other processes are busy, threads that
    wait for each other at every tree take twenty times as long as one.
    """
    limited: AbstractContextManager[Any] = _threads().limit(limits=1)
    return limited


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()  # looks for the libraries once: that takes as long as many rows


def _positive(fitted: Any, X: Any) -> Any:
    return fitted.predict_proba(X)[:, list(fitted.classes_).index(True)]


def _logit(scores: Any) -> Any:
    clipped = np.clip(scores, _SURE, 1 - _SURE)
    return np.log(clipped / (1 - clipped))


def _folds(labels: Any, groups: Any) -> list[tuple[Any, Any]]:
    rarer = min(labels.sum(), (~labels).sum())
    apart = np.inf if groups is None else len(set(groups))
    if rarer < FOLDS or apart < FOLDS:
        found = f"{rarer} rows of one class" if rarer < FOLDS else f"{apart} groups"
        raise Refused(f"found {found} to train on, expected at least {FOLDS}: scores of rows that were not trained on need them")
    split = StratifiedKFold(FOLDS) if groups is None else GroupKFold(FOLDS)
    folds = list(split.split(np.zeros(len(labels)), labels, groups))
    if any(len(set(labels[train])) < 2 for train, _ in folds):
        raise Refused("found all rows of one class in the same few groups, expected them among at least three: train on more days")
    return folds


def _calibration(logits: Any, labels: Any) -> tuple[float, float]:
    """Return slope and intercept of the logistic regression of the labels on the logits, with Platt's targets."""
    positives = labels.sum()
    negatives = len(labels) - positives
    target = np.where(labels, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    twice = np.concatenate([logits, logits]).reshape(-1, 1)
    classes = np.repeat([True, False], len(labels))
    fitted = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000).fit(
        twice, classes, sample_weight=np.concatenate([target, 1 - target])
    )
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


def _as_many(scores: Any, labels: Any) -> float:
    """Return the score from which on as many rows are, as nearly as ties allow, as are positive."""
    positives = int(labels.sum())
    least = np.sort(scores)[len(scores) - positives]
    with_ties, without = (scores >= least).sum(), (scores > least).sum()
    return float(np.nextafter(least, np.inf) if positives - without < with_ties - positives else least)
