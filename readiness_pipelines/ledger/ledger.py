"""The ledger: what arrived, what the gate said, what was published.

Rows are only inserted, never updated or deleted; the state of anything is its latest row, and a repair is a new row.
Times are UTC, ISO 8601. Safe to use from several processes at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from readiness_pipelines.flow import Delivery, GateVerdict, Outcome, Sighting, TableVersion
from readiness_pipelines.ledger.corrections import Corrections
from readiness_pipelines.ledger.database import Database, at, in_batches, insert, now
from readiness_pipelines.ledger.drift import Drift
from readiness_pipelines.ledger.erasures import Erasures
from readiness_pipelines.ledger.incidents import Incidents
from readiness_pipelines.ledger.models import Models
from readiness_pipelines.ledger.requests import Requests
from readiness_pipelines.ledger.retrains import Retrains
from readiness_pipelines.ledger.schema import arrivals, publications, sightings, verdicts
from readiness_pipelines.ledger.upkeep import Upkeep


@dataclass(frozen=True)
class Publication:
    """One row of the publish protocol: `state` is `intent`, without a snapshot, or `done`, with it."""

    table: str
    partition: str
    version_key: str
    state: str
    snapshot_id: int | None
    recorded_at: str


class Ledger:
    """All facts of one installation, in one SQL database: a file (SQLite), or a SQLAlchemy URL.

    Opening creates what is missing, and takes no lock when nothing is. Every query is answered from an index. Every
    method raises ServiceUnreachable, in one line, where the database cannot be reached or used.
    """

    def __init__(self, place: str | Path) -> None:
        self._database = Database(place)
        self.requests = Requests(self._database)
        self.incidents = Incidents(self._database)
        self.upkeep = Upkeep(self._database)
        self.corrections = Corrections(self._database)
        self.erasures = Erasures(self._database)
        self.drift = Drift(self._database)
        self.models = Models(self._database)
        self.retrains = Retrains(self._database)

    def alone(self, table: str, partition: str) -> AbstractContextManager[None]:
        """Wait until no other process or thread is in the step of this partition of this table; keep others out meanwhile.

        From what a step reads to what it publishes, the ledger must not move under it.
        """
        return self._database.alone("steps", f"{table}/{partition}")

    def committing(self, table: str) -> AbstractContextManager[None]:
        """Wait until no other process or thread commits to this table; keep others out meanwhile.

        Iceberg needs no such turns. Without them, of many writers each would do its work several times over, and one of
        them might be beaten for a minute.
        """
        return self._database.alone("commits", table)

    def promoting(self, product: str) -> AbstractContextManager[None]:
        """Wait until no other process or thread promotes a model of this product, or lets anything follow; keep others out.

        Else an older promotion, told late, could take the place of a newer one wherever the ledger is followed.
        """
        return self._database.alone("promotions", product)

    def responding(self, product: str) -> AbstractContextManager[None]:
        """Wait until no other process or thread decides about an event of this product; keep others out meanwhile.

        Else two events that see no retrain in flight could ask for one each, one after the other has ended.
        """
        return self._database.alone("responses", product)

    # arrivals

    def record_arrival(self, delivery: Delivery, *, again: bool = False) -> bool:
        """Record an arrival. Return False, and record nothing, if the newest one of that name has the same bytes.

        `again`: whoever delivered did so once more, after something else had arrived; it is recorded all the same.
        """
        c = arrivals.c
        newest = sa.select(c.sha256).where(*at(arrivals, delivery.table, delivery.partition), c.name == delivery.name)
        with self._database.writing() as connection:
            if connection.execute(newest.order_by(c.id.desc()).limit(1)).scalar() == delivery.sha256 and not again:
                return False
            insert(
                connection,
                arrivals,
                table_name=delivery.table,
                partition_key=delivery.partition,
                name=delivery.name,
                sha256=delivery.sha256,
                bytes=delivery.bytes,
                archived=delivery.archived,
                received_at=delivery.received_at,
            )
            return True

    def arrivals(self, table: str, partition: str) -> tuple[Delivery, ...]:
        """Return the arrivals of one partition, oldest first."""
        rows = self._database.rows(sa.select(arrivals).where(*at(arrivals, table, partition)).order_by(arrivals.c.id))
        return tuple(Delivery(table, partition, r.name, r.sha256, r.bytes, r.archived, r.received_at) for r in rows)

    def arrivals_by_partition(self, table: str) -> dict[str, int]:
        """Return how many arrivals each partition of the table has, in order of partition; none with zero."""
        key = arrivals.c.partition_key
        query = sa.select(key, sa.func.count().label("n")).where(arrivals.c.table_name == table).group_by(key)
        return {r.partition_key: r.n for r in self._database.rows(query.order_by(key))}

    def record_sightings(self, files: Iterable[Sighting]) -> None:
        """Record that landed files were taken in as they stood (name, size, change time); what is known adds nothing."""
        c = sightings.c
        with self._database.writing() as connection:
            for file in files:
                newest = sa.select(c.bytes, c.changed_ns).where(c.table_name == file.table, c.name == file.name)
                row = connection.execute(newest.order_by(c.id.desc()).limit(1)).first()
                if row is not None and (row.bytes, row.changed_ns) == (file.bytes, file.changed_ns):
                    continue
                insert(
                    connection,
                    sightings,
                    table_name=file.table,
                    partition_key=file.partition,
                    name=file.name,
                    bytes=file.bytes,
                    changed_ns=file.changed_ns,
                    recorded_at=now(),
                )

    def sightings(self, table: str) -> dict[str, Sighting]:
        """Return the newest sighting of each landed file of the table, by file name."""
        c = sightings.c
        newest = sa.select(sa.func.max(c.id)).where(c.table_name == table).group_by(c.name)
        rows = self._database.rows(sa.select(sightings).where(c.id.in_(newest)))
        return {r.name: Sighting(table, r.partition_key, r.name, r.bytes, r.changed_ns) for r in rows}

    # verdicts

    def record_verdict(self, verdict: GateVerdict) -> int:
        """Record what the gate said, and return the row's number; it is now the newest verdict of its partition."""
        with self._database.writing() as connection:
            return insert(
                connection,
                verdicts,
                table_name=verdict.table,
                partition_key=verdict.partition,
                version_key=verdict.version_key,
                outcome=verdict.outcome.value,
                verdict=verdict.to_json(),
                recorded_at=now(),
            )

    def latest_outcome(self, table: str, partition: str) -> tuple[str, Outcome] | None:
        """Return (version key, outcome) of the newest verdict of the partition, or None if it has none."""
        c = verdicts.c
        row = self._database.newest(sa.select(c.version_key, c.outcome).where(*at(verdicts, table, partition)), verdicts)
        return (row.version_key, Outcome(row.outcome)) if row else None

    def latest_outcomes(self, table: str) -> dict[str, Outcome]:
        """Return the outcome of the newest verdict of each partition that has one, without reading what it says."""
        c = verdicts.c
        newest = sa.select(sa.func.max(c.id)).where(c.table_name == table).group_by(c.partition_key)
        rows = self._database.rows(sa.select(c.partition_key, c.outcome).where(c.id.in_(newest)))
        return {r.partition_key: Outcome(r.outcome) for r in rows}

    def latest_keys(self, table: str) -> dict[str, str]:
        """Return the version key of the newest candidate of each partition that has one."""
        return {r.partition_key: r.version_key for r in self._database.newest_each(verdicts, table, None)}

    def latest_times(self, table: str) -> dict[str, str]:
        """Return when the newest verdict of each partition that has one was recorded (UTC, ISO 8601)."""
        c = verdicts.c
        query = sa.select(c.partition_key, sa.func.max(c.recorded_at).label("at")).where(c.table_name == table)
        return {r.partition_key: r.at for r in self._database.rows(query.group_by(c.partition_key))}

    def inputs_since(self, table: str, partition: str) -> list[tuple[str, str, tuple[str, ...]]]:
        """Return (partition, version key, inputs) of every verdict from this partition on, in order of the partition's key."""
        c = verdicts.c
        query = sa.select(c.partition_key, c.version_key, c.verdict).where(c.table_name == table, c.partition_key >= partition)
        rows = self._database.rows(query.order_by(c.partition_key, c.id))
        return [(r.partition_key, r.version_key, GateVerdict.from_json(r.verdict).inputs) for r in rows]

    def latest_verdict(self, table: str, partition: str) -> GateVerdict | None:
        """Return the newest verdict of the partition, or None if it has none."""
        row = self._database.newest(sa.select(verdicts.c.verdict).where(*at(verdicts, table, partition)), verdicts)
        return GateVerdict.from_json(row.verdict) if row else None

    def latest_verdicts(self, table: str, partitions: Sequence[str] | None = None) -> dict[str, GateVerdict]:
        """Return the newest verdict of each partition that has one, in order of partition; of all by default."""
        rows = self._database.newest_each(verdicts, table, partitions)
        return {r.partition_key: GateVerdict.from_json(r.verdict) for r in rows}

    def verdict_of(self, table: str, partition: str, version_key: str) -> GateVerdict | None:
        """Return the newest verdict about the candidate with this version key, or None."""
        c = verdicts.c
        query = sa.select(c.verdict).where(*at(verdicts, table, partition), c.version_key == version_key)
        row = self._database.newest(query, verdicts)
        return GateVerdict.from_json(row.verdict) if row else None

    def verdicts(self, table: str, partition: str) -> list[tuple[str, GateVerdict]]:
        """Return (recorded at, verdict) of every verdict of the partition, oldest first."""
        c = verdicts.c
        rows = self._database.rows(sa.select(c.recorded_at, c.verdict).where(*at(verdicts, table, partition)).order_by(c.id))
        return [(r.recorded_at, GateVerdict.from_json(r.verdict)) for r in rows]

    def count_decided(self, table: str, partitions: Sequence[str]) -> int:
        """Return how many of `partitions` have a verdict, whatever it says."""
        c = verdicts.c
        query = sa.select(sa.func.count(c.partition_key.distinct())).where(c.table_name == table)
        found = [self._database.rows(query.where(c.partition_key.in_(some))) for some in in_batches(sorted(set(partitions)))]
        return sum(int(rows[0][0]) for rows in found)

    # publications

    def record_intent(self, table: str, partition: str, version_key: str) -> None:
        """Record that a commit of this version on `main` is about to be tried."""
        with self._database.writing() as connection:
            _insert_publication(connection, table, partition, version_key, "intent", None)

    def record_done(self, version: TableVersion) -> bool:
        """Record that the version's commit is on `main`. Return whether that was news.

        Recording it again adds nothing, except a row to close an intent to publish it that was left open. A version
        that was superseded meanwhile is not made current again, and an intent for another version stays open.
        """
        c = publications.c
        here = sa.select(publications).where(*at(publications, version.table, version.partition)).order_by(c.id.desc())
        same = here.where(c.version_key == version.version_key, c.snapshot_id == version.snapshot_id).limit(1)
        with self._database.writing() as connection:
            if connection.execute(same).first() is not None:
                newest = connection.execute(here.limit(1)).one()
                newest_done = connection.execute(here.where(c.state == "done").limit(1)).one()
                is_left_open = newest.state == "intent" and newest.version_key == version.version_key
                if not is_left_open or _version(newest_done) != version:
                    return False
            of = (version.table, version.partition, version.version_key)
            _insert_publication(connection, *of, "done", version.snapshot_id)
        return True

    def open_intent(self, table: str, partition: str) -> str | None:
        """Return the version key of the newest intent if nothing was recorded after it: it may have been committed."""
        row = self._database.newest(sa.select(publications).where(*at(publications, table, partition)), publications)
        return row.version_key if row and row.state == "intent" else None

    def current_version(self, table: str, partition: str) -> TableVersion | None:
        """Return the version of the partition that was published last, or None if none ever was."""
        done = sa.select(publications).where(*at(publications, table, partition), publications.c.state == "done")
        row = self._database.newest(done, publications)
        return _version(row) if row else None

    def current_versions(self, table: str, partitions: Sequence[str] | None = None) -> dict[str, TableVersion]:
        """Return the version published last of each partition that has one, by partition; of all by default."""
        rows = self._database.newest_each(publications, table, partitions, publications.c.state == "done")
        return {r.partition_key: _version(r) for r in rows}

    def last_done(self, table: str) -> TableVersion | None:
        """Return the version of the table that was published last, whatever its partition."""
        c = publications.c
        row = self._database.newest(sa.select(publications).where(c.table_name == table, c.state == "done"), publications)
        return _version(row) if row else None

    def publications(self, table: str, partition: str) -> list[Publication]:
        """Return the partition's whole publish protocol, intents too, oldest first."""
        query = sa.select(publications).where(*at(publications, table, partition)).order_by(publications.c.id)
        return [
            Publication(table, partition, r.version_key, r.state, r.snapshot_id, r.recorded_at) for r in self._database.rows(query)
        ]


def _insert_publication(
    connection: sa.Connection, table: str, partition: str, version_key: str, state: str, snapshot_id: int | None
) -> None:
    insert(
        connection,
        publications,
        table_name=table,
        partition_key=partition,
        version_key=version_key,
        state=state,
        snapshot_id=snapshot_id,
        recorded_at=now(),
    )


def _version(row: sa.Row[Any]) -> TableVersion:
    return TableVersion(row.table_name, row.partition_key, row.version_key, row.snapshot_id)
