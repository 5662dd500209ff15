"""A small step of our own (stage, quarantine, verdict, publish), and processes that run it and can be killed in it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pyiceberg.catalog.sql  # imported once, before processes are forked from here
import pyiceberg.io.pyarrow  # noqa: F401

from readiness_pipelines.flow import Counts, GateVerdict, Outcome, StagedFile, TableVersion, digest
from readiness_pipelines.lakehouse import (
    ColumnSpec,
    Lakehouse,
    TableSpec,
    ensure_table,
    publish,
    reached,
    recover,
    stage,
    steps,
    write_quarantine,
)
from tests.services import lake_at

T = "shop.silver.orders"
SPEC = TableSpec(
    T,
    (
        ColumnSpec("row_id", "string", required=True),
        ColumnSpec("partition_key", "string", required=True),
        ColumnSpec("amount", "long"),
        ColumnSpec("tags", "list<string>"),
    ),
)
DAYS = tuple(f"2025-01-{n:02d}" for n in range(1, 6))


@dataclass(frozen=True)
class Place:
    """Where a lakehouse lies; can be sent to another process and opened there."""

    root: Path
    services: Mapping[str, str] = field(default_factory=dict)

    def open(self) -> Lakehouse:
        return lake_at(self.root, self.services)


def rows_sql(partition: str, amounts: Sequence[int]) -> str:
    """One row per amount; its id is partition:position."""
    given = ", ".join(f"({n}, {amount})" for n, amount in enumerate(amounts)) or "(0, 0)"
    return (
        f"SELECT '{partition}:' || n AS row_id, '{partition}' AS partition_key, amount, ['t' || n] AS tags "
        f"FROM (VALUES {given}) AS given(n, amount) {'' if amounts else 'WHERE false'}"
    )


def staged(lake: Lakehouse, partition: str, amounts: Sequence[int], *, key: str, attempt: str = "a") -> tuple[StagedFile, ...]:
    """Stage these amounts as the partition."""
    with lake.connect() as con:
        sql = rows_sql(partition, amounts)
        return stage(con, lake, T, sql, partition=partition, version_key=key, attempt=attempt)


def admitted(partition: str, files: Sequence[StagedFile], *, key: str) -> GateVerdict:
    n = sum(f.rows for f in files)
    return GateVerdict(T, partition, key, Outcome.ADMITTED, Counts(n, n), files=tuple(files))


def put(
    lake: Lakehouse,
    partition: str,
    amounts: Sequence[int],
    *,
    key: str,
    expected: str | None = None,
    attempt: str = "a",
) -> TableVersion:
    """Stage and publish these amounts as the partition."""
    verdict = admitted(partition, staged(lake, partition, amounts, key=key, attempt=attempt), key=key)
    lake.ledger.record_verdict(verdict)
    return publish(lake, verdict, expected=expected)


def step(lake: Lakehouse, partition: str, amounts: Sequence[int], *, key: str) -> None:
    """Run the whole protocol for one partition, as a layer does: every third amount is bad."""
    recover(lake, T, partition)
    current = lake.ledger.current_version(T, partition)
    if current is not None and current.version_key == key:
        return
    ensure_table(lake, SPEC)
    good = [a for n, a in enumerate(amounts) if n % 3]
    bad = [n for n, a in enumerate(amounts) if n % 3 == 0]
    files = staged(lake, partition, good, key=key, attempt=str(os.getpid()))
    reached("staged")
    verdict = GateVerdict(
        T, partition, key, Outcome.ADMITTED_WITH_QUARANTINE, Counts(len(amounts), len(good), len(bad)), files=files
    )
    reached("examined")
    refused = (
        f"SELECT '{partition}:' || n AS row_id, ['bad'] AS reasons, '{{}}' AS row_values, NULL AS delivery_sha256, "
        f"n AS record_number FROM (SELECT unnest({bad}) AS n)"
    )
    with lake.connect() as con:
        write_quarantine(lake, con, T, refused, partition=partition, version_key=key)
    reached("quarantined")
    lake.ledger.record_verdict(verdict)
    reached("verdict_recorded")
    publish(lake, verdict, expected=current.version_key if current else None)


def run_days(place: Place, generation: int, kill_at: str | None = None, kill_on: int = 1) -> None:
    """Publish all days; kill this process the `kill_on`th time the step named `kill_at` is reached."""
    seen = 0

    def die(name: str) -> None:
        nonlocal seen
        seen += name == kill_at
        if name == kill_at and seen == kill_on:
            os.kill(os.getpid(), signal.SIGKILL)

    steps.on_reached = die if kill_at else None
    lake = place.open()
    for day in DAYS:
        step(lake, day, amounts_of(day, generation), key=digest(day, generation))


def amounts_of(day: str, generation: int) -> list[int]:
    """The 20 amounts of a day in one generation of its data."""
    return [generation * 1000 + int(day[-2:]) * 100 + n for n in range(20)]


def replace_own(place: Place, worker: int, rounds: int) -> None:
    """Replace five partitions of this worker's own, `rounds` times each."""
    lake = place.open()
    ensure_table(lake, SPEC)
    for generation in range(rounds):
        for n in range(5):
            partition = f"w{worker}-{n}"
            current = lake.ledger.current_version(T, partition)
            key = digest(partition, generation)
            put(lake, partition, [generation, worker], key=key, expected=current.version_key if current else None)


def quarantine_same(place: Place, worker: int) -> None:
    """Write the quarantine rows of one candidate that every worker writes."""
    lake = place.open()
    rows = (
        "SELECT 'r' || n AS row_id, ['bad'] AS reasons, '{}' AS row_values, NULL AS delivery_sha256, "
        "n AS record_number FROM range(7) AS r(n)"
    )
    with lake.connect() as con:
        assert write_quarantine(lake, con, T, rows, partition=DAYS[0], version_key="k") == 7


def make_table(place: Place, worker: int) -> None:
    """Make the table that every worker makes."""
    ensure_table(place.open(), SPEC)


def processes() -> ForkServerContext:
    """Processes forked from a clean server that has imported all this: cheap, and free of our threads."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def run_together(target: Callable[..., None], arguments: Sequence[tuple[object, ...]], *, seconds: float) -> list[int | None]:
    """Run `target` once per tuple of arguments, all at the same time; return the exit codes."""
    running = [processes().Process(target=target, args=given) for given in arguments]
    for process in running:
        process.start()
    for process in running:
        process.join(seconds)
    return [process.exitcode for process in running]
