"""`readiness quarantine list|show`."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from readiness_pipelines.cli.held import Json, ProductName
from readiness_pipelines.cli.place import full_name, lakehouse, products_named, show
from readiness_pipelines.lakehouse import quarantined

app = typer.Typer(help="Rows that a gate did not admit, with all their reasons.", no_args_is_help=True, add_completion=False)


@app.command("list", help="Quarantined rows per table and reason (a row with two reasons counts under both).")
def list_(
    product: ProductName = None,
    partition: Annotated[str | None, typer.Option(help="Only this partition.")] = None,
    as_json: Json = False,
) -> None:
    ledger, rows = lakehouse().ledger, []
    for table in (table for declared in products_named(product) for table in declared.tables):
        reasons: Counter[str] = Counter()
        days: Counter[str] = Counter()
        for verdict in ledger.latest_verdicts(table.full_name, [partition] if partition else None).values():
            reasons.update(verdict.quarantine_reasons)
            days.update(dict.fromkeys(verdict.quarantine_reasons, 1))
        rows += [
            {"table": table.full_name, "reason": reason, "rows": n, "partitions": days[reason]}
            for reason, n in reasons.most_common()
        ]
    show(rows, as_json=as_json, title="Quarantine", empty="No row is in quarantine.")


@app.command("show", help="Quarantined rows of one partition, as they were delivered. They may hold personal data.")
def show_(
    table: str,
    partition: str,
    product: ProductName = None,
    reason: Annotated[str | None, typer.Option(help="Only rows with this reason.")] = None,
    all_attempts: Annotated[bool, typer.Option("--all", help="Also rows of superseded candidates.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most this many rows.")] = 20,
    as_json: Json = False,
) -> None:
    lake, name = lakehouse(), full_name(table, product)
    latest = lake.ledger.latest_outcome(name, partition)
    with lake.connect() as con:
        conditions, values = ["true"], []
        if not all_attempts:
            conditions.append("version_key = ?")
            values.append(latest[0] if latest else "")
        if reason:
            conditions.append("list_contains(reasons, ?)")
            values.append(reason)
        source = quarantined(lake, name, partition=partition)
        found = con.execute(
            f"SELECT row_id, version_key, reasons, row_values FROM {source} WHERE {' AND '.join(conditions)} "
            f"ORDER BY record_number NULLS LAST, row_id LIMIT {limit}",
            values,
        ).fetchall()
    rows = [
        {
            "row_id": row_id,
            "state": "quarantined" if latest and key == latest[0] else "superseded",
            "reasons": ", ".join(reasons),
            "row": values_,
        }
        for row_id, key, reasons, values_ in found
    ]
    show(rows, as_json=as_json, title=f"{name}/{partition}", empty="No such row is in quarantine.")
