"""What is kept of versions: which files hold their rows, which were superseded when, which are expired.

A version's files are those that its newest verdict names, until a compaction has put others in their place. A version
that was superseded may expire: its row here is written before its first file is deleted.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from readiness_pipelines.flow import Delivery, StagedFile, TableVersion
from readiness_pipelines.ledger.database import Database, at, insert, now
from readiness_pipelines.ledger.schema import arrivals, publications, upkeep, verdicts

COMPACTED, EXPIRED = "compacted", "expired"


@dataclass(frozen=True)
class Superseded:
    """A version that is not current any more, and since when (UTC, ISO 8601: when the next one was published)."""

    version: TableVersion
    since: str


@dataclass(frozen=True)
class Listing:
    """One statement of the ledger that these files hold the rows of one candidate. `by` is `verdict` or `compacted`."""

    partition: str
    version_key: str
    by: str
    files: tuple[StagedFile, ...]
    recorded_at: str
    is_newest_verdict: bool = False
    of_snapshot: int | None = None  # the publication whose files were compacted


class Upkeep:
    """The upkeep of all tables of one ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tables(self) -> list[str]:
        """Return the names of all tables, quarantines too, of which the ledger knows a publication."""
        c = publications.c
        query = sa.select(c.table_name).where(c.state == "done").distinct().order_by(c.table_name)
        return [r.table_name for r in self._database.rows(query)]

    def is_blank(self) -> bool:
        """Return whether no publication was ever begun: the ledger is new, or not the one it is taken for."""
        return not self._database.rows(sa.select(publications.c.id).limit(1))

    def unjudged(self, versions: Collection[TableVersion]) -> list[TableVersion]:
        """Return those of the versions, of one table, about which the ledger has no verdict."""
        c = verdicts.c
        query = sa.select(c.partition_key, c.version_key).where(c.table_name.in_({v.table for v in versions})).distinct()
        known = {(r.partition_key, r.version_key) for r in self._database.rows(query)}
        return [version for version in versions if (version.partition, version.version_key) not in known]

    def last_commit(self, table: str) -> TableVersion | None:
        """Return what was recorded last of the table's commits: a publication, or the compaction of a version.

        The snapshot is the commit's own.
        """
        c, u = publications.c, upkeep.c
        done = self._database.newest(sa.select(publications).where(c.table_name == table, c.state == "done"), publications)
        row = self._database.newest(sa.select(upkeep).where(u.table_name == table, u.state == COMPACTED), upkeep)
        if row is not None and (done is None or row.publications_before >= done.id):
            return TableVersion(table, row.partition_key, row.version_key, row.commit_id)
        return _version(done) if done is not None else None

    def recent_commits(self, table: str, limit: int) -> list[int]:
        """Return the snapshots of the table's last publications, newest first."""
        c = publications.c
        query = sa.select(c.snapshot_id).where(c.table_name == table, c.state == "done").order_by(c.id.desc()).limit(limit)
        return [r.snapshot_id for r in self._database.rows(query)]

    # compaction

    def record_compaction(self, version: TableVersion, files: Sequence[StagedFile], *, commit_id: int) -> None:
        """Record that `files` hold the version's rows now, since the commit `commit_id`."""
        c = publications.c
        with self._database.writing() as connection:
            before = connection.execute(sa.select(sa.func.max(c.id)).where(c.table_name == version.table)).scalar()
            _insert(connection, version, COMPACTED, commit_id, int(before or 0), json.dumps([asdict(f) for f in files]))

    def files_of(self, version: TableVersion) -> tuple[StagedFile, ...] | None:
        """Return the files that hold the version's rows: the compaction's, if there was one, else its newest verdict's.

        None if the ledger has no verdict about it.
        """
        here = sa.select(upkeep.c.files).where(*_of(version), upkeep.c.state == COMPACTED)
        row = self._database.newest(here, upkeep)
        if row is not None:
            return _files(json.loads(row.files))
        c = verdicts.c
        said = sa.select(c.verdict).where(*at(verdicts, version.table, version.partition), c.version_key == version.version_key)
        row = self._database.newest(said, verdicts)
        return _files(json.loads(row.verdict)["files"]) if row is not None else None

    def listings(self, table: str, partition: str | None = None) -> Iterator[Listing]:
        """Yield all that the ledger says of which files hold the rows of candidates, oldest first; of all partitions by default."""
        c, u = verdicts.c, upkeep.c
        judged = [c.table_name == table] if partition is None else [*at(verdicts, table, partition)]
        compacted = [u.table_name == table] if partition is None else [*at(upkeep, table, partition)]
        ids = {r[0] for r in self._database.rows(sa.select(sa.func.max(c.id)).where(*judged).group_by(c.partition_key))}
        columns = (c.id, c.partition_key, c.version_key, c.verdict, c.recorded_at)
        for r in self._database.rows(sa.select(*columns).where(*judged).order_by(c.id)):
            files = _files(json.loads(r.verdict)["files"])
            yield Listing(r.partition_key, r.version_key, "verdict", files, r.recorded_at, r.id in ids)
        for r in self._database.rows(sa.select(upkeep).where(*compacted, u.state == COMPACTED).order_by(u.id)):
            files = _files(json.loads(r.files))
            yield Listing(r.partition_key, r.version_key, COMPACTED, files, r.recorded_at, of_snapshot=r.snapshot_id)

    # expiry

    def superseded(self, table: str) -> list[Superseded]:
        """Return every version of the table that is not current, by partition: of each version key its newest publication."""
        c = publications.c
        query = sa.select(publications).where(c.table_name == table, c.state == "done").order_by(c.partition_key, c.id)
        found: dict[tuple[str, str], Superseded] = {}
        last: TableVersion | None = None
        for row in self._database.rows(query):
            version = _version(row)
            if last is not None and last.partition == version.partition and last.version_key != version.version_key:
                found[last.partition, last.version_key] = Superseded(last, row.recorded_at)
            found.pop((version.partition, version.version_key), None)  # published again: it is current once more
            last = version
        return list(found.values())

    def record_expired(self, versions: Sequence[TableVersion]) -> None:
        """Record that these versions are not kept any more. From here on nobody may count on their files."""
        with self._database.writing() as connection:
            for version in versions:
                _insert(connection, version, EXPIRED, None, 0, "[]")

    def make_durable(self) -> None:
        """Return when every row written before would outlast a power loss: only then may files be deleted for it."""
        self._database.make_durable()

    def expired(self, table: str) -> set[TableVersion]:
        """Return the versions of the table that are expired."""
        u = upkeep.c
        return {_version(r) for r in self._database.rows(sa.select(upkeep).where(u.table_name == table, u.state == EXPIRED))}

    def expired_at(self, version: TableVersion) -> str | None:
        """Return when the version expired (UTC, ISO 8601), or None."""
        row = self._database.newest(sa.select(upkeep.c.recorded_at).where(*_of(version), upkeep.c.state == EXPIRED), upkeep)
        return str(row.recorded_at) if row is not None else None

    def publication_of(self, version: TableVersion) -> TableVersion | None:
        """Return the newest publication of the version's key, or None if this very version was never published."""
        c = publications.c
        here = sa.select(publications).where(*at(publications, version.table, version.partition), c.state == "done")
        here = here.where(c.version_key == version.version_key)
        if not self._database.rows(here.where(c.snapshot_id == version.snapshot_id).limit(1)):
            return None
        row = self._database.newest(here, publications)
        return _version(row) if row is not None else None

    # for comparing the ledger with everything else

    def open_intents(self, table: str) -> dict[str, str]:
        """Return the version key of each partition's open intent: nothing was recorded after it."""
        rows = self._database.newest_each(publications, table, None)
        return {r.partition_key: r.version_key for r in rows if r.state == "intent"}

    def all_arrivals(self) -> Iterator[Delivery]:
        """Yield every arrival of every table, oldest first."""
        for r in self._database.rows(sa.select(arrivals).order_by(arrivals.c.id)):
            yield Delivery(r.table_name, r.partition_key, r.name, r.sha256, r.bytes, r.archived, r.received_at)


def _insert(
    connection: sa.Connection, version: TableVersion, state: str, commit_id: int | None, publications_before: int, files: str
) -> None:
    insert(
        connection,
        upkeep,
        table_name=version.table,
        partition_key=version.partition,
        version_key=version.version_key,
        state=state,
        snapshot_id=version.snapshot_id,
        commit_id=commit_id,
        publications_before=publications_before,
        files=files,
        recorded_at=now(),
    )


def _of(version: TableVersion) -> tuple[sa.ColumnElement[bool], ...]:
    u = upkeep.c
    here = at(upkeep, version.table, version.partition)
    return *here, u.version_key == version.version_key, u.snapshot_id == version.snapshot_id


def _files(raw: Sequence[dict[str, object]]) -> tuple[StagedFile, ...]:
    return tuple(StagedFile(**f) for f in raw)  # type: ignore[arg-type]


def _version(row: sa.Row[tuple[object, ...]]) -> TableVersion:
    return TableVersion(row.table_name, row.partition_key, row.version_key, row.snapshot_id)
