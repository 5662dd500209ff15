"""`readiness erase`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from readiness_pipelines.cli.backfill import chunks
from readiness_pipelines.cli.carried_out import By, Reason
from readiness_pipelines.cli.place import console, lakehouse, product_named
from readiness_pipelines.cli.project import project
from readiness_pipelines.declarations import Product
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers.calendar import keys_between
from readiness_pipelines.layers.erase import Account, erase
from readiness_pipelines.layers.quarantine import Signed

_IN_ONE_RUN = 50
_NAMED = 20  # places that are told


def erase_(
    product: Annotated[str, typer.Argument(help="Product.")],
    reason: Reason,
    by: By,
    subject: Annotated[
        str | None,
        typer.Option("--subject", help="Who, as delivered. Better left out: then it is asked for, or read from standard input."),
    ] = None,
) -> None:
    """Erase a subject: out of archive, tables, quarantine and history, and out of what will be delivered. It cannot be undone.

    Safe to stop: the same command takes it up again. Exit code 0: done, and nothing of it is left in archive and warehouse;
    1: something is, and is named; 2: it could not be carried out, or not to its end.
    """
    lake, declared = lakehouse(), product_named(product)
    who, signed = subject or _asked(), Signed(by, reason)
    with console.status("erasing") as status:
        account = erase(
            *(lake, declared, who), signed=signed, run=lambda keys: _run(lake, declared, keys), say=lambda what: status.update(what)
        )
    _tell(account)
    raise typer.Exit(1 if account.traces else 0)


def _asked() -> str:
    """Return the subject from where no shell history and no list of processes has it."""
    if sys.stdin.isatty():
        return str(typer.prompt("subject", hide_input=True))
    return sys.stdin.readline().rstrip("\r\n")


def _run(lake: Lakehouse, product: Product, keys: Sequence[str]) -> None:
    from readiness_pipelines.cli.runs import materialise

    for run in chunks(keys_between(product, keys[0], keys[-1]), set(keys), _IN_ONE_RUN):
        materialise(lake.settings, project(), product, run, log=lake.settings.state / "decisions.log")


def _tell(account: Account) -> None:
    said, removed = account.said, account.removed

    def line(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    line(
        f"{'recorded' if account.is_news else 'known already'}: subject {said.subjects[0][:12]} erased, by {said.by}: {said.reason}"
    )
    line(f"{account.records} records of {account.deliveries} deliveries redacted in the archive")
    if not account.records:
        line(
            "nobody of that name was found: compared letter by letter, also case and spaces; see how the subject is delivered. "
            "The erasure stands for what is delivered later"
        )
    for name, keys in account.partitions.items():
        line(f"run without them: {name}, {len(keys)} partitions, {keys[0]} to {keys[-1]}")
    for place in account.emptied:
        line(f"emptied, because it is held without them: {place}")
    line(f"{removed.versions} versions expired, {removed.quarantined} rows of quarantine and {removed.files} files deleted")
    for pin in removed.pins:
        line(f"pin taken away, what rests on it cannot be read again: {pin}")
    for trace in account.traces[:_NAMED]:
        line(f"still there: {trace}")
    for trace in account.outside[:_NAMED]:
        line(f"not ours to change: {trace}")
    more = max(0, len(account.traces) - _NAMED) + max(0, len(account.outside) - _NAMED)
    if more:
        line(f"and {more} more places")
    line("never reached: backups, files that people exported, and what other systems have read")
