"""Profiles in the lakehouse: by table, version and layout, so that no admitted version is read twice over the same layout."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, fields
from typing import Any

from readiness_pipelines.drift.profile import ColumnProfile, Layout, Profile
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.lakehouse.profiles import Key, read_layout, read_profiles, write_profiles

_MEASURED = tuple(each.name for each in fields(ColumnProfile))


def store(lake: Lakehouse, product: str, table: str, profiles: Mapping[Key, Profile], layout: Layout) -> int:
    """Keep profiles of versions of `table`, by (partition, version key), in one commit; return how many were not there.

    The layout is kept with them. Safe to repeat, to kill, and for several at once. Categories of columns that are not
    public are kept by name if the reference has ten rows of them; no value of such a column must ever leave the table.
    """
    rows = {key: [_row(column, of, profile.rows) for column, of in profile.columns.items()] for key, profile in profiles.items()}
    return write_profiles(lake, product, table, rows, layout=layout.id, definition=layout.to_json())


def stored(lake: Lakehouse, product: str, table: str, keys: Collection[Key], layout: Layout) -> dict[Key, Profile]:
    """Return the profiles that are kept of these versions of `table`, by (partition, version key); others are left out."""
    found = read_profiles(lake, product, table, keys, layout=layout.id)
    return {key: _profile(layout, rows) for key, rows in found.items()}


def stored_layout(lake: Lakehouse, product: str, layout: str) -> Layout | None:
    """Return the layout with this id, or None if no profile over it was ever kept."""
    text = read_layout(lake, product, layout)
    return Layout.from_json(text) if text is not None else None


def _row(column: str, of: ColumnProfile, rows: int) -> dict[str, Any]:
    return {"column_name": column, "row_count": rows, **asdict(of), "counts": list(of.counts)}


def _profile(layout: Layout, rows: list[dict[str, Any]]) -> Profile:
    """The columns come in the layout's order."""
    found = {row["column_name"]: _column(row) for row in rows}
    return Profile(layout.id, rows[0]["row_count"], {each.column: found[each.column] for each in layout.columns})


def _column(row: dict[str, Any]) -> ColumnProfile:
    return ColumnProfile(**{name: row[name] for name in _MEASURED} | {"counts": tuple(row["counts"])})
