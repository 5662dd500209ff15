"""`readiness drift calibrate`."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Annotated, Any

import typer

from readiness_pipelines.cli.drift_show import ProductName
from readiness_pipelines.cli.held import Json
from readiness_pipelines.cli.place import console, lakehouse, product_named, show
from readiness_pipelines.drift import Raised, Tried
from readiness_pipelines.drift import calibrate as tried
from readiness_pipelines.drift.reference import monitors_of
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import Mode, Severity

_WHICH = 2  # windows that are named, the worst


def calibrate(
    product: ProductName = None,
    monitor: Annotated[
        str | None, typer.Option("--monitor", help="The monitor; it can be left out where the product has one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Judge every window that was measured by several rules, and tell which each would have raised. Nothing is stored."""
    declared, lake = product_named(product), lakehouse()
    monitors = monitors_of(declared, monitor)
    if len(monitors) > 1:
        names = ", ".join(each.name for each in monitors)
        raise ReadinessError(f"{declared.name}: found {len(monitors)} monitors, expected the name of one with --monitor: {names}")
    found = tried(declared, lake, monitors[0].name)
    if as_json:
        sys.stdout.write(json.dumps([_as_dict(each) for each in found], indent=2) + "\n")
        return
    title = f"{monitors[0].name}: what each rule would have raised in {len(found[0].windows):,} windows"
    show([_row(each) for each in found], as_json=False, title=title, empty="")
    console.print("not told: nothing was found, and it could not have been seen; the rule in force is the first", markup=False)


def _row(of: Tried) -> dict[str, Any]:
    counts = Counter(each.severity for each in of.windows)
    severe = {severity.value: counts[severity] for severity in reversed(Severity.alarms())}
    untold = sum(_is_untold(each) for each in of.windows)
    worst = sorted(of.alarms(), key=lambda each: (each.severity.rank, each.window.last), reverse=True)
    more = f" and {len(worst) - _WHICH:,} more" if len(worst) > _WHICH else ""
    which = ", ".join(each.window.last for each in worst[:_WHICH]) + more
    seen = {"none": counts[Severity.NONE] - untold, "not_told": untold, "which": which}
    return {"rule": of.name, **severe, **seen}


def _is_untold(each: Raised) -> bool:
    return each.severity is Severity.NONE and each.mode is not Mode.DECIDED


def _as_dict(of: Tried) -> dict[str, Any]:
    return {"rule": of.name, "fingerprint": of.rule.fingerprint, "windows": [_window(each) for each in of.windows]}


def _window(each: Raised) -> dict[str, Any]:
    said = {"severity": each.severity.value, "mode": each.mode.value, "columns": list(each.columns)}
    return {"first": each.window.first, "last": each.window.last, **said}
