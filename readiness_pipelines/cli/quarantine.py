"""`readiness quarantine list|show|export|release|discard|purge`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from readiness_pipelines.cli.carried_out import By, NoRun, Reason, carry_out, show_decisions
from readiness_pipelines.cli.held import Json, ProductName
from readiness_pipelines.cli.place import console, full_name, lakehouse, products_named, show, table_named
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.lakehouse.quarantine import quarantine_table
from readiness_pipelines.layers import decisions, exported
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.layers.decided import told
from readiness_pipelines.layers.named import require_known
from readiness_pipelines.layers.quarantine import Signed, exportable, purge, rows_of, waiting

app = typer.Typer(help="Rows that a gate did not admit, with all their reasons.", no_args_is_help=True, add_completion=False)

TableName = Annotated[str | None, typer.Option("--table", help="Only this table: leaf or full name.")]
PartitionKey = Annotated[str | None, typer.Option("--partition", help="Only this partition.")]
RuleName = Annotated[str | None, typer.Option("--rule", help="Only rows with this reason: a rule, cast:<column>, parse:<kind>.")]
Rows = Annotated[list[str] | None, typer.Option("--row", help="A row, by its id; may be repeated.")]


@app.command("list", help="Quarantined rows per table and reason (a row with two reasons counts under both).")
def list_(
    product: ProductName = None,
    table: TableName = None,
    partition: PartitionKey = None,
    rule: RuleName = None,
    older_than: Annotated[float, typer.Option(min=0, help="Only rows first refused at least so many days ago.")] = 0.0,
    as_json: Json = False,
) -> None:
    lake, wanted = lakehouse(), full_name(table, product) if table else None
    tables = [each for declared in products_named(product) for each in declared.tables if wanted in (None, each.full_name)]
    require_known(lake, tables, partition=partition, reason=rule)
    found = [
        {"table": w.table, "reason": w.reason, "rows": w.rows, "partitions": w.partitions, "since": w.since[:16]}
        for each in tables
        for w in waiting(lake, each, partition=partition, reason=rule, older_than_days=older_than, now=clock())
    ]
    show(found, as_json=as_json, title="Quarantine", empty="No row is in quarantine.")


@app.command(
    "show", help="Quarantined rows of one partition, as delivered, and who decided about them. They may hold personal data."
)
def show_(
    table: str,
    partition: str,
    product: ProductName = None,
    rule: RuleName = None,
    everything: Annotated[bool, typer.Option("--all", help="Also rows released, discarded or superseded.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most this many rows.")] = 20,
    as_json: Json = False,
) -> None:
    lake, (_, declared) = lakehouse(), table_named(table, product)
    name = declared.full_name
    require_known(lake, [declared], partition=partition, reason=rule)
    found = rows_of(lake, name, partition, reason=rule, everything=everything, limit=limit)
    rows = [{"row_id": r.row_id, "state": r.state, "reasons": ", ".join(r.reasons), "row": r.row_values} for r in found]
    show(rows, as_json=as_json, title=f"{name}/{partition}", empty="No such row is in quarantine.")
    if not as_json:
        show_decisions(lake.ledger.corrections.of(name, partition), kinds=("release", "discard", "purge"))


@app.command(
    "export", help="Quarantined rows of one partition as csv, to correct and give to `release`. They may hold personal data."
)
def export(
    table: str,
    partition: str,
    product: ProductName = None,
    rule: RuleName = None,
    to: Annotated[Path | None, typer.Option("--to", help="File to write; default: standard output.")] = None,
) -> None:
    lake, (_, declared) = lakehouse(), table_named(table, product)
    name = declared.full_name
    require_known(lake, [declared], partition=partition, reason=rule)
    rows = list(exportable(lake, name, partition, rows_of(lake, name, partition, reason=rule)))
    if to is None:
        exported.write(sys.stdout, rows)
        return
    with to.open("w", encoding="utf-8", newline="") as file:
        exported.write(file, rows)
    console.print(f"{len(rows)} rows in {to}", markup=False)


@app.command(
    "release", help="Let quarantined rows pass the gate again, with corrected values or with rules waived, and run the partition."
)
def release(
    table: str,
    partition: str,
    reason: Reason,
    by: By,
    values: Annotated[Path | None, typer.Option("--values", help="csv of `export`, corrected; rows left as they are stay.")] = None,
    waive: Annotated[list[str] | None, typer.Option("--waive", help="A rule to waive for the rows; may be repeated.")] = None,
    row: Rows = None,
    product: ProductName = None,
    no_run: NoRun = False,
) -> None:
    lake, (declared, found) = lakehouse(), table_named(table, product)
    if (values is None) == (waive is None) or (values is not None and row):
        raise ReadinessError("found neither or both, expected --values FILE, or --waive RULE with --row ROW_ID")
    signed = Signed(by, reason)
    if values is not None:
        said, is_news = decisions.release_values(lake, found, partition, exported.read(values), signed=signed)
    else:
        said, is_news = decisions.release_waived(lake, found, partition, row or (), waive or (), signed=signed)
    raise carry_out(lake, declared, found, said, is_news=is_news, no_run=no_run)


@app.command("discard", help="Set quarantined rows aside for good: counted as dropped, named `discarded`; and run the partition.")
def discard(
    table: str, partition: str, reason: Reason, by: By, row: Rows = None, product: ProductName = None, no_run: NoRun = False
) -> None:
    lake, (declared, found) = lakehouse(), table_named(table, product)
    said, is_news = decisions.discard(lake, found, partition, row or (), signed=Signed(by, reason))
    raise carry_out(lake, declared, found, said, is_news=is_news, no_run=no_run)


@app.command(
    "purge", help="Take old rows out that nobody can need: released, discarded, superseded. Files go with `readiness maintain`."
)
def purge_(
    older_than: Annotated[float, typer.Option("--older-than", min=0, help="Days since the row was refused.")],
    reason: Reason,
    by: By,
    product: ProductName = None,
    table: TableName = None,
    partition: PartitionKey = None,
) -> None:
    lake, wanted, signed = lakehouse(), full_name(table, product) if table else None, Signed(by, reason)
    tables = [each for one in products_named(product) for each in one.tables if wanted in (None, each.full_name)]
    require_known(lake, tables, partition=partition, reason=None)
    done = [
        said
        for each in tables
        if lake.find(quarantine_table(each.full_name)) is not None
        for said in purge(lake, each.full_name, older_than_days=older_than, now=clock(), signed=signed, partition=partition)
    ]
    for said in done:
        console.print(told(said), markup=False)
    console.print(f"{sum(said.payload['rows'] for said in done)} rows purged from {len(done)} partitions", markup=False)
