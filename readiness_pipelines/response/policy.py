"""What is done about a window that drifted: a table from the facts to an action, and nothing else.

Detection says how much differs; only this says what follows. Nothing is begun from data that a gate holds, or from what could not
be decided. `respond` is pure: it asks no ledger and no clock, and can be tested line by line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from readiness_pipelines.declarations.model import Retraining
from readiness_pipelines.flow import DriftReport, Mode, Severity, Test, digest

TOLD_FROM = Severity.MEDIUM  # below it a window is on record, and wakes nobody
URGENT_FROM = Severity.HIGH  # from here on a retrain does not wait for the cooldown
ROLL_BACK_FROM = 0.15  # loss of the metric, exclusive, from which the champion itself may be at fault
_NAMED = 3  # gates that are named


class Action(StrEnum):
    """What an event leads to."""

    OBSERVE = "observe"  # it is kept, and nothing is changed
    RETRAIN = "retrain"  # a challenger is trained
    REVIEW = "review"  # one is trained, and no promotion goes without a person until one has decided
    FREEZE = "freeze"  # nothing is begun: a gate upstream holds what the window should rest on
    ROLL_BACK = "roll_back"  # as review, and the previous champion is back


@dataclass(frozen=True)
class Comparison:
    """The previous champion, number `to`, beside the champion on the window's rows; `is_better` is None where nobody can tell.

    `champion` is the number of the one that was compared: no other may be gone back from for this.
    """

    to: int
    is_better: bool | None
    why: str
    champion: int = 0


@dataclass(frozen=True)
class Facts:
    """All that a response depends on.

    `words` are the product's, None where it has no model. `gates` names what holds or misses a partition of the window.
    `champion` is the champion's number and `learned_to` the newest partition that it has looked at, 0 and empty for none; empty,
    too, where the report tells what predictions are worth on rows whose labels it could not know.
    `cut_off` is the newest partition that a retrain would look at; `looked_to` the one that the newest retrain that has ended and
    did not break, `looked_by`, has looked at, whatever came of it, `days_since` the days of data between the two. `waits_until`
    (UTC) is set where the week's budget is used up, `paused_by` where the loop is stopped. `previous` is None where nobody
    compared. `asked` and `returned_to` are what this very event has led to already, by a run that died before it could say so:
    the numbers of a retrain and of a model, 0 for none. `looks_to` is the cut-off of the retrain that was asked for or joined, as
    far as one was: of one that had begun it is what that looks at.
    """

    report: DriftReport
    words: Retraining | None = None
    gates: tuple[str, ...] = ()
    champion: int = 0
    learned_to: str = ""
    cut_off: str = ""
    looked_to: str = ""
    looked_by: int = 0
    days_since: int = 0
    in_flight: int = 0
    asked: int = 0
    waits_until: str = ""
    paused_by: str = ""
    previous: Comparison | None = None
    returned_to: int = 0
    looks_to: str = ""


@dataclass(frozen=True)
class Response:
    """An action, and in one sentence why it is this one; whether a retrain is asked for, and who becomes champion again, or 0."""

    action: Action
    why: str
    asks: bool = False
    to: int = 0


_RECORDED = "recorded; below medium nobody is told"
_TOLD = "recorded, and the owner is told while the newest window is at medium or above"
_OBSERVED: Mapping[Severity, str] = {
    Severity.NONE: "recorded; by the rule that holds now it is no drift any more",
    Severity.LOW: _RECORDED,
    Severity.MEDIUM: _TOLD,
    Severity.HIGH: _TOLD,
    Severity.CRITICAL: _TOLD,
}
_MEANING = 3  # one more whenever the same facts lead to something else


def fingerprint(words: Retraining | None) -> str:
    """Return the digest of what a response depends on besides the facts of the moment."""
    said = words.model_dump(mode="json") if words is not None else None
    return digest(_MEANING, TOLD_FROM, URGENT_FROM, ROLL_BACK_FROM, list(_OBSERVED.items()), said)


def performance_loss(report: DriftReport) -> float:
    """Return how much of the metric was found to be lost, of all rows: 0 where nothing was."""
    found = [f.effect or 0.0 for f in report.findings if f.test is Test.PERFORMANCE and not f.group and f.mode is Mode.DECIDED]
    return max(found, default=0.0)


def respond(facts: Facts) -> Response:
    """Return what follows from the facts. Pure: the same facts, the same response, as long as `fingerprint` is the same.

    | severity | what follows, where the product has a model |
    |---|---|
    | none, and below `retraining.from` | observe |
    | not decided | observe: nothing is learned from what is not known |
    | the champion has looked at the whole window | observe: what it says of older days is no news |
    | a partition of the window is held or missing | freeze: the gate is named |
    | medium | retrain; within the cooldown, counted in days of data, observe |
    | high | retrain, urgent: no cooldown |
    | critical | review: an urgent retrain, whose promotion needs a person |
    | critical, loss over .15, previous champion better | roll back, and the same |

    A retrain that is in flight is joined. Where no partition is newer than what the newest retrain has looked at there is nothing
    to learn: what was refused for want of rows would be refused again.
    """
    report, words = facts.report, facts.words
    if words is None or report.severity is Severity.NONE:
        return Response(Action.OBSERVE, _OBSERVED[report.severity])
    if report.mode is not Mode.DECIDED:
        return Response(Action.OBSERVE, f"{_OBSERVED[report.severity]}; it could not be decided, and nothing is learned from that")
    if not report.severity.is_at_least(words.from_):
        return Response(Action.OBSERVE, f"{_OBSERVED[report.severity]}; a challenger is trained from {words.from_} on")
    if facts.champion and report.measured.window.last <= facts.learned_to and not (facts.asked or facts.returned_to):
        why = f"model {facts.champion}, the champion, has looked at data up to {facts.learned_to}: the window is behind it"
        return Response(Action.OBSERVE, why)
    if facts.gates:
        return Response(Action.FREEZE, f"nothing is begun: {_named(facts.gates)}")
    asks, why = _retrain(facts, words)
    if report.severity is Severity.CRITICAL:
        return _critical(facts, asks, why)
    return Response(Action.RETRAIN if asks else Action.OBSERVE, why, asks)


def _retrain(facts: Facts, words: Retraining) -> tuple[bool, str]:
    """Return whether a retrain is asked for, and why, or why not."""
    is_urgent = facts.report.severity.is_at_least(URGENT_FROM)
    urgent = "urgent retrain" if is_urgent else "retrain"
    paused = f"; the loop is paused by {facts.paused_by}, so it waits" if facts.paused_by else ""
    is_older = "" < facts.looks_to < facts.report.measured.window.last
    older = f"; it looks at data up to {facts.looks_to}, older than the window" if is_older else ""
    if facts.asked:
        return True, f"retrain {facts.asked} was asked for{older}{paused}"
    if facts.in_flight:
        return True, f"it joins retrain {facts.in_flight}, which is in flight{older}{paused}"
    if facts.looked_by and facts.looked_to >= facts.cut_off:
        return False, f"nothing to learn: retrain {facts.looked_by} has looked at all data up to {facts.looked_to}"
    if facts.looked_by and facts.days_since < words.cooldown_days and not is_urgent:
        return False, (
            f"retrain {facts.looked_by} looked at data up to {facts.looked_to}, {facts.days_since} days before {facts.cut_off}: "
            f"the cooldown is {words.cooldown_days} days of data"
        )
    if facts.waits_until:
        return True, f"{urgent}; it waits until {facts.waits_until[:16]} UTC: {words.per_week} were begun within a week{paused}"
    return True, f"{urgent} up to {facts.cut_off}{paused}"


def _critical(facts: Facts, asks: bool, why: str) -> Response:
    person = "every promotion needs a person now"
    if facts.returned_to:
        return Response(Action.ROLL_BACK, f"model {facts.returned_to} is champion again; {person}; {why}", asks, facts.returned_to)
    found = facts.previous
    if found is None:
        return Response(Action.REVIEW, f"{person}; {why}", asks)
    if facts.paused_by:
        return Response(Action.REVIEW, f"{person}; {why}; nothing is rolled back either", asks)
    if not found.is_better:
        return Response(Action.REVIEW, f"{person}; {why}; not rolled back: {found.why}", asks)
    return Response(Action.ROLL_BACK, f"back to model {found.to}: {found.why}; {person}; {why}", asks, found.to)


def _named(gates: tuple[str, ...]) -> str:
    more = f", and {len(gates) - _NAMED} more" if len(gates) > _NAMED else ""
    return "; ".join(gates[:_NAMED]) + more
