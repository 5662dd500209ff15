"""Which table of the contract each declared table is, so that one misspelt name is one mistake and not ten."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from readiness_pipelines.contracts import Reading
from readiness_pipelines.declarations.shape import Entry, Shape


@dataclass
class Matching:
    """`meant` maps an entry's place to the name that everybody else knows the table by; `contracted` to the contract's."""

    meant: dict[tuple[str | int, ...], str] = field(default_factory=dict)
    contracted: dict[tuple[str | int, ...], str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def match(shape: Shape, contract: Reading | None, *, with_suite: Sequence[str]) -> Matching:
    """Match entries with the contract's tables by name; a name that neither has exactly goes to the nearest one left.

    `with_suite` names the `<layer>_<table>` that a suite file lies for: where one does, the declaration is taken to be
    right and the contract's name to be misspelt. Without a contract only names that are declared twice are told.
    """
    found = Matching()
    first: dict[str, Entry] = {}
    strays: list[Entry] = []
    for entry in shape.entries:
        if entry.name is None:
            continue
        repeated = entry.name in first
        found.meant[entry.where] = entry.name
        if repeated or (contract is not None and entry.name not in contract.names):
            strays.append(entry)
        else:
            found.contracted[entry.where] = entry.name
        first.setdefault(entry.name, entry)
    unused = [n for n in (contract.names if contract else {}) if n not in first]
    for entry, near in _pairs(strays, unused):
        twice = first[str(entry.name)] is not entry
        found.problems += _stray_problems(
            shape, contract, entry, near, twice=twice, has_suite=f"{entry.layer}_{entry.name}" in with_suite
        )
        if near is not None:
            unused.remove(near)
            found.contracted[entry.where] = near
            if twice or f"{entry.layer}_{entry.name}" not in with_suite:
                found.meant[entry.where] = near
    if contract is not None and shape.names_every_table:
        for name in unused:
            message = f"found {name!r}, which the product does not make, expected one of its tables: {_some(first)}"
            found.problems.append(contract.document.problem([*contract.names[name], "name"], message))
    return found


def _pairs(strays: Sequence[Entry], unused: Sequence[str]) -> Iterator[tuple[Entry, str | None]]:
    left = list(unused)
    for entry in strays:
        near = difflib.get_close_matches(str(entry.name), left, n=1) or (left[:] if len(left) == len(strays) == 1 else [])
        if near:
            left.remove(near[0])
        yield entry, near[0] if near else None


def _stray_problems(
    shape: Shape, contract: Reading | None, entry: Entry, near: str | None, *, twice: bool, has_suite: bool
) -> Iterator[str]:
    where = [*entry.where, "name"]
    if twice:
        yield shape.document.problem(
            where, f"found the table {entry.name!r} twice, expected {repr(near) + '?' if near else 'one per name'}"
        )
    elif entry.words is None or contract is None or len(contract.names) < _tables_written(contract):
        return  # told already: the entry is not shaped as a table, or the contract has a table without a name
    elif near is not None and has_suite:
        message = f"found {near!r}, which the product does not make, expected {entry.name!r}?"
        yield contract.document.problem([*contract.names[near], "name"], message)
    else:
        expected = f"{near!r}?" if near else f"one of its tables: {_some(contract.names)}"
        yield shape.document.problem(
            where, f"found {entry.name!r}, which {contract.document.path.name} does not have, expected {expected}"
        )


def _tables_written(contract: Reading) -> int:
    schema = contract.document.data.get("schema") if isinstance(contract.document.data, dict) else None
    return len({str(t.get("name")) if isinstance(t, dict) else i for i, t in enumerate(schema)}) if isinstance(schema, list) else 1


def _some(names: Mapping[str, object]) -> str:
    listed = list(names)
    return ", ".join(listed[:8]) + (" ..." if len(listed) > 8 else "")
