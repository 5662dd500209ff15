"""What somebody has to look at, from the moment it was seen until it was put right. Rows only; the newest one counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import sqlalchemy as sa

from readiness_pipelines.ledger.database import Database, insert, now
from readiness_pipelines.ledger.schema import incidents

Kind = Literal["held", "missing", "run_failed", "drift", "waits"]
State = Literal["opened", "notified", "resolved"]


@dataclass(frozen=True)
class Incident:
    """One thing to look at, at most one open per kind and subject.

    `subject` is `<table>/<partition>`, a run's id, `<table> <severity>`, or `<product>/<model> on evidence <its first 12 digits>`.
    `state`: `opened` (nobody was told yet), `notified` (told), `resolved` (right again). Times are UTC, ISO 8601.
    """

    product: str
    kind: Kind
    subject: str
    why: str
    state: State = "opened"
    details: Mapping[str, str] = field(default_factory=dict)
    recorded_at: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.subject

    @property
    def is_open(self) -> bool:
        return self.state != "resolved"


class Incidents:
    """The incidents of all products of one ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self, product: str) -> dict[tuple[str, str], Incident]:
        """Return the newest row of every incident of the product, by (kind, subject)."""
        c = incidents.c
        ids = sa.select(sa.func.max(c.id)).where(c.product == product).group_by(c.kind, c.subject)
        rows = self._database.rows(sa.select(incidents).where(c.id.in_(ids)).order_by(c.id))
        found = [_incident(r) for r in rows]
        return {incident.key: incident for incident in found}

    def history(self, product: str) -> list[Incident]:
        """Return every row of the product's incidents, oldest first."""
        query = sa.select(incidents).where(incidents.c.product == product).order_by(incidents.c.id)
        return [_incident(r) for r in self._database.rows(query)]

    def record(self, incident: Incident, state: State) -> bool:
        """Record the next state of an incident. Return False, recording nothing, if it is in that state already.

        An incident that was never opened, or is resolved, can only be opened.
        """
        c = incidents.c
        here = sa.select(c.state).where(c.product == incident.product, c.kind == incident.kind, c.subject == incident.subject)
        with self._database.writing() as connection:
            current = connection.execute(here.order_by(c.id.desc()).limit(1)).scalar() or "resolved"
            if current == state or (current == "resolved") != (state == "opened"):
                return False
            insert(
                connection,
                incidents,
                product=incident.product,
                kind=incident.kind,
                subject=incident.subject,
                state=state,
                why=incident.why,
                details=json.dumps(dict(incident.details), sort_keys=True),
                recorded_at=now(),
            )
        return True


def _incident(row: sa.Row[tuple[object, ...]]) -> Incident:
    return Incident(row.product, row.kind, row.subject, row.why, row.state, json.loads(row.details), row.recorded_at)
