"""`readiness incidents`."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from readiness_pipelines.cli.held import Json
from readiness_pipelines.cli.place import console, lakehouse, product_named, show


def incidents(
    product: Annotated[str | None, typer.Argument(help="Product; may be left out where there is only one.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that are resolved, and every step of each.")] = False,
    tell: Annotated[bool, typer.Option("--tell", help="Tell whoever was not told yet: for a place without a daemon.")] = False,
    as_json: Json = False,
) -> None:
    """Look at where every partition stands now, and print the incidents that are open."""
    from readiness_pipelines.incidents import reconcile, send
    from readiness_pipelines.layers.calendar import clock

    declared, lake = product_named(product), lakehouse()
    changes = reconcile(declared, lake, now=clock())
    if tell:
        log = logging.getLogger("readiness")
        log.addHandler(logging.NullHandler())
        console.print(f"{send(declared, lake, changes.resolved, log=log)} messages delivered", markup=False)
    known = lake.ledger.incidents
    found = known.history(declared.name) if everything else [i for i in known.newest(declared.name).values() if i.is_open]
    rows = [
        {"since": i.recorded_at[:16].replace("T", " "), "kind": i.kind, "subject": i.subject, "state": i.state, "why": i.why}
        for i in found
    ]
    show(rows, as_json=as_json, title=f"Incidents of {declared.name}", empty="Nothing is open.")
    raise typer.Exit(1 if any(i.is_open for i in known.newest(declared.name).values()) else 0)
