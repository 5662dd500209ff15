"""Which archived files were looked through for erased subjects, and what is kept of those in which one was found."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from readiness_pipelines.ledger.corrections import EVERY, Correction, correction
from readiness_pipelines.ledger.database import Database, at, in_batches, insert, now
from readiness_pipelines.ledger.schema import arrivals, corrections, redactions, verdicts


@dataclass(frozen=True)
class Redaction:
    """What is known of an archived file of `table`/`partition` that was looked through for the erasures up to `looked_for`.

    `sha256` is that of the file as it was archived first. `records` of it are erased, for the `erasures`. What is kept is
    `archived` (below the archive; empty: nothing), with `bytes` bytes of `kept_sha256`.
    """

    table: str
    partition: str
    sha256: str
    looked_for: int
    archived: str
    bytes: int
    kept_sha256: str
    records: tuple[int, ...] = ()
    erasures: tuple[int, ...] = ()
    recorded_at: str = ""

    @property
    def is_other(self) -> bool:
        """Whether another file, or none, is kept in the place of the one that was archived first."""
        return self.kept_sha256 != self.sha256


class Erasures:
    """The erasures of one ledger, and what came of them in the archive."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def alone(self, sha256: str) -> AbstractContextManager[None]:
        """Wait until nobody else looks through this file, and keep others out meanwhile."""
        return self._database.alone("redactions", sha256)

    def record(self, found: Redaction) -> None:
        """Record what was found in a file; from here on it is read in this form."""
        with self._database.writing() as connection:
            insert(
                connection,
                redactions,
                table_name=found.table,
                partition_key=found.partition,
                sha256=found.sha256,
                looked_for=found.looked_for,
                erasures=json.dumps(found.erasures),
                records=json.dumps(found.records),
                archived=found.archived,
                bytes=found.bytes,
                kept_sha256=found.kept_sha256,
                recorded_at=now(),
            )

    def of(self, files: Iterable[str]) -> dict[str, Redaction]:
        """Return what is kept of each of these files (by sha256) that was looked through, whichever table it is of."""
        c, found = redactions.c, dict[str, Redaction]()
        for some in in_batches(sorted(set(files))):
            newest = sa.select(sa.func.max(c.id)).where(c.sha256.in_(some)).group_by(c.sha256)
            found |= {r.sha256: _redaction(r) for r in self._database.rows(sa.select(redactions).where(c.id.in_(newest)))}
        return found

    def everything(self) -> list[Redaction]:
        """Return what is kept of every file that was looked through, by its first sha256."""
        c = redactions.c
        newest = sa.select(sa.func.max(c.id)).group_by(c.sha256)
        return [_redaction(r) for r in self._database.rows(sa.select(redactions).where(c.id.in_(newest)).order_by(c.sha256))]

    def redacted(self, table: str) -> dict[str, str]:
        """Return the partitions of the table from whose files records were erased, and when last (UTC, ISO 8601)."""
        c, found = redactions.c, dict[str, tuple[str, str]]()
        for r in self._database.rows(sa.select(redactions).where(c.table_name == table, c.records != "[]").order_by(c.id)):
            if found.get(r.partition_key, ("", ""))[0] != r.records:
                found[r.partition_key] = (r.records, r.recorded_at)
        return {partition: at for partition, (_, at) in found.items()}

    def looked_for(self, table: str, sha256: str) -> int:
        """Return the id of the newest erasure of the table that this file of it was looked through for; 0: none.

        A file is looked through when its bronze table is run, or by the command that erases: then for all files at once.
        """
        c, a, k = redactions.c, arrivals.c, corrections.c
        looked = sa.select(sa.func.max(c.looked_for).label("n")).where(c.table_name == table, c.sha256 == sha256)
        first = sa.select(sa.func.min(a.id).label("n")).where(a.table_name == table, a.sha256 == sha256)
        ended = sa.select(k.id, k.payload).where(*at(corrections, table, EVERY), k.kind == "erased").order_by(k.id.desc())
        arrived = int(self._database.rows(first)[0].n or 0)
        told = [json.loads(r.payload) for r in self._database.rows(ended)]
        whole = [int(each["looked_for"]) for each in told if 0 < arrived <= int(each["arrivals"])]
        return max([int(self._database.rows(looked)[0].n or 0), *whole])

    def arrivals_so_far(self) -> int:
        """Return the number of the newest arrival of all tables."""
        return int(self._database.rows(sa.select(sa.func.max(arrivals.c.id).label("n")))[0].n or 0)

    def deliveries(self, table: str) -> dict[str, list[str]]:
        """Return the sha256 of every file that ever arrived for the table, by partition, oldest first."""
        a, found = arrivals.c, dict[str, list[str]]()
        for r in self._database.rows(sa.select(a.partition_key, a.sha256).where(a.table_name == table).order_by(a.id)):
            if r.sha256 not in found.setdefault(r.partition_key, []):
                found[r.partition_key].append(r.sha256)
        return found

    def open(self) -> list[tuple[Correction, int]]:
        """Return the erasures that were begun and not ended, or left the subject somewhere: in how many places.

        One that follows from another (by a column that two tables share) is open while a file that had arrived before was not
        looked through for it.
        """
        k = corrections.c
        rows = self._database.rows(sa.select(corrections).where(k.kind.in_(["erase", "erased"])).order_by(k.id))
        told = [correction(r) for r in rows]
        ended = {(each.table, who): int(each.payload["traces"]) for each in told if each.kind == "erased" for who in each.subjects}
        found = list[tuple[Correction, int]]()
        for each in (each for each in told if each.kind == "erase"):
            places = [ended.get((each.table, who)) for who in each.subjects]
            if any(places) or (None in places and ("through" not in each.payload or self._is_waiting(each))):
                found.append((each, max(count or 0 for count in places)))
        return found

    def _is_waiting(self, said: Correction) -> bool:
        shas = {sha256 for some in self.deliveries(said.table).values() for sha256 in some}
        return any(self.looked_for(said.table, sha256) < said.id for sha256 in sorted(shas))

    def verdicts_with(self, text: str) -> int:
        """Return how many verdicts have this text in them, as an observed value or an argument of a rule."""
        found = sa.select(sa.func.count().label("n")).where(verdicts.c.verdict.contains(text, autoescape=True))
        return int(self._database.rows(found)[0].n)


def _redaction(row: sa.Row[Any]) -> Redaction:
    return Redaction(
        table=row.table_name,
        partition=row.partition_key,
        sha256=row.sha256,
        looked_for=row.looked_for,
        archived=row.archived,
        bytes=row.bytes,
        kept_sha256=row.kept_sha256,
        records=tuple(json.loads(row.records)),
        erasures=tuple(json.loads(row.erasures)),
        recorded_at=row.recorded_at,
    )
