"""What other rules would have raised: the windows that were measured, judged by each of them. Nothing is stored, no row read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from readiness_pipelines.declarations import Product
from readiness_pipelines.declarations.monitors import Monitor
from readiness_pipelines.drift.judging import judged
from readiness_pipelines.drift.past import Past
from readiness_pipelines.drift.reference import monitors_of
from readiness_pipelines.drift.rule import Rule, Thresholds, rule_of
from readiness_pipelines.flow import Mode, Severity, Test, Window
from readiness_pipelines.lakehouse import Lakehouse

_NONE = Thresholds(None, None, None, None)
_ANY = Thresholds(0.0, None, None, None)
_SURELY = 0.999999  # a false-alarm rate that every p passes
_STRICTER, _LOOSER = 0.5, 2.0  # times the declared thresholds


@dataclass(frozen=True)
class Raised:
    """What one rule says of one window."""

    window: Window
    severity: Severity
    mode: Mode
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Tried:
    """One candidate rule, and what it would have said of every window that was measured, oldest first."""

    name: str
    rule: Rule
    windows: tuple[Raised, ...]

    def alarms(self, least: Severity = Severity.LOW) -> tuple[Raised, ...]:
        """Return the windows that are `least` or worse."""
        return tuple(each for each in self.windows if each.severity.is_at_least(least))


def calibrate(product: Product, lake: Lakehouse, monitor: str, rules: Mapping[str, Rule] | None = None) -> list[Tried]:
    """Return what each rule would have raised in each window of the monitor; by default those of `candidates`.

    Raises ReadinessError for no such monitor.
    """
    (watched,) = monitors_of(product, monitor)
    rules, past = rules or candidates(watched), Past(product, lake, watched)
    found: dict[str, list[Raised]] = {name: [] for name in rules}
    for window in past.windows:
        measured = lake.ledger.drift.measured(past.events[window])
        assert measured is not None  # the ledger has told this event
        for name, rule in rules.items():
            report = judged(watched, measured, rule, past)
            found[name].append(Raised(window, report.severity, report.mode, report.columns))
    return [Tried(name, rule, tuple(found[name])) for name, rule in rules.items()]


def candidates(monitor: Monitor) -> dict[str, Rule]:
    """Return rules worth comparing: the declared one, some near it, and two that are in common use and mislead.

    `any effect`: what is significant after correction alarms however small it is, so that nearly every large window does.
    `PSI above .2`: that PSI alone, whatever chance says, which small windows reach by chance and a shift of a quarter of a
    standard deviation does not.
    """
    declared = rule_of(monitor)
    return {
        "as declared": declared,
        "2 of 3 windows": replace(declared, persistence={severity: (2, 3) for severity in Severity.alarms()}),
        "half the thresholds": _scaled(declared, _STRICTER),
        "twice the thresholds": _scaled(declared, _LOOSER),
        "any effect": _only(declared, {test: _ANY for test in Test}, declared.false_alarm_rate),
        "PSI above .2": _only(declared, {Test.PSI: Thresholds(0.2, None, None, None)}, _SURELY),
    }


def _scaled(rule: Rule, factor: float) -> Rule:
    def of(tests: Mapping[Test, Thresholds]) -> dict[Test, Thresholds]:
        return {
            test: Thresholds(*(_times(getattr(each, s.value), factor) for s in Severity.alarms())) for test, each in tests.items()
        }

    return replace(rule, thresholds=of(rule.thresholds), columns={name: of(tests) for name, tests in rule.columns.items()})


def _times(effect: float | None, factor: float) -> float | None:
    return None if effect is None else effect * factor


def _only(rule: Rule, thresholds: Mapping[Test, Thresholds], rate: float) -> Rule:
    every = {test: thresholds.get(test, _NONE) for test in Test}
    return replace(rule, thresholds=every, columns={}, weights={}, persistence={}, false_alarm_rate=rate)
