"""The sweep: files that nothing kept refers to are deleted, once nobody can be about to refer to them."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field

from readiness_pipelines.flow import TableVersion
from readiness_pipelines.lakehouse.catalog import Lakehouse
from readiness_pipelines.lakehouse.maintenance.guards import refuse_current, refuse_elsewhere
from readiness_pipelines.lakehouse.maintenance.places import files_of_table
from readiness_pipelines.lakehouse.maintenance.references import listed_paths, references, stated
from readiness_pipelines.lakehouse.steps import reached
from readiness_pipelines.lakehouse.storage import Listed


@dataclass(frozen=True)
class Sweep:
    """The files of one table that go: those of expired versions, and orphans, with their bytes. Young files stay.

    `partitions`: of those that some verdict names, so that a candidate could be proposed with them again; `verdicts`: which
    were the newest of their partitions when this was planned.
    """

    table: str
    expired: tuple[Listed, ...] = ()
    orphans: tuple[Listed, ...] = ()
    young: int = 0
    partitions: Mapping[str, str] = field(default_factory=dict)
    verdicts: frozenset[tuple[str, str, str]] = frozenset()


def plan_sweep(
    lake: Lakehouse,
    table: str,
    *,
    older_than_hours: float,
    now: datetime.datetime,
    expiring: Collection[TableVersion] = (),
    dropping: Collection[int] = (),
) -> Sweep:
    """Return which files of the table would go if `expiring` were expired and the snapshots `dropping` dropped.

    An orphan is a file that nothing kept refers to and that was changed `older_than_hours` ago or longer: what a run is
    about to publish looks just like one, so the longest run must be shorter than that. The archive is no part of it.
    Raises ReadinessError where a file that is kept is not in the warehouse as it is set today, or would be among those.
    """
    there = files_of_table(lake, table)  # before what refers to them: a file that is adopted meanwhile is not in this list
    limit = now - datetime.timedelta(hours=older_than_hours)
    known = references(lake, table, released_before=limit, expiring=expiring, dropping=dropping)
    refuse_elsewhere(lake, table, known.kept)
    loose = [found for found in there if found.path not in known.kept]
    expired = [found for found in loose if found.path in known.expired]
    others = [found for found in loose if found.path not in known.expired]
    orphans = [found for found in others if found.changed_at <= limit.replace(tzinfo=datetime.UTC)]
    refuse_current(lake, table, {found.path for found in (*expired, *orphans)})
    return Sweep(table, tuple(expired), tuple(orphans), len(others) - len(orphans), known.partitions, known.verdicts)


def sweep(lake: Lakehouse, planned: Sweep) -> Iterator[Listed]:
    """Delete the files of a sweep, and yield each that is gone. What the ledger says of them is on the disk before.

    Those of a partition go in its step's turn, and stay if its newest verdict names them by now: a candidate that was held
    can have been proposed again since the plan, and its step takes files that are there for good.
    """
    lake.ledger.upkeep.make_durable()
    going: dict[str | None, list[Listed]] = defaultdict(list)
    for found in (*planned.expired, *planned.orphans):
        going[planned.partitions.get(found.path)].append(found)
    for partition, files in going.items():
        with lake.ledger.alone(planned.table, partition) if partition is not None else nullcontext():
            kept = _proposed(lake, planned, partition) if partition is not None else frozenset[str]()
            for found in files:
                if found.path not in kept:
                    lake.storage.delete(found.path)
                    reached("file_deleted")
                    yield found


def _proposed(lake: Lakehouse, planned: Sweep, partition: str) -> frozenset[str]:
    """Return the real paths of the files of the partition's newest verdict, if it was recorded after the plan was made."""
    said = [each for each in lake.ledger.upkeep.listings(planned.table, partition) if each.is_newest_verdict]
    return frozenset(path for each in said if stated(each) not in planned.verdicts for path in listed_paths(each))
