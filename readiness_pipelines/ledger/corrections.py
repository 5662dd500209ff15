"""What people decided about rows and candidates: released, discarded, admitted, withdrawn, purged, erased. Rows only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import sqlalchemy as sa

from readiness_pipelines.ledger.database import Database, at, insert, now
from readiness_pipelines.ledger.schema import corrections

Kind = Literal["release", "discard", "admit", "withdraw", "purge", "erase", "erased"]
EVERY = ""  # the partition of a decision about all partitions: an erasure, and the account of what came of it


@dataclass(frozen=True)
class Correction:
    """One decision about one partition of one table: what it names, what it says, why, by whom, when (UTC, ISO 8601).

    `subjects` are row ids (release, discard), version keys (admit, withdraw, purge), or keyed hashes of who is erased (erase,
    erased). `payload` is plain data; it never holds a value of a row.
    """

    table: str
    partition: str
    kind: Kind
    subjects: tuple[str, ...]
    payload: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    by: str = ""
    recorded_at: str = ""
    id: int = 0

    @property
    def content(self) -> tuple[Any, ...]:
        """What it decides: two of the same content decide the same, whoever took the decision and why."""
        return self.kind, self.subjects, json.dumps(self.payload, sort_keys=True)

    def concerns(self, other: Correction) -> bool:
        """Return whether both decide about one and the same thing."""
        about_rows = ("release", "discard")
        alike = self.kind == other.kind or (self.kind in about_rows and other.kind in about_rows)
        return alike and not self._named.isdisjoint(other._named)

    @property
    def _named(self) -> set[str]:
        put_back = self.payload.get("to") if self.kind == "withdraw" else None
        return {*self.subjects, put_back} if put_back else set(self.subjects)


class Corrections:
    """The corrections of all tables of one ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, said: Correction, *, seen: int | None = None) -> tuple[Correction, bool]:
        """Record a decision; return the recorded one, and whether that was news.

        Nothing is recorded, and the older row is returned, if the newest decision about any of its subjects is of the same
        content: safe to repeat, and for several at once. So it is if that decision has another id than `seen`, which the
        caller has weighed (0: none was there; None: it does not matter): somebody else was faster.
        """
        with self._database.writing() as connection:
            here = sa.select(corrections).where(*at(corrections, said.table, said.partition))
            there = [correction(r) for r in connection.execute(here.order_by(corrections.c.id.desc()))]
            newest = next((each for each in there if each.concerns(said)), None)
            if newest is not None and (newest.content == said.content or seen not in (None, newest.id)):
                return newest, False
            number = insert(
                connection,
                corrections,
                table_name=said.table,
                partition_key=said.partition,
                kind=said.kind,
                subjects=json.dumps(said.subjects),
                payload=json.dumps(said.payload, sort_keys=True),
                reason=said.reason,
                by_whom=said.by,
                recorded_at=now(),
            )
            row = connection.execute(sa.select(corrections).where(corrections.c.id == number)).one()
            return correction(row), True

    def of(self, table: str, partition: str | None = None, *, kinds: Sequence[Kind] = ()) -> tuple[Correction, ...]:
        """Return the corrections of a partition, or of all partitions of the table, oldest first; of all kinds by default."""
        c = corrections.c
        where = (c.table_name == table,) if partition is None else at(corrections, table, partition)
        query = sa.select(corrections).where(*where).order_by(c.id)
        return tuple(correction(r) for r in self._database.rows(query.where(c.kind.in_(kinds)) if kinds else query))

    def all_values(self) -> list[tuple[str, str, str]]:
        """Return table, partition and sha256 of every file of corrected values, oldest first."""
        found = [correction(r) for r in self._database.rows(sa.select(corrections).where(corrections.c.kind == "release"))]
        return [
            (c.table, c.partition, str(c.payload["values"])) for c in sorted(found, key=lambda c: c.id) if "values" in c.payload
        ]


def correction(row: sa.Row[Any]) -> Correction:
    """Return a row of the table as a value."""
    return Correction(
        table=row.table_name,
        partition=row.partition_key,
        kind=row.kind,
        subjects=tuple(json.loads(row.subjects)),
        payload=json.loads(row.payload),
        reason=row.reason,
        by=row.by_whom,
        recorded_at=row.recorded_at,
        id=row.id,
    )
