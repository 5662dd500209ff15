"""What a report tells of one product over a range of partitions: numbers and names, and no value of a row."""

from __future__ import annotations

import datetime
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from readiness_pipelines.flow import GateVerdict
from readiness_pipelines.reports.periods import Columns

MOST_LISTED = 50  # partitions to look at, and decisions; the newest
_NEWEST = 3  # partitions that a rule did not pass, named


class State(StrEnum):
    """Where a partition stands, in the words of a report: the worst first."""

    HELD = "held"
    UNDECIDED = "undecided"  # held, because a rule could not be judged
    MISSING = "missing"
    BLOCKED = "blocked"
    NOT_RUN = "not run"
    STALE = "stale"
    WITH_QUARANTINE = "admitted with quarantine"
    ADMITTED = "admitted"
    NOT_DUE = "not due"


class Mark(StrEnum):
    """What a rule said of one candidate; `waived` is a failure that a person waived for the candidate."""

    PASSED = "passed"
    LEARNING = "learning"
    WAIVED = "waived"
    UNDECIDED = "undecided"
    FAILED = "failed"


@dataclass
class RuleFacts:
    """One rule of one table over the newest verdict of each partition. `in_suite`: the suite of today still has it."""

    table: str
    rule: str
    expectation: str = ""
    severity: str = ""
    in_suite: bool = True
    cells: dict[int, Counter[Mark]] = field(default_factory=dict)  # by column of the report
    marks: Counter[Mark] = field(default_factory=Counter)
    breaking_rows: int = 0  # in partitions that it did not pass
    tolerated_rows: int = 0  # that break it too, in partitions that passed: its `mostly` allows for them
    newest: deque[tuple[str, Mark]] = field(default_factory=lambda: deque(maxlen=_NEWEST))  # not passed, oldest first

    def add(self, column: int, partition: str, mark: Mark, breaking_rows: int = 0) -> None:
        self.cells.setdefault(column, Counter())[mark] += 1
        self.marks[mark] += 1
        if mark is Mark.PASSED:
            self.tolerated_rows += breaking_rows
        else:
            self.breaking_rows += breaking_rows
        if mark not in (Mark.PASSED, Mark.LEARNING):
            self.newest.append((partition, mark))

    @property
    def pass_rate(self) -> float | None:
        """Passed among all that were judged or should have been: learning is left out, undecided and waived did not pass."""
        judged = sum(self.marks.values()) - self.marks[Mark.LEARNING]
        return self.marks[Mark.PASSED] / judged if judged else None


@dataclass
class RowFacts:
    """Rows of the newest candidates of some partitions, by what became of them; `states` counts the partitions themselves."""

    rows_in: int = 0
    admitted: int = 0
    quarantined: int = 0
    left_out: int = 0  # duplicates, declared drops, discarded rows
    held: int = 0
    states: Counter[State] = field(default_factory=Counter)

    def add(self, verdict: GateVerdict) -> None:
        counts = verdict.counts
        self.rows_in += counts.rows_in
        self.admitted += counts.admitted
        self.quarantined += counts.quarantined
        self.left_out += counts.duplicates + sum(counts.dropped.values())
        self.held += counts.held


@dataclass
class TableFacts:
    """One table: its rows per column of the report and in all, its quarantine by reason, its rules in the suite's order."""

    name: str
    layer: str
    full_name: str
    rows: list[RowFacts]
    total: RowFacts = field(default_factory=RowFacts)
    reasons: Counter[str] = field(default_factory=Counter)
    reason_partitions: Counter[str] = field(default_factory=Counter)
    rules: dict[str, RuleFacts] = field(default_factory=dict)


@dataclass(frozen=True)
class ToLookAt:
    """A partition of a table that somebody has to look at: why, and the commands to run next."""

    table: str
    partition: str
    state: State
    why: tuple[str, ...]
    next: tuple[str, ...]


@dataclass(frozen=True)
class Decision:
    """What a person decided; `rows` is how many rows it names, None for a candidate or a version."""

    table: str
    partition: str
    at: str
    decided: str
    rows: int | None
    by: str
    reason: str


@dataclass(frozen=True)
class GateReport:
    """One product over a range of partitions, at one moment (`at`, UTC).

    `states` counts each partition once, by the table of it that stands worst. `to_look_at` and `decisions` have the newest
    50, newest first; `looked_at` and `decided` say how many there are.
    """

    product: str
    description: str
    owner: str
    steward: str
    contract_version: str
    at: datetime.datetime
    columns: Columns
    states: Mapping[State, int]
    tables: tuple[TableFacts, ...]
    to_look_at: tuple[ToLookAt, ...]
    looked_at: int
    decisions: tuple[Decision, ...]
    decided: int

    @property
    def first(self) -> str:
        return self.columns.periods[0].first

    @property
    def last(self) -> str:
        return self.columns.periods[-1].last

    @property
    def rules(self) -> list[RuleFacts]:
        return [rule for table in self.tables for rule in table.rules.values()]
