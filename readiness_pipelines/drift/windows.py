"""Which windows a product's calendar has for a monitor, and of which partitions they are made. Pure: it asks nobody.

Windows begin at the product's first partition and every `step` days after it, and are `days` long; of an hourly product a
day is 24 partitions. Only whole windows are there.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from readiness_pipelines.declarations import Product
from readiness_pipelines.declarations.drift import DriftWindow, ReferenceRange
from readiness_pipelines.declarations.monitors import Monitor
from readiness_pipelines.flow import Window
from readiness_pipelines.layers.calendar import STEPS, first_key, key_of, keys_between, start_of

_DAY = STEPS["day"]


def windows_until(product: Product, said: DriftWindow, newest: str) -> Iterator[Window]:
    """Yield the windows whose last partition is `newest` or before, oldest first."""
    begin, end = start_of(product, first_key(product)), start_of(product, newest) + _partition(product)
    while begin + said.days * _DAY <= end:
        yield _window(product, begin, said.days)
        begin += said.step * _DAY


def window_before(product: Product, window: Window, said: DriftWindow) -> Window | None:
    """Return the window that ends where this one begins, or None where the product has not been there for so long.

    It is as long as the declared ones, and not one of them where `step` does not divide `days`.
    """
    begin = start_of(product, window.first) - said.days * _DAY
    return _window(product, begin, said.days) if begin >= start_of(product, first_key(product)) else None


def shifted(product: Product, window: Window, days: int) -> Window:
    """Return the window as many days later; earlier where `days` is negative, also where the product was not there yet."""
    first, last = (key_of(product, start_of(product, key) + days * _DAY) for key in (window.first, window.last))
    return Window(first, last)


def window_of_range(product: Product, said: ReferenceRange) -> Window:
    """Return the partitions of these days, both inclusive."""
    days = (said.to - said.from_).days + 1
    return _window(product, datetime.datetime.combine(said.from_, datetime.time()), days)


def partitions_of(product: Product, window: Window) -> list[str]:
    """Return the keys of the window's partitions, oldest first."""
    return keys_between(product, window.first, window.last)


def overlap(a: Window, b: Window) -> bool:
    """Return whether two windows share a partition."""
    return a.first <= b.last and b.first <= a.last


def measured_windows(product: Product, monitor: Monitor, newest: str) -> Iterator[Window]:
    """Yield the windows until `newest` that are measured: none that shares a partition with a fixed reference.

    Such a one would be compared with itself, and be told to differ too little.
    """
    said = monitor.words.reference
    fixed = window_of_range(product, said) if isinstance(said, ReferenceRange) else None
    for window in windows_until(product, monitor.words.window, newest):
        if fixed is None or not overlap(window, fixed):
            yield window


def _window(product: Product, begin: datetime.datetime, days: int) -> Window:
    return Window(key_of(product, begin), key_of(product, begin + days * _DAY - _partition(product)))


def _partition(product: Product) -> datetime.timedelta:
    return STEPS[product.declaration.partitions.every]
