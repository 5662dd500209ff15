"""What a champion may score by itself: every partition but those that it was trained on."""

from __future__ import annotations

from dataclasses import dataclass

from readiness_pipelines.declarations import Gold, Product, TableDeclaration
from readiness_pipelines.flow import ModelVersion
from readiness_pipelines.lakehouse import Lakehouse


@dataclass(frozen=True)
class Champion:
    """The product's champion, None before there is one, and the partitions of the model's table that it was trained on."""

    model: ModelVersion | None
    trained_on: frozenset[str] = frozenset()

    @classmethod
    def of(cls, lake: Lakehouse, product: Product) -> Champion:
        """Return what the ledger says now."""
        model = lake.ledger.models.champion(product.name) if product.model is not None else None
        trained = lake.ledger.models.training_set(product.name, model.training_set) if model is not None else None
        return cls(model, frozenset(trained.trained_on) if trained is not None else frozenset())

    def may_score(self, partition: str) -> ModelVersion | None:
        """Return the champion if it may score this partition by itself: it has seen the labels of rows that it was trained on."""
        return self.model if partition not in self.trained_on else None


def is_scored(table: TableDeclaration) -> bool:
    """Return whether the table's SELECT finds scores."""
    return isinstance(table, Gold) and table.is_scored
