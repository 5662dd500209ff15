"""Pins: tags `pin-<name>` of Iceberg, which keep versions from expiring for as long as something rests on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from readiness_pipelines.errors import ReadinessError, VersionNotFound
from readiness_pipelines.flow import TableVersion
from readiness_pipelines.lakehouse.catalog import Lakehouse, path_of
from readiness_pipelines.lakehouse.commits import Attempts
from readiness_pipelines.lakehouse.files import planned
from readiness_pipelines.lakehouse.history import all_on_main
from readiness_pipelines.lakehouse.snapshots import commit_at_head
from readiness_pipelines.lakehouse.storage import real_path
from readiness_pipelines.ledger import Listing

if TYPE_CHECKING:
    from pyiceberg.table import Table

PREFIX = "pin-"


def pin(lake: Lakehouse, versions: Sequence[TableVersion], *, name: str) -> None:
    """Keep these versions of one table readable until `unpin`, whatever is published after them.

    All of them are current: pin before you read. The tag names the whole table as it is now, so what else is current is
    kept too. Pinning again under the same name adds nothing where all are pinned by it. Raises VersionNotFound naming a
    version that is not current any more, ReadinessError if the name is taken by a pin of other versions.
    """
    from pyiceberg.table.refs import SnapshotRefType
    from pyiceberg.table.update import SetSnapshotRefUpdate

    (table,) = {version.table for version in versions}
    for attempt in Attempts(f"pin {name} of {table}"):
        with attempt.once():
            iceberg = lake.load(table)
            there = iceberg.metadata.refs.get(PREFIX + name)
            if there is not None and _hold_the_same(lake, iceberg, versions, there.snapshot_id):
                return
            _all_current(lake, iceberg, versions)
            if there is not None:
                raise ReadinessError(f"{table} has a pin {name!r} of other versions; unpin it, or take another name")
            head = iceberg.metadata.refs["main"].snapshot_id
            tag = SetSnapshotRefUpdate(ref_name=PREFIX + name, type=SnapshotRefType.TAG, snapshot_id=head)  # type: ignore[call-arg]
            commit_at_head(lake, iceberg, tag)
            return


def unpin(lake: Lakehouse, table: str, *, name: str) -> None:
    """Take a pin away; what nothing else keeps may expire from now on. Does nothing where there is no such pin."""
    for attempt in Attempts(f"unpin {name} of {table}"):
        with attempt.once():
            iceberg = lake.load(table)
            if PREFIX + name in iceberg.metadata.refs:
                iceberg.manage_snapshots().remove_tag(PREFIX + name).commit()
            return


def pins(lake: Lakehouse, table: str) -> tuple[str, ...]:
    """Return the names of the table's pins, as they were given to `pin`, in order; of a table that was never made none."""
    iceberg = lake.find(table)
    names = sorted(iceberg.metadata.refs) if iceberg is not None else []
    return tuple(name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX))


def pinned_files(iceberg: Table) -> set[tuple[str, frozenset[str]]]:
    """Return (partition, real paths of its files) of every partition that a branch or tag beside `main` holds, whoever made it."""
    return {each for held in held_by(iceberg).values() for each in held}


def held_by(iceberg: Table) -> dict[str, set[tuple[str, frozenset[str]]]]:
    """Return what `pinned_files` returns of each branch and tag, by its name."""
    refs = {name: ref.snapshot_id for name, ref in iceberg.metadata.refs.items() if name != "main"}
    found = {snapshot: _files_at(iceberg, snapshot) for snapshot in set(refs.values())}
    return {name: found[snapshot] for name, snapshot in sorted(refs.items())}


def _files_at(iceberg: Table, snapshot: int) -> set[tuple[str, frozenset[str]]]:
    held: dict[str, set[str]] = defaultdict(set)
    for file in planned(iceberg, snapshot_id=snapshot):
        held[str(file.partition[0])].add(real_path(path_of(file.file_path)))
    return {(partition, frozenset(paths)) for partition, paths in held.items()}


def _all_current(lake: Lakehouse, iceberg: Table, versions: Sequence[TableVersion]) -> None:
    current = all_on_main(lake, iceberg, versions[0].table, [v.partition for v in versions])
    for version in versions:
        now = current.get(version.partition)
        if now is None or now.version_key != version.version_key:
            raise VersionNotFound(f"{version} cannot be pinned: the current version is {now}. Pin that, before it is read")


def _hold_the_same(lake: Lakehouse, iceberg: Table, versions: Sequence[TableVersion], snapshot: int) -> bool:
    held = {real_path(path_of(file.file_path)) for file in planned(iceberg, snapshot_id=snapshot)}
    return all(
        any(said.version_key == v.version_key and {real_path(f.path) for f in said.files} <= held for said in _said_of(lake, v))
        for v in versions
    )


def _said_of(lake: Lakehouse, version: TableVersion) -> Iterator[Listing]:
    return lake.ledger.upkeep.listings(version.table, version.partition)
