"""The named steps of publishing, decisions, erasures, profiles, measuring, maintenance, responses and models, in order.

A test can stop a process right after each.
"""

from __future__ import annotations

from collections.abc import Callable

NAMES = ("staged", "examined", "quarantined", "verdict_recorded", "intent_recorded", "committed", "done_recorded")
DECISION_NAMES = ("values_kept", "correction_recorded")
ERASURE_NAMES = (
    *("erasure_recorded", "redacted", "redaction_recorded", "original_deleted", "values_redacted", "partitions_run"),
    *("taken_off_main", "unpinned", "expiry_recorded", "snapshots_dropped", "quarantine_purged", "file_deleted", "erasure_ended"),
)
PROFILE_NAMES = ("profiles_staged", "profiles_committed")
MEASURING_NAMES = ("reference_pinned", "reference_registered", "window_recorded")
UPKEEP_NAMES = ("rewritten", "compacted", "compaction_recorded", "expiry_recorded", "snapshots_dropped", "file_deleted")
TRAINING_NAMES = ("training_set_pinned", "training_set_recorded")
PROMOTION_NAMES = ("artifact_checked", "promotion_recorded", "alias_set", "aliases_followed", "references_followed")
RESPONSE_NAMES = ("event_claimed", "retrain_requested", "rolled_back", "event_decided")
RETRAIN_NAMES = (
    *("retrain_started", "training_set_selected", "model_recorded", "model_numbered", "model_judged"),
    *("review_recorded", "model_promoted", "card_kept", "retrain_ended"),
)

on_reached: Callable[[str], None] | None = None  # only a test installs one


def reached(name: str) -> None:
    """Say that the step `name` has just been completed. Does nothing unless a test listens."""
    if on_reached is not None:
        on_reached(name)
