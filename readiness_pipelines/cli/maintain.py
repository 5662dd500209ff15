"""`readiness maintain`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from readiness_pipelines.cli.held import Json
from readiness_pipelines.cli.place import console, lakehouse, products_named, show
from readiness_pipelines.lakehouse.maintenance import LEAST_HOURS, Maintained
from readiness_pipelines.layers.upkeep import OLDER_THAN_HOURS, maintain_product


def maintain(
    product: Annotated[str | None, typer.Argument(help="Only this product; default: all of the project.")] = None,
    keep_days: Annotated[
        float | None,
        typer.Option(
            min=0, max=36_525, help="Days a superseded version stays readable; default: the contract's retention, else 30."
        ),
    ] = None,
    older_than: Annotated[
        float,
        typer.Option(min=LEAST_HOURS, help="Hours after which a file that nothing refers to goes: longer than the longest run."),
    ] = OLDER_THAN_HOURS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, file by file, and do nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Put partitions of several files into one, expire what was superseded, delete what nothing refers to."""
    from readiness_pipelines.layers.calendar import clock

    lake, rows = lakehouse(), list[dict[str, Any]]()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=as_json) as progress:

        def say(what: str) -> None:
            if dry_run and not as_json:
                progress.console.print(f"would have {what}", markup=False, highlight=False, soft_wrap=True)

        for declared in products_named(product):
            bar = progress.add_task(declared.name, total=2 * len(declared.tables))
            given = {"keep_days": keep_days, "older_than_hours": older_than, "dry_run": dry_run, "say": say}
            for done in maintain_product(declared, lake, now=clock(), **given):  # type: ignore[arg-type]
                progress.advance(bar)
                rows += [_row(done)] if as_json or _row(done) != _row(Maintained(done.table, young=done.young)) else []
    title = f"Maintenance{' that would be done' if dry_run else ''}"
    show(rows, as_json=as_json, title=title, empty="Nothing to do.")
    raise typer.Exit(0)


def _row(done: Maintained) -> dict[str, Any]:
    return {
        "table": done.table,
        "compacted": done.compacted,
        "expired": done.expired,
        "snapshots": done.snapshots,
        "files": done.files,
        "orphans": done.orphans,
        "bytes": done.bytes,
        "young": done.young,
    }
