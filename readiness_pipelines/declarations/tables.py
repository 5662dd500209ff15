"""The tables of a product as values: checked, frozen, each with all that its rows depend on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from readiness_pipelines.contracts import Table
from readiness_pipelines.declarations import sql as models
from readiness_pipelines.declarations import words
from readiness_pipelines.declarations.shape import Layer
from readiness_pipelines.flow import digest
from readiness_pipelines.gates import Suite


@dataclass(frozen=True)
class TableDeclaration:
    """One table of a product with all that its rows depend on. `full_name` is `<product>.<layer>.<name>`."""

    product: str
    layer: Layer
    name: str
    table: Table
    suite: Suite
    contract_version: str

    @property
    def full_name(self) -> str:
        return f"{self.product}.{self.layer}.{self.name}"

    @property
    def upstream(self) -> Mapping[str, words.Input]:
        """The tables that it reads, its rules included, by leaf name, and how."""
        return {}

    @property
    def fingerprint(self) -> str:
        """A digest of contract, suite and logic: with the input versions it makes the version key."""
        return digest(self.contract_version, self.table.fingerprint, self.suite.fingerprint, self._logic())

    def _logic(self) -> Any:
        return None


@dataclass(frozen=True)
class Bronze(TableDeclaration):
    feed: words.Feed = field(kw_only=True)

    def _logic(self) -> Any:
        feed = self.feed
        # Words that came later count where they say something else than before: a table read as ever keeps its versions.
        later = [word for word, usual in ((feed.form, "csv"), (feed.extra_columns, "hold")) if word != usual]
        return [feed.delivery, feed.delimiter, feed.encoding, *later]


@dataclass(frozen=True)
class Silver(TableDeclaration):
    source: str = field(kw_only=True)
    sql: str = field(kw_only=True)
    sql_path: Path = field(kw_only=True)
    deduplicate: words.Deduplicate | None = field(kw_only=True, default=None)
    drop_where: tuple[words.DropWhere, ...] = field(kw_only=True, default=())
    checked_against: Mapping[str, words.Input] = field(kw_only=True, default_factory=dict)

    @property
    def upstream(self) -> Mapping[str, words.Input]:
        return {self.source: words.Input(), **self.checked_against}

    def _logic(self) -> Any:
        dedupe = self.deduplicate.model_dump() if self.deduplicate else None
        return [self.sql, dedupe, [d.model_dump() for d in self.drop_where], *_said(self.checked_against)]


@dataclass(frozen=True)
class Gold(TableDeclaration):
    key: tuple[str, ...] = field(kw_only=True)
    inputs: Mapping[str, words.Input] = field(kw_only=True)
    sql: str = field(kw_only=True)
    sql_path: Path = field(kw_only=True)
    is_scored: bool = field(kw_only=True, default=False)
    drop_where: tuple[words.DropWhere, ...] = field(kw_only=True, default=())
    checked_against: Mapping[str, words.Input] = field(kw_only=True, default_factory=dict)

    @property
    def upstream(self) -> Mapping[str, words.Input]:
        return {**self.inputs, **self.checked_against}

    @property
    def carries_source_row_id(self) -> bool:
        return "source_row_id" in models.output_columns(models.parse(self.sql))

    def _logic(self) -> Any:
        inputs = {name: given.model_dump() for name, given in self.inputs.items()}
        later = [*_said(self.checked_against), *(["scored"] if self.is_scored else [])]
        return [self.sql, list(self.key), inputs, [d.model_dump() for d in self.drop_where], *later]


def _said(checked_against: Mapping[str, words.Input]) -> list[Any]:
    """A word that came later: a table without it keeps its versions."""
    return [{name: given.model_dump() for name, given in checked_against.items()}] if checked_against else []
