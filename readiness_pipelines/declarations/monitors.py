"""Monitors as the rest of the package sees them: their table, their columns with type and role, all defaults filled in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from readiness_pipelines.contracts import Column
from readiness_pipelines.declarations.drift import DriftMonitor, MonitoredColumn
from readiness_pipelines.declarations.tables import Bronze, Gold, Silver
from readiness_pipelines.flow import Kind, Test, digest

_NUMBERS = ("BIGINT", "DOUBLE", "DECIMAL")
TIMES = ("DATE", "TIMESTAMPTZ")
_CLASSES = ("VARCHAR", "BIGINT", "BOOLEAN")


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
        """A digest of what the numbers depend on besides the versions: reference, columns, what of them may be told, roles, window.

        Not the thresholds.
        """
        said = self.words
        columns = [(c.name, c.kind, c.role, c.is_public) for c in self.columns]
        roles = [said.score, said.prediction, said.label, said.positive, said.groups]
        reference = said.reference if isinstance(said.reference, str) else said.reference.model_dump(mode="json")
        return digest(self.product, self.name, self.table.full_name, columns, roles, reference, said.window.model_dump())


def monitor_of(product: str, said: DriftMonitor, table: Bronze | Silver | Gold) -> Monitor:
    """Return the monitor that these words declare over this table."""
    key = table.key if isinstance(table, Gold) else table.table.key
    return Monitor(product, said.name or said.table, table, tuple(watched(said, table.table.columns, key)), said)


def watched(said: DriftMonitor, columns: Sequence[Column], key: Sequence[str]) -> Iterator[Watched]:
    """Yield what is watched of a table with these columns and this key: features, then score, prediction and label."""
    roles = dict.fromkeys(default_features(said, columns, key) if said.features is None else said.features, Kind.DATA)
    roles |= {name: Kind.PREDICTION for name in (said.score, said.prediction) if name is not None}
    roles |= {said.label: Kind.LABEL} if said.label is not None else {}
    by_name = {column.name: column for column in columns}
    for name, role in roles.items():
        usual = "category" if role is Kind.LABEL or name == said.prediction else usual_kind(by_name[name].type)
        kind = said.columns.get(name, MonitoredColumn()).as_ or usual
        yield Watched(name, kind, role, by_name[name].classification == "public")


def default_features(said: DriftMonitor, columns: Sequence[Column], key: Sequence[str]) -> list[str]:
    """Return every column but keys, days, times, PII and those that have another role."""
    other = {*key, said.score, said.prediction, said.label}
    return [c.name for c in columns if c.name not in other and c.classification != "PII" and has_distribution(c.type)]


def usual_kind(type_: str) -> Literal["number", "category"]:
    """Return what a column of this type is watched as, where nothing else is said."""
    return "number" if type_.startswith(_NUMBERS) else "category"


def has_distribution(type_: str) -> bool:
    """Return whether a column of this type has a distribution that can be compared: days and times only grow."""
    return type_ not in TIMES


def can_be_class(type_: str) -> bool:
    """Return whether a column of this type can hold classes: text, whole numbers, true and false."""
    return type_ in _CLASSES


def tests_of(column: Watched) -> tuple[Test, ...]:
    """Return the tests that a watched column can have. A label without a value is not known yet, and is not missing."""
    tests = (Test.KS, Test.PSI, Test.NULLS) if column.kind == "number" else (Test.PSI, Test.NULLS, Test.UNSEEN)
    return tuple(test for test in tests if test is not Test.NULLS or column.role is not Kind.LABEL)
