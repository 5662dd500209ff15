"""What is done about a window that drifted: a table from its severity to an action, and nothing else.

Detection says how much differs; only this says what follows. Every action is `observe` so far: the report is recorded, and
from `TOLD_FROM` on the owner is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from readiness_pipelines.flow import DriftReport, Severity, digest

TOLD_FROM = Severity.MEDIUM  # below it a window is on record, and wakes nobody


class Action(StrEnum):
    """What an event leads to."""

    OBSERVE = "observe"  # it is kept, and nothing is changed


@dataclass(frozen=True)
class Response:
    """An action, and in one sentence why it is this one."""

    action: Action
    why: str


_RECORDED = Response(Action.OBSERVE, "recorded; below medium nobody is told")
_TOLD = Response(Action.OBSERVE, "recorded, and the owner is told while the newest window is at medium or above")
_POLICY: Mapping[Severity, Response] = {
    Severity.NONE: Response(Action.OBSERVE, "recorded; by the rule that holds now it is no drift any more"),
    Severity.LOW: _RECORDED,
    Severity.MEDIUM: _TOLD,
    Severity.HIGH: _TOLD,
    Severity.CRITICAL: _TOLD,
}

FINGERPRINT = digest(TOLD_FROM, [(severity, said.action, said.why) for severity, said in _POLICY.items()])


def respond(report: DriftReport) -> Response:
    """Return what follows from a report. Pure: the same report, the same response, as long as `FINGERPRINT` is the same."""
    return _POLICY[report.severity]
