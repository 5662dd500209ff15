"""`readiness incidents`."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from readiness_pipelines.cli.held import Json
from readiness_pipelines.cli.place import console, lakehouse, products_named, show


def incidents(
    product: Annotated[str | None, typer.Argument(help="Only this product; default: all of the project.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that are resolved, and every step of each.")] = False,
    tell: Annotated[bool, typer.Option("--tell", help="Tell whoever was not told yet: for a place without a daemon.")] = False,
    as_json: Json = False,
) -> None:
    """Look at where partitions, monitors and models stand now, and print the incidents that are open."""
    from readiness_pipelines.incidents import reconcile, send
    from readiness_pipelines.layers.calendar import clock

    lake, log, rows, is_open = lakehouse(), logging.getLogger("readiness"), [], False
    for declared in products_named(product):
        changes = reconcile(declared, lake, now=clock())
        if tell:
            log.addHandler(logging.NullHandler())
            delivered = send(declared, lake, changes.resolved, log=log)
            console.print(f"{declared.name}: {delivered} messages delivered", markup=False)
        now = lake.ledger.incidents.newest(declared.name).values()
        is_open |= any(incident.is_open for incident in now)
        found = lake.ledger.incidents.history(declared.name) if everything else [i for i in now if i.is_open]
        rows += [
            {"since": i.recorded_at[:16].replace("T", " "), "kind": i.kind, "subject": i.subject, "state": i.state, "why": i.why}
            for i in found
        ]
    show(rows, as_json=as_json, title="Incidents", empty="Nothing is open.")
    raise typer.Exit(1 if is_open else 0)
