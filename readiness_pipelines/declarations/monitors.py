"""Monitors as the rest of the package sees them: their table, their columns with type and role, all defaults filled in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from readiness_pipelines.contracts import Column
from readiness_pipelines.declarations.drift import DriftMonitor, MonitoredColumn
from readiness_pipelines.declarations.tables import Bronze, Gold, Silver
from readiness_pipelines.flow import Kind, digest

_NUMBERS = ("BIGINT", "DOUBLE", "DECIMAL")
_TIMES = ("DATE", "TIMESTAMPTZ")


@dataclass(frozen=True)
class Watched:
    """One column of a monitor. `is_public`: its values, such as extremes and names of categories, may be told."""

    name: str
    kind: Literal["number", "category"]
    role: Kind
    is_public: bool


@dataclass(frozen=True)
class Monitor:
    """One declared monitor. `name` is unique in the product."""

    product: str
    name: str
    table: Bronze | Silver | Gold
    columns: tuple[Watched, ...]
    words: DriftMonitor

    @property
    def measuring(self) -> str:
        """A digest of what the numbers depend on besides the versions: reference, columns, roles, window. Not the thresholds."""
        said = self.words
        columns = [(c.name, c.kind, c.role) for c in self.columns]
        roles = [said.score, said.prediction, said.label, said.positive, said.groups]
        reference = said.reference if isinstance(said.reference, str) else said.reference.model_dump(mode="json")
        return digest(self.product, self.name, self.table.full_name, columns, roles, reference, said.window.model_dump())


def monitor_of(product: str, said: DriftMonitor, table: Bronze | Silver | Gold) -> Monitor:
    """Return the monitor that these words declare over this table."""
    return Monitor(product, said.name or said.table, table, tuple(_watched(said, table)), said)


def is_watchable(column: Column) -> bool:
    """Return whether a column has a distribution that can be compared: days and times have none, they only grow."""
    return column.type not in _TIMES


def default_features(said: DriftMonitor, table: Bronze | Silver | Gold) -> list[str]:
    """Return every column but keys, days, times, PII and those that have another role."""
    keys = set(table.key) if isinstance(table, Gold) else set(table.table.key)
    other = {said.score, said.prediction, said.label}
    return [c.name for c in table.table.columns if c.name not in keys | other and c.classification != "PII" and is_watchable(c)]


def _watched(said: DriftMonitor, table: Bronze | Silver | Gold) -> Iterator[Watched]:
    features = default_features(said, table) if said.features is None else said.features
    roles = {name: Kind.DATA for name in features}
    roles |= {name: Kind.PREDICTION for name in (said.score, said.prediction) if name is not None}
    roles |= {said.label: Kind.LABEL} if said.label is not None else {}
    for name, role in roles.items():
        column = table.table.column(name)
        of_type: Literal["number", "category"] = "number" if column.type.startswith(_NUMBERS) else "category"
        usual = "category" if role is Kind.LABEL or name == said.prediction else of_type
        kind = said.columns.get(name, MonitoredColumn()).as_ or usual
        yield Watched(name, kind, role, column.classification == "public")
