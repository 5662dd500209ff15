"""Runs that were asked for because files had landed. A request is recorded before Dagster hears of it.

So a sensor that dies between the two repeats the very same request (same run key), and two sensors on one ledger, of
two daemons or two names of one code location, cannot ask twice: the second one's row already exists.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from readiness_pipelines.ledger.database import Database, in_batches, insert, now
from readiness_pipelines.ledger.schema import requests


@dataclass(frozen=True)
class Request:
    """The newest request for one partition: for which files (a digest of how they stood), which attempt, which run."""

    partition: str
    files: str
    attempt: int
    run_key: str
    claimed_at: datetime.datetime  # UTC, without a zone


class Requests:
    """The requests of all products of one ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self, product: str, partitions: Sequence[str]) -> dict[str, Request]:
        """Return the newest request of each of `partitions` that has one."""
        c, found = requests.c, {}
        for some in in_batches(sorted(set(partitions))):
            ids = sa.select(sa.func.max(c.id)).where(c.product == product, c.partition_key.in_(some)).group_by(c.partition_key)
            for r in self._database.rows(sa.select(requests).where(c.id.in_(ids))):
                claimed = datetime.datetime.fromisoformat(r.recorded_at).replace(tzinfo=None)
                found[r.partition_key] = Request(r.partition_key, r.files, r.attempt, r.run_key, claimed)
        return found

    def of_run(self, product: str, run_key: str) -> list[str]:
        """Return the partitions that one run was asked for, in order."""
        c = requests.c
        query = sa.select(c.partition_key).where(c.product == product, c.run_key == run_key).order_by(c.partition_key)
        return [r.partition_key for r in self._database.rows(query)]

    def claim(self, product: str, run_key: str, files: Mapping[str, str], *, attempt: int) -> bool:
        """Record a request of one run for all partitions in `files` (partition -> digest of its files), or none of it.

        Return False, recording nothing, if any of them was requested for these files at this attempt by somebody else.
        """
        c = requests.c
        with self._database.writing() as connection:
            for some in in_batches(sorted(files)):
                taken = sa.select(c.partition_key, c.files).where(
                    c.product == product, c.attempt == attempt, c.partition_key.in_(some)
                )
                if any(files[r.partition_key] == r.files for r in connection.execute(taken)):
                    return False
            for partition, digest in sorted(files.items()):
                insert(
                    connection,
                    requests,
                    product=product,
                    partition_key=partition,
                    files=digest,
                    attempt=attempt,
                    run_key=run_key,
                    recorded_at=now(),
                )
        return True
