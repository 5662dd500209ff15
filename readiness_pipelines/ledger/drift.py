"""What was measured of windows, against which references, and what was judged of it. Rows only; the newest one counts.

A window is measured again when what it is computed from has changed (late data, a correction, a new reference): that is a
new event, which supersedes the older one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from readiness_pipelines.flow import DriftReport, Measured, Reference, TableVersion, Window
from readiness_pipelines.ledger.database import in_batches, insert, now
from readiness_pipelines.ledger.events import Events, newest_event
from readiness_pipelines.ledger.schema import drift_references, judgements, measurements, publications


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


class Drift(Events):
    """The drift of all products of one ledger: what was measured and judged, and, as `Events`, what became of it."""

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

        An event comes back where versions do, as after a withdrawal: what became of it then still counts. Other numbers of
        the same event, such as exact ones in the place of a bracket, take the place of those recorded before.
        """
        text = measured.to_json()
        with self._database.writing() as connection:
            of_window = newest_event(measured.product, measured.monitor, measured.window)
            newest = connection.execute(of_window.add_columns(measurements.c.measured)).first()
            if newest is not None and (newest.event, newest.measured) == (measured.event, text):
                return False
            insert(
                connection,
                measurements,
                product=measured.product,
                monitor=measured.monitor,
                first_partition=measured.window.first,
                last_partition=measured.window.last,
                event=measured.event,
                measured=text,
                recorded_at=now(),
            )
        return True

    def measured(self, event: str) -> Measured | None:
        """Return what was measured under this event, or None."""
        row = self._database.newest(sa.select(measurements.c.measured).where(measurements.c.event == event), measurements)
        return Measured.from_json(row.measured) if row else None

    def superseded_by(self, measured: Measured) -> str:
        """Return the event that was measured last for the window of `measured` and is another one, empty if there is none."""
        query = newest_event(measured.product, measured.monitor, measured.window).where(measurements.c.event != measured.event)
        rows = self._database.rows(query)
        return rows[0].event if rows else ""

    def event_of(self, product: str, monitor: str, window: Window) -> str | None:
        """Return the event that was measured last for this window, or None."""
        rows = self._database.rows(newest_event(product, monitor, window))
        return rows[0].event if rows else None

    def events(self, product: str, monitor: str) -> dict[Window, str]:
        """Return the newest event of each window of the monitor that was measured, in order of its last partition."""
        c = measurements.c
        query = sa.select(c.first_partition, c.last_partition, c.event).where(c.id.in_(_newest(product, monitor)))
        rows = self._database.rows(query.order_by(c.last_partition, c.first_partition))
        return {Window(r.first_partition, r.last_partition): r.event for r in rows}

    def outdated(self, product: str, monitor: str, table: str) -> list[str]:
        """Return the partitions of the monitor's table that were published after a window with them was measured, in order.

        So what a run has published that did not measure is found by the next one that does.
        """
        c, p = measurements.c, publications.c
        windows = sa.select(c.first_partition, c.last_partition, c.recorded_at).where(c.id.in_(_newest(product, monitor)))
        newest = sa.select(p.partition_key, sa.func.max(p.recorded_at).label("at")).where(p.table_name == table, p.state == "done")
        published = [(row.partition_key, row.at) for row in self._database.rows(newest.group_by(p.partition_key))]
        late = {
            partition
            for window in self._database.rows(windows)
            for partition, at in published
            if at > window.recorded_at and window.first_partition <= partition <= window.last_partition
        }
        return sorted(late)

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

    def rules(self, product: str, monitor: str) -> dict[str, str]:
        """Return by which rule each event of the monitor was judged last, without reading what was said."""
        c = judgements.c
        newest = sa.select(sa.func.max(c.id)).where(c.product == product, c.monitor == monitor).group_by(c.event)
        return {r.event: r.rule for r in self._database.rows(sa.select(c.event, c.rule).where(c.id.in_(newest)))}

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

    def _reports(self, events: Sequence[str]) -> dict[str, DriftReport]:
        """Return the newest report of each event that has one, in the order of `events`."""
        c, found = judgements.c, dict[str, DriftReport]()
        for some in in_batches(events):
            newest = sa.select(sa.func.max(c.id)).where(c.event.in_(some)).group_by(c.event)
            query = sa.select(c.event, c.judgement, measurements.c.measured).join(measurements, measurements.c.event == c.event)
            rows = self._database.rows(query.where(c.id.in_(newest)).order_by(measurements.c.id))
            found |= {event: _report(r.measured, r.judgement) for event, r in {r.event: r for r in rows}.items()}  # the last
        return {event: found[event] for event in events if event in found}


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
