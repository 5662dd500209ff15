"""A product as a value: checked, frozen, its tables in the order in which they can be computed."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from readiness_pipelines.contracts import Contract
from readiness_pipelines.declarations import words
from readiness_pipelines.declarations.model_spec import ModelSpec
from readiness_pipelines.declarations.monitors import Monitor
from readiness_pipelines.declarations.tables import Bronze, Gold, Silver


@dataclass(frozen=True)
class Product:
    """A checked product. `tables` stand in the order in which they can be computed."""

    declaration: words.ProductDeclaration
    folder: Path
    contract: Contract
    tables: tuple[Bronze | Silver | Gold, ...]
    monitors: tuple[Monitor, ...] = ()
    model: ModelSpec | None = None

    @property
    def name(self) -> str:
        return self.declaration.product

    @cached_property
    def by_name(self) -> Mapping[str, Bronze | Silver | Gold]:
        return {table.name: table for table in self.tables}

    @cached_property
    def made_from_scores(self) -> frozenset[str]:
        """The leaf names of the scored tables and of all that is made from these: none of them is due before a champion is."""
        found: set[str] = set()
        for table in self.tables:
            if (isinstance(table, Gold) and table.is_scored) or not found.isdisjoint(table.upstream):
                found.add(table.name)
        return frozenset(found)

    @property
    def last_due(self) -> datetime.date | None:
        """The last day on which any feed is due, or None when one of them has no end."""
        ends = [t.feed.last_due for t in self.tables if isinstance(t, Bronze)]
        return None if None in ends else max(e for e in ends if e is not None)
