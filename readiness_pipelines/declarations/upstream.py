"""What each table reads, by the names that are declared before it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from readiness_pipelines.declarations import words
from readiness_pipelines.declarations.shape import Entry, Shape
from readiness_pipelines.located import unknown


class Upstreams:
    """The tables that may be read so far. Ask `resolve` for an entry, then `declare` it."""

    def __init__(self, shape: Shape, meant: Mapping[tuple[str | int, ...], str]) -> None:
        self._shape, self._meant = shape, meant
        self._layers = {meant[e.where]: e.layer for e in shape.entries if e.where in meant}
        self._earlier: list[str] = []

    def declare(self, entry: Entry) -> None:
        """Let later tables read this one."""
        if entry.where in self._meant:
            self._earlier.append(self._meant[entry.where])

    def resolve(self, entry: Entry, raw: words.SilverTable | words.GoldTable, problems: list[str]) -> list[str] | None:
        """Return the tables that `entry` reads, each wrong name replaced by the one that was meant, and append what is
        wrong to `problems`. None where it is not known what was meant."""
        if isinstance(raw, words.SilverTable):
            bronze = [n for n in self._earlier if self._layers[n] == "bronze"]
            return self._resolved(entry, {raw.from_: ["from"]}, bronze, problems)
        return self._resolved(entry, {name: ["inputs", name] for name in raw.inputs}, self._earlier, problems)

    def checked_against(
        self, entry: Entry, raw: words.SilverTable | words.GoldTable, reads: Sequence[str] | None, problems: list[str]
    ) -> list[str] | None:
        """Return the tables that the rules of `entry` read beside those that its SQL `reads`, as `resolve` does."""
        for name in raw.checked_against:
            if name in (reads or ()):
                message = f"found {name!r}, which the SQL reads, expected another: rules may name what the SQL reads anyway"
                problems.append(self._shape.document.problem([*entry.where, "checked_against", name], message))
        rest = {name: ["checked_against", name] for name in raw.checked_against if name not in (reads or ())}
        return self._resolved(entry, rest, self._earlier, problems)

    def _resolved(
        self, entry: Entry, named: Mapping[str, list[str]], allowed: Sequence[str], problems: list[str]
    ) -> list[str] | None:
        found: list[str] | None = []
        for name, place in named.items():
            near = name if name in allowed else self._tell(entry, name, place, allowed, problems)
            found = [*found, near] if found is not None and near is not None else None
        return found

    def _tell(self, entry: Entry, name: str, place: list[str], allowed: Sequence[str], problems: list[str]) -> str | None:
        near = difflib.get_close_matches(name, allowed, n=1)
        if name == self._meant.get(entry.where):
            message, near = f"found {name!r}, the table itself, expected one declared before it", []
        elif place == ["from"] and self._layers.get(name) in ("silver", "gold"):
            message, near = f"found {name!r}, a {self._layers[name]} table, expected a bronze one", []
        elif name in self._layers:
            message, near = f"found {name!r}, which is declared after this table, expected one declared before it", []
        elif not self._shape.names_every_table:
            return None  # it may be the table whose declaration is not understood
        else:
            message = unknown(name, allowed)
        problems.append(self._shape.document.problem([*entry.where, *place], message))
        return near[0] if near else None


def repeated(names: Sequence[str], i: int) -> bool:
    """Return whether the name at `i` stands earlier in the list too."""
    return names[i] in names[:i]
