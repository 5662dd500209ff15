"""The rule: thresholds, and what a monitor's words make of the defaults."""

from __future__ import annotations

from dataclasses import replace

import pytest

from readiness_pipelines.declarations.drift import DriftMonitor
from readiness_pipelines.declarations.monitors import Monitor
from readiness_pipelines.drift.rule import DEFAULTS, Rule, Thresholds, rule_of
from readiness_pipelines.flow import Severity, Test

LOW, MEDIUM, HIGH, CRITICAL = Severity.alarms()


def declared(**words: object) -> Monitor:
    said = {"table": "t", "window": {"days": 1}, "reference": "previous_window", **words}
    return Monitor("p", "t", None, (), DriftMonitor.model_validate(said))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("effect", "severity"),
    [(0.0, Severity.NONE), (0.0499, Severity.NONE), (0.05, LOW), (0.1, MEDIUM), (0.25, HIGH), (0.3, CRITICAL), (9.0, CRITICAL)],
)
def test_a_threshold_is_reached_at_its_effect(effect: float, severity: Severity) -> None:
    assert DEFAULTS[Test.KS].severity(effect) is severity


def test_a_severity_that_a_test_does_not_give_is_passed_over() -> None:
    performance = DEFAULTS[Test.PERFORMANCE]
    assert performance.severity(0.02) is Severity.NONE
    assert performance.severity(0.03) is MEDIUM
    assert (performance.lowest, performance.of(HIGH), performance.of(Severity.NONE)) == (0.03, 0.05, 0.03)
    silent = Thresholds(None, None, None, None)
    assert (silent.severity(9), silent.lowest, silent.of(LOW)) == (Severity.NONE, None, None)


@pytest.mark.parametrize(
    "four", [(0.1, 0.1, 0.2, 0.3), (0.3, 0.2, None, None), (-0.1, 0.1, 0.2, 0.3), (0.1, None, float("inf"), None)]
)
def test_thresholds_that_do_not_rise_are_refused(four: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="rise from low to critical"):
        Thresholds(*four)


@pytest.mark.parametrize(
    "words",
    [
        {"false_alarm_rate": 0},
        {"false_alarm_rate": 1},
        {"min_rows": 0},
        {"persistence": {HIGH: (3, 2)}},
        {"persistence": {HIGH: (0, 2)}},
        {"persistence": {Severity.NONE: (1, 2)}},
        {"weights": {"x": 0.0}},
        {"weights": {"x": float("nan")}},
    ],
)
def test_numbers_that_make_no_rule_are_refused(words: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Rule(**words)  # type: ignore[arg-type]


def test_every_number_of_a_rule_is_in_its_fingerprint() -> None:
    rule = Rule()
    others = [
        replace(rule, false_alarm_rate=0.01),
        replace(rule, min_rows=201),
        replace(rule, thresholds={**DEFAULTS, Test.KS: Thresholds(0.05, 0.1, 0.2, 0.31)}),
        replace(rule, columns={"x": {Test.KS: DEFAULTS[Test.KS]}}),
        replace(rule, weights={"x": 2.0}),
        replace(rule, persistence={HIGH: (2, 3)}),
    ]
    assert len({rule.fingerprint, *(each.fingerprint for each in others)}) == 7
    assert Rule().fingerprint == rule.fingerprint


def test_a_monitor_that_says_nothing_has_the_default_rule() -> None:
    assert rule_of(declared()) == Rule()
    assert rule_of(declared()).fingerprint == Rule().fingerprint


def test_what_a_monitor_says_takes_the_place_of_the_defaults() -> None:
    rule = rule_of(
        declared(
            false_alarm_rate=0.01,
            min_rows=50,
            thresholds={"ks": {"low": 0.06}},
            columns={"x": {"weight": 3, "thresholds": {"ks": {"critical": 0.9}, "psi": {"low": 0.05}}}, "y": {"as": "category"}},
            persistence={"high": {"windows": 2, "of": 3}},
        )
    )
    assert (rule.false_alarm_rate, rule.min_rows, rule.weights, rule.persistence) == (0.01, 50, {"x": 3.0}, {HIGH: (2, 3)})
    assert rule.thresholds_of("y", Test.KS) == Thresholds(0.06, 0.1, 0.2, 0.3)
    assert rule.thresholds_of("x", Test.KS) == Thresholds(0.06, 0.1, 0.2, 0.9)
    assert rule.thresholds_of("x", Test.PSI) == Thresholds(0.05, 0.1, 0.2, 0.3)
    assert rule.thresholds_of("x", Test.NULLS) == DEFAULTS[Test.NULLS]
