"""`readiness doctor`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from readiness_pipelines.cli.place import console
from readiness_pipelines.settings import Settings


def doctor(
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what is safe to mend; nothing is deleted but what was erased and is back.")
    ] = False,
) -> None:
    """Compare ledger, catalog, warehouse and archive: a line per disagreement, with what to do. Changes nothing by default.

    Exit code 0: they agree; 1: disagreements are left; 2: it could not be carried out, or there is nothing in the
    state folder.
    """
    from readiness_pipelines.lakehouse.doctor import examine, mend

    settings = Settings.from_environment()
    with console.status("looking") as status:
        done, found = mend(settings, say=status.update) if repair else ([], examine(settings, say=status.update))
    for what in done:
        sys.stdout.write(f"repaired: {what}\n")
    for finding in found.findings:
        sys.stdout.write(f"{finding}\n")
    loose = (
        f"; {found.loose_files} files ({found.loose_bytes:,} bytes) that nothing kept refers to: readiness maintain takes the old"
    )
    said = f"{len(found.findings)} disagreements" if found.findings else "ledger, catalog, warehouse and archive agree"
    sys.stdout.write(f"{found.tables} tables, {said}{loose if found.loose_files else ''}\n")
    raise typer.Exit(1 if found.findings else 0)
