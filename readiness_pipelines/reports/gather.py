"""From the ledger to the facts of a report: every verdict is read once, some at a time."""

from __future__ import annotations

import datetime
from collections import Counter, deque
from collections.abc import Iterator, Sequence, Set

from readiness_pipelines.declarations import Bronze, Gold, Product, Silver
from readiness_pipelines.flow import GateVerdict, Outcome, RuleResult, Status
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import Standing, StandingKind, Standings
from readiness_pipelines.layers.calendar import keys_asked_for
from readiness_pipelines.layers.corrections import FRACTION
from readiness_pipelines.layers.decided import ABOUT_ROWS, in_short
from readiness_pipelines.reports.facts import (
    MOST_LISTED,
    Decision,
    GateReport,
    Mark,
    RowFacts,
    RuleFacts,
    State,
    TableFacts,
    ToLookAt,
)
from readiness_pipelines.reports.periods import columns
from readiness_pipelines.reports.words import why_held

Table = Bronze | Silver | Gold

_AT_ONCE = 100  # verdicts in memory
_ORDER = {state: n for n, state in enumerate(State)}


def gate_report(
    product: Product, lake: Lakehouse, *, now: datetime.datetime, first: str | None = None, last: str | None = None
) -> GateReport:
    """Return what the gates said of the partitions from `first` to `last`, both inclusive, by default all that have ended.

    Of each partition the newest verdict counts. A hundred verdicts are in memory at once. Raises ReadinessError for a range
    that is none, or outside of the product's calendar.
    """
    keys = keys_asked_for(product, first, last, now=now)
    cols = columns(keys, every=product.declaration.partitions.every)
    standings = Standings(product, lake, now=now, everything=True)
    worst: dict[str, State] = {}
    listed: list[ToLookAt] = []
    looked_at = 0
    tables = []
    for table in product.tables:
        facts = _no_facts(table, len(cols.periods))
        newest: deque[ToLookAt] = deque(maxlen=MOST_LISTED)
        for key, verdict in _verdicts(lake, table.full_name, keys):
            standing, column = standings.of(table.name, key), cols.column_of[key]
            state = _state(standing, verdict)
            for rows in (facts.rows[column], facts.total):
                rows.states[state] += 1
            worst[key] = min(worst.get(key, State.NOT_DUE), state, key=_ORDER.__getitem__)
            if verdict is not None:
                _add(facts, column, verdict)
            if state in _TO_LOOK_AT:
                looked_at += 1
                newest.append(_to_look_at(product, table, standing, state, verdict))
        listed += newest
        tables.append(facts)
    listed.sort(key=lambda each: each.partition, reverse=True)
    decisions = _decisions(product, lake, set(keys))
    return GateReport(
        product=product.name,
        description=product.declaration.description,
        owner=product.contract.owner,
        steward=product.contract.steward,
        contract_version=product.contract.version,
        at=now,
        columns=cols,
        states=Counter(worst.values()),
        tables=tuple(tables),
        to_look_at=tuple(listed[:MOST_LISTED]),
        looked_at=looked_at,
        decisions=tuple(decisions[:MOST_LISTED]),
        decided=len(decisions),
    )


_TO_LOOK_AT = (State.HELD, State.UNDECIDED, State.MISSING, State.STALE)


def _verdicts(lake: Lakehouse, table: str, keys: Sequence[str]) -> Iterator[tuple[str, GateVerdict | None]]:
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE]
        found = lake.ledger.latest_verdicts(table, some)
        yield from ((key, found.get(key)) for key in some)


def _no_facts(table: Table, periods: int) -> TableFacts:
    facts = TableFacts(table.name, table.layer, table.full_name, [RowFacts() for _ in range(periods)])
    facts.rules = {r.name: RuleFacts(table.full_name, r.name, r.expectation, r.severity) for r in table.suite.rules}
    facts.rules[FRACTION] = RuleFacts(table.full_name, FRACTION, f"at most {table.suite.max_quarantine_fraction:.2%} bad rows")
    return facts


def _state(standing: Standing, verdict: GateVerdict | None) -> State:
    if standing.kind is StandingKind.ADMITTED and verdict is not None:
        return State.WITH_QUARANTINE if verdict.outcome is Outcome.ADMITTED_WITH_QUARANTINE else State.ADMITTED
    if standing.kind is StandingKind.HELD and verdict is not None and verdict.outcome is Outcome.UNDECIDED:
        return State.UNDECIDED
    return _STATES[standing.kind]


_STATES = {
    StandingKind.ADMITTED: State.ADMITTED,
    StandingKind.HELD: State.HELD,
    StandingKind.MISSING: State.MISSING,
    StandingKind.BLOCKED: State.BLOCKED,
    StandingKind.NOT_DUE: State.NOT_DUE,
    StandingKind.STALE: State.STALE,
    StandingKind.ABSENT: State.NOT_RUN,
}


def _add(facts: TableFacts, column: int, verdict: GateVerdict) -> None:
    for rows in (facts.rows[column], facts.total):
        rows.add(verdict)
    facts.reasons.update(verdict.quarantine_reasons)
    facts.reason_partitions.update(verdict.quarantine_reasons.keys())
    for each in verdict.rules:
        rule = facts.rules.get(each.rule)
        if rule is None:
            rule = RuleFacts(facts.full_name, each.rule, each.expectation, each.severity, in_suite=each.rule in _OURS)
            facts.rules[each.rule] = rule
        rule.add(column, verdict.partition, _mark(each), each.unexpected_count or 0)
    facts.rules[FRACTION].add(column, verdict.partition, _fraction_mark(verdict))


_OURS = ("key_names_one_row",)  # judged by the engine itself, in no suite


def _mark(rule: RuleResult) -> Mark:
    return Mark.WAIVED if rule.status is Status.FAILED and rule.on_fail == "waived" else Mark(rule.status.value)


def _fraction_mark(verdict: GateVerdict) -> Mark:
    if FRACTION not in verdict.details:
        return Mark.PASSED
    return Mark.WAIVED if any(note.startswith(f"{FRACTION} waived ") for note in verdict.notes) else Mark.FAILED


def _to_look_at(product: Product, table: Table, standing: Standing, state: State, verdict: GateVerdict | None) -> ToLookAt:
    place, partition = f"{table.full_name} {standing.partition}", standing.partition
    again = f"readiness backfill {product.name} --from {partition} --to {partition}"
    if state is State.MISSING or verdict is None:
        return ToLookAt(
            table.full_name,
            partition,
            state,
            (standing.why,),
            ("ask the source and land the file: it is run by itself, or by", again),
        )
    if state is State.STALE:
        return ToLookAt(table.full_name, partition, state, (standing.why,), (again,))
    commands = [f"readiness held show {place}"]
    commands += [f"readiness quarantine show {place}"] if verdict.counts.quarantined else []
    return ToLookAt(table.full_name, partition, state, why_held(verdict, table.table), tuple(commands))


def _decisions(product: Product, lake: Lakehouse, keys: Set[str]) -> list[Decision]:
    found = [
        (each.id, Decision(table.full_name, each.partition, each.recorded_at, in_short(each), rows, each.by, each.reason))
        for table in product.tables
        for each in lake.ledger.corrections.of(table.full_name)
        for rows in [len(each.subjects) if each.kind in ABOUT_ROWS else None]
        if each.partition in keys
    ]
    return [decision for _, decision in sorted(found, key=lambda pair: pair[0], reverse=True)]
