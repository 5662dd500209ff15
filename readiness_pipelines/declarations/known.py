"""A declared table as far as it is understood, for whoever speaks of its columns: monitors, and the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from readiness_pipelines.contracts import Column, Reading
from readiness_pipelines.declarations import words
from readiness_pipelines.declarations.matching import Matching
from readiness_pipelines.declarations.shape import Layer, Shape
from readiness_pipelines.declarations.sql_models import Visible


@dataclass(frozen=True)
class KnownTable:
    """The contract's columns by name, and what names a row."""

    name: str
    columns: Mapping[str, Column]
    key: tuple[str, ...]

    def type(self, column: str) -> str:
        return self.columns[column].type


def known_table(name: str, shape: Shape, found: Matching, contract: Reading | None, visible: Visible) -> KnownTable | None:
    """Return the table that everybody else knows by this name, None where it is not understood."""
    for entry in shape.entries:
        if found.meant.get(entry.where) == name:
            table = contract.tables.get(found.contracted.get(entry.where, "")) if contract is not None else None
            if table is None or entry.words is None:
                return None
            key = tuple(entry.words.key) if isinstance(entry.words, words.GoldTable) else table.key
            # A column that contract and SQL spell differently is told there: here it is known by both names.
            spelt = {n: Column(n, t, False, "", "") for n, t in visible.declared.get(name, {}).items()}
            return KnownTable(name, spelt | {c.name: c for c in table.columns}, key)
    return None


def layers_of(shape: Shape, found: Matching) -> Mapping[str, Layer]:
    """Return the layer of each table, by the name that everybody else knows it by."""
    return {found.meant[e.where]: e.layer for e in shape.entries if e.where in found.meant}
