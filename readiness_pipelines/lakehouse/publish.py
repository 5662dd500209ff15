"""Publish: make a partition on `main` hold exactly the files that an admission names, in one atomic commit.

    intent in the ledger -> Iceberg commit that carries partition and version key -> done in the ledger

After a crash Iceberg is the truth, and the ledger is completed from it by new rows.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING

from readiness_pipelines.errors import BrokenInvariant, PublishConflict
from readiness_pipelines.flow import NOTHING, GateVerdict, TableVersion
from readiness_pipelines.lakehouse.catalog import Lakehouse, path_of, uri_of
from readiness_pipelines.lakehouse.commits import Attempts
from readiness_pipelines.lakehouse.files import data_file, one_of, planned, replace_files
from readiness_pipelines.lakehouse.history import PARTITION_PROPERTY, VERSION_PROPERTY, on_main
from readiness_pipelines.lakehouse.snapshots import surplus
from readiness_pipelines.lakehouse.steps import reached
from readiness_pipelines.lakehouse.storage import Storage
from readiness_pipelines.lakehouse.tables import PARTITION

if TYPE_CHECKING:
    from pyiceberg.table import Table


def publish(lake: Lakehouse, verdict: GateVerdict, *, expected: str | None) -> TableVersion:
    """Make the verdict's files, and no others, the partition on `main`; return the version that is there now.

    `expected` is the version key that the candidate was computed against (None: nothing was published). If `main` holds
    the verdict's own version already, nothing is committed and the ledger is completed. Files that are on `main` and in
    the verdict stay; without any file the partition becomes empty. Raises PublishConflict when `main` holds neither,
    and BrokenInvariant when the verdict is no admission (nor a withdrawal to nothing) or a file is not what it says; nothing is
    published then.
    """
    table, partition, key = verdict.table, verdict.partition, verdict.version_key
    is_emptied = key == NOTHING and not verdict.files
    if not verdict.outcome.is_admitted and not is_emptied:
        raise BrokenInvariant(f"{table}/{partition}@{key[:12]} is {verdict.outcome}: only an admission is published")
    intended = False
    for attempt in Attempts(f"publish {table}/{partition}", turn=partial(lake.ledger.committing, table)):
        with attempt.once():
            iceberg = lake.load(table)
            current = on_main(lake, iceberg, table, partition)
            if current is not None:
                lake.ledger.record_done(current)  # completes a protocol that was cut short, ours or another's
                if current.version_key == key:
                    reached("done_recorded")
                    return current
            _refuse_conflict(verdict, current, expected)
            commit = _Commit(iceberg, lake.storage, verdict)
            dropping = surplus(lake, iceberg, table)
            if not intended:
                lake.ledger.record_intent(table, partition, key)
                reached("intent_recorded")
                intended = True
            version = TableVersion(table, partition, key, commit.run(dropping))
            reached("committed")
            lake.ledger.record_done(version)
            reached("done_recorded")
            return version
    raise AssertionError("unreachable: the loop ends by return or raise")


def recover(lake: Lakehouse, table: str, partition: str) -> TableVersion | None:
    """Complete the ledger if a publication of this partition was cut short; return the version it found on `main`.

    An intent whose commit is on `main` gets its done row. An intent whose commit never happened stays as it is: the
    next publication's rows supersede it. Does nothing, and returns None, when no intent is open.
    """
    if lake.ledger.open_intent(table, partition) is None:
        return None
    iceberg = lake.find(table)
    current = on_main(lake, iceberg, table, partition) if iceberg is not None else None
    if current is None or current == lake.ledger.current_version(table, partition):
        return current
    lake.ledger.record_done(current)
    return current


def _refuse_conflict(verdict: GateVerdict, current: TableVersion | None, expected: str | None) -> None:
    found = current.version_key if current else None
    if found != expected:
        raise PublishConflict(
            f"{verdict.table}/{verdict.partition}: main holds {_short(found)}, the candidate was computed against "
            f"{_short(expected)}; nothing was published: run the partition again"
        )


def _short(key: str | None) -> str:
    return f"version {key[:12]}" if key else "no version"


class _Commit:
    """One commit, prepared against one state of the table: what goes and what comes, after every check."""

    def __init__(self, iceberg: Table, storage: Storage, verdict: GateVerdict) -> None:
        self.iceberg, self.verdict = iceberg, verdict
        there = {f.file_path: f for f in planned(iceberg, one_of(PARTITION, [verdict.partition]))}
        named = {uri_of(f.path): f for f in verdict.files}
        for uri in there.keys() & named.keys():
            if (there[uri].record_count, there[uri].file_size_in_bytes) != (named[uri].rows, named[uri].bytes):
                raise BrokenInvariant(f"{path_of(uri)}: rows or bytes on main differ from the verdict's")
        self.going = [there[uri] for uri in sorted(there.keys() - named.keys())]
        new = [named[uri] for uri in sorted(named.keys() - there.keys())]
        self.coming = [data_file(iceberg, storage, file, {PARTITION: verdict.partition}) for file in new]

    def run(self, dropping: Collection[int]) -> int:
        """Commit, and return the id of the snapshot. The snapshots `dropping` go in the same commit."""
        properties = {PARTITION_PROPERTY: self.verdict.partition, VERSION_PROPERTY: self.verdict.version_key}
        return replace_files(self.iceberg, going=self.going, coming=self.coming, properties=properties, dropping=dropping)
