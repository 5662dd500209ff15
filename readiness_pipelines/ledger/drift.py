"""What was measured of windows, what was judged of it, and what became of each event. Rows only; the newest one counts.

A window is measured again when what it is computed from has changed (late data, a correction, a new reference): that is a
new event, which supersedes the older one. An event takes effect once: one row `decided` at most, by the run that holds
the newest claim.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import sqlalchemy as sa

from readiness_pipelines.flow import DriftReport, Measured, Reference, ResponseDecision, Severity, TableVersion, Window
from readiness_pipelines.ledger.database import Database, in_batches, insert, now
from readiness_pipelines.ledger.schema import drift_references, judgements, measurements, responses

CLAIMED, DECIDED = "claimed", "decided"


@dataclass(frozen=True)
class Registered:
    """A reference that was registered: `declared` is the digest of the declaration it was made for."""

    product: str
    monitor: str
    declared: str
    reference: Reference
    reason: str
    by: str
    recorded_at: str = ""


@dataclass(frozen=True)
class Claim:
    """What came of asking for an event.

    `mine`: the caller acts on it now. `taken`: the run `by` does, and still works. `decided`: run `by` has. `superseded`:
    the window was measured again, `by` names the newer event. `unknown`: nothing was ever measured under this event.
    """

    state: Literal["mine", "taken", "decided", "superseded", "unknown"]
    by: str


class Drift:
    """The drift of all products of one ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # references

    def register(self, registered: Registered) -> bool:
        """Record a reference; from now on it is the monitor's. Return False, and record nothing, if it is already."""
        c, given = drift_references.c, registered
        here = sa.select(c.declared, c.reference).where(c.product == given.product, c.monitor == given.monitor)
        text = json.dumps(asdict(given.reference), sort_keys=True)
        with self._database.writing() as connection:
            newest = connection.execute(here.order_by(c.id.desc()).limit(1)).first()
            if newest is not None and (newest.declared, newest.reference) == (given.declared, text):
                return False
            insert(
                connection,
                drift_references,
                product=given.product,
                monitor=given.monitor,
                declared=given.declared,
                reference=text,
                reason=given.reason,
                by_whom=given.by,
                recorded_at=now(),
            )
        return True

    def references(self, product: str, monitor: str) -> list[Registered]:
        """Return all references that the monitor ever had, oldest first."""
        c = drift_references.c
        query = sa.select(drift_references).where(c.product == product, c.monitor == monitor).order_by(c.id)
        return [_registered(r) for r in self._database.rows(query)]

    def reference(self, product: str, monitor: str) -> Registered | None:
        """Return the reference that was registered last for the monitor, or None."""
        c = drift_references.c
        query = sa.select(drift_references).where(c.product == product, c.monitor == monitor)
        row = self._database.newest(query, drift_references)
        return _registered(row) if row else None

    # measurements

    def record(self, measured: Measured) -> bool:
        """Record what was measured; it is now the newest of its window. Return False, recording nothing, if it is already.

        An event comes back where versions do, as after a withdrawal: what became of it then still counts.
        """
        with self._database.writing() as connection:
            if connection.execute(_of_window(measured)).scalar() == measured.event:
                return False
            insert(
                connection,
                measurements,
                product=measured.product,
                monitor=measured.monitor,
                first_partition=measured.window.first,
                last_partition=measured.window.last,
                event=measured.event,
                measured=measured.to_json(),
                recorded_at=now(),
            )
        return True

    def measured(self, event: str) -> Measured | None:
        """Return what was measured under this event, or None."""
        rows = self._database.rows(sa.select(measurements.c.measured).where(measurements.c.event == event))
        return Measured.from_json(rows[0].measured) if rows else None

    def events(self, product: str, monitor: str) -> dict[Window, str]:
        """Return the newest event of each window of the monitor that was measured, in order of its last partition."""
        c = measurements.c
        query = sa.select(c.first_partition, c.last_partition, c.event).where(c.id.in_(_newest(product, monitor)))
        rows = self._database.rows(query.order_by(c.last_partition, c.first_partition))
        return {Window(r.first_partition, r.last_partition): r.event for r in rows}

    # judgements

    def judge(self, report: DriftReport) -> int | None:
        """Record a report; it is now its event's. Return the row's number, or None, recording nothing, if it is already."""
        c, said = judgements.c, json.loads(report.to_json())
        del said["measured"]
        text = json.dumps(said, sort_keys=True)
        with self._database.writing() as connection:
            here = sa.select(c.rule, c.judgement).where(c.event == report.event).order_by(c.id.desc()).limit(1)
            newest = connection.execute(here).first()
            if newest is not None and (newest.rule, newest.judgement) == (report.rule, text):
                return None
            return insert(
                connection,
                judgements,
                product=report.measured.product,
                monitor=report.measured.monitor,
                event=report.event,
                rule=report.rule,
                severity=report.severity.value,
                judgement=text,
                recorded_at=now(),
            )

    def report_of(self, event: str) -> DriftReport | None:
        """Return the newest report about this event, or None."""
        return next(iter(self._reports([event]).values()), None)

    def reports(self, product: str, monitor: str, *, until: str | None = None, last: int | None = None) -> list[DriftReport]:
        """Return the newest report of each window of the monitor, oldest window first.

        Only of windows whose last partition is `until` or before, and of these the newest `last`; of all by default.
        """
        events = [event for window, event in self.events(product, monitor).items() if until is None or window.last <= until]
        found = self._reports(events if last is None else events[len(events) - min(last, len(events)) :])
        return list(found.values())

    def judged_after(self, product: str, number: int) -> tuple[int, list[str]]:
        """Return (the newest row's number, the events judged since row `number`, exclusive), without reading what was said."""
        c = judgements.c
        query = sa.select(c.id, c.event).where(c.product == product, c.id > number).order_by(c.id)
        rows = self._database.rows(query)
        return (rows[-1].id if rows else number), list(dict.fromkeys(r.event for r in rows))

    # events

    def waiting(self, product: str, *, least: Severity = Severity.LOW) -> list[DriftReport]:
        """Return the reports whose event is to take effect and has not, oldest window first.

        Of each window the newest event, judged `least` or worse and not decided. An event that supersedes a claimed or
        decided one is waiting only if it is worse than that one was judged.
        """
        c, r = measurements.c, responses.c
        severe = [each.value for each in Severity.alarms() if each.is_at_least(least)]
        newest = sa.select(sa.func.max(judgements.c.id)).where(judgements.c.product == product).group_by(judgements.c.event)
        judged = sa.select(judgements.c.event).where(judgements.c.id.in_(newest), judgements.c.severity.in_(severe))
        done = sa.select(r.event).where(r.product == product, r.state == DECIDED)
        query = sa.select(c.event).where(c.id.in_(_newest(product, None)), c.event.in_(judged), c.event.not_in(done))
        rows = self._database.rows(query.order_by(c.last_partition, c.first_partition, c.monitor))
        found = self._reports([row.event for row in rows])
        return [report for report in found.values() if self._is_worse(report)]

    def claim(self, event: str, run: str, *, is_over: Callable[[str], bool]) -> Claim:
        """Take the event for `run`, in one transaction, or say who has it.

        `is_over` says of another run that it has ended or died: its claim, without a decision, is taken over.
        """
        c, r = measurements.c, responses.c
        with self._database.writing() as connection:
            known = connection.execute(sa.select(measurements).where(c.event == event)).first()
            if known is None:
                return Claim("unknown", "")
            rows = connection.execute(sa.select(r.state, r.attempt, r.run).where(r.event == event).order_by(r.id)).all()
            if decided := [row for row in rows if row.state == DECIDED]:
                return Claim("decided", decided[0].run)
            if rows and rows[-1].run == run:
                return Claim("mine", run)
            if rows and not is_over(rows[-1].run):
                return Claim("taken", rows[-1].run)
            newest = connection.execute(_of_window(Measured.from_json(known.measured))).scalar_one()
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

    def _is_worse(self, report: DriftReport) -> bool:
        """Return whether the event is worse than every other one of its window that a run has claimed."""
        c, m = measurements.c, report.measured
        claimed = sa.select(responses.c.event).where(responses.c.product == m.product)
        here = sa.select(c.event).where(*_at(m), c.event != m.event, c.event.in_(claimed)).distinct()
        older = self._reports([row.event for row in self._database.rows(here)]).values()
        return all(not each.severity.is_at_least(report.severity) for each in older)

    def _reports(self, events: Sequence[str]) -> dict[str, DriftReport]:
        """Return the newest report of each event that has one, in the order of `events`."""
        c, found = judgements.c, dict[str, DriftReport]()
        for some in in_batches(events):
            newest = sa.select(sa.func.max(c.id)).where(c.event.in_(some)).group_by(c.event)
            query = sa.select(c.event, c.judgement, measurements.c.measured).join(measurements, measurements.c.event == c.event)
            found |= {r.event: _report(r.measured, r.judgement) for r in self._database.rows(query.where(c.id.in_(newest)))}
        return {event: found[event] for event in events if event in found}


