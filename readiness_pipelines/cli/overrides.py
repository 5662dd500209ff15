"""`readiness admit` and `readiness withdraw`: what a gate decided, decided otherwise by a person, who is named."""

from __future__ import annotations

from typing import Annotated

import typer

from readiness_pipelines.cli.carried_out import By, NoRun, Reason, carry_out
from readiness_pipelines.cli.held import ProductName
from readiness_pipelines.cli.place import console, lakehouse, show, table_named
from readiness_pipelines.layers import decisions
from readiness_pipelines.layers.downstream import made_from, withdrawn_versions
from readiness_pipelines.layers.quarantine import Signed


def admit(
    table: str,
    partition: str,
    reason: Reason,
    by: By,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            "--rule", help="Waive this failed rule, or max_quarantine_fraction; may be repeated. Default: all that hold it."
        ),
    ] = None,
    product: ProductName = None,
    no_run: NoRun = False,
) -> None:
    """Waive failed rules for one held candidate, and run its partition; a new delivery or other inputs need a new decision."""
    lake, (declared, found) = lakehouse(), table_named(table, product)
    said, is_news, left = decisions.admit(lake, found, partition, rules=rule or (), signed=Signed(by, reason))
    if left:
        console.print(f"it stays held for {', '.join(left)}", markup=False)
    raise carry_out(lake, declared, found, said, is_news=is_news, no_run=no_run)


def withdraw(
    table: str,
    partition: str,
    to: Annotated[str, typer.Option("--to", help="Version to put back (six characters of its key or more), or `nothing`.")],
    reason: Reason,
    by: By,
    product: ProductName = None,
    no_run: NoRun = False,
) -> None:
    """Put an earlier version of a partition back, or nothing. It holds until inputs, SQL, contract or suite change.

    What was made from the withdrawn version is stale until it is run again: it is named here, and by `readiness status`.
    """
    lake, (declared, found) = lakehouse(), table_named(table, product)
    before = lake.ledger.current_version(found.full_name, partition)
    said, is_news = decisions.withdraw(lake, found, partition, to=to, signed=Signed(by, reason))
    gone = {name: key for name, key in withdrawn_versions(declared, lake).items() if before is not None and name == str(before)}
    made = [{"made_from_it": name} for name in sorted(made_from(declared, lake, gone))]
    show(made, as_json=False, title=f"Versions made from {before}", empty="Nothing was made from it.")
    raise carry_out(lake, declared, found, said, is_news=is_news, no_run=no_run)
