"""Whom a delivered record speaks of: the table's custom property `subject`, which an erasure goes by.

    customProperties: [{property: subject, value: patient_nbr}]
    customProperties: [{property: subject, value: {column: encounter_id, of: raw_encounters}}]

The second says that a record has no such column itself: its subject is that of the record of `of` with the same value in
the column of this name. A table without the property holds nothing about anybody who could ask to be erased.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from readiness_pipelines.located import shown

PROPERTY = "subject"

Found = tuple[tuple[str | int, ...], str]


@dataclass(frozen=True)
class Subject:
    """The column that names the subject; with `of`, the column that it shares with the table `of`, whose subject is meant."""

    column: str
    of: str | None = None


def subject_of(table: Mapping[str, Any]) -> Subject | None:
    """Return the subject of a table that `subject_problems` has found nothing wrong with."""
    values = [p.get("value") for _, p in _declared(table)]
    if not values or not isinstance(values[0], str | dict):
        return None
    return Subject(values[0]) if isinstance(values[0], str) else Subject(str(values[0].get("column")), str(values[0].get("of")))


def subject_problems(data: Any) -> Iterator[Found]:
    """Yield what is wrong with the declared subjects: a column or table that is not there, or two of them."""
    tables = data.get("schema")
    tables = [t if isinstance(t, dict) else {} for t in tables] if isinstance(tables, list) else []
    by_name = {t["name"]: t for t in tables if isinstance(t.get("name"), str)}
    for i, table in enumerate(tables):
        declared = _declared(table)
        for j, _ in declared[1:]:
            yield ("schema", i, "customProperties", j), "found a second subject, expected one"
        for j, each in declared[:1]:
            at = ("schema", i, "customProperties", j, "value")
            value = each.get("value")
            if isinstance(value, str):
                yield from _column_problems(at, value, table)
            elif isinstance(value, dict) and set(value) == {"column", "of"}:
                yield from _link_problems(at, value, table, by_name)
            else:
                where = at if "value" in each else at[:-1]
                yield where, f"found {shown(value)}, expected a column, or a mapping with column and of"


def _link_problems(
    at: tuple[str | int, ...], value: Mapping[str, Any], table: Mapping[str, Any], by_name: Mapping[str, Mapping[str, Any]]
) -> Iterator[Found]:
    yield from _column_problems((*at, "column"), value["column"], table)
    of = by_name.get(value["of"]) if isinstance(value["of"], str) else None
    own = [n for n, t in by_name.items() if t is not table and any(isinstance(p.get("value"), str) for _, p in _declared(t))]
    if of is None or value["of"] not in own:
        expected = f"a table whose subject is a column: {', '.join(own[:8])}" if own else "a table whose subject is a column"
        yield (*at, "of"), f"found {shown(value['of'])}, expected {expected}"
    elif value["column"] in _columns(table) and value["column"] not in _columns(of):
        yield (*at, "column"), f"found {shown(value['column'])}, which {value['of']} has not; expected a column of both"


def _column_problems(at: tuple[str | int, ...], column: Any, table: Mapping[str, Any]) -> Iterator[Found]:
    columns = _columns(table)
    if column not in columns and columns:
        yield at, f"found {shown(column)}, expected a column of the table: {', '.join(columns[:8])}"


def _columns(table: Mapping[str, Any]) -> list[str]:
    found = table.get("properties")
    return [str(c["name"]) for c in found if isinstance(c, dict) and "name" in c] if isinstance(found, list) else []


def _declared(table: Mapping[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    found = table.get("customProperties")
    listed = enumerate(found) if isinstance(found, list) else ()
    return [(j, p) for j, p in listed if isinstance(p, dict) and p.get("property") == PROPERTY]
