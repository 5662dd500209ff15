"""The ledger: what arrived, what the gate said, what was published.

Rows are only inserted, never updated or deleted (on SQLite triggers refuse both); the state of anything is its latest
row, and a repair is a new row. Times are UTC, ISO 8601. Safe to use from several processes at once.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from readiness_pipelines.flow import Delivery, GateVerdict, Outcome, TableVersion

_META = sa.MetaData()
_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite numbers rows by itself only for INTEGER


def _table(name: str, *columns: sa.Column[Any]) -> sa.Table:
    return sa.Table(
        name,
        _META,
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("table_name", sa.Text, nullable=False),
        sa.Column("partition_key", sa.Text, nullable=False),
        *columns,
        sa.Index(f"{name}_by_partition", "table_name", "partition_key", "id"),
    )


_ARRIVALS = _table(
    "arrivals",
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("archived", sa.Text, nullable=False),
    sa.Column("received_at", sa.Text, nullable=False),
)
_VERDICTS = _table(
    "verdicts",
    sa.Column("version_key", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("recorded_at", sa.Text, nullable=False),
)
_PUBLICATIONS = _table(
    "publications",
    sa.Column("version_key", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # intent | done
    sa.Column("snapshot_id", sa.BigInteger, nullable=True),
    sa.Column("recorded_at", sa.Text, nullable=False),
)


class Ledger:
    """Facts in one SQL database. Opening creates what is missing."""

    def __init__(self, place: str | Path) -> None:
        url = f"sqlite:///{place}" if isinstance(place, Path) else place
        if isinstance(place, Path):
            place.parent.mkdir(parents=True, exist_ok=True)
        self._engine = sa.create_engine(url, connect_args={"timeout": 30} if url.startswith("sqlite") else {})
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _prepare_sqlite)
        with self._writing() as connection:
            _META.create_all(connection)
            if self._engine.dialect.name == "sqlite":
                _refuse_changes(connection)

    # arrivals

    def record_arrival(self, delivery: Delivery) -> bool:
        """Record an arrival. Return False, and record nothing, if the newest one of that name has the same bytes."""
        with self._writing() as connection:
            newest = connection.execute(
                sa.select(_ARRIVALS.c.sha256)
                .where(*_at(_ARRIVALS, delivery.table, delivery.partition), _ARRIVALS.c.name == delivery.name)
                .order_by(_ARRIVALS.c.id.desc())
                .limit(1)
            ).scalar()
            if newest == delivery.sha256:
                return False
            connection.execute(
                _ARRIVALS.insert().values(
                    table_name=delivery.table,
                    partition_key=delivery.partition,
                    name=delivery.name,
                    sha256=delivery.sha256,
                    bytes=delivery.bytes,
                    archived=delivery.archived,
                    received_at=delivery.received_at,
                )
            )
            return True

    def arrivals(self, table: str, partition: str) -> tuple[Delivery, ...]:
        """Return the arrivals of one partition, oldest first."""
        rows = self._rows(sa.select(_ARRIVALS).where(*_at(_ARRIVALS, table, partition)).order_by(_ARRIVALS.c.id))
        return tuple(Delivery(table, partition, r["name"], r["sha256"], r["bytes"], r["archived"], r["received_at"]) for r in rows)

    # verdicts

    def record_verdict(self, verdict: GateVerdict) -> None:
        """Record what the gate said; from now on it is the newest verdict of its partition."""
        with self._writing() as connection:
            connection.execute(
                _VERDICTS.insert().values(
                    table_name=verdict.table,
                    partition_key=verdict.partition,
                    version_key=verdict.version_key,
                    outcome=verdict.outcome.value,
                    verdict=verdict.to_json(),
                    recorded_at=_now(),
                )
            )

    def latest_outcome(self, table: str, partition: str) -> tuple[str, Outcome] | None:
        """Return (version key, outcome) of the newest verdict of the partition: all that its standing depends on."""
        c = _VERDICTS.c
        query = sa.select(c.version_key, c.outcome).where(*_at(_VERDICTS, table, partition)).order_by(c.id.desc()).limit(1)
        row = next(iter(self._rows(query)), None)
        return (row["version_key"], Outcome(row["outcome"])) if row else None

    def latest_verdict(self, table: str, partition: str) -> GateVerdict | None:
        """Return the newest verdict of the partition."""
        return self.latest_verdicts(table, [partition]).get(partition)

    def latest_verdicts(self, table: str, partitions: Sequence[str] | None = None) -> dict[str, GateVerdict]:
        """Return the newest verdict of each partition, by partition in order; of all that have one by default."""
        c = _VERDICTS.c
        newest = sa.select(sa.func.max(c.id)).where(c.table_name == table).group_by(c.partition_key)
        if partitions is not None:
            newest = newest.where(c.partition_key.in_(partitions))
        rows = self._rows(sa.select(c.partition_key, c.verdict).where(c.id.in_(newest)).order_by(c.partition_key))
        return {r["partition_key"]: GateVerdict.from_json(r["verdict"]) for r in rows}

    def verdict_of(self, table: str, partition: str, version_key: str) -> GateVerdict | None:
        """Return the newest verdict on the candidate with this version key."""
        c = _VERDICTS.c
        query = (
            sa.select(c.verdict)
            .where(*_at(_VERDICTS, table, partition), c.version_key == version_key)
            .order_by(c.id.desc())
            .limit(1)
        )
        row = next(iter(self._rows(query)), None)
        return GateVerdict.from_json(row["verdict"]) if row else None

    def verdicts(self, table: str, partition: str) -> list[tuple[str, GateVerdict]]:
        """Return (recorded at, verdict) of every verdict of the partition, oldest first."""
        c = _VERDICTS.c
        rows = self._rows(sa.select(c.recorded_at, c.verdict).where(*_at(_VERDICTS, table, partition)).order_by(c.id))
        return [(r["recorded_at"], GateVerdict.from_json(r["verdict"])) for r in rows]

    def count_decided(self, table: str, partitions: Sequence[str]) -> int:
        """Return how many of `partitions` have a verdict."""
        c = _VERDICTS.c
        query = sa.select(sa.func.count(c.partition_key.distinct()).label("n")).where(
            c.table_name == table, c.partition_key.in_(partitions)
        )
        return int(next(iter(self._rows(query)))["n"])

    # publications

    def record_intent(self, table: str, partition: str, version_key: str) -> None:
        """Record that a commit on `main` is about to be tried."""
        self._publication(table, partition, version_key, "intent", None)

    def record_done(self, version: TableVersion) -> None:
        """Record that the commit is on `main`. Recording the same version again as the newest adds nothing."""
        newest = self._newest_publication(version.table, version.partition)
        if newest and newest["state"] == "done" and newest["snapshot_id"] == version.snapshot_id:
            return
        self._publication(version.table, version.partition, version.version_key, "done", version.snapshot_id)

    def open_intent(self, table: str, partition: str) -> str | None:
        """Return the version key of the newest intent if nothing was recorded after it: a commit that may have happened."""
        newest = self._newest_publication(table, partition)
        return newest["version_key"] if newest and newest["state"] == "intent" else None

    def current_version(self, table: str, partition: str) -> TableVersion | None:
        """Return the version of the partition that is on `main`."""
        return self.current_versions(table, [partition]).get(partition)

    def current_versions(self, table: str, partitions: Sequence[str] | None = None) -> dict[str, TableVersion]:
        """Return the version on `main` of each partition, by partition in order; of all by default."""
        c = _PUBLICATIONS.c
        newest = sa.select(sa.func.max(c.id)).where(c.table_name == table, c.state == "done").group_by(c.partition_key)
        if partitions is not None:
            newest = newest.where(c.partition_key.in_(partitions))
        rows = self._rows(sa.select(_PUBLICATIONS).where(c.id.in_(newest)).order_by(c.partition_key))
        return {r["partition_key"]: _version(r) for r in rows}

    def last_done(self, table: str) -> TableVersion | None:
        """Return the version that was published last, of whatever partition."""
        c = _PUBLICATIONS.c
        query = sa.select(_PUBLICATIONS).where(c.table_name == table, c.state == "done").order_by(c.id.desc()).limit(1)
        row = next(iter(self._rows(query)), None)
        return _version(row) if row else None

    def publications(self, table: str, partition: str) -> list[TableVersion]:
        """Return every version of the partition that was ever published, oldest first."""
        c = _PUBLICATIONS.c
        query = sa.select(_PUBLICATIONS).where(*_at(_PUBLICATIONS, table, partition), c.state == "done").order_by(c.id)
        return [_version(r) for r in self._rows(query)]

    def _newest_publication(self, table: str, partition: str) -> Any:
        query = sa.select(_PUBLICATIONS).where(*_at(_PUBLICATIONS, table, partition))
        return next(iter(self._rows(query.order_by(_PUBLICATIONS.c.id.desc()).limit(1))), None)

    def _publication(self, table: str, partition: str, version_key: str, state: str, snapshot_id: int | None) -> None:
        with self._writing() as connection:
            connection.execute(
                _PUBLICATIONS.insert().values(
                    table_name=table,
                    partition_key=partition,
                    version_key=version_key,
                    state=state,
                    snapshot_id=snapshot_id,
                    recorded_at=_now(),
                )
            )

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._engine.connect() as connection:
            if self._engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")  # take the write lock now: no upgrade, no deadlock
            yield connection
            connection.commit()

    def _rows(self, query: sa.Select[Any]) -> list[Any]:
        with self._engine.connect() as connection:
            return list(connection.execute(query).mappings())


def _at(table: sa.Table, name: str, partition: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return table.c.table_name == name, table.c.partition_key == partition


def _version(row: Any) -> TableVersion:
    return TableVersion(row["table_name"], row["partition_key"], row["version_key"], row["snapshot_id"])


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we begin transactions ourselves
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")  # with WAL: a crash of the process loses nothing
    connection.execute("PRAGMA busy_timeout=30000")


def _refuse_changes(connection: sa.Connection) -> None:
    for table in _META.tables:
        for verb in ("UPDATE", "DELETE"):
            connection.exec_driver_sql(
                f"CREATE TRIGGER IF NOT EXISTS {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'ledger rows are never changed; insert a new one'); END"
            )
