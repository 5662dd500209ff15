"""The ledger's way to its SQL database: turns at writing, and the newest row of anything."""

from __future__ import annotations

import datetime
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from readiness_pipelines.errors import ServiceUnreachable
from readiness_pipelines.ledger import schema, turns
from readiness_pipelines.ledger.server import shown, url_of

_IN_ONE_QUERY = 500  # keys in one IN list: well below every database's limit on variables


class Database:
    """One SQL database: a file (SQLite), or a SQLAlchemy URL. Opening creates what is missing.

    Every method raises ServiceUnreachable, in one line, where the database cannot be reached or used.
    """

    def __init__(self, place: str | Path) -> None:
        if isinstance(place, Path):
            url = sa.URL.create("sqlite", database=str(place))
        else:
            url = url_of(place, variable="READINESS_LEDGER")
        self._file = Path(url.database or "") if url.get_backend_name() == "sqlite" else None
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
        self.engine = schema.engine_for(url)
        self._mine = threading.local()
        with self.engine.connect() as connection:
            known = schema.exists(connection)
        if not known:
            with self.writing() as connection:
                schema.create(connection)

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction beside which nobody else writes; committed at the end, or nothing of it."""
        session: sa.Connection | None = getattr(self._mine, "session", None)
        if session is not None and session.invalidated:
            raise self._turn_lost()
        with nullcontext(session) if session is not None else self.engine.connect() as connection:
            try:
                schema.begin_writing(connection)
                yield connection
                connection.commit()
            except BaseException:
                if not connection.invalidated:
                    connection.rollback()
                raise

    def make_durable(self) -> None:
        """Return when all that was written before would outlast a power loss, as it outlasts a kill at once.

        SQLite writes through its log without waiting for the disk. PostgreSQL always waits.
        """
        if self._file is None:
            return
        for path in (Path(f"{self._file}-wal"), self._file.parent):
            with suppress(FileNotFoundError):  # no log: it was written back, and waited for
                number = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(number)
                finally:
                    os.close(number)

    @contextmanager
    def alone(self, kind: str, name: str) -> Iterator[None]:
        """Wait until no other process or thread is alone with this `name` of this `kind`, and keep others out until the end.

        In PostgreSQL this thread's writes go through the session that holds the lock: who has lost the lock, with its
        connection, can write no more, and raises ServiceUnreachable. A turn of another kind may be taken inside one.
        """
        if self._file is not None:
            with turns.by_file(self._file.parent / kind, name):
                yield
            return
        with self._session() as session, turns.by_session(session, f"{kind}/{name}"):
            yield

    @contextmanager
    def _session(self) -> Iterator[sa.Connection]:
        """The session of the turn that this thread has, or a new one, which its writes go through until the end."""
        mine: sa.Connection | None = getattr(self._mine, "session", None)
        if mine is not None:
            if mine.invalidated:
                raise self._turn_lost()
            yield mine
            return
        with self.engine.connect() as session:
            session.detach()  # it is closed at the end, not pooled: no later user of it could inherit the lock
            self._mine.session = session
            try:
                yield session
            finally:
                self._mine.session = None

    def _turn_lost(self) -> ServiceUnreachable:
        return ServiceUnreachable(
            f"ledger at {shown(self.engine.url)}: the connection that kept others out meanwhile was lost; run it again",
            service="ledger",
        )

    def rows(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        with self.engine.connect() as connection:
            return connection.execute(query).all()

    def newest(self, query: sa.Select[Any], table: sa.Table) -> sa.Row[Any] | None:
        found = self.rows(query.order_by(table.c.id.desc()).limit(1))
        return found[0] if found else None

    def newest_each(
        self, table: sa.Table, name: str, partitions: Sequence[str] | None, *conditions: sa.ColumnElement[bool]
    ) -> list[sa.Row[Any]]:
        """Return the newest row of each partition of the table `name` that meets `conditions`, in order of partition."""
        c = table.c
        newest = sa.select(sa.func.max(c.id)).where(c.table_name == name, *conditions).group_by(c.partition_key)
        some = (
            [newest]
            if partitions is None
            else [newest.where(c.partition_key.in_(keys)) for keys in in_batches(sorted(set(partitions)))]
        )
        found = [self.rows(sa.select(table).where(c.id.in_(ids)).order_by(c.partition_key)) for ids in some]
        return [row for rows in found for row in rows]


def at(table: sa.Table, name: str, partition: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return table.c.table_name == name, table.c.partition_key == partition


def in_batches(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[start : start + _IN_ONE_QUERY] for start in range(0, len(keys), _IN_ONE_QUERY))


def insert(connection: sa.Connection, table: sa.Table, **values: object) -> int:
    """Insert one row and return its number."""
    key = connection.execute(table.insert().values(**values)).inserted_primary_key
    return int(key[0]) if key else 0


def now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
