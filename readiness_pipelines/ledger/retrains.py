"""Retrains: asked for once, carried out by one run at a time, ended with an outcome. And the switch that stops the loop.

Of a product at most one retrain is in flight: whoever asks while one is joins it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import sqlalchemy as sa

from readiness_pipelines.flow import Retrain, Severity
from readiness_pipelines.ledger.database import Database, insert, now
from readiness_pipelines.ledger.schema import retrains, switches

REQUESTED, JOINED, STARTED, ENDED = "requested", "joined", "started", "ended"


@dataclass(frozen=True)
class Pause:
    """Who stopped a product's loop, when and why."""

    by: str
    reason: str
    at: str


class Retrains:
    """The retrains of all products of one ledger, and which products are paused."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def request(self, wanted: Retrain) -> Retrain:
        """Ask for a retrain, and return the one that is in flight now: this, or an older one that it has joined.

        Who joins adds its events, and its severity, cut-off and time to begin where they are worse, later, earlier: only
        what has not been started looks at a later cut-off. What nobody but policy and schedule had asked for is a person's as
        soon as one joins. Events that have asked for a retrain ask for no second one: the one they have asked for is returned,
        however far it is.
        """
        with self._database.writing() as connection:
            rows = _rows(connection, wanted.product)
            standing = _folded(rows)
            asked = [each for each in standing if wanted.events and set(wanted.events) <= set(each.events)]
            if asked:
                return asked[-1]
            last = standing[-1] if standing else None
            if last is None or last.state == ENDED:
                made = replace(wanted, id=len(standing) + 1, state="requested", requested_at=now())
                _add(connection, made, REQUESTED, 1)
                return made
            joined = _joined(last, wanted)
            if joined != last:
                told = replace(joined, by=wanted.by, reason=wanted.reason)
                _add(connection, told, JOINED, 1 + sum(row.retrain == last.id and row.state == JOINED for row in rows))
            return joined

    def start(self, product: str, id_: int, run: str, *, is_over: Callable[[str], bool]) -> Retrain | None:
        """Take the retrain for `run`, and return it; None if it has ended, or another run, which is not over, has it."""
        found = self.retrain(product, id_)
        if found is None or found.state == ENDED:
            return None
        if found.state == STARTED and found.run == run:
            return found
        if found.state == STARTED and not is_over(found.run):  # asked before the transaction: it may take its time
            return None
        with self._database.writing() as connection:
            now_ = next(each for each in _folded(_rows(connection, product)) if each.id == id_)
            if now_.state == ENDED or now_.run != found.run:
                return None
            taken = replace(now_, state="started", run=run, attempt=now_.attempt + 1)
            _add(connection, taken, STARTED, taken.attempt)
        return taken

    def end(self, ended: Retrain) -> bool:
        """Record how a retrain ended, by the run that has it. Return False, and record nothing, if another run has."""
        with self._database.writing() as connection:
            standing = next((each for each in _folded(_rows(connection, ended.product)) if each.id == ended.id), None)
            if standing is None or standing.state == ENDED or standing.run != ended.run:
                return False
            severity = Severity.worst([standing.severity, ended.severity])
            _add(connection, replace(ended, state="ended", events=standing.events, severity=severity), ENDED, 1)
        return True

    def retrain(self, product: str, id_: int) -> Retrain | None:
        """Return the product's retrain with this number as it stands, or None."""
        return next((each for each in self.retrains(product) if each.id == id_), None)

    def retrains(self, product: str) -> list[Retrain]:
        """Return the product's retrains as they stand, oldest first."""
        with self._database.engine.connect() as connection:
            return _folded(_rows(connection, product))

    def in_flight(self, product: str) -> Retrain | None:
        """Return the retrain that was asked for and has not ended, or None."""
        found = self.retrains(product)
        return found[-1] if found and found[-1].state != ENDED else None

    def pause(self, product: str, *, by: str, reason: str) -> None:
        """Stop the product's loop: nothing is retrained, promoted or rolled back by itself until it is resumed."""
        self._switch(product, "paused", by, reason)

    def resume(self, product: str, *, by: str, reason: str) -> None:
        """Let the product's loop go on."""
        self._switch(product, "resumed", by, reason)

    def paused(self, product: str) -> Pause | None:
        """Return who paused the product's loop, or None if it runs."""
        row = self._database.newest(sa.select(switches).where(switches.c.product == product), switches)
        return Pause(row.by_whom, row.reason, row.recorded_at) if row is not None and row.state == "paused" else None

    def _switch(self, product: str, state: str, by: str, reason: str) -> None:
        with self._database.writing() as connection:
            insert(connection, switches, product=product, state=state, by_whom=by, reason=reason, recorded_at=now())


def _rows(connection: sa.Connection, product: str) -> list[sa.Row[Any]]:
    c = retrains.c
    return list(connection.execute(sa.select(retrains).where(c.product == product).order_by(c.id)).all())


def _folded(rows: list[sa.Row[Any]]) -> list[Retrain]:
    """Return each retrain as its newest row tells it, and by whom it was asked for, as `_asked_by` says: a row tells who joined."""
    newest: dict[int, Retrain] = {}
    for row in rows:
        said, before = _retrain(row.said), newest.get(row.retrain)
        newest[row.retrain] = said if before is None else _asked_by(said, before, said)
    return [newest[id_] for id_ in sorted(newest)]


def _asked_by(retrain: Retrain, before: Retrain, joined: Retrain) -> Retrain:
    """Return the retrain as asked for by who asked before; but by the person who joined, where no person had asked."""
    who = joined if before.is_by_itself and not joined.is_by_itself else before
    return replace(retrain, by=who.by, reason=who.reason)


def _joined(standing: Retrain, wanted: Retrain) -> Retrain:
    is_open = standing.state == REQUESTED
    return replace(
        _asked_by(standing, standing, wanted),
        events=tuple(dict.fromkeys([*standing.events, *wanted.events])),
        severity=Severity.worst([standing.severity, wanted.severity]),
        cut_off=max(standing.cut_off, wanted.cut_off) if is_open else standing.cut_off,
        not_before=min(standing.not_before, wanted.not_before) if is_open else standing.not_before,
    )


def _add(connection: sa.Connection, said: Retrain, state: str, attempt: int) -> None:
    text = json.dumps(asdict(said), sort_keys=True)
    insert(connection, retrains, product=said.product, retrain=said.id, state=state, attempt=attempt, said=text, recorded_at=now())


def _retrain(text: str) -> Retrain:
    raw = json.loads(text)
    return Retrain(**{**raw, "severity": Severity(raw["severity"]), "events": tuple(raw["events"])})
