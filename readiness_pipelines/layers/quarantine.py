"""Who is in quarantine, and what became of the others: rows with their state, worked out from ledger and quarantine table."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from readiness_pipelines.declarations import TableDeclaration
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import GateVerdict
from readiness_pipelines.lakehouse import Lakehouse, quarantined
from readiness_pipelines.lakehouse.quarantine import purge_quarantine
from readiness_pipelines.layers import exported
from readiness_pipelines.layers.corrections import Corrections, RowCorrection, values_of
from readiness_pipelines.layers.rows import count, literal
from readiness_pipelines.ledger import Correction

OPEN = "quarantined"


@dataclass(frozen=True)
class Signed:
    """Who decided, and why. Raises ReadinessError where either is missing."""

    by: str
    reason: str

    def __post_init__(self) -> None:
        for word, text in (("by", self.by), ("reason", self.reason)):
            if not text.strip():
                raise ReadinessError(f"found an empty {word}, expected who decides, and why: it is kept with the decision")


@dataclass(frozen=True)
class QuarantinedRow:
    """One row that one candidate did not admit. `row_values` is the row as it came, as JSON.

    `state`: `quarantined` (of the newest candidate: it waits for somebody), else `released`, `discarded`, or `superseded`.
    """

    row_id: str
    version_key: str
    state: str
    reasons: tuple[str, ...]
    row_values: str


@dataclass(frozen=True)
class Waiting:
    """Rows in quarantine for one reason, in how many partitions, the oldest since when (UTC, ISO 8601)."""

    table: str
    reason: str
    rows: int
    partitions: int
    since: str


def rows_of(
    lake: Lakehouse,
    table: str,
    partition: str,
    *,
    reason: str | None = None,
    everything: bool = False,
    limit: int | None = None,
) -> list[QuarantinedRow]:
    """Return the rows in quarantine now, in order of delivery; with `everything` also what became of those of older candidates."""
    latest = lake.ledger.latest_outcome(table, partition)
    current = latest[0] if latest else ""
    wanted = ["true" if everything else f"version_key = {literal(current)}"]
    wanted += [f"list_contains(reasons, {literal(reason)})"] if reason else []
    source = quarantined(lake, table, partition=partition)
    sql = (
        f"SELECT row_id, version_key, reasons, row_values, row_id IN (SELECT row_id FROM {source} WHERE version_key = "
        f"{literal(current)}) FROM {source} WHERE {' AND '.join(wanted)} ORDER BY version_key <> {literal(current)}, "
        f"quarantined_at DESC, record_number NULLS LAST, row_id{f' LIMIT {limit}' if limit is not None else ''}"
    )
    with lake.connect() as con:
        found = con.execute(sql).fetchall()
    rows = Corrections.of(lake, table, partition).rows
    return [
        QuarantinedRow(str(r[0]), str(r[1]), _state(rows.get(str(r[0])), r[1] == current, bool(r[4])), tuple(r[2]), str(r[3]))
        for r in found
    ]


def _state(said: RowCorrection | None, is_current: bool, is_still_there: bool) -> str:
    if is_current:
        return OPEN
    if is_still_there or said is None:
        return "superseded"
    return "discarded" if said.is_discarded else "released"


def waiting(
    lake: Lakehouse,
    table: TableDeclaration,
    *,
    partition: str | None = None,
    reason: str | None = None,
    older_than_days: float = 0.0,
    now: datetime.datetime,
) -> list[Waiting]:
    """Return what is in quarantine now, per reason, most rows first; a row with two reasons counts under both.

    A row's age counts from when it was first refused, by whichever candidate. `now` is UTC.
    """
    newest = lake.ledger.latest_keys(table.full_name)
    if not newest:
        return []
    limit = _before(now, older_than_days)
    keys = ", ".join(f"({literal(p)}, {literal(key)})" for p, key in newest.items() if partition in (None, p))
    sql = (
        "SELECT reason, count(*), count(DISTINCT partition_key), min(since) FROM ("
        "SELECT unnest(reasons) AS reason, partition_key, since FROM (SELECT *, "
        "min(quarantined_at) OVER (PARTITION BY partition_key, row_id) AS since "
        f"FROM {quarantined(lake, table.full_name, partition=partition)}) "
        f"WHERE (partition_key, version_key) IN ({keys or '(NULL, NULL)'}) AND since[:23] <= {literal(limit)}) "
        f"WHERE {'true' if reason is None else f'reason = {literal(reason)}'} GROUP BY ALL ORDER BY 2 DESC, 1"
    )
    with lake.connect() as con:
        return [Waiting(table.full_name, str(r[0]), int(r[1]), int(r[2]), str(r[3])) for r in con.execute(sql).fetchall()]


def exportable(
    lake: Lakehouse, table: str, partition: str, rows: Sequence[QuarantinedRow]
) -> Iterator[tuple[str, Sequence[str], exported.Cells]]:
    """Yield (row_id, reasons, values) for `exported.write`: values as delivered, or as they were corrected last."""
    corrected = corrected_values(lake, table, partition)
    for row in rows:
        yield row.row_id, row.reasons, {**exported.cells_of(row.row_values), **corrected.get(row.row_id, {})}


def corrected_values(lake: Lakehouse, table: str, partition: str) -> dict[str, exported.Cells]:
    """Return the corrected cells in force, by row_id, of all rows of a partition that have any. Each file is read once."""
    rows = Corrections.of(lake, table, partition).rows
    files = {sha256: values_of(lake, sha256) for sha256 in {c.values for c in rows.values()} if sha256 is not None}
    return {row: files[c.values][row] for row, c in rows.items() if c.values is not None and row in files[c.values]}


def purge(
    lake: Lakehouse,
    table: str,
    *,
    older_than_days: float,
    now: datetime.datetime,
    signed: Signed,
    partition: str | None = None,
) -> list[Correction]:
    """Take rows out of quarantine that nobody can need: of candidates older than so many days that are superseded; record it.

    What was released or discarded lies in such candidates. Kept are the rows that wait for somebody, and those of versions that
    are on `main` or could be put back: they go after `readiness maintain` has expired the version. `now` is UTC. Raises
    ReadinessError for a negative number of days.
    """
    limit = _before(now, older_than_days)
    sql = f"SELECT partition_key, version_key, count(*) FROM {quarantined(lake, table, partition=partition)} GROUP BY ALL "
    with lake.connect() as con:
        old = con.execute(f"{sql} HAVING max(quarantined_at)[:23] <= {literal(limit)} ORDER BY ALL").fetchall()
    kept = set(lake.ledger.latest_keys(table).items())
    kept |= {(v.partition, v.version_key) for v in lake.ledger.current_versions(table).values()}
    expired = lake.ledger.upkeep.expired(table)
    kept |= {(s.version.partition, s.version.version_key) for s in lake.ledger.upkeep.superseded(table) if s.version not in expired}
    going: dict[str, dict[str, int]] = {}
    for key, version, rows in old:
        if (key, version) not in kept:
            going.setdefault(str(key), {})[str(version)] = int(rows)
    done = []
    for key, candidates in going.items():
        said = Correction(
            table, key, "purge", tuple(sorted(candidates)), {"rows": sum(candidates.values())}, signed.reason, signed.by
        )
        done.append(lake.ledger.corrections.record(said)[0])
        purge_quarantine(lake, table, partition=key, version_keys=sorted(candidates))
    return done


def is_purged(lake: Lakehouse, verdict: GateVerdict) -> bool:
    """Return whether rows that this candidate had in quarantine were purged and are not there again."""
    purges = lake.ledger.corrections.of(verdict.table, verdict.partition, kinds=("purge",))
    if not any(verdict.version_key in said.subjects for said in purges):
        return False
    source = quarantined(lake, verdict.table, partition=verdict.partition)
    with lake.connect() as con:
        return count(con, f"{source} WHERE version_key = {literal(verdict.version_key)}") < verdict.counts.quarantined


def _before(now: datetime.datetime, days: float) -> str:
    """Return the time so many days ago, to the millisecond. Raises ReadinessError for a negative number, or none."""
    if not days >= 0:
        raise ReadinessError(f"found {days:g} days, expected 0 or more")
    try:
        return (now - datetime.timedelta(days=days)).isoformat(timespec="milliseconds")[:23]
    except OverflowError:
        return ""  # before the calendar begins: nothing is that old
