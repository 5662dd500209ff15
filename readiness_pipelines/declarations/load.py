"""From a product's folder to a `Product`: every file read once, everything checked together, all problems told at once."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pydantic

from readiness_pipelines import located
from readiness_pipelines.contracts import Contract, Table, load_contract
from readiness_pipelines.declarations import product as words
from readiness_pipelines.declarations import sql as models
from readiness_pipelines.declarations.alerts import address_problems
from readiness_pipelines.errors import DeclarationError
from readiness_pipelines.flow import digest
from readiness_pipelines.gates import Suite, load_suite

Layer = Literal["bronze", "silver", "gold"]


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
        """The tables it reads, by leaf name, and how."""
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
        return [self.feed.delivery, self.feed.delimiter, self.feed.encoding]


@dataclass(frozen=True)
class Silver(TableDeclaration):
    source: str = field(kw_only=True)
    sql: str = field(kw_only=True)
    sql_path: Path = field(kw_only=True)
    deduplicate: words.Deduplicate | None = field(kw_only=True, default=None)
    drop_where: tuple[words.DropWhere, ...] = field(kw_only=True, default=())

    @property
    def upstream(self) -> Mapping[str, words.Input]:
        return {self.source: words.Input()}

    def _logic(self) -> Any:
        dedupe = self.deduplicate.model_dump() if self.deduplicate else None
        return [self.sql, dedupe, [d.model_dump() for d in self.drop_where]]


@dataclass(frozen=True)
class Gold(TableDeclaration):
    key: tuple[str, ...] = field(kw_only=True)
    inputs: Mapping[str, words.Input] = field(kw_only=True)
    sql: str = field(kw_only=True)
    sql_path: Path = field(kw_only=True)
    drop_where: tuple[words.DropWhere, ...] = field(kw_only=True, default=())

    @property
    def upstream(self) -> Mapping[str, words.Input]:
        return self.inputs

    @property
    def carries_source_row_id(self) -> bool:
        return "source_row_id" in models.output_columns(models.parse(self.sql))

    def _logic(self) -> Any:
        inputs = {name: given.model_dump() for name, given in self.inputs.items()}
        return [self.sql, list(self.key), inputs, [d.model_dump() for d in self.drop_where]]


@dataclass(frozen=True)
class Product:
    """A checked product. `tables` stand in the order in which they can be computed."""

    declaration: words.ProductDeclaration
    folder: Path
    contract: Contract
    tables: tuple[Bronze | Silver | Gold, ...]

    @property
    def name(self) -> str:
        return self.declaration.product

    @cached_property
    def by_name(self) -> Mapping[str, Bronze | Silver | Gold]:
        return {table.name: table for table in self.tables}

    @property
    def last_due(self) -> datetime.date | None:
        """The last day on which any feed is due, or None when one of them has no end."""
        ends = [t.feed.last_due for t in self.tables if isinstance(t, Bronze)]
        return None if None in ends else max(e for e in ends if e is not None)


def load_product(folder: Path, declaration: words.ProductDeclaration | None = None) -> Product:
    """Return the product declared in `folder`. Raises DeclarationError with one `path:line: where: ...` per problem.

    `declaration` is given where somebody (Dagster) has read defs.yaml already; files and lines are looked up all the same.
    """
    document = located.read(folder / "defs.yaml")
    if declaration is None:
        declaration = _declaration(document)
    contract = load_contract(folder / declaration.contract)
    suites = _suite_folder(folder, declaration)
    problems: list[str] = []
    tables: list[Bronze | Silver | Gold] = []
    for layer in ("bronze", "silver", "gold"):
        for i, raw in enumerate(getattr(declaration, layer)):
            where = ["attributes", layer, i]
            if raw.name in {t.name for t in tables}:
                problems.append(document.problem([*where, "name"], f"found {raw.name!r} twice, expected one table per name"))
                continue
            try:
                tables.append(_table(document, where, declaration, contract, suites, layer, raw, tables))
            except DeclarationError as error:
                problems += error.problems
    problems += _kpi_problems(document, declaration, tables)
    for i, problem in address_problems(declaration.alerts.to, owner=contract.owner):
        problems.append(document.problem(["attributes", "alerts", "to", i], problem))
    if problems:
        raise DeclarationError(problems)
    return Product(declaration, folder, contract, tuple(tables))


def _declaration(document: located.Document) -> words.ProductDeclaration:
    data = document.data if isinstance(document.data, dict) else {}
    try:
        return words.ProductDeclaration.model_validate(data.get("attributes"))
    except pydantic.ValidationError as error:
        problems = []
        for e in error.errors():
            where = ["attributes", *e["loc"]]
            found = "" if e["type"] in ("missing", "extra_forbidden") else f" (found {str(e['input'])[:60]!r})"
            problems.append(document.problem(where, f"{e['msg']}{found}"))
        raise DeclarationError(problems) from error


def _suite_folder(folder: Path, declaration: words.ProductDeclaration) -> Path:
    if declaration.suites:
        return folder / declaration.suites
    beside = [parent / "quality_suites" / declaration.product for parent in folder.absolute().parents]
    return next((path for path in beside if path.is_dir()), beside[0])


def _table(
    document: located.Document,
    where: list[str | int],
    declaration: words.ProductDeclaration,
    contract: Contract,
    suites: Path,
    layer: Layer,
    raw: Any,
    earlier: Sequence[TableDeclaration],
) -> Bronze | Silver | Gold:
    table = contract.tables.get(raw.name)
    if table is None:
        raise DeclarationError([document.problem([*where, "name"], f"{raw.name!r} is no table of {contract.path.name}")])
    suite = load_suite(suites / f"{layer}_{raw.name}.yaml")
    common = (declaration.product, layer, raw.name, table, suite, contract.version)
    if isinstance(raw, words.BronzeTable):
        return Bronze(*common, feed=raw.feed)
    path = document.path.parent / raw.sql
    if not path.is_file():
        raise DeclarationError([document.problem([*where, "sql"], f"found no file {raw.sql}, expected a SELECT in it")])
    text = path.read_text(encoding="utf-8")
    built = _silver(common, raw, text, path) if isinstance(raw, words.SilverTable) else _gold(common, raw, text, path)
    problems = [f"{path}:1: {raw.name}: {p}" for p in _sql_problems(built)]
    known = {t.name: t.layer for t in earlier if t.layer != "gold" or layer == "gold"}
    problems += [
        document.problem([*where, "from" if layer == "silver" else "inputs"], f"{name!r} is no table declared before this one")
        for name in built.upstream
        if name not in known
    ]
    if problems:
        raise DeclarationError(problems)
    return built


def _silver(common: tuple[Any, ...], raw: words.SilverTable, text: str, path: Path) -> Silver:
    return Silver(*common, source=raw.from_, sql=text, sql_path=path, deduplicate=raw.deduplicate, drop_where=tuple(raw.drop_where))


def _gold(common: tuple[Any, ...], raw: words.GoldTable, text: str, path: Path) -> Gold:
    return Gold(*common, key=tuple(raw.key), inputs=raw.inputs, sql=text, sql_path=path, drop_where=tuple(raw.drop_where))


def _sql_problems(table: Silver | Gold) -> Iterator[str]:
    try:
        statement = models.parse(table.sql)
    except ValueError as error:
        yield str(error)
        return
    if isinstance(table, Silver):
        yield from models.row_map_problems(statement, table.source)
    else:
        yield from models.select_problems(statement, table.inputs)
    declared = {c.name for c in table.table.columns}
    given = models.output_columns(statement)
    if "*" in given:
        yield "found *, expected every column by name, so that the contract and the SQL can be compared"
        return
    for name in sorted(declared - set(given)):
        yield f"gives no column {name!r}, which the contract declares"
    for name in sorted(set(given) - declared - {"source_row_id"}):
        yield f"gives a column {name!r}, which the contract does not declare"
    keys = table.key if isinstance(table, Gold) else tuple(table.deduplicate.by if table.deduplicate else ())
    for name in sorted(set(keys) - declared):
        yield f"is keyed by {name!r}, which the contract does not declare"


def _kpi_problems(
    document: located.Document, declaration: words.ProductDeclaration, tables: Sequence[TableDeclaration]
) -> Iterator[str]:
    table = next((t for t in tables if t.name == declaration.kpi.table), None)
    if table is None:
        yield document.problem(["attributes", "kpi", "table"], f"{declaration.kpi.table!r} is no table of this product")
    elif declaration.kpi.column not in {c.name for c in table.table.columns}:
        yield document.problem(["attributes", "kpi", "column"], f"{declaration.kpi.column!r} is no column of {table.name}")
