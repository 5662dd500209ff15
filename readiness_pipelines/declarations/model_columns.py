"""What a model says of its tables' columns: are they there, in one role each, of types that the role can have?"""

from __future__ import annotations

from collections.abc import Iterator

from readiness_pipelines.declarations.binding import Binder, near_column
from readiness_pipelines.declarations.drift_columns import VALUES, Told, Where, is_value_of
from readiness_pipelines.declarations.known import KnownTable
from readiness_pipelines.declarations.model import ModelBlock
from readiness_pipelines.declarations.model_spec import LAID_OUT, usual_features
from readiness_pipelines.declarations.monitors import TIMES, can_be_class, has_distribution, usual_kind
from readiness_pipelines.declarations.upstream import repeated
from readiness_pipelines.gates.columns import family
from readiness_pipelines.located import shown, unknown


def model_column_problems(said: ModelBlock, scored: KnownTable | None, labels: KnownTable | None, binder: Binder) -> Told:
    """Yield (where below `model`, found and expected), each mistake once. A table that is not understood is None.

    Mistakes in names first; roles, types and kinds are judged where all names are understood.
    """
    columns = _Columns(said, scored, labels, binder)
    named = [*columns.name_problems()]
    yield from named or columns.sense_problems()


class _Columns:
    def __init__(self, said: ModelBlock, scored: KnownTable | None, labels: KnownTable | None, binder: Binder) -> None:
        self._said, self._scored, self._labels, self._binder = said, scored, labels, binder

    # names

    def name_problems(self) -> Told:
        for where, name, tables in self._named():
            lacking = [table for table in tables if table is not None and name not in table.columns]
            for table in lacking[:1]:
                told = near_column(name, list(table.columns))
                yield where, told.replace("expected", f"which {table.name!r} does not have, expected", 1)
        for at, names in self._lists().items():
            for i, name in enumerate(names):
                if repeated(names, i):
                    yield [*at, i], f"found {name!r} twice, expected it once"

    def _named(self) -> Iterator[tuple[Where, str, tuple[KnownTable | None, ...]]]:
        said, label = self._said, self._said.label
        for where, name in ((["time"], said.time), (["known_at"], said.known_at)):
            if name is not None:
                yield [*where], name, (self._scored,)
        yield ["label", "column"], label.column, (self._labels,)
        if label.known_at is not None:
            yield ["label", "known_at"], label.known_at, (self._labels,)
        for at, names in self._lists().items():
            tables = (self._scored, self._labels) if at == ("label", "by") else (self._scored,)
            for i, name in enumerate(names):
                yield [*at, i, *_below(at)], name, tables

    def _lists(self) -> dict[tuple[str, ...], list[str]]:
        said = self._said
        return {
            ("features",): said.features or [],
            ("groups",): said.groups,
            ("label", "by"): said.label.by,
            ("slices",): [each.column for each in said.slices],
            ("protected",): [each.column for each in said.protected],
        }

    # sense

    def sense_problems(self) -> Told:
        yield from self._label_problems()
        if self._scored is None:
            return
        yield from self._time_problems(self._scored, {("time",): self._said.time, ("known_at",): self._said.known_at})
        yield from self._feature_problems(self._scored)
        yield from self._slice_problems(self._scored)
        yield from self._match_problems(self._scored)
        yield from self._reserved_problems(self._scored)
        if self._said.baseline.sql is not None:
            message = self._binder.score_problem(self._said.baseline.sql, {n: c.type for n, c in self._scored.columns.items()})
            if message is not None:
                yield ["baseline", "sql"], message.replace("_candidate", self._scored.name)

    def _label_problems(self) -> Told:
        label, table = self._said.label, self._labels
        if label.column in label.by:
            yield ["label", "column"], f"found {label.column!r}, by which rows are matched, expected another column"
            return
        if table is None:
            return
        type_ = table.type(label.column)
        if not can_be_class(type_):
            found = f"found {label.column!r} of type {type_}"
            yield ["label", "column"], f"{found}, expected a class: text, whole numbers, or true and false"
        elif not is_value_of(label.positive, type_):
            if "positive" in label.model_fields_set:
                found = f"found {shown(label.positive)}, expected a value of {label.column!r}"
                yield ["label", "positive"], f"{found}: {VALUES[type_]}"
            else:
                found = f"found {label.column!r} of type {type_} without positive"
                yield ["label", "column"], f"{found}, expected the class that is predicted: {VALUES[type_]}"
        yield from self._time_problems(table, {("label", "known_at"): label.known_at})

    def _time_problems(self, table: KnownTable, named: dict[tuple[str, ...], str | None]) -> Told:
        for where, name in named.items():
            if name is not None and table.type(name) not in TIMES:
                yield [*where], f"found {name!r} of type {table.type(name)}, expected a day or a time ({', '.join(TIMES)})"

    def _feature_problems(self, table: KnownTable) -> Told:
        taken = self._taken(table)
        for i, name in enumerate(self._said.features or []):
            if name in taken:
                yield ["features", i], f"found {name!r}, {taken[name]}, expected another column"
            elif not has_distribution(kind := table.type(name)):
                yield ["features", i], f"found {name!r} of type {kind}, which only grows, expected a number, text, or true or false"
        usual = usual_features(self._said, list(table.columns.values()), table.key)
        features = usual if self._said.features is None else self._said.features
        if not features:
            where: Where = ["table"] if self._said.features is None else ["features"]
            yield where, f"found no column of {table.name!r} to learn from, expected features"
            return
        for name, wanted in self._said.columns.items():
            if name not in features:
                yield ["columns", name], unknown(name, features).replace("expected", "which is no feature, expected", 1)
            elif wanted == "number" and usual_kind(kind := table.type(name)) != "number":
                yield ["columns", name], f"found number for a column of type {kind}, expected category"

    def _taken(self, table: KnownTable) -> dict[str, str]:
        """Return what no model may learn from, by column, and why."""
        said = self._said
        why = dict.fromkeys(said.groups, "which names a person (groups)")
        why |= {table.key[0]: "the key: no two rows share a value"} if len(table.key) == 1 else {}
        why |= {said.label.by[0]: "by which labels are matched"} if len(said.label.by) == 1 else {}
        times = {said.known_at: "which is when it became known", said.time: "which is the time"}
        why |= {name: text for name, text in times.items() if name is not None and table.type(name) in TIMES}
        return why | ({said.label.column: "which is the label"} if said.label.table == said.table else {})

    def _slice_problems(self, table: KnownTable) -> Told:
        label = self._said.label.column if self._said.label.table == self._said.table else None
        for key in ("slices", "protected"):
            for i, name in enumerate(self._lists()[(key,)]):
                kind = table.type(name)
                if name == label:
                    yield [key, i, "column"], f"found {name!r}, which is the label, expected another column"
                elif (name,) == table.key:
                    yield [key, i, "column"], f"found {name!r}, the key: no two rows share a value, expected another column"
                elif not can_be_class(kind):
                    yield [key, i, "column"], f"found {name!r} of type {kind}, expected text, whole numbers, or true and false"

    def _match_problems(self, table: KnownTable) -> Told:
        for i, name in enumerate(self._said.label.by if self._labels is not None else []):
            own, theirs = table.type(name), self._labels.type(name) if self._labels is not None else ""
            if own != theirs and not family(own) == family(theirs) != "other":
                found = f"found {name!r} of type {theirs} in {self._said.label.table!r}"
                yield ["label", "by", i], f"{found}, expected the type that it has in {table.name!r}, {own}"

    def _reserved_problems(self, table: KnownTable) -> Told:
        usual = usual_features(self._said, list(table.columns.values()), table.key) if self._said.features is None else []
        named: list[tuple[Where, str]] = [(["table"], name) for name in usual]
        for at in (("features",), ("slices",), ("protected",)):
            named += [([*at, i, *_below(at)], name) for i, name in enumerate(self._lists()[at])]
        for where, name in named:
            if name in LAID_OUT:
                yield (
                    where,
                    f"found a column {name!r}, expected another name: training sets have {', '.join(LAID_OUT)}",
                )


def _below(at: tuple[str, ...]) -> list[str]:
    return ["column"] if at[0] in ("slices", "protected") else []
