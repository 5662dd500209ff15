"""One step: bring one partition of one table from where it stands to an admitted version, or hold it and say why.

Safe to repeat at any time: a partition that is already published from the same inputs is left as it is, and a step
that was cut short is taken up from what Iceberg and the ledger agree on. Two processes that run the same step at once
take turns: the second finds what the first has done.
"""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass, replace
from typing import Literal

import duckdb

from readiness_pipelines.declarations import Bronze, Gold, Product, Silver
from readiness_pipelines.flow import GateVerdict, ModelVersion, Sighting, Status, TableVersion, digest
from readiness_pipelines.lakehouse import Lakehouse, are_there, publish, reached, recover
from readiness_pipelines.layers import bronze, gold, silver
from readiness_pipelines.layers.admission import examine
from readiness_pipelines.layers.calendar import clock, is_due
from readiness_pipelines.layers.candidate import Candidate
from readiness_pipelines.layers.champion import is_scored
from readiness_pipelines.layers.context import LEARNED_FROM, is_learned_anew, learned_from, resolved
from readiness_pipelines.layers.corrections import Corrections
from readiness_pipelines.layers.inputs import Inputs, resolve
from readiness_pipelines.layers.keys import Keys, plain_identity
from readiness_pipelines.layers.outage import told
from readiness_pipelines.layers.quarantine import is_purged
from readiness_pipelines.layers.scored import Scorer, ToScore
from readiness_pipelines.layers.standing import Standings
from readiness_pipelines.layers.tables import ensure
from readiness_pipelines.layers.withdrawal import put_back
from readiness_pipelines.ledger import Correction
from readiness_pipelines.settings import Settings

Kind = Literal["admitted", "unchanged", "held", "missing", "blocked", "not_due"]


@dataclass(frozen=True)
class StepResult:
    """What became of one partition of one table in this run.

    `admitted` and `unchanged` carry the version that is on `main`; `held` carries the verdict; `missing` and `blocked`
    say in `why` which partition of which table stopped it. `files` are the landed files a bronze step has read: they
    are taken in, and to be recorded as such, once every table of their partition has been run.
    """

    table: str
    partition: str
    kind: Kind
    verdict: GateVerdict | None = None
    version: TableVersion | None = None
    why: str = ""
    files: tuple[Sighting, ...] = ()

    @property
    def is_published(self) -> bool:
        return self.kind in ("admitted", "unchanged")

    @property
    def is_bad(self) -> bool:
        """Whether an operator has to look: held or missing here, not merely blocked by something above."""
        return self.kind in ("held", "missing")


def run_step(
    lake: Lakehouse,
    settings: Settings,
    product: Product,
    name: str,
    partition: str,
    *,
    now: datetime.datetime | None = None,
    scorer: Scorer | None = None,
    model: ModelVersion | None = None,
) -> StepResult:
    """Run the step of `partition` of the table `name` (leaf name).

    Raises NotAdmitted if an input was never run, StorageFailed where a disk, a file or memory fails, ModelFailed where the
    table's SQL cannot be computed for some row.

    `now` (UTC, default the clock) decides whether a delivery that has not landed is missing or not due yet. A scored table is
    scored by `scorer`, and with `model` if one is asked for on purpose; see `layers.scored` for which it is else.
    """
    table, now = product.by_name[name], now or clock()
    sql = None if isinstance(table, Bronze) else table.sql_path.name
    with told(f"{partition} {table.layer} {table.name}", sql=sql), lake.ledger.alone(table.full_name, partition):
        recover(lake, table.full_name, partition)
        taken_back = _take_back(lake, table, partition)
        if isinstance(table, Bronze):
            result = _run_bronze(lake, settings, product, table, partition, now)
        else:
            result = _run_model(lake, product, table, partition, now, ToScore(scorer, model))
        is_all = result.kind in ("unchanged", "blocked", "missing", "not_due")
        return replace(taken_back, files=result.files) if taken_back is not None and is_all else result


def _take_back(lake: Lakehouse, table: Bronze | Silver | Gold, partition: str) -> StepResult | None:
    """Carry a withdrawal out that was not yet, whatever is proposed now, and if nothing can be: it is about what is on `main`."""
    current = lake.ledger.current_version(table.full_name, partition)
    decision = Corrections.of(lake, table.full_name, partition).to_carry_out(current)
    return _put_back(lake, table, partition, str(decision.payload["to"]), decision) if decision is not None else None


def _run_bronze(
    lake: Lakehouse, settings: Settings, product: Product, table: Bronze, partition: str, now: datetime.datetime
) -> StepResult:
    batch, stood = bronze.receive(lake, settings, product, table, partition)
    if not (batch.arrivals or batch.refused):
        if is_due(product, table, partition, now=now):
            return StepResult(
                table.full_name, partition, "missing", why=f"{partition} bronze {table.name}: a delivery was due and none came"
            )
        return StepResult(table.full_name, partition, "not_due")
    corrections = Corrections.of(lake, table.full_name, partition)
    plan = bronze.plan(lake, table, batch, corrections)
    keys = Keys.of(corrections, plan.version_key, plain=plan.plain_key)
    plan = replace(plan, version_key=keys.version)
    result = _withdrawn(lake, table, partition, keys, corrections)
    result = result or _already_decided(lake, product, table, partition, keys.version)
    if result is None:
        ensure(lake, table)
        with lake.connect() as con:
            corrections.lay_down(con, lake)
            candidate = bronze.propose(con, lake, table, plan, corrections)
            verdict = _examine(con, lake, product, table, candidate, partition, corrections, keys)
        result = _conclude(lake, verdict, candidate.expected)
    return replace(result, files=stood)


