"""The rules of a history, tried on that history: what each would have alarmed, learned from the past and judged on the next.

The alert rate is forward-chained: the rules learned from the first k partitions judge partition k + 1, for each k from half of
the history on; nothing is judged by what was learned from it. A rule that alarmed too often is left out, at each k by what was
known then, so the rate of all rules together includes that choice. At the end the rules learned from everything are judged on
everything, and one that fails is not proposed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from readiness_pipelines.flow import RuleResult, Status
from readiness_pipelines.gates.profile import Profile
from readiness_pipelines.gates.propose import Proposal, Proposals
from readiness_pipelines.gates.rows import examine_rows
from readiness_pipelines.gates.suite import parse_suite
from readiness_pipelines.gates.whole import examine_table

if TYPE_CHECKING:
    import duckdb

LEAST_PARTITIONS = 6  # three to learn from and three to judge; with fewer a margin and a rate mean nothing
_TOO_OFTEN = 0.1  # of later partitions, and twice: a warning that comes more often is read by nobody
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Part:
    """One partition, or block: SQL for FROM, and its columns (a relation may hold others)."""

    label: str
    source: str
    row_key: str


@dataclass
class Tally:
    """How often a rule was judged on a partition that it had not been learned from, and how often it did not pass."""

    judged: int = 0
    alerts: int = 0

    def add(self, *, alert: bool) -> None:
        self.judged, self.alerts = self.judged + 1, self.alerts + alert

    @property
    def is_too_often(self) -> bool:
        return self.alerts >= 2 and self.alerts > _TOO_OFTEN * self.judged

    @property
    def interval(self) -> tuple[float, float]:
        """The rate's 95% interval, exact for independent partitions (Clopper and Pearson, 1934); all of 0 to 1 for none."""
        tail, n, x = (1 - _CONFIDENCE) / 2, self.judged, self.alerts
        low = _rate_where(lambda rate: 1 - _at_most(x - 1, n, rate) < tail) if x else 0.0
        high = _rate_where(lambda rate: _at_most(x, n, rate) > tail) if x < n else 1.0
        return low, high

    def __str__(self) -> str:
        if not self.judged:
            return "alerts: never judged on a later partition, rate unknown"
        low, high = self.interval
        return f"alerts: {self.alerts} of {self.judged} later partitions (95%: {low:.0%} to {high:.0%})"


def _at_most(x: int, n: int, rate: float) -> float:
    """Return the probability of at most x alerts in n partitions that alarm independently at this rate."""
    return math.fsum(math.comb(n, i) * rate**i * (1 - rate) ** (n - i) for i in range(x + 1))


def _rate_where(holds: Callable[[float], bool]) -> float:
    """Return the rate up to which `holds` is true, to 1e-12."""
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


@dataclass(frozen=True)
class Rehearsal:
    """The rules that stood, each with its tally; of all together, and of the critical ones; what was not proposed, and why."""

    rules: tuple[tuple[Proposal, Tally], ...]
    together: Tally
    critical: Tally
    unlearned: tuple[str, ...]


@dataclass
class _Tallies:
    by_rule: dict[tuple[str, ...], Tally] = field(default_factory=dict)
    together: Tally = field(default_factory=Tally)
    critical: Tally = field(default_factory=Tally)

    def of(self, rule: Proposal) -> Tally:
        return self.by_rule.setdefault(rule.about, Tally())


def rehearse(
    con: duckdb.DuckDBPyConnection,
    parts: Sequence[Part],
    history: Sequence[Profile],
    learn: Callable[[Sequence[Profile]], Proposals],
    *,
    whole: Part | None = None,
    progress: Callable[[], None] = lambda: None,
) -> Rehearsal:
    """Return what `learn` makes of the history, tried on it. `parts` and `history` are the same partitions, oldest first.

    `whole`: all rows as one relation, where the rules must hold for them together too. `progress` is called after each
    partition is judged: len(parts) - first(len(parts)) times, then len(parts) times.
    """
    tallies = _Tallies()
    for k in range(first(len(parts)), len(parts)):
        learned = learn(history[:k]).rules
        retained = [rule for rule in learned if not tallies.of(rule).is_too_often]
        alerts = {rule.about for rule, result in judged(con, parts[k], learned) if result.status is not Status.PASSED}
        tallies.together.add(alert=any(rule.about in alerts for rule in retained))
        tallies.critical.add(alert=any(rule.about in alerts for rule in retained if rule.severity == "critical"))
        for rule in learned:
            tallies.of(rule).add(alert=rule.about in alerts)
        progress()
    final = learn(history)
    often = [rule for rule in final.rules if tallies.of(rule).is_too_often]
    broken = _broken(con, [*parts, *([whole] if whole else [])], [r for r in final.rules if r not in often], progress)
    told = [f"{rule.name}: {tallies.of(rule)}: too often" for rule in often]
    told += [f"{rule.name}: fails on its own data ({where})" for rule, where in broken.values()]
    stood = [rule for rule in final.rules if rule not in often and rule.about not in broken]
    each = tuple((rule, tallies.of(rule)) for rule in stood)
    return Rehearsal(each, tallies.together, tallies.critical, (*final.unlearned, *told))


def first(partitions: int) -> int:
    """Return how many partitions are learned from before the next one is judged: half of them, at least three."""
    return max(LEAST_PARTITIONS // 2, partitions // 2)


def judged(con: duckdb.DuckDBPyConnection, part: Part, rules: Sequence[Proposal]) -> list[tuple[Proposal, RuleResult]]:
    """Return what the gate itself says of the partition, rule by rule."""
    suite = parse_suite([rule.as_written for rule in rules])
    found: Mapping[str, RuleResult] = {
        result.rule: result
        for result in (
            *examine_rows(con, part.source, suite, row_key=part.row_key).results,
            *examine_table(con, f"(SELECT * EXCLUDE ({part.row_key}) FROM {part.source})", suite),
        )
    }
    return [(rule, found[parsed.name]) for rule, parsed in zip(rules, suite.rules, strict=True)]


def _broken(
    con: duckdb.DuckDBPyConnection, parts: Sequence[Part], rules: Sequence[Proposal], progress: Callable[[], None]
) -> dict[tuple[str, ...], tuple[Proposal, str]]:
    """Return the rules that do not pass somewhere, with where first."""
    found: dict[tuple[str, ...], tuple[Proposal, str]] = {}
    for part in parts:
        left = [rule for rule in rules if rule.about not in found]
        for rule, result in judged(con, part, left):
            if result.status is not Status.PASSED:
                found[rule.about] = (rule, part.label)
        progress()
    return found