def _at(m: Measured) -> tuple[sa.ColumnElement[bool], ...]:
    c = measurements.c
    return c.product == m.product, c.monitor == m.monitor, c.first_partition == m.window.first, c.last_partition == m.window.last


def _of_window(m: Measured) -> sa.Select[Any]:
    """Select the newest event of the window."""
    return sa.select(measurements.c.event).where(*_at(m)).order_by(measurements.c.id.desc()).limit(1)


def _newest(product: str, monitor: str | None) -> sa.Select[Any]:
    """Select the numbers of the newest measurement of each window of a monitor, or of all of the product."""
    c = measurements.c
    where = (c.product == product,) if monitor is None else (c.product == product, c.monitor == monitor)
    return sa.select(sa.func.max(c.id)).where(*where).group_by(c.monitor, c.first_partition, c.last_partition)


def _report(measured: str, judgement: str) -> DriftReport:
    return DriftReport.from_json(json.dumps({**json.loads(judgement), "measured": json.loads(measured)}))


def _registered(row: sa.Row[Any]) -> Registered:
    raw = json.loads(row.reference)
    reference = Reference(**{**raw, "versions": tuple(TableVersion(**v) for v in raw["versions"])})
    return Registered(row.product, row.monitor, row.declared, reference, row.reason, row.by_whom, row.recorded_at)
