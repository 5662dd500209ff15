"""From a product's folder to a `Product`: every file read once, everything checked together, all problems told at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from readiness_pipelines.contracts import Contract, Reading, Table, read_contract
from readiness_pipelines.declarations import words
from readiness_pipelines.declarations.across import elsewhere_problem
from readiness_pipelines.declarations.alerts import address_problems
from readiness_pipelines.declarations.binding import Binder, near_column
from readiness_pipelines.declarations.drift_problems import drift_problems
from readiness_pipelines.declarations.feeds import feed_problems
from readiness_pipelines.declarations.kinds import is_name
from readiness_pipelines.declarations.matching import Matching, match
from readiness_pipelines.declarations.model_problems import model_block_problems, model_table
from readiness_pipelines.declarations.model_spec import model_spec
from readiness_pipelines.declarations.monitors import monitor_of
from readiness_pipelines.declarations.product import Product
from readiness_pipelines.declarations.shape import Entry, Shape, read_shape
from readiness_pipelines.declarations.sql import Model
from readiness_pipelines.declarations.sql_models import IDENTITY, Visible, drop_problems, model_problems, read_sql, scored_problems
from readiness_pipelines.declarations.suites import pair_files, rule_problem, suite_files, suite_folder
from readiness_pipelines.declarations.tables import Bronze, Gold, Silver
from readiness_pipelines.declarations.upstream import Upstreams, repeated
from readiness_pipelines.errors import DeclarationError
from readiness_pipelines.gates import Suite, read_suite
from readiness_pipelines.gates.typed import as_typed


def load_product(folder: Path, *, any_type: bool = False) -> Product:
    """Return the product declared in `folder`. Raises DeclarationError with one `path:line: where: found, expected` per
    mistake in any of its files.

    `any_type`: whoever asks (Dagster) has made sense of the component's `type` already, which may be a subclass.
    """
    loading = _Loading(folder)
    try:
        product = loading.load(any_type=any_type)
    finally:
        loading.binder.close()
    if product is None:
        raise DeclarationError(list(dict.fromkeys(loading.problems)))
    return product


class _Loading:
    """One reading of one product. What is not understood is told once, and whatever rests on it is not judged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[str] = []
        self.binder = Binder()
        self.visible = Visible()
        self.suites: dict[str, Suite] = {}
        self.sql: dict[tuple[str | int, ...], tuple[str, Path]] = {}
        self.named: dict[str, list[str] | None] = {}  # by table, those that its rules may name; None: not understood

    def load(self, *, any_type: bool) -> Product | None:
        try:
            shape = read_shape(self.folder / "defs.yaml", any_type=any_type)
        except DeclarationError as error:
            self.problems += error.problems
            self._contract(None)
            return None
        self.problems += shape.problems
        contract = self._contract(shape)
        place = self._suite_place(shape)
        files = suite_files(place)
        found = match(shape, contract, with_suite=[Path(name).stem for name in files])
        self.problems += found.problems
        paths = self._suite_paths(shape, found, place, files)
        partitions = shape.shaped("partitions", words.Partitions)
        upstreams = Upstreams(shape, found.meant)
        for entry in shape.entries:
            name, table = (
                found.meant.get(entry.where),
                contract.tables.get(found.contracted.get(entry.where, "")) if contract else None,
            )
            self._entry(shape, entry, name, table, partitions, upstreams)
            suite_name = f"{entry.layer}_{name}"
            if name is not None and suite_name in paths:
                self._suite(suite_name, paths[suite_name], name, partitions)
        self.problems += _kpi_problems(shape, found, self.visible)
        self.problems += _alert_problems(shape, contract)
        self.problems += _subject_problems(found, contract)
        self.problems += drift_problems(shape, found, contract, self.visible, partitions)
        self.problems += model_block_problems(shape, found, contract, self.visible, self.binder)
        if self.problems or shape.declaration is None or contract is None or contract.contract is None:
            return None
        return self._product(shape.declaration, contract.contract)

    def _contract(self, shape: Shape | None) -> Reading | None:
        given = shape.attribute("contract") if shape is not None else None
        path = self.folder / (given if isinstance(given, str) else "contract.yaml")
        if shape is not None and isinstance(given, str) and not path.is_file():
            message = f"found no file {given}, expected an ODCS contract in it"
            self.problems.append(shape.document.problem(["attributes", "contract"], message))
            return None
        try:
            reading = read_contract(path)
        except DeclarationError as error:
            self.problems += error.problems
            return None
        self.problems += reading.problems
        return reading

    def _suite_place(self, shape: Shape) -> Path | None:
        given, product = shape.attribute("suites"), shape.attribute("product")
        if not isinstance(product, str) or not isinstance(given, str | None) or not is_name(product):
            return None  # told already
        place = suite_folder(self.folder, product, given)
        if place is None and given is not None:
            self.problems.append(
                shape.document.problem(["attributes", "suites"], f"found no folder {given}, expected suites in it")
            )
        elif place is None:
            message = f"found no folder quality_suites/{product} beside or above the product, expected one suite per table in it"
            self.problems.append(shape.document.problem(["attributes", "product"], message))
        return place

    def _suite_paths(self, shape: Shape, found: Matching, place: Path | None, files: Mapping[str, Path]) -> dict[str, Path]:
        if place is None:
            return {}
        wanted = [f"{e.layer}_{found.meant[e.where]}" for e in shape.entries if e.where in found.meant]
        paths, problems = pair_files(place, files, list(dict.fromkeys(wanted)), all_known=shape.names_every_table)
        self.problems += problems
        return paths

    def _entry(
        self,
        shape: Shape,
        entry: Entry,
        name: str | None,
        table: Table | None,
        partitions: words.Partitions | None,
        upstreams: Upstreams,
    ) -> None:
        raw, document = entry.words, shape.document
        model = None
        if isinstance(raw, words.BronzeTable):
            for key, message in feed_problems(raw.feed, partitions):
                self.problems.append(document.problem([*entry.where, "feed", key], message))
        elif raw is not None:
            reads = upstreams.resolve(entry, raw, self.problems)
            checked_against = upstreams.checked_against(entry, raw, reads, self.problems)
            if name is not None:
                self.named[name] = [*reads, *checked_against] if reads is not None and checked_against is not None else None
            model = self._model(shape, entry, raw, table, reads)
        if name is not None and table is not None:
            self.visible.add(name, entry.layer, table, model)
            declared = self.visible.declared[name]
            self.problems += _column_problems(shape, entry, raw, list(declared))
            if isinstance(raw, words.SilverTable | words.GoldTable):
                seen = IDENTITY | declared
                for i, key, message in drop_problems(raw.drop_where, seen, self.binder):
                    self.problems.append(document.problem([*entry.where, "drop_where", i, key], message))
        upstreams.declare(entry)

    def _model(
        self, shape: Shape, entry: Entry, raw: words.SilverTable | words.GoldTable, table: Table | None, reads: list[str] | None
    ) -> Model | None:
        path = self.folder / raw.sql
        if not path.is_file():
            message = f"found no file {raw.sql}, expected a SELECT in it"
            self.problems.append(shape.document.problem([*entry.where, "sql"], message))
            return None
        try:
            text, model, problems = read_sql(path)
        except DeclarationError as error:
            self.problems += error.problems
            return None
        self.problems += problems
        self.sql[entry.where] = (text, path)
        visible = self._seen_by(shape, raw)
        if model is not None and visible is not None:
            found = [*model_problems(model, layer=entry.layer, reads=reads, table=table, visible=visible, binder=self.binder)]
            if isinstance(raw, words.GoldTable) and raw.scored and visible.tables:
                found = found or [*scored_problems(model)]
            self.problems += [f"{path}:{p.line}: {entry.name}: {' '.join(p.message.split())}" for p in found]
        return model

    def _seen_by(self, shape: Shape, raw: words.SilverTable | words.GoldTable) -> Visible | None:
        """Return the tables as this one sees them; no columns where its scores are of a table that is not understood.

        None where that is none of its inputs: what its SQL reads is the same mistake.
        """
        if not isinstance(raw, words.GoldTable) or not raw.scored:
            return self.visible
        name = model_table(shape)
        if name not in self.visible.tables:
            return Visible()
        return self.visible.scored(name) if name in raw.inputs else None

    def _suite(self, name: str, path: Path, table: str, partitions: words.Partitions | None) -> None:
        try:
            reading = read_suite(path)
        except DeclarationError as error:
            self.problems += error.problems
            return
        self.problems += reading.problems
        types, named = self.visible.tables.get(table), self.named.get(table, [])
        rules = reading.suite.rules if types is None else tuple(as_typed(rule, types) for rule in reading.suite.rules)
        self.suites[name] = dataclasses.replace(reading.suite, rules=rules)
        others = None if named is None else {n: self.visible.tables[n] for n in named if n in self.visible.tables}
        for rule in rules if types is not None else ():
            problem = rule_problem(rule, types or {}, self.binder)
            if problem is None and others is not None and len(others) == len(named or ()):
                every = partitions.every if partitions is not None else None
                problem = elsewhere_problem(rule, self.visible.declared[table], others, self.binder, every=every)
            if problem:
                where, message = problem
                self.problems.append(reading.document.problem(["expectations", reading.places[rule.name], *where], message))

    def _product(self, declaration: words.ProductDeclaration, contract: Contract) -> Product:
        tables: list[Bronze | Silver | Gold] = []
        for layer in ("bronze", "silver", "gold"):
            for i, raw in enumerate(getattr(declaration, layer)):
                common = (declaration.product, layer, raw.name, contract.tables[raw.name], self.suites[f"{layer}_{raw.name}"])
                tables.append(_table((*common, contract.version), raw, *self.sql.get(("attributes", layer, i), ("", Path()))))
        by_name = {table.name: table for table in tables}
        monitors = tuple(monitor_of(declaration.product, said, by_name[said.table]) for said in declaration.drift)
        made = {name: table for name, table in by_name.items() if isinstance(table, Silver | Gold)}
        model = model_spec(declaration.product, declaration.model, made) if declaration.model is not None else None
        return Product(declaration, self.folder, contract, tuple(tables), monitors, model)


