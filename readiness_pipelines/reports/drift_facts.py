"""What is told of the drift of one product: numbers and names of columns, and no value of a row."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from readiness_pipelines.declarations import Monitor
from readiness_pipelines.flow import SAYS_MOST, DriftReport, Kind, Mode, ResponseDecision, Severity, Test, Window


class Level(StrEnum):
    """How a window or a column of it stands: the worst first. Only `none` says that there was nothing to find."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    UNDECIDED = "undecided"
    INSUFFICIENT_SAMPLE = "insufficient sample"
    LEARNING = "learning"
    NONE = "none"

    @property
    def severity(self) -> Severity:
        """The severity it is, none for what is no alarm."""
        return Severity(self.value) if self.value in _SEVERITIES else Severity.NONE

    @property
    def place(self) -> int:
        """0 for the worst."""
        return _PLACES[self]


_PLACES = {each: place for place, each in enumerate(Level)}
_SEVERITIES = tuple(each.value for each in Severity)
_NO_ALARMS = frozenset(each for each in Level if each.severity is Severity.NONE)
_UNTOLD = _NO_ALARMS - {Level.NONE}


def level_of(severity: Severity, mode: Mode) -> Level:
    """Return an alarm as what it is, and where there is none, whether there could have been one."""
    if severity is not Severity.NONE or mode is Mode.DECIDED:
        return Level(severity.value)
    return Level(mode.value.replace("_", " "))


class Cell(NamedTuple):
    """What one window said of one test of one column. `threshold` is that of its severity, else the test's lowest.

    `note` is what the rule says with it: why nothing could be told, or why the severity is what it is.
    """

    effect: float | None
    threshold: float | None
    level: Level
    corrected_p: float | None = None
    n: int = 0
    note: str = ""

    @property
    def share(self) -> float:
        """Effect in thresholds: 1 and more has passed it. 0 where nothing was measured."""
        return self.effect / self.threshold if self.effect and self.threshold else 0.0

    @property
    def order(self) -> tuple[int, float]:
        """Sorts the worst first."""
        return self.level.place, -self.share


@dataclass
class ColumnFacts:
    """One column, or what it is worth as a prediction (kind concept), over the windows: by test and place of the window."""

    name: str
    kind: Kind
    tests: dict[Test, dict[int, Cell]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return f"{self.name}: performance" if self.kind is Kind.CONCEPT else self.name

    def add(self, test: Test, place: int, cell: Cell) -> None:
        self.tests.setdefault(test, {})[place] = cell

    def worst(self, place: int) -> tuple[Test, Cell] | None:
        """Return the worst test of a window, None where the window says nothing of the column.

        Of alarms of one severity it is the test that says most: psi sees missing and unseen values too.
        """
        found = [(test, cells[place]) for test, cells in self.tests.items() if place in cells]
        return min(found, key=lambda each: _telling(*each), default=None)

    def also(self, place: int) -> list[Test]:
        """Return the other tests that alarmed in a window."""
        worst = self.worst(place)
        alarms = [test for test, cells in self.tests.items() if place in cells and cells[place].level not in _NO_ALARMS]
        return [test for test in alarms if worst is not None and test is not worst[0]]

    def alarms(self) -> int:
        """Return the ranks of all its windows' severities, added up."""
        worst: dict[int, int] = {}
        for cells in self.tests.values():
            for place, cell in cells.items():
                if cell.level not in _NO_ALARMS:
                    worst[place] = max(worst.get(place, 0), cell.level.severity.rank)
        return sum(worst.values())


def _telling(test: Test, cell: Cell) -> tuple[int, int, float]:
    says_most = 0 if cell.level in _NO_ALARMS else SAYS_MOST.index(test)
    return cell.level.place, says_most, -cell.share


class Metric(NamedTuple):
    """What the prediction was worth in one window, with its 95% interval; `n` are the rows whose label is known."""

    value: float
    low: float
    high: float
    n: int
    reference: float | None


@dataclass(frozen=True)
class WindowFacts:
    """One window as its newest report has it. `worst` are its columns at that severity, the worst first."""

    window: Window
    level: Level
    rows: int
    absent: int
    event: str
    worst: tuple[str, ...]
    superseded: str = ""


@dataclass(frozen=True)
class Decided:
    """What was decided about one event, and when."""

    at: str
    decision: ResponseDecision


@dataclass(frozen=True)
class MonitorFacts:
    """One monitor: its windows, oldest first, and its columns over them. `newest` is the report of the last window.

    `performance` is by group, "" for all rows, and by place of the window. `waits_for` says what is missing before
    anything can be measured, empty where nothing is. `measured` counts all windows that were measured, of which these are
    the newest; `due` those that are due and were not.
    """

    monitor: Monitor
    windows: tuple[WindowFacts, ...]
    measured: int
    newest: DriftReport | None
    columns: tuple[ColumnFacts, ...]
    performance: Mapping[str, Mapping[int, Metric]]
    decisions: tuple[Decided, ...] = ()
    waits_for: str = ""
    due: int = 0

    @property
    def level(self) -> Level:
        return self.windows[-1].level if self.windows else Level.LEARNING

    def by_newest(self) -> Iterator[tuple[ColumnFacts, Test, Cell]]:
        """Yield the columns that the newest window speaks of with their worst test, the worst first."""
        place = len(self.windows) - 1
        found = [(column, *worst) for column in self.columns if (worst := column.worst(place))]
        yield from sorted(found, key=lambda each: (*each[2].order, each[0].name))

    def untold(self) -> list[tuple[ColumnFacts, Test, Cell]]:
        """Return those columns of `by_newest` of which nothing could be told although the rule says why, unmeasured ones first."""
        found = [each for each in self.by_newest() if each[2].note and each[2].level in _UNTOLD]
        return sorted(found, key=lambda each: each[2].effect is not None)

    def by_history(self) -> list[ColumnFacts]:
        """Return the columns, those first that alarmed most in all windows; then by the newest."""
        newest = {id(column): n for n, (column, _, _) in enumerate(self.by_newest())}
        return sorted(self.columns, key=lambda each: (-each.alarms(), newest.get(id(each), len(newest)), each.name))


@dataclass(frozen=True)
class DriftFacts:
    """All monitors of one product at one moment (`at`, UTC); a partition is `every` day or hour."""

    product: str
    description: str
    owner: str
    steward: str
    every: str
    at: datetime.datetime
    monitors: tuple[MonitorFacts, ...]

    @property
    def severity(self) -> Severity:
        """The worst severity of the monitors' newest windows."""
        return Severity.worst(each.level.severity for each in self.monitors)
