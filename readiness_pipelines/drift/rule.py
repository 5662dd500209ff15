"""The rule that windows are judged by: how often it may be wrong, what effect is worth which severity, and for how long.

A rule is a value: `fingerprint` changes with every number in it, and each judgement names the one it was made by.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from itertools import pairwise

from readiness_pipelines.declarations.drift import USUAL_THRESHOLDS
from readiness_pipelines.declarations.drift import Thresholds as Declared
from readiness_pipelines.declarations.monitors import Monitor
from readiness_pipelines.flow import Severity, Test, digest

_MEANING = 1  # one more whenever `decide` makes something else of the same rule


@dataclass(frozen=True)
class Thresholds:
    """The effect, inclusive, from which on a test gives each severity; None: the test does not give it.

    Raises ValueError if a higher severity does not need more.
    """

    low: float | None
    medium: float | None
    high: float | None
    critical: float | None

    def __post_init__(self) -> None:
        given = [effect for _, effect in self.given]
        if not all(map(math.isfinite, given)) or any(a >= b for a, b in pairwise(given)) or any(a < 0 for a in given):
            raise ValueError(f"found thresholds {given}, expected effects of 0 or more that rise from low to critical")

    @cached_property
    def given(self) -> tuple[tuple[Severity, float], ...]:
        """Return severities that the test gives with their effect, the lowest first."""
        all_four = ((Severity(f.name), getattr(self, f.name)) for f in fields(self))
        return tuple((severity, effect) for severity, effect in all_four if effect is not None)

    @property
    def lowest(self) -> float | None:
        """The smallest effect that matters, None if none does."""
        return self.given[0][1] if self.given else None

    def severity(self, effect: float) -> Severity:
        """Return the highest severity whose threshold the effect reaches, else none."""
        return Severity.worst(severity for severity, least in self.given if effect >= least)

    def of(self, severity: Severity) -> float | None:
        """Return the effect that the severity needs; of none, and of one that the test does not give, the lowest."""
        return dict(self.given).get(severity, self.lowest)


DEFAULTS: Mapping[Test, Thresholds] = {test: Thresholds(**usual.model_dump()) for test, usual in USUAL_THRESHOLDS.items()}


@dataclass(frozen=True)
class Rule:
    """What makes a measurement a finding.

    `false_alarm_rate`: the most that the chance of any alarm may be in a window without drift, over all its tests. `min_rows`:
    fewer on either side are not judged. `thresholds` by test, and `columns` by column where they are others. `weights` by
    column: how much of the false-alarm rate it may use beside the others' 1. `persistence` by severity, (k, n): it is given only
    where it was reached in k of the newest n windows, this one included. Raises ValueError for numbers that make no rule.
    """

    false_alarm_rate: float = 0.05
    min_rows: int = 200
    thresholds: Mapping[Test, Thresholds] = field(default_factory=lambda: dict(DEFAULTS))
    columns: Mapping[str, Mapping[Test, Thresholds]] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    persistence: Mapping[Severity, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 < self.false_alarm_rate < 1 or self.min_rows < 1:
            raise ValueError(
                f"found a rate of {self.false_alarm_rate} and {self.min_rows} rows, expected 0 < rate < 1 and rows >= 1"
            )
        if any(k < 1 or n < k for k, n in self.persistence.values()) or Severity.NONE in self.persistence:
            raise ValueError(f"found persistence {dict(self.persistence)}, expected k of n >= k windows for a severity above none")
        if not all(w > 0 and math.isfinite(w) for w in self.weights.values()):
            raise ValueError(f"found weights {dict(self.weights)}, expected positive numbers")

    @cached_property
    def fingerprint(self) -> str:
        """A digest of all that the judgement depends on besides what was measured."""
        return digest("drift rule", _MEANING, asdict(self))

    def thresholds_of(self, column: str, test: Test) -> Thresholds:
        return self.columns.get(column, {}).get(test) or self.thresholds[test]


def rule_of(monitor: Monitor) -> Rule:
    """Return the rule that a monitor declares, with the defaults for what it leaves out.

    A column's thresholds take what they leave out from the monitor's. Raises ValueError as `Rule` does.
    """
    said = monitor.words
    thresholds = {test: _over(default, said.thresholds.get(test)) for test, default in DEFAULTS.items()}
    return Rule(
        false_alarm_rate=said.false_alarm_rate,
        min_rows=said.min_rows,
        thresholds=thresholds,
        columns={
            name: {test: _over(thresholds[test], own) for test, own in column.thresholds.items()}
            for name, column in said.columns.items()
            if column.thresholds
        },
        weights={name: column.weight for name, column in said.columns.items() if column.weight != 1},
        persistence={severity: (each.windows, each.of) for severity, each in said.persistence.items()},
    )


def _over(default: Thresholds, declared: Declared | None) -> Thresholds:
    if declared is None:
        return default
    own = {name: effect for name, effect in declared.model_dump().items() if effect is not None}
    return Thresholds(**{**asdict(default), **own})
