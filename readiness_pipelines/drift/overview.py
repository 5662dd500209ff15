"""How far each monitor of a product is: what it is compared with, what it waits for, what was measured last."""

from __future__ import annotations

import datetime
from collections.abc import Set
from dataclasses import dataclass

from readiness_pipelines.declarations import Product
from readiness_pipelines.declarations.monitors import Monitor
from readiness_pipelines.drift.reference import READY, Waiting, newest_decided, standing
from readiness_pipelines.drift.windows import measured_windows, partitions_of, window_before
from readiness_pipelines.flow import Window
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers.calendar import key_of
from readiness_pipelines.ledger import Registered


@dataclass(frozen=True)
class Watch:
    """One monitor: the reference that is registered for it, if any; a sentence of what it waits for, empty if nothing.

    `measured` counts the windows that were measured, `due` those that are due, have admitted rows and something to be
    compared with, and were not; `newest` is the last that was measured.
    """

    monitor: str
    table: str
    reference: Registered | None
    waits_for: str
    measured: int
    due: int
    newest: Window | None


def status(product: Product, lake: Lakehouse, *, now: datetime.datetime) -> list[Watch]:
    """Return how far each monitor of the product is by `now` (UTC), in the order of their declaration. Nothing is changed."""
    return [_watch(product, lake, monitor, now) for monitor in product.monitors]


def _watch(product: Product, lake: Lakehouse, monitor: Monitor, now: datetime.datetime) -> Watch:
    reference = standing(product, lake, monitor, now=now)
    measured = lake.ledger.drift.events(product.name, monitor.name)
    newest = newest_decided(lake, monitor)
    until = min(newest, key_of(product, now)) if newest is not None else None
    windows = list(measured_windows(product, monitor, until)) if until is not None else []
    there = {key for key, version in lake.ledger.current_versions(monitor.table.full_name).items() if not version.is_nothing}
    due = [w for w in windows if w not in measured and not there.isdisjoint(partitions_of(product, w))]
    if monitor.words.reference == "previous_window":
        due = [w for w in due if _has_one_before(product, monitor, w, there)]
    elif isinstance(reference, Waiting) and reference.why not in READY:
        due = []
    return Watch(
        monitor.name,
        monitor.table.full_name,
        None if isinstance(reference, Waiting) else reference,
        _waits_for(monitor, reference, newest, windows=len(windows)),
        len(measured),
        len(due),
        max(measured, key=lambda window: window.last, default=None),
    )


def _has_one_before(product: Product, monitor: Monitor, window: Window, there: Set[str]) -> bool:
    before = window_before(product, window, monitor.words.window)
    return before is not None and not there.isdisjoint(partitions_of(product, before))


def _waits_for(monitor: Monitor, reference: object, newest: str | None, *, windows: int) -> str:
    if newest is None:
        return "nothing has been run yet"
    if isinstance(reference, Waiting) and monitor.words.reference != "previous_window":
        return reference.why
    days = monitor.words.window.days
    return "" if windows else f"no window of {days} day{'s' if days > 1 else ''} is complete; the newest partition is {newest}"
