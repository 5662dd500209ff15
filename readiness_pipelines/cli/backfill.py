"""`readiness backfill`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence, Set
from typing import Annotated

import typer

from readiness_pipelines.cli.place import console, lakehouse, product_named
from readiness_pipelines.cli.project import project
from readiness_pipelines.declarations import Product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import Standing
from readiness_pipelines.settings import Settings

_NOT_RUN = "was not run"
_NAMED = 30  # partitions to look at that are named at the end


def backfill(
    product: Annotated[str, typer.Argument(help="Product.")],
    first: Annotated[str, typer.Option("--from", help="First partition, inclusive; e.g. 2025-01-01 or 2025-01-01-05:00.")],
    last: Annotated[str, typer.Option("--to", help="Last partition, inclusive.")],
    chunk: Annotated[int, typer.Option(min=1, help="Partitions per run: what a crash makes you do again.")] = 50,
    again: Annotated[bool, typer.Option("--again", help="Also partitions that are admitted or not due already.")] = False,
) -> None:
    """Bring a range of partitions through all layers, oldest first, some in one run; say how far it is.

    Safe to stop and to start again: what is admitted already is left out, and what a run did not finish is done over.
    """
    from readiness_pipelines.cli.runs import materialise, shown_progress
    from readiness_pipelines.layers.calendar import clock, keys_asked_for

    settings, declared, lake = Settings.from_environment(), product_named(product), lakehouse()
    wanted = keys_asked_for(declared, first, last, now=clock())
    keys = wanted if again else _unfinished(declared, lake, wanted)
    console.print(f"{len(wanted)} partitions, {len(wanted) - len(keys)} of them done or without a file", markup=False)
    log, started, broken = settings.state / "backfill.log", time.monotonic(), []
    runs = list(chunks(wanted, set(keys), chunk))
    for n, run in enumerate(runs, start=1):
        begun = time.monotonic()
        with shown_progress(lake, declared, run) as look:
            code = materialise(settings, project(), declared, run, log=log, meanwhile=look)
        console.print(f"run {n} of {len(runs)}: {run[0]} to {run[-1]}, {time.monotonic() - begun:.0f} s", markup=False)
        seen = [why for _, why in _to_look_at(declared, lake, run)]
        if code != 0 and (not seen or _NOT_RUN in seen):
            broken.append(run)
    told = _to_look_at(declared, lake, wanted)
    console.print(f"{len(keys)} partitions in {time.monotonic() - started:.0f} s", markup=False)
    for place, why in told[:_NAMED]:
        console.print(f"  {place}: {why}", markup=False)
    if len(told) > _NAMED:
        console.print(f"  and {len(told) - _NAMED} more: readiness status {declared.name}", markup=False)
    if broken:
        raise ReadinessError(f"{len(broken)} runs failed, and not for a gate ({broken[0][0]} ...); Dagster's own words: {log}")
    raise typer.Exit(1 if told else 0)


def _unfinished(product: Product, lake: Lakehouse, keys: Sequence[str]) -> list[str]:
    """Return the partitions that a run could change: with files not taken in, decisions not run, or a table held or never run.

    What is missing, and what that blocks, is left alone: no run can bring the file.
    """
    from readiness_pipelines.layers import StandingKind, Standings
    from readiness_pipelines.layers.calendar import clock
    from readiness_pipelines.layers.decisions import not_run
    from readiness_pipelines.layers.waiting import look_for_files

    settled = set(StandingKind) - {StandingKind.HELD, StandingKind.ABSENT, StandingKind.STALE}
    landed = dict(look_for_files(product, lake, now=clock()).waiting)
    landed |= dict.fromkeys((key for table in product.tables for key in not_run(lake, table.full_name)), ())
    standings = Standings(product, lake, now=clock(), everything=True)
    return [k for k in keys if k in landed or not {standings.of(table.name, k).kind for table in product.tables} <= settled]


def _to_look_at(product: Product, lake: Lakehouse, keys: Sequence[str]) -> list[tuple[str, str]]:
    """Return (place, why) of what is held, missing or was not run, oldest first; not what these block downstream."""
    from readiness_pipelines.layers import StandingKind, Standings
    from readiness_pipelines.layers.calendar import clock

    standings = Standings(product, lake, now=clock(), everything=True)
    found = [standings.of(table.name, key) for key in keys for table in product.tables]
    bad = (StandingKind.HELD, StandingKind.MISSING, StandingKind.ABSENT, StandingKind.STALE)
    return [(f"{s.partition} {s.table}", _why(lake, s)) for s in found if s.kind in bad]


def _why(lake: Lakehouse, standing: Standing) -> str:
    from readiness_pipelines.layers import StandingKind

    if standing.kind is StandingKind.HELD:
        verdict = lake.ledger.latest_verdict(standing.table, standing.partition)
        return f"held: {'; '.join(verdict.held_because) if verdict else standing.why}"
    if standing.kind is StandingKind.STALE:
        return standing.why
    return "missing: it is due and nothing has landed" if standing.kind is StandingKind.MISSING else _NOT_RUN


def chunks(wanted: Sequence[str], keys: Set[str], size: int) -> Iterator[list[str]]:
    """Yield `keys` in the order of `wanted`, some at a time, so that those of one run follow each other without a gap."""
    chunk: list[str] = []
    for key in wanted:
        if chunk and (key not in keys or len(chunk) == size):
            yield chunk
            chunk = []
        if key in keys:
            chunk.append(key)
    if chunk:
        yield chunk
