"""Which files of a warehouse belong to a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from readiness_pipelines.lakehouse.catalog import Lakehouse, path_of
from readiness_pipelines.lakehouse.storage import Listed, real_path

if TYPE_CHECKING:
    from pyiceberg.table import Table


def is_quarantine(iceberg: Table) -> bool:
    """Return whether the table is partitioned by version key too: it keeps the rows of every candidate, and has no verdicts.

    So does the table of profiles, which keeps what was counted of every version, and is treated alike.
    """
    return len(iceberg.spec().fields) > 1


def files_of_table(lake: Lakehouse, table: str) -> list[Listed]:
    """Return every file under the table's folders, by its real path: data files, adopted or staged, and Iceberg's metadata."""
    folders = (f"{lake.settings.staging}/{table}", path_of(lake.location(table)))
    return [replace(found, path=real_path(found.path)) for folder in folders for found in lake.storage.listed(folder)]


def metadata_files(lake: Lakehouse, table: str) -> list[Listed]:
    """Return the table's metadata files (`<number>-<uuid>.metadata.json`) that lie in the warehouse."""
    folder = f"{path_of(lake.location(table))}/metadata"
    return [found for found in lake.storage.listed(folder) if found.path.endswith(".metadata.json")]


def all_files(lake: Lakehouse) -> Iterator[Listed]:
    """Yield every file of the warehouse."""
    return lake.storage.listed(lake.settings.warehouse)
