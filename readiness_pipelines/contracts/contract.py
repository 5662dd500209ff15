"""An Open Data Contract Standard 3.x document as frozen values.

The document is validated twice: against the JSON Schema of the standard (its own pydantic models accept typos), and
against what this package needs of it (types a table can hold, a class on every column, an owner, a steward).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from readiness_pipelines import located
from readiness_pipelines.contracts.service_level import ServiceLevel, service_level, service_level_problems
from readiness_pipelines.contracts.types import LOGICAL_TYPES, duckdb_type
from readiness_pipelines.errors import DeclarationError
from readiness_pipelines.flow import digest

CLASSIFICATIONS = ("public", "confidential", "PII", "PHI")
_MAX_PROBLEMS = 20  # a screen; the first ones usually explain the rest


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
    """One table of the contract, columns in the order they are written in."""

    name: str
    description: str
    columns: tuple[Column, ...]
    service_level: ServiceLevel = ServiceLevel("daily")

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


def load_contract(path: Path) -> Contract:
    """Return the contract in `path`. Raises DeclarationError with one line per problem, at most 20."""
    document = located.read(path)
    problems = list(_against_the_standard(document))
    if not problems:
        problems = list(_against_our_needs(document))
    if problems:
        raise DeclarationError(problems[:_MAX_PROBLEMS])
    return _build(document)


def _against_the_standard(document: located.Document) -> Iterator[str]:
    import jsonschema

    schema = json.loads(resources.files("open_data_contract_standard").joinpath("schema.json").read_text("utf-8"))
    for error in jsonschema.Draft201909Validator(schema).iter_errors(_plain(document.data)):
        deepest = jsonschema.exceptions.best_match([error])
        message = deepest.message if len(deepest.message) < 200 else f"{deepest.message[:200]} ..."
        yield document.problem(list(deepest.absolute_path), message)


def _plain(value: Any) -> Any:
    """Return YAML data as JSON data: dates become ISO text."""
    return json.loads(json.dumps(value, default=str))


def _against_our_needs(document: located.Document) -> Iterator[str]:
    data = document.data
    for role in ("owner", "data steward"):
        if not _member(data, role):
            yield document.problem(["team"], f"found no member with role {role!r}, expected one")
    promises = data.get("slaProperties") or []
    if not any(p.get("property") == "frequency" and not p.get("element") for p in promises):
        yield document.problem(["slaProperties"], "found no property 'frequency' for all tables, expected one (as in: daily)")
    for where_, message in service_level_problems(promises):
        yield document.problem(["slaProperties", *where_], message)
    for i, table in enumerate(data.get("schema") or []):
        seen: dict[str, int] = {}
        for j, column in enumerate(table.get("properties") or []):
            where: list[str | int] = ["schema", i, "properties", j]
            name, logical = column.get("name"), column.get("logicalType")
            if logical not in LOGICAL_TYPES:
                yield document.problem([*where, "logicalType"], f"found {logical!r}, expected one of {', '.join(LOGICAL_TYPES)}")
            if column.get("classification") not in CLASSIFICATIONS:
                found = column.get("classification")
                yield document.problem([*where, "classification"], f"found {found!r}, expected one of {', '.join(CLASSIFICATIONS)}")
            if not name or name.lower() in seen:
                yield document.problem([*where, "name"], f"found {name!r} twice (names must differ by more than case)")
            seen[str(name).lower()] = j


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
    return Table(raw["name"], str(raw.get("description") or "").strip(), columns, promised)
