"""The sweep: files that nothing kept refers to are deleted, once nobody can be about to refer to them."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from readiness_pipelines.flow import TableVersion
from readiness_pipelines.lakehouse.catalog import Lakehouse
from readiness_pipelines.lakehouse.maintenance.guards import refuse_current, refuse_elsewhere
from readiness_pipelines.lakehouse.maintenance.places import files_of_table
from readiness_pipelines.lakehouse.maintenance.references import references
from readiness_pipelines.lakehouse.steps import reached
from readiness_pipelines.lakehouse.storage import Listed


@dataclass(frozen=True)
class Sweep:
    """The files of one table that go: those of expired versions, and orphans, with their bytes. Young files stay."""

    expired: tuple[Listed, ...] = ()
    orphans: tuple[Listed, ...] = ()
    young: int = 0

    @property
    def bytes(self) -> int:
        return sum(found.bytes for found in (*self.expired, *self.orphans))


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
    return Sweep(tuple(expired), tuple(orphans), len(others) - len(orphans))


def sweep(lake: Lakehouse, planned: Sweep) -> Iterator[Listed]:
    """Delete the files of a sweep, and yield each that is gone."""
    for found in (*planned.expired, *planned.orphans):
        lake.storage.delete(found.path)
        reached("file_deleted")
        yield found
