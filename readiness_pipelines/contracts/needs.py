"""What this package needs of a contract beyond the standard: people, and tables that can be made.

Everything is read defensively, because the standard may have complained about the same place already.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from readiness_pipelines.contracts.types import LOGICAL_TYPES, physical_type_problem
from readiness_pipelines.flow import RESERVED
from readiness_pipelines.located import shown, unknown

CLASSIFICATIONS = ("public", "confidential", "PII", "PHI")
ROLES = ("owner", "data steward")
SYSTEM_COLUMNS = (
    *("row_id", "partition_key", "source_row_id", "delivery_sha256", "delivery_name", "record_number", "received_at"),
    "cast_failures",
)
_NAME = re.compile(r"[a-z][a-z0-9_]*")

Found = tuple[tuple[str | int, ...], str]


def is_taken(column: str) -> bool:
    """Return whether a column of ours has this name, case apart: every table has it, or it is laid beside the delivered ones."""
    return column.lower() in SYSTEM_COLUMNS or column.lower().startswith(RESERVED)


def people_problems(data: Any) -> Iterator[Found]:
    """Yield what is wrong with owner and steward: exactly one of each, with a username."""
    team = data.get("team")
    at: tuple[str | int, ...] = ("team", "members") if isinstance(team, dict) else ("team",)
    members = team.get("members") if isinstance(team, dict) else team
    roles = [str(m.get("role", "")).lower() if isinstance(m, dict) else "" for m in _list(members)]
    for role in ROLES:
        holders = [i for i, r in enumerate(roles) if r == role]
        if not holders:
            where = at if members else ("team",)
            yield where, f"found no member with role {role!r}, expected one{_near_role(roles, role)}"
        for i in holders[1:]:
            yield (*at, i, "role"), f"found a second {role}, expected one"
        for i in holders[:1]:
            if not isinstance(_list(members)[i].get("username"), str):
                yield (*at, i), f"found no 'username' of the {role}, expected one"


def _near_role(roles: Sequence[str], role: str) -> str:
    others = [r for r in roles if r and r not in ROLES]
    return f" (found {', '.join(shown(r) for r in others[:3])})" if others else ""


def table_problems(data: Any) -> Iterator[Found]:
    """Yield what is wrong with the tables: names, types, classes, keys."""
    first: dict[str, int] = {}
    tables = _list(data.get("schema"))
    if not tables:
        yield ("schema",), "found no table, expected the product's tables under schema"
    for i, table in enumerate(tables):
        if not isinstance(table, dict):
            continue
        name = table.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            found = shown(name) if "name" in table else "no name"
            where = ("schema", i, "name") if "name" in table else ("schema", i)
            yield where, f"found {found}, expected a table's name: lower case letters, digits and _"
        elif name in first:
            yield ("schema", i, "name"), f"found the table {name!r} twice, expected it once"
        first.setdefault(str(name), i)
        columns = _list(table.get("properties"))
        if not columns and "properties" not in table or table.get("properties") == []:
            yield ("schema", i, "properties") if "properties" in table else ("schema", i), "found no columns, expected at least one"
        yield from _column_problems(("schema", i, "properties"), columns)


def _column_problems(at: tuple[str | int, ...], columns: Sequence[Any]) -> Iterator[Found]:
    seen: set[str] = set()
    positions: set[int] = set()
    for j, column in enumerate(columns):
        if not isinstance(column, dict):
            continue
        where = (*at, j)
        yield from _meaning_problems(where, column)
        name = column.get("name")
        if isinstance(name, str):
            if name.lower() in seen:
                yield (*where, "name"), f"found the column {name!r} twice, expected names that differ by more than case"
            if is_taken(name):
                yield (*where, "name"), f"found {name!r}, which every table has already; expected another name"
            seen.add(name.lower())
        position = column.get("primaryKeyPosition", 1)
        if column.get("primaryKey") is True and isinstance(position, int):
            if position in positions:
                key = "primaryKeyPosition" if "primaryKeyPosition" in column else "primaryKey"
                yield (*where, key), f"found the position {position} twice in the key, expected each once"
            positions.add(position)
        elif "primaryKeyPosition" in column and isinstance(position, int) and position > 0:
            yield (*where, "primaryKeyPosition"), "found a position without primaryKey: true, expected both"


def _meaning_problems(where: tuple[str | int, ...], column: dict[str, Any]) -> Iterator[Found]:
    logical, class_ = column.get("logicalType"), column.get("classification")
    if "logicalType" not in column:
        yield where, f"found no key 'logicalType', expected it: one of {', '.join(LOGICAL_TYPES)}"
    elif not isinstance(logical, str) or logical not in LOGICAL_TYPES:
        yield (*where, "logicalType"), unknown(logical, LOGICAL_TYPES)
    elif isinstance(column.get("physicalType"), str):
        problem = physical_type_problem(logical, column["physicalType"])
        if problem:
            yield (*where, "physicalType"), problem
    if "classification" not in column:
        yield where, f"found no key 'classification', expected it: one of {', '.join(CLASSIFICATIONS)}"
    elif class_ not in CLASSIFICATIONS:
        yield (*where, "classification"), unknown(class_, CLASSIFICATIONS)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
