"""Bronze: what arrived, every value as text, with where it came from. Append-only: a delivery on `main` never leaves it."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from readiness_pipelines.declarations import Bronze, Product
from readiness_pipelines.flow import Delivery, Sighting, SourceBatch, StagedFile, digest
from readiness_pipelines.lakehouse import Lakehouse, files_on_main, quarantined
from readiness_pipelines.layers.calendar import start_of
from readiness_pipelines.layers.candidate import ROWS, Candidate
from readiness_pipelines.layers.corrections import Corrections, add_discarded
from readiness_pipelines.layers.erasures import (
    ERASED,
    erased_records,
    is_redacted,
    kept_form,
    look_through,
    opened,
    refuse_other_subject,
)
from readiness_pipelines.layers.rows import count, delivered, literal, quoted
from readiness_pipelines.settings import Settings
from readiness_pipelines.sources import RecordReader, archive, landed
from readiness_pipelines.sources.reader import PARSE_PROBLEM, RAW, RECORD_NUMBER

_NOT_KEPT = "was not kept, because it could not be read to its end and spoke of an erased subject: deliver it again, whole"
_RECORDS = "_records"  # temp table: every record of the new deliveries, good or not


@dataclass(frozen=True)
class Plan:
    """Which deliveries a candidate is made of: `kept` lie on `main` already, `new` are read now, `effective` count.

    `refused` says what landed beside them and cannot be taken in: it holds the candidate. `erased` are the numbers of the
    records of each delivery (by sha256) that were erased; `plain_key` is the version key if nobody had been.
    """

    partition: str
    version_key: str
    plain_key: str
    expected: str | None
    kept: tuple[dict[str, Any], ...]
    kept_files: tuple[StagedFile, ...]
    new: tuple[Delivery, ...]
    effective: tuple[str, ...]
    refused: tuple[str, ...] = ()
    erased: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def receive(
    lake: Lakehouse, settings: Settings, product: Product, table: Bronze, partition: str
) -> tuple[SourceBatch, tuple[Sighting, ...]]:
    """Archive and record whatever has landed since; return all arrivals of the partition, and the files as they stood.

    Each arrival is without the records of those who were erased from here on.

    What cannot be taken in counts as a delivery would: where the newest file is the day, only if nothing newer landed.
    """
    refuse_other_subject(lake, table)
    stood: list[Sighting] = []
    refused: list[str] = []
    newest: tuple[Delivery, Sighting] | None = None
    replaces = table.feed.delivery == "replace"
    for path in landed(settings.landing, table.feed.files, start_of(product, partition)):
        given = {"landing": settings.landing, "table": table.full_name, "partition": partition}
        found = archive(path, settings.archive, **given, is_redacted=partial(is_redacted, lake))  # type: ignore[arg-type]
        if found is None:
            continue
        delivery, sighting = found
        stood.append(sighting)
        if isinstance(delivery, str):
            refused.append(delivery)
            continue
        lake.ledger.record_arrival(delivery)
        newest = (delivery, sighting)
        refused = [] if replaces else refused
    if replaces and newest is not None and not refused:
        _record_again(lake, *newest)
    arrivals = lake.ledger.arrivals(table.full_name, partition)
    look_through(lake, product, table, arrivals)
    return SourceBatch(table.full_name, partition, arrivals, table.feed.delivery, tuple(refused)), tuple(stood)


def _record_again(lake: Lakehouse, delivery: Delivery, sighting: Sighting) -> None:
    """Record a known file once more if it was landed again after the delivery that counts now: then it counts again.

    It was, if it was changed after that one had been received, and not since a run last took it in. A time that is still
    to come is no sign of it.
    """
    last = lake.ledger.arrivals(delivery.table, delivery.partition)[-1]
    if (last.name, last.sha256) == (delivery.name, delivery.sha256):
        return
    received, now = (datetime.datetime.fromisoformat(d.received_at).timestamp() for d in (last, delivery))
    touched = received < sighting.changed_ns / 1e9 <= now
    if touched and lake.ledger.sightings(delivery.table).get(delivery.name) != sighting:
        lake.ledger.record_arrival(delivery, again=True)


def plan(lake: Lakehouse, table: Bronze, batch: SourceBatch, corrections: Corrections) -> Plan:
    """Return what the partition's candidate consists of. What is on `main` stays, unless contract or suite changed.

    Where rows were waived, discarded or erased, everything is read anew, from the archive. The plan's keys are those of the
    candidate without `corrections`.
    """
    current = lake.ledger.current_version(table.full_name, batch.partition)
    verdict = lake.ledger.verdict_of(table.full_name, batch.partition, current.version_key) if current else None
    details = verdict.details if verdict else {}
    same_rules = details.get("fingerprint") == table.fingerprint and not corrections.rows and not details.get("corrected")
    on_main = tuple(details.get("deliveries", ()))
    erased = erased_records(lake, batch.arrivals)
    same_rules = same_rules and all(tuple(d.get(ERASED, ())) == erased.get(d["sha256"], ()) for d in on_main)
    arrived = {d.sha256: d for d in batch.arrivals}
    effective = batch.effective()
    kept = on_main if same_rules else ()
    counted = tuple(d.sha256 for d in effective)
    shas = list(dict.fromkeys((*_taken_in(lake, table, batch.partition, on_main, corrections), *counted)))
    there = {d["sha256"] for d in kept}
    new = tuple(arrived[sha] for sha in shas if sha not in there)
    key = digest(table.full_name, table.fingerprint, shas, counted, *batch.refused)
    erased = {sha: erased[sha] for sha in shas if sha in erased}
    return Plan(
        partition=batch.partition,
        version_key=digest(key, ERASED, sorted(erased.items())) if erased else key,
        plain_key=key,
        erased=erased,
        expected=current.version_key if current else None,
        kept=kept,
        kept_files=files_on_main(lake, current) if current and same_rules else (),
        new=new,
        effective=counted,
        refused=batch.refused,
    )


def _taken_in(
    lake: Lakehouse, table: Bronze, partition: str, on_main: Sequence[Mapping[str, Any]], corrections: Corrections
) -> list[str]:
    """Return the sha256 of every delivery that was ever published, in that order: what is on `main`, unless a withdrawal took
    some of it off. Else the next candidate would leave that out, and be another than the one that was withdrawn."""
    found = [str(d["sha256"]) for d in on_main]
    if not any(said.kind == "withdraw" for said in corrections.said):
        return found
    done = [p.version_key for p in lake.ledger.publications(table.full_name, partition) if p.snapshot_id is not None]
    verdicts = [lake.ledger.verdict_of(table.full_name, partition, key) for key in dict.fromkeys(done)]
    earlier = [str(d["sha256"]) for verdict in verdicts if verdict for d in verdict.details.get("deliveries", ())]
    return list(dict.fromkeys((*earlier, *found)))


def propose(con: duckdb.DuckDBPyConnection, lake: Lakehouse, table: Bronze, plan: Plan, corrections: Corrections) -> Candidate:
    """Read the new deliveries and lay the candidate out in `con`. Rows in: every record, those already on `main` too."""
    columns = [c.name for c in table.table.columns]
    problems = list(plan.refused)
    facts: list[dict[str, Any]] = []
    _create_records(con, columns)
    for delivery in plan.new:
        gone = plan.erased.get(delivery.sha256, ())
        path = kept_form(lake, delivery)
        if path is None:
            if delivery.sha256 in plan.effective:
                problems.append(f"{delivery.name}: {_NOT_KEPT}")
            continue
        reader = _read(con, table, delivery, path, gone)
        if reader.problems and delivery.sha256 not in plan.effective:
            continue  # it was superseded, and no longer fits the contract: its bytes stay in the archive
        problems += reader.problems
        facts.append(_facts(con, delivery, reader, gone))
    discarded = _discard(con, corrections)
    _lay_out(con, plan.partition, columns)
    rejects, reasons = _rejects(con, lake, table, plan)
    erased = sum(map(_erased_in, (*plan.kept, *facts)))
    details = {"deliveries": [*plan.kept, *facts], "effective": list(plan.effective), "fingerprint": table.fingerprint}
    return Candidate(
        version_key=plan.version_key,
        inputs=tuple(f"{d['name']}@sha256:{d['sha256'][:12]}" for d in (*plan.kept, *facts)),
        expected=plan.expected,
        rows_in=sum(f["records"] for f in (*plan.kept, *facts)),
        rows=count(con, ROWS),
        dropped=add_discarded({ERASED: erased} if erased else {}, discarded),
        rejects=rejects,
        reject_reasons=reasons,
        kept=plan.kept_files,
        kept_rows=sum(f.rows for f in plan.kept_files),
        judged_rows=sum(f["records"] - _erased_in(f) for f in (*plan.kept, *facts) if f["sha256"] in plan.effective),
        judged=f"delivery_sha256 IN ({', '.join(literal(sha) for sha in plan.effective) or 'NULL'})",
        refused=tuple(problems),
        notes=tuple(note for f in (*plan.kept, *facts) if f["sha256"] in plan.effective for note in f.get("notes", ())),
        details=details | ({"corrected": True} if corrections.rows else {}),
    )


def _erased_in(facts: Mapping[str, Any]) -> int:
    """Return how many records of a delivery were erased; its header (0) is none."""
    return sum(number > 0 for number in facts.get(ERASED, ()))


def _discard(con: duckdb.DuckDBPyConnection, corrections: Corrections) -> int:
    """Take discarded records out, and return how many."""
    if not corrections.discards:
        return 0
    out = corrections.discarded_rows(_ROW_ID)
    discarded = count(con, f"{_RECORDS} WHERE {out}")
    con.execute(f"DELETE FROM {_RECORDS} WHERE {out}")
    return discarded


def _facts(con: duckdb.DuckDBPyConnection, delivery: Delivery, reader: RecordReader, gone: Sequence[int]) -> dict[str, Any]:
    """Return what a verdict says of a delivery that was read; of erased records their numbers."""
    rejects = sum(reader.rejects.values()) if not reader.problems else 0
    if gone and rejects:
        rejects = count(con, f"{_RECORDS} WHERE delivery_sha256 = {literal(delivery.sha256)} AND {PARSE_PROBLEM} IS NOT NULL")
    facts = {"name": delivery.name, "sha256": delivery.sha256, "records": reader.records, "rejects": rejects}
    facts |= {ERASED: list(gone)} if gone else {}
    return facts | ({"notes": list(reader.notes)} if reader.notes else {})


def _create_records(con: duckdb.DuckDBPyConnection, columns: list[str]) -> None:
    declared = ", ".join(f"{quoted(c)} VARCHAR" for c in columns)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {_RECORDS} (delivery_sha256 VARCHAR, delivery_name VARCHAR, received_at VARCHAR, "
        f"{RECORD_NUMBER} BIGINT, {PARSE_PROBLEM} VARCHAR, {RAW} VARCHAR, {declared})"
    )


def _read(con: duckdb.DuckDBPyConnection, table: Bronze, delivery: Delivery, path: Path, gone: Sequence[int]) -> RecordReader:
    """Lay the records of a delivery beside the others, but for the erased ones. Of one that is wrong as a whole none is: they
    are only counted."""
    reader = opened(table, delivery, path)
    broken: list[Exception] = []
    batches = _until_broken(reader, broken)
    con.register("_incoming", pa.RecordBatchReader.from_batches(reader.schema, batches))
    origin = ", ".join(literal(v) for v in (delivery.sha256, delivery.name, delivery.received_at))
    left = f"WHERE {RECORD_NUMBER} NOT IN ({', '.join(map(str, gone))})" if gone else ""
    con.execute(f"INSERT INTO {_RECORDS} SELECT {origin}, * FROM _incoming {left}")
    con.unregister("_incoming")
    if broken:
        raise broken[0]
    if reader.problems:
        con.execute(f"DELETE FROM {_RECORDS} WHERE delivery_sha256 = {literal(delivery.sha256)}")
    return reader


def _until_broken(reader: RecordReader, broken: list[Exception]) -> Iterator[pa.RecordBatch]:
    """Yield the batches until a disk or memory fails; `broken` then has the error, which the engine would only quote."""
    try:
        yield from reader.batches()
    except (OSError, MemoryError) as error:
        broken.append(error)


def _lay_out(con: duckdb.DuckDBPyConnection, partition: str, columns: list[str]) -> None:
    declared = ", ".join(quoted(c) for c in columns)
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW {ROWS} AS SELECT {_ROW_ID} AS row_id, {literal(partition)} AS partition_key, "
        f"delivery_sha256, delivery_name, {RECORD_NUMBER} AS record_number, received_at, {declared}, "
        f"{delivered(columns, sha256='delivery_sha256', record_number=RECORD_NUMBER)} "
        f"FROM {_RECORDS} WHERE {PARSE_PROBLEM} IS NULL"
    )


_ROW_ID = f"substr(delivery_sha256, 1, 32) || ':' || {RECORD_NUMBER}"


def _rejects(con: duckdb.DuckDBPyConnection, lake: Lakehouse, table: Bronze, plan: Plan) -> tuple[str, dict[str, int]]:
    """Return SQL for the rows that go to quarantine unread, and rows per reason.

    The quarantine of a delivery that stays on `main` stays current with it, under the new candidate.
    """
    sql = (
        f"SELECT {_ROW_ID} AS row_id, ['parse:' || {PARSE_PROBLEM}] AS reasons, "
        f"CAST(to_json({{'raw': {RAW}}}) AS VARCHAR) AS row_values, delivery_sha256, {RECORD_NUMBER} AS record_number "
        f"FROM {_RECORDS} WHERE {PARSE_PROBLEM} IS NOT NULL"
    )
    if plan.kept and plan.expected:
        source = quarantined(lake, table.full_name, partition=plan.partition)
        con.execute(
            "CREATE OR REPLACE TEMP TABLE _kept_quarantine AS SELECT row_id, reasons, row_values, delivery_sha256, record_number "
            f"FROM {source} WHERE version_key = {literal(plan.expected)}"
        )
        sql += " UNION ALL SELECT * FROM _kept_quarantine"
    each = f"SELECT unnest(reasons) AS reason FROM ({sql})"
    counts = con.execute(f"SELECT reason, count(*) FROM ({each}) GROUP BY ALL ORDER BY ALL").fetchall()
    return sql, {str(reason): int(n) for reason, n in counts}
