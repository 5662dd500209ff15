"""From where things stand to incidents: what is held, missing or drifted, or waits for a person, is open until that is over."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from readiness_pipelines.declarations import Bronze, Product
from readiness_pipelines.incidents.drift import drifted
from readiness_pipelines.incidents.waits import waiting
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import Standing, StandingKind, Standings
from readiness_pipelines.layers.calendar import first_key, keys_between, last_key
from readiness_pipelines.ledger import Incident, Ledger

Incidents = Mapping[tuple[str, str], Incident]


@dataclass(frozen=True)
class Changes:
    """What one look changed: incidents opened and resolved by it, oldest partition first."""

    opened: tuple[Incident, ...]
    resolved: tuple[Incident, ...]


def reconcile(
    product: Product,
    lake: Lakehouse,
    *,
    now: datetime.datetime,
    failed_runs: Sequence[Incident] = (),
    recovered_runs: Collection[str] = (),
) -> Changes:
    """Bring the product's incidents in line with where its partitions stand at `now` (UTC), and return what changed.

    An incident is open while its partition is held or missing: at most one per table and partition, however often it
    is run; while a table is drifted (`incidents/drift.py`); and while a model waits for a person, at most one per evidence
    (`incidents/waits.py`). `failed_runs` are opened unless they were ever opened
    before; those in `recovered_runs` (run ids) are resolved. Safe to call from several processes at once: each change is
    recorded, and returned, once.
    """
    known = lake.ledger.incidents.newest(product.name)
    found = {incident.key: incident for incident in _found(product, lake, now=now)}
    found |= {incident.key: incident for incident in drifted(product, lake.ledger, known)}
    found |= {incident.key: incident for incident in waiting(product, lake, now=now)}
    found |= {run.key: run for run in failed_runs if run.key not in known}
    over = [
        incident
        for incident in known.values()
        if incident.is_open and (incident.subject in recovered_runs if incident.kind == "run_failed" else incident.key not in found)
    ]
    return _recorded(lake.ledger, known, found, over)


def reconcile_drift(product: Product, ledger: Ledger) -> Changes:
    """Do the same for the incidents of drift alone: for a run that has just decided an event, and looked at nothing else."""
    known = _known(product, ledger, "drift")
    return _of_kind(ledger, known, drifted(product, ledger, known))


def reconcile_waits(product: Product, lake: Lakehouse, *, now: datetime.datetime) -> Changes:
    """Do the same for the models that wait alone: for whoever has just seen that others wait than before."""
    return _of_kind(lake.ledger, _known(product, lake.ledger, "waits"), waiting(product, lake, now=now))


def _known(product: Product, ledger: Ledger, kind: str) -> Incidents:
    return {key: incident for key, incident in ledger.incidents.newest(product.name).items() if incident.kind == kind}


def _of_kind(ledger: Ledger, known: Incidents, seen: Iterable[Incident]) -> Changes:
    found = {incident.key: incident for incident in seen}
    return _recorded(ledger, known, found, [i for i in known.values() if i.is_open and i.key not in found])


def _recorded(ledger: Ledger, known: Incidents, found: Incidents, over: Sequence[Incident]) -> Changes:
    record = ledger.incidents.record
    opened = [i for i in found.values() if not (i.key in known and known[i.key].is_open) and record(i, "opened")]
    return Changes(tuple(opened), tuple(incident for incident in over if record(incident, "resolved")))


def _found(product: Product, lake: Lakehouse, *, now: datetime.datetime) -> Iterator[Incident]:
    standings = Standings(product, lake, now=now, everything=True)
    for partition in keys_between(product, first_key(product), last_key(product, now=now)):
        for table in product.tables:
            standing = standings.of(table.name, partition)
            if standing.kind is StandingKind.HELD:
                verdict = lake.ledger.latest_verdict(table.full_name, partition)
                yield _incident(product, standing, "; ".join(verdict.held_because) if verdict else standing.why)
            elif standing.kind is StandingKind.MISSING and isinstance(table, Bronze):
                yield _incident(product, standing, f"{standing.why}; expected {table.feed.files} under the landing folder")


def _incident(product: Product, standing: Standing, why: str) -> Incident:
    return Incident(
        product=product.name,
        kind="held" if standing.kind is StandingKind.HELD else "missing",
        subject=f"{standing.table}/{standing.partition}",
        why=why[:1000],
        details={
            "owner": product.contract.owner,
            "steward": product.contract.steward,
            "table": standing.table,
            "partition": standing.partition,
            "on_main": str(standing.version) if standing.version else "",
        },
    )
