"""A product's model as the rest of the package sees it: its tables, its features with their kind, all defaults filled in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from readiness_pipelines.contracts import Column
from readiness_pipelines.declarations.model import ModelBlock
from readiness_pipelines.declarations.monitors import has_distribution, usual_kind
from readiness_pipelines.declarations.tables import Gold, Silver
from readiness_pipelines.flow import Tier, digest
from readiness_pipelines.gates.columns import quoted

# The columns that the rows of a training set have beside features, slices and protected ones, which must not be named so.
LAID_OUT = ("row_id", "partition_key", "part", "label", "time", "person", "baseline")


_MEANING = 1  # one more whenever the same versions and words give other rows, or other leaks: older ones are selected anew


@dataclass(frozen=True)
class Feature:
    """One column that the model sees."""

    name: str
    kind: Literal["number", "category"]

    @property
    def sql(self) -> str:
        """The cell as the model sees it, as SQL: a DOUBLE or a VARCHAR under the column's own name.

        One form for training and for scoring: a whole number that is a category is '1' in both, and never '1.0'.
        """
        return f"CAST({quoted(self.name)} AS {'DOUBLE' if self.kind == 'number' else 'VARCHAR'}) AS {quoted(self.name)}"


@dataclass(frozen=True)
class ModelSpec:
    """What a product's model is made from and must prove. `scored` is the table whose rows it scores, `labels` where labels are."""

    product: str
    scored: Silver | Gold
    labels: Silver | Gold
    features: tuple[Feature, ...]
    words: ModelBlock

    @property
    def tier(self) -> Tier:
        return self.words.tier

    @property
    def selection(self) -> str:
        """A digest of what says which rows are trained on and held out, what of them is seen, and what all this means."""
        said, label = self.words, self.words.label
        rows = [said.time, said.known_at, said.groups, said.train_days, said.holdout_days]
        features = [(each.name, each.kind) for each in self.features]
        beside = [sorted({*(s.column for s in said.slices), *(p.column for p in said.protected)}), said.baseline.sql]
        tables = [self.scored.full_name, self.labels.full_name]
        return digest(_MEANING, self.product, tables, label.model_dump(mode="json"), rows, features, beside)

    @property
    def question(self) -> str:
        """A digest of what is predicted of which rows, and from what: a model that was made for another one scores nothing here.

        Holdout, groups, slices and baseline are none of it: they say how a model is tried, and an older one may have been
        tried otherwise.
        """
        label = self.words.label
        tables = [self.scored.full_name, self.labels.full_name]
        features = sorted((each.name, each.kind) for each in self.features)
        return digest(self.product, tables, label.column, label.positive, label.by, features)

    @property
    def recipe(self) -> str:
        """A digest of how a model is made of a training set."""
        said = self.words
        return digest(said.estimator, said.parameters, said.balance, said.seed, said.decide_at)

    @property
    def demands(self) -> str:
        """A digest of what a model must prove, and who may promote it: of the promotion gate's suite."""
        told = {"metric", "at_least", "margin", "baseline", "limits", "slices", "protected", "risk_tier"}
        return digest(self.words.model_dump(mode="json", include=told))


def model_spec(product: str, said: ModelBlock, tables: dict[str, Silver | Gold]) -> ModelSpec:
    """Return the model that these words declare over these tables, by leaf name."""
    scored = tables[said.table]
    return ModelSpec(product, scored, tables[said.label.table], tuple(_features(said, scored)), said)


def usual_features(said: ModelBlock, columns: Sequence[Column], key: Sequence[str]) -> list[str]:
    """Return what a model of a table with these columns and this key learns from, where it does not say."""
    other = {*key, *said.groups, *said.label.by, said.time, said.known_at}
    if said.label.table == said.table:
        other.add(said.label.column)
    return [c.name for c in columns if c.name not in other and c.classification != "PII" and has_distribution(c.type)]


def _features(said: ModelBlock, table: Silver | Gold) -> list[Feature]:
    key = table.key if isinstance(table, Gold) else table.table.key
    names = usual_features(said, table.table.columns, key) if said.features is None else said.features
    types = {c.name: c.type for c in table.table.columns}
    return [Feature(name, said.columns.get(name) or usual_kind(types[name])) for name in names]
