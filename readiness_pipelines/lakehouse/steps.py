"""The named steps of publishing, of decisions and of maintenance, in their order: a test can stop a process right after each."""

from __future__ import annotations

from collections.abc import Callable

NAMES = ("staged", "examined", "quarantined", "verdict_recorded", "intent_recorded", "committed", "done_recorded")
DECISION_NAMES = ("values_kept", "correction_recorded")
UPKEEP_NAMES = ("rewritten", "compacted", "compaction_recorded", "expiry_recorded", "snapshots_dropped", "file_deleted")

on_reached: Callable[[str], None] | None = None  # only a test installs one


def reached(name: str) -> None:
    """Say that the step `name` has just been completed. Does nothing unless a test listens."""
    if on_reached is not None:
        on_reached(name)
