"""The named steps of the protocol, so that a test can stop a process at each of them.

In the order of a step: staged, examined, quarantined, verdict_recorded, intent_recorded, committed, done_recorded.
"""

from __future__ import annotations

from collections.abc import Callable

NAMES = ("staged", "examined", "quarantined", "verdict_recorded", "intent_recorded", "committed", "done_recorded")

on_reached: Callable[[str], None] | None = None  # only tests set it


def reached(name: str) -> None:
    """Say that a named step has just been completed."""
    if on_reached is not None:
        on_reached(name)
