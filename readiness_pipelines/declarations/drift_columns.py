"""What a monitor says of its table's columns: are they there, in one role each, of types that the role and the tests can have?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from readiness_pipelines.declarations.binding import near_column
from readiness_pipelines.declarations.drift import DriftMonitor
from readiness_pipelines.declarations.known import KnownTable
from readiness_pipelines.declarations.monitors import Watched, can_be_class, has_distribution, tests_of, usual_kind, watched
from readiness_pipelines.declarations.upstream import repeated
from readiness_pipelines.flow import Test
from readiness_pipelines.located import shown, unknown

Where = list[str | int]
Told = Iterator[tuple[Where, str]]
VALUES = {"BOOLEAN": "true or false", "VARCHAR": "text", "BIGINT": "a whole number"}  # of types that can hold classes


def column_problems(said: DriftMonitor, table: KnownTable) -> Told:
    """Yield (where below the monitor, found and expected), each mistake once."""
    return _Columns(said, table).problems()


class _Columns:
    """What one monitor says of the columns of its table."""

    def __init__(self, said: DriftMonitor, table: KnownTable) -> None:
        self._said, self._table = said, table
        self._role = {n: r for r in ("label", "prediction", "score") if (n := getattr(said, r)) is not None}

    def problems(self) -> Told:
        """Yield the mistakes in names first; types, kinds and tests are judged where all names are understood."""
        named = [*self._name_problems()]
        yield from named or self._sense_problems()

    def _name_problems(self) -> Told:
        known = list(self._table.columns)
        for role in ("score", "prediction", "label"):
            name = getattr(self._said, role)
            if name is not None and name not in known:
                yield [role], near_column(name, known)
            elif name is not None and self._role[name] != role:
                yield [role], f"found {name!r}, which is the {self._role[name]}, expected another column"
        for key, names in (("features", self._said.features or []), ("groups", self._said.groups)):
            for i, name in enumerate(names):
                if name not in known:
                    yield [key, i], near_column(name, known)
                elif repeated(names, i):
                    yield [key, i], f"found {name!r} twice, expected it once"
                elif name in self._role:
                    yield [key, i], f"found {name!r}, which is the {self._role[name]}, expected another column"

    def _sense_problems(self) -> Told:
        if not self._watched:
            yield ["table"], f"found no column of {self._table.name!r} to watch, expected features, a score or a label"
        yield from self._feature_problems()
        yield from self._type_problems()
        yield from self._performance_problems()
        yield from self._kind_problems()
        yield from self._test_problems()

    @cached_property
    def _watched(self) -> dict[str, Watched]:
        found = watched(self._said, list(self._table.columns.values()), self._table.key)
        return {column.name: column for column in found}

    def _feature_problems(self) -> Told:
        for key, names in (("features", self._said.features or []), ("groups", self._said.groups)):
            for i, name in enumerate(names):
                kind = self._table.type(name)
                if (name,) == self._table.key:
                    yield [key, i], f"found {name!r}, the key: no two rows share a value, expected another column"
                elif not has_distribution(kind):
                    yield [key, i], f"found {name!r} of type {kind}, which only grows, expected a number, text, or true or false"
                elif key == "groups" and not can_be_class(kind):
                    yield [key, i], f"found {name!r} of type {kind}, expected text, whole numbers, or true and false"

    def _type_problems(self) -> Told:
        for role in ("prediction", "label"):
            name = getattr(self._said, role)
            if name is not None and not can_be_class(self._table.type(name)):
                found = f"found {name!r} of type {self._table.type(name)}"
                yield [role], f"{found}, expected a class: text, whole numbers, or true and false"
        score = self._said.score
        if score is not None and usual_kind(self._table.type(score)) != "number":
            yield ["score"], f"found {score!r} of type {self._table.type(score)}, expected a number"

    def _performance_problems(self) -> Told:
        said, label = self._said, self._said.label
        if said.groups and not self._has_performance:
            yield ["groups"], "found groups without a label and a score or prediction, expected both: performance is told for each"
        if label is None or said.score is None:
            if "positive" in said.model_fields_set:
                yield ["positive"], "found it without a label and a score, expected both: it says of what the score speaks"
        elif not is_value_of(said.positive, self._table.type(label)) and can_be_class(self._table.type(label)):
            expected = VALUES[self._table.type(label)]
            if "positive" in said.model_fields_set:
                yield ["positive"], f"found {shown(said.positive)}, expected a value of {label!r}: {expected}"
            else:
                yield ["label"], f"found {label!r} without positive, expected the value that the score speaks of: {expected}"
        if label is not None and said.prediction is not None and said.score is None:
            types = self._table.type(said.prediction), self._table.type(label)
            if types[0] != types[1]:
                yield ["prediction"], f"found {said.prediction!r} of type {types[0]}, expected the label's type, {types[1]}"

    def _kind_problems(self) -> Told:
        for name, column in self._said.columns.items():
            if name not in self._watched:
                yield ["columns", name], unknown(name, self._watched).replace("expected", "which is not watched, expected", 1)
            elif column.as_ == "number" and usual_kind(kind := self._table.type(name)) != "number":
                yield ["columns", name, "as"], f"found number for a column of type {kind}, expected category"
            elif column.as_ == "category" and name == self._said.score:
                yield ["columns", name, "as"], "found category for the score, expected number"

    def _test_problems(self) -> Told:
        able = list(dict.fromkeys(t for name in self._watched for t in self._tests(name)))
        for test in self._said.thresholds:
            if test not in able:
                yield ["thresholds", test.value], f"found {test.value}, which no watched column has, expected one of {_some(able)}"
        for name, column in self._said.columns.items():
            for test in column.thresholds if name in self._watched else ():
                if test not in self._tests(name):
                    kind = "label" if name == self._said.label else self._watched[name].kind
                    message = f"found {test.value}, which a {kind} does not have, expected one of {_some(self._tests(name))}"
                    yield ["columns", name, "thresholds", test.value], message

    @property
    def _has_performance(self) -> bool:
        return self._said.label is not None and (self._said.score is not None or self._said.prediction is not None)

    def _tests(self, name: str) -> list[Test]:
        measured = self._has_performance and name == (self._said.score or self._said.prediction)
        return [*tests_of(self._watched[name]), *([Test.PERFORMANCE] if measured else [])]


def is_value_of(value: str | int | bool, type_: str) -> bool:
    """Return whether a class can be a value of a column of this type; 1 is true, and 0 is false."""
    match type_:
        case "VARCHAR":
            return isinstance(value, str)
        case "BOOLEAN":
            return value in (0, 1)
    return isinstance(value, int) and not isinstance(value, bool)


def _some(tests: Sequence[Test]) -> str:
    return ", ".join(test.value for test in tests)
