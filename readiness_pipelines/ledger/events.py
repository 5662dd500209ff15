"""What became of each event: claimed by a run, decided. Rows only; the newest one counts.

An event takes effect once: one row `decided` at most, by the run that holds the newest claim.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from readiness_pipelines.flow import ResponseDecision, Severity, Window
from readiness_pipelines.ledger.database import Database, insert, now
from readiness_pipelines.ledger.schema import judgements, measurements, responses

CLAIMED, DECIDED = "claimed", "decided"


@dataclass(frozen=True)
class Claim:
    """What came of asking for an event.

    `mine`: the caller acts on it now. `taken`: the run `by` does, and still works. `decided`: run `by` has. `superseded`:
    the window was measured again, `by` names the newer event. `unknown`: nothing was ever measured under this event.
    """

    state: Literal["mine", "taken", "decided", "superseded", "unknown"]
    by: str


@dataclass(frozen=True)
class Waiting:
    """An event that is to take effect, as it is judged now."""

    event: str
    monitor: str
    window: Window
    severity: Severity


class Events:
    """The events of all products of one ledger, and what became of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self, product: str) -> list[Waiting]:
        """Return the events that are to take effect and have not, oldest window first.

        Of each window the newest event, judged low or worse and not decided; where an older one was claimed or decided, and
        the window was not found without drift since, only if it is worse than that one was judged; an older one that led to
        `freeze` stands in nobody's way. And every event that was claimed and not decided, superseded or not: if its run has died,
        nobody else would take it up.
        """
        measured = self._measured_events(product)  # first: what was claimed before it was superseded is then seen as claimed
        states, effects = self._states(product)
        judged = self._severities(product)
        found = []
        for (monitor, window), events in measured.items():
            for event in events:
                severity = judged.get(event, Severity.NONE)
                if severity is Severity.NONE or states.get(event) == DECIDED:
                    continue
                clean = max((i for i, each in enumerate(events) if judged.get(each) is Severity.NONE), default=-1)
                acted_on = [each for each in events[clean + 1 :] if each in states and each != event]
                others = (effects.get(each, judged.get(each, Severity.NONE)) for each in acted_on)
                is_worse = all(not each.is_at_least(severity) for each in others)
                if event in states or (event == events[-1] and is_worse):
                    found.append(Waiting(event, monitor, window, severity))
        return found

    def claim(self, event: str, run: str, *, is_over: Callable[[str], bool]) -> Claim:
        """Take the event for `run`, in one transaction, or say who has it.

        `is_over` says of another run that it has ended or died: its claim, without a decision, is taken over.
        """
        c, r = measurements.c, responses.c
        window = (c.first_partition, c.last_partition)
        claims = sa.select(r.state, r.run).where(r.event == event).order_by(r.id)
        holder = next((row.run for row in reversed(self._database.rows(claims))), run)
        is_free = holder == run or is_over(holder)  # asked before the transaction: it may take its time
        with self._database.writing() as connection:
            known = connection.execute(sa.select(c.product, c.monitor, *window).where(c.event == event)).first()
            if known is None:
                return Claim("unknown", "")
            rows = connection.execute(claims).all()
            if decided := [row for row in rows if row.state == DECIDED]:
                return Claim("decided", decided[0].run)
            if rows and rows[-1].run == run:
                return Claim("mine", run)
            if rows and not (is_free and rows[-1].run == holder):
                return Claim("taken", rows[-1].run)
            newest = connection.execute(newest_event(known.product, known.monitor, Window(*known[2:]))).scalar_one()
            if newest != event and not rows:
                return Claim("superseded", newest)
            values = {"product": known.product, "event": event, "run": run, "recorded_at": now()}
            insert(connection, responses, state=CLAIMED, attempt=len(rows) + 1, decision=None, **values)
        return Claim("mine", run)

    def decide(self, decision: ResponseDecision) -> bool:
        """Record the event's one decision, by the run that holds its newest claim.

        Return False, and record nothing, if there is a decision already, or another run has taken the claim over.
        """
        r = responses.c
        with self._database.writing() as connection:
            rows = connection.execute(sa.select(r.state, r.run).where(r.event == decision.event).order_by(r.id)).all()
            if not rows or rows[-1].state == DECIDED or rows[-1].run != decision.decided_by:
                return False
            values = {"product": decision.product, "event": decision.event, "run": decision.decided_by, "recorded_at": now()}
            insert(connection, responses, state=DECIDED, attempt=0, decision=decision.to_json(), **values)
        return True

    def decisions(self, product: str) -> list[tuple[str, ResponseDecision]]:
        """Return (recorded at, decision) of every decision of the product, oldest first."""
        r = responses.c
        query = sa.select(r.recorded_at, r.decision).where(r.product == product, r.state == DECIDED).order_by(r.id)
        return [(row.recorded_at, ResponseDecision.from_json(row.decision)) for row in self._database.rows(query)]

    def decision_of(self, event: str) -> ResponseDecision | None:
        """Return the event's decision, or None."""
        r = responses.c
        rows = self._database.rows(sa.select(r.decision).where(r.event == event, r.state == DECIDED))
        return ResponseDecision.from_json(rows[0].decision) if rows else None

    def _measured_events(self, product: str) -> dict[tuple[str, Window], list[str]]:
        """Return the events of each window of each monitor, the one that was measured last at the end; oldest window first."""
        c, found = measurements.c, dict[tuple[str, Window], list[str]]()
        columns = (c.last_partition, c.first_partition, c.monitor)
        query = sa.select(*columns, c.event).where(c.product == product).group_by(*columns, c.event)
        for row in self._database.rows(query.order_by(*columns, sa.func.max(c.id))):
            found.setdefault((row.monitor, Window(row.first_partition, row.last_partition)), []).append(row.event)
        return found

    def _states(self, product: str) -> tuple[dict[str, str], dict[str, Severity]]:
        """Return how far each event is that was ever claimed, and the severity with which each decided one took effect.

        None of it where it led to `freeze`: nothing was done.
        """
        r = responses.c
        rows = self._database.rows(sa.select(r.event, r.state, r.decision).where(r.product == product).order_by(r.id))
        said = [ResponseDecision.from_json(row.decision) for row in rows if row.decision]
        decided = {each.event: Severity.NONE if each.action == "freeze" else each.severity for each in said}
        return {row.event: row.state for row in rows}, decided

    def _severities(self, product: str) -> dict[str, Severity]:
        """Return what each event is judged now."""
        c = judgements.c
        newest = sa.select(sa.func.max(c.id)).where(c.product == product).group_by(c.event)
        rows = self._database.rows(sa.select(c.event, c.severity).where(c.id.in_(newest)))
        return {row.event: Severity(row.severity) for row in rows}


def newest_event(product: str, monitor: str, window: Window) -> sa.Select[Any]:
    """Select the event that was measured last for this window of this monitor."""
    c = measurements.c
    here = (c.product == product, c.monitor == monitor, c.first_partition == window.first, c.last_partition == window.last)
    return sa.select(c.event).where(*here).order_by(c.id.desc()).limit(1)
