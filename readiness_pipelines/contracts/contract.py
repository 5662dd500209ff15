"""An Open Data Contract Standard 3.x document as frozen values.

The document is validated twice: against the JSON Schema of the standard (its own pydantic models accept typos), and
against what this package needs of it (types a table can hold, a class on every column, an owner, a steward).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from readiness_pipelines import located
from readiness_pipelines.contracts.needs import people_problems, table_problems
from readiness_pipelines.contracts.service_level import ServiceLevel, retention_days, service_level, service_level_problems
from readiness_pipelines.contracts.standard import against_the_standard
from readiness_pipelines.contracts.subject import Subject, subject_of, subject_problems
from readiness_pipelines.contracts.types import duckdb_type
from readiness_pipelines.errors import DeclarationError
from readiness_pipelines.flow import digest


@dataclass(frozen=True)
class Column:
    """One column: its type in DuckDB's words, whether null is allowed, who may see it, what it means."""

    name: str
    type: str
    required: bool
    classification: str
    description: str
    key_position: int | None = None

    @property
    def is_sensitive(self) -> bool:
        return self.classification in ("PII", "PHI")


@dataclass(frozen=True)
class Table:
    """One table of the contract, columns in the order they are written in. `subject`: whom a delivered record speaks of."""

    name: str
    description: str
    columns: tuple[Column, ...]
    service_level: ServiceLevel = ServiceLevel("daily")
    subject: Subject | None = None

    @property
    def key(self) -> tuple[str, ...]:
        """The primary key's columns in order; empty when none is declared."""
        keyed = [(c.key_position, c.name) for c in self.columns if c.key_position is not None]
        return tuple(name for _, name in sorted(keyed))

    @property
    def fingerprint(self) -> str:
        """A digest of what a row's values depend on: names, types and nullability, not prose."""
        return digest([(c.name, c.type, c.required) for c in self.columns])

    def column(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)


@dataclass(frozen=True)
class Contract:
    """The contract of one product."""

    path: Path
    name: str
    version: str
    owner: str
    steward: str
    tables: Mapping[str, Table]
    retention_days: float | None = None


@dataclass(frozen=True)
class Reading:
    """What could be understood of a contract: its sound tables even where another place is wrong.

    `names` maps every table's name as written to its place, sound or not. `contract` is None while there are problems.
    """

    document: located.Document
    contract: Contract | None
    tables: Mapping[str, Table]
    names: Mapping[str, tuple[str | int, ...]]
    problems: tuple[str, ...]


def load_contract(path: Path) -> Contract:
    """Return the contract in `path`. Raises DeclarationError with one line per problem."""
    reading = read_contract(path)
    if reading.contract is None:
        raise DeclarationError(list(reading.problems))
    return reading.contract


def read_contract(path: Path) -> Reading:
    """Return what `path` says, with all that is wrong with it. Raises DeclarationError only where it is no YAML."""
    document = located.read(path)
    data = document.data
    if not isinstance(data, dict):
        shown = "an empty file" if data is None else located.shown(data)
        problem = document.problem([], f"found {shown}, expected an ODCS contract: a mapping with apiVersion, kind, id, version")
        return Reading(document, None, {}, {}, (problem,))
    found = _problems(document)
    schema: list[Any] = data["schema"] if isinstance(data.get("schema"), list) else []
    places: dict[str, int] = {}
    for i, table in enumerate(schema):
        if isinstance(table, dict) and isinstance(table.get("name"), str):
            places.setdefault(table["name"], i)
    written = [t.get("name") for t in schema if isinstance(t, dict)]
    wrong = {where[1] for where, _ in found if where[:1] == ("schema",) and len(where) > 1}
    promises = [] if any(where[:1] == ("slaProperties",) for where, _ in found) else data.get("slaProperties") or []
    tables = {
        name: _table(schema[i], service_level(promises, name))
        for name, i in places.items()
        if i not in wrong and written.count(name) == 1
    }
    problems = tuple(dict.fromkeys(document.problem(where, said) for where, said in found))
    contract = None if problems else _build(document)
    return Reading(document, contract, tables, {name: ("schema", i) for name, i in places.items()}, problems)


def _problems(document: located.Document) -> list[tuple[tuple[str | int, ...], str]]:
    """One mistake can break the standard and our needs: the standard's words are nearer to it, and told alone."""
    found = list(against_the_standard(document))
    told = [where for where, _ in found]
    misspelt = any(len(where) == 1 for where in told)  # a wrong key at the top may be the one that holds the tables
    for where, said in _needs(document.data):
        if not any(_overlap(where, other) for other in told) and not (misspelt and where == ("schema",)):
            found.append((where, said))
    return found


def _overlap(one: tuple[str | int, ...], other: tuple[str | int, ...]) -> bool:
    shorter = min(len(one), len(other))
    return shorter > 0 and one[:shorter] == other[:shorter]


def _needs(data: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    yield from people_problems(data)
    yield from _service_level_problems(data)
    yield from table_problems(data)
    yield from subject_problems(data)


def _service_level_problems(data: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    raw = data.get("slaProperties")
    promises = [p for p in raw if isinstance(p, dict)] if isinstance(raw, list) else []
    if not any(p.get("property") == "frequency" and not p.get("element") for p in promises):
        yield ("slaProperties",), "found no property 'frequency' for all tables, expected one (as in: daily)"
    plain = all(not isinstance(value, list | dict) for p in promises for value in p.values())
    if plain and isinstance(raw, list) and len(promises) == len(raw):
        for where, message in service_level_problems(promises):
            yield ("slaProperties", *where), message


def _member(data: Mapping[str, Any], role: str) -> str | None:
    team = data.get("team") or []
    members = team.get("members", []) if isinstance(team, dict) else team
    return next((m["username"] for m in members if str(m.get("role", "")).lower() == role), None)


def _build(document: located.Document) -> Contract:
    data = document.data
    promises = data.get("slaProperties") or []
    tables = [_table(raw, service_level(promises, raw["name"])) for raw in data.get("schema") or []]
    return Contract(
        path=document.path,
        name=str(data.get("name") or data["id"]),
        version=str(data["version"]),
        owner=_member(data, "owner") or "",
        steward=_member(data, "data steward") or "",
        tables={table.name: table for table in tables},
        retention_days=retention_days(promises),
    )


def _table(raw: Mapping[str, Any], promised: ServiceLevel) -> Table:
    columns = tuple(
        Column(
            name=c["name"],
            type=duckdb_type(c["logicalType"], c.get("physicalType")) or "VARCHAR",
            required=bool(c.get("required", False)),
            classification=c["classification"],
            description=str(c.get("description") or "").strip(),
            key_position=int(c.get("primaryKeyPosition", 1)) if c.get("primaryKey") else None,
        )
        for c in raw.get("properties") or []
    )
    return Table(raw["name"], str(raw.get("description") or "").strip(), columns, promised, subject_of(raw))