def _run_model(
    lake: Lakehouse, product: Product, table: Silver | Gold, partition: str, now: datetime.datetime, to_score: ToScore
) -> StepResult:
    standings = Standings(product, lake, now=now)
    if is_scored(table) and not to_score.is_due(lake, table, partition, standings.champion):
        return StepResult(table.full_name, partition, "not_due")
    inputs = resolve(standings, table, partition)
    if inputs.not_due:
        return StepResult(table.full_name, partition, "not_due")
    if inputs.blocked is not None:
        return StepResult(table.full_name, partition, "blocked", why=inputs.blocked.why)
    scoring = to_score.scoring(lake, product, table, partition, inputs, standings.champion) if isinstance(table, Gold) else None
    corrections = Corrections.of(lake, table.full_name, partition)
    made_by = [scoring.identity] if scoring is not None else []
    identity = [
        digest(table.full_name, table.fingerprint, each, *made_by)
        for each in (inputs.identity, plain_identity(lake, product, inputs))
    ]
    keys = Keys.of(corrections, identity[0], plain=identity[1])
    key = keys.version
    known = _withdrawn(lake, table, partition, keys, corrections) or _already_decided(lake, product, table, partition, key)
    if known is not None:
        return known
    ensure(lake, table)
    current = lake.ledger.current_version(table.full_name, partition)
    expected = current.version_key if current else None
    with lake.connect() as con:
        corrections.lay_down(con, lake)
        if isinstance(table, Silver):
            candidate = silver.propose(
                con, lake, product, table, inputs, version_key=key, expected=expected, corrections=corrections
            )
        else:
            candidate = gold.propose(
                *(con, lake, product, table, inputs),
                partition=partition,
                version_key=key,
                expected=expected,
                corrections=corrections,
                scoring=scoring,
            )
        verdict = _examine(con, lake, product, table, candidate, partition, corrections, keys, inputs)
    return _conclude(lake, verdict, expected)


def _examine(
    con: duckdb.DuckDBPyConnection,
    lake: Lakehouse,
    product: Product,
    table: Bronze | Silver | Gold,
    candidate: Candidate,
    partition: str,
    corrections: Corrections,
    keys: Keys,
    inputs: Inputs | None = None,
) -> GateVerdict:
    attempt = uuid.uuid4().hex[:12]
    past = learned_from(lake, product, table, partition)
    judged = resolved(con, lake, product, table, partition, inputs)
    verdict = examine(con, lake, judged, candidate, corrections=corrections, partition=partition, attempt=attempt, keys=keys)
    return replace(verdict, details={**verdict.details, LEARNED_FROM: past}) if past else verdict


def _withdrawn(
    lake: Lakehouse, table: Bronze | Silver | Gold, partition: str, keys: Keys, corrections: Corrections
) -> StepResult | None:
    """Return the result if the version with these keys was withdrawn: another one, or nothing, stands in its place."""
    stands, decision = corrections.in_place_of(keys.version, plain=keys.plain_version)
    return _put_back(lake, table, partition, stands, decision) if decision is not None else None


def _put_back(lake: Lakehouse, table: Bronze | Silver | Gold, partition: str, stands: str, decision: Correction) -> StepResult:
    verdict, version, is_news = put_back(lake, table.full_name, partition, stands, decision)
    if version.is_nothing:
        return StepResult(table.full_name, partition, "held", verdict, version, why="; ".join(verdict.held_because))
    return StepResult(table.full_name, partition, "admitted" if is_news else "unchanged", verdict, version)


def _already_decided(
    lake: Lakehouse, product: Product, table: Bronze | Silver | Gold, partition: str, key: str
) -> StepResult | None:
    """Return the result if this very candidate was published or held before: same key, same version, nothing to do."""
    verdict = lake.ledger.verdict_of(table.full_name, partition, key)
    if verdict is None:
        return None
    if not verdict.outcome.is_admitted and any(rule.status is Status.UNDECIDED for rule in verdict.rules):
        return None  # what could not be judged once, for want of memory or disk, is judged again
    if not verdict.outcome.is_admitted and not are_there(lake.storage, verdict.files):
        return None  # a newer candidate came, maintenance took this one's files, and now it is proposed again
    if not verdict.outcome.is_admitted and is_purged(lake, verdict):
        return None  # the same, and somebody purged its rows
    if not verdict.outcome.is_admitted and is_learned_anew(lake, product, table, partition, verdict):
        return None  # what it was held for was learned from a past that is another now
    latest = lake.ledger.latest_outcome(table.full_name, partition)
    version = lake.ledger.current_version(table.full_name, partition)
    published = version is not None and version.version_key == key
    if verdict.outcome.is_admitted and not published:
        return None  # admitted, then cut short before the commit: the step is done again
    if latest is None or latest[0] != key:
        lake.ledger.record_verdict(verdict)  # the older candidate is proposed again: it is the newest one now
    if published:
        return StepResult(table.full_name, partition, "unchanged", verdict, version)
    return StepResult(table.full_name, partition, "held", verdict, version, why="; ".join(verdict.held_because))


def _conclude(lake: Lakehouse, verdict: GateVerdict, expected: str | None) -> StepResult:
    lake.ledger.record_verdict(verdict)
    reached("verdict_recorded")
    if not verdict.outcome.is_admitted:
        version = lake.ledger.current_version(verdict.table, verdict.partition)
        return StepResult(verdict.table, verdict.partition, "held", verdict, version, why="; ".join(verdict.held_because))
    return StepResult(verdict.table, verdict.partition, "admitted", verdict, publish(lake, verdict, expected=expected))
