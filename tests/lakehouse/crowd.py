"""Many processes that publish at the same time, on one table or on many, and an account of what came of it."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from queue import Empty
from typing import Any

from readiness_pipelines.flow import Counts, GateVerdict, Outcome, digest
from readiness_pipelines.lakehouse import Lakehouse, commits, ensure_table, publish, relation, stage
from readiness_pipelines.lakehouse.history import PARTITION_PROPERTY, VERSION_PROPERTY
from tests.lakehouse.publisher import SPEC, Place, processes, rows_sql

PARTITIONS = 5  # of each writer's own; each is replaced again and again


@dataclass(frozen=True)
class Account:
    """What a crowd did: `lost` ones are not in the ledger, or not read, `doubled` ones are there twice."""

    publishes: int
    seconds: float
    median_ms: float
    worst_ms: float
    conflicts: int
    lost: int
    doubled: int
    failed: int


def crowd(place: Place, *, writers: int, publishes: int, tables: int) -> Account:
    """Let `writers` processes publish `publishes` times each, spread over `tables` tables, and account for all of it."""
    lake = place.open()
    names = [f"shop.silver.orders_{n}" for n in range(tables)]
    for name in names:
        ensure_table(lake, dataclasses.replace(SPEC, name=name))
    context = processes()
    told, together = context.Queue(), context.Barrier(writers)
    arguments = [(place, names[n % tables], n, publishes, together, told) for n in range(writers)]
    running = [context.Process(target=_write, args=given) for given in arguments]
    for process in running:
        process.start()
    reports = _reports(told, running)
    for process in running:
        process.join(60)
    assert reports, f"no writer came to its end: {[process.exitcode for process in running]}"
    latencies = [ms for report in reports for ms in report["ms"]]
    lost, doubled = _reckon(lake, names, writers, publishes)
    return Account(
        publishes=len(latencies),
        seconds=max(r["ended"] for r in reports) - min(r["began"] for r in reports),
        median_ms=statistics.median(latencies),
        worst_ms=max(latencies),
        conflicts=sum(r["conflicts"] for r in reports),
        lost=lost,
        doubled=doubled,
        failed=sum(process.exitcode != 0 for process in running),
    )


def _reports(told: Any, running: Sequence[BaseProcess]) -> list[dict[str, Any]]:
    """Return what the processes report; one that ends without a report says the rest by its exit code."""
    found: list[dict[str, Any]] = []
    while len(found) < len(running):
        try:
            found.append(told.get(timeout=5))
        except Empty:
            if not any(process.is_alive() for process in running) or any(process.exitcode for process in running):
                break
    return found


def _write(place: Place, table: str, writer: int, publishes: int, together: Barrier, told: Any) -> None:
    conflicts, is_worth_repeating = [0], commits.is_worth_repeating

    def counted(error: Exception) -> bool:
        conflicts[0] += is_worth_repeating(error)
        return is_worth_repeating(error)

    commits.is_worth_repeating = counted
    lake = place.open()
    lake.load(table)
    latencies = []
    together.wait(300)
    began = time.time()
    for turn in range(publishes):
        verdict, expected = _candidate(lake, table, writer, turn)
        started = time.perf_counter()
        publish(lake, verdict, expected=expected)
        latencies.append((time.perf_counter() - started) * 1000)
    told.put({"ms": latencies, "began": began, "ended": time.time(), "conflicts": conflicts[0]})


def _candidate(lake: Lakehouse, table: str, writer: int, turn: int) -> tuple[GateVerdict, str | None]:
    partition = f"w{writer}-{turn % PARTITIONS}"
    key = digest(partition, turn)
    expected = digest(partition, turn - PARTITIONS) if turn >= PARTITIONS else None
    with lake.connect() as con:
        sql = rows_sql(partition, [turn, writer])
        files = stage(con, lake, table, sql, partition=partition, version_key=key, attempt="a")
    verdict = GateVerdict(table, partition, key, Outcome.ADMITTED, Counts(2, 2), files=files)
    lake.ledger.record_verdict(verdict)
    return verdict, expected


def _reckon(lake: Lakehouse, names: list[str], writers: int, publishes: int) -> tuple[int, int]:
    """Return how many publications are missing, and how many are there more than once, in ledger, history and rows."""
    lost = doubled = 0
    for n, name in enumerate(names):
        mine = [w for w in range(writers) if w % len(names) == n]
        wanted = Counter((f"w{w}-{t % PARTITIONS}", digest(f"w{w}-{t % PARTITIONS}", t)) for w in mine for t in range(publishes))
        partitions = sorted({partition for partition, _ in wanted})
        done = Counter((p, row.version_key) for p in partitions for row in lake.ledger.publications(name, p) if row.state == "done")
        said = [s.summary.additional_properties for s in lake.load(name).metadata.snapshots if s.summary]
        on_main = Counter((s[PARTITION_PROPERTY], s[VERSION_PROPERTY]) for s in said if PARTITION_PROPERTY in s)
        newest = [
            max(t for t in range(publishes) if f"w{w}-{t % PARTITIONS}" == p)
            for p in partitions
            for w in mine
            if p.startswith(f"w{w}-")
        ]
        rows = Counter((p, a) for p, t in zip(partitions, newest, strict=True) for a in (t, int(p[1:].split("-")[0])))
        with lake.connect() as con:
            source = relation(lake, list(lake.ledger.current_versions(name).values()))
            read = Counter(con.execute(f"SELECT partition_key, amount FROM {source}").fetchall())
        for there, expected in ((done, wanted), (read, rows)):
            lost += (expected - there).total()
            doubled += (there - expected).total()
        doubled += (on_main - wanted).total()  # publishing drops the oldest snapshots, so that history cannot tell what is lost
    return lost, doubled