def _table(common: tuple[Any, ...], raw: Any, sql: str, path: Path) -> Bronze | Silver | Gold:
    if isinstance(raw, words.BronzeTable):
        return Bronze(*common, feed=raw.feed)
    drops = tuple(raw.drop_where)
    if isinstance(raw, words.SilverTable):
        return Silver(
            *common,
            source=raw.from_,
            sql=sql,
            sql_path=path,
            deduplicate=raw.deduplicate,
            drop_where=drops,
            checked_against=raw.checked_against,
        )
    return Gold(
        *common,
        key=tuple(raw.key),
        inputs=raw.inputs,
        sql=sql,
        sql_path=path,
        is_scored=raw.scored,
        drop_where=drops,
        checked_against=raw.checked_against,
    )


def _column_problems(shape: Shape, entry: Entry, raw: Any, declared: Sequence[str]) -> Iterator[str]:
    """Yield columns of key and deduplicate that the contract does not declare, or that are named twice."""
    named = {"key": raw.key} if isinstance(raw, words.GoldTable) else {}
    if isinstance(raw, words.SilverTable) and raw.deduplicate:
        named = {"deduplicate": raw.deduplicate.by}
    for key, columns in named.items():
        where = [*entry.where, key, *(["by"] if key == "deduplicate" else [])]
        for i, column in enumerate(columns):
            if column not in declared:
                yield shape.document.problem([*where, i], near_column(column, declared))
            elif repeated(columns, i):
                yield shape.document.problem([*where, i], f"found {column!r} twice, expected it once")


