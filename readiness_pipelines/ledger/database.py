"""The ledger's way to its SQL database: turns at writing, and the newest row of anything."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from readiness_pipelines.ledger import schema

_IN_ONE_QUERY = 500  # keys in one IN list: well below every database's limit on variables


class Database:
    """One SQL database: a file (SQLite), or a SQLAlchemy URL. Opening creates what is missing."""

    def __init__(self, place: str | Path) -> None:
        if isinstance(place, Path):
            place.parent.mkdir(parents=True, exist_ok=True)
            url = sa.URL.create("sqlite", database=str(place))
        else:
            url = sa.make_url(place)
        self.engine = schema.engine_for(url)
        with self.engine.connect() as connection:
            known = schema.exists(connection)
        if not known:
            with self.writing() as connection:
                schema.create(connection)

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction beside which nobody else writes; committed at the end, or nothing of it."""
        with self.engine.connect() as connection:
            schema.begin_writing(connection)
            yield connection
            connection.commit()

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