def _subject_problems(found: Matching, contract: Reading | None) -> Iterator[str]:
    """A subject is declared where records are delivered: from there on nobody looks for it again."""
    for where, name in found.contracted.items():
        table = contract.tables.get(name) if contract is not None else None
        if contract is not None and table is not None and table.subject is not None and where[1] != "bronze":
            message = f"found the subject of a {where[1]} table, expected it in the bronze table whose records it is made from"
            yield contract.document.problem([*contract.names[name], "customProperties"], message)


def _alert_problems(shape: Shape, contract: Reading | None) -> Iterator[str]:
    alerts = shape.shaped("alerts", words.Alerts)
    owner = contract.contract.owner if contract is not None and contract.contract is not None else "owner@example.com"
    for i, message in address_problems(alerts.to, owner=owner) if alerts is not None else ():
        yield shape.document.problem(["attributes", "alerts", "to", i], message)


def _kpi_problems(shape: Shape, found: Matching, visible: Visible) -> Iterator[str]:
    kpi = shape.shaped("kpi", words.Kpi)
    if kpi is None:
        return
    places = {name: where for where, name in found.meant.items()}
    gold = [name for name, where in places.items() if where[1] == "gold"]
    if kpi.table in places and kpi.table not in gold:
        message = f"found {kpi.table!r}, a {places[kpi.table][1]} table, expected a gold one: {', '.join(gold[:8])}"
        yield shape.document.problem(["attributes", "kpi", "table"], message)
    elif kpi.table not in places and shape.names_every_table:
        yield shape.document.problem(["attributes", "kpi", "table"], near_column(kpi.table, gold).replace("columns", "gold tables"))
    elif kpi.table in visible.declared and kpi.column not in visible.declared[kpi.table]:
        message = near_column(kpi.column, list(visible.declared[kpi.table]))
        yield shape.document.problem(["attributes", "kpi", "column"], message)
