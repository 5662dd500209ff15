"""Sustained movements: found before a threshold is passed, not where it goes nowhere, and seldom where nothing moves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from readiness_pipelines.drift.rule import DEFAULTS, Rule, Thresholds
from readiness_pipelines.drift.trends import trends_of
from readiness_pipelines.flow import Kind, Measured, Measurement, Test, Trend, Window
from tests.drifted import REFERENCE

RULE = Rule()


def window(place: int, effects: dict[str, float], *, test: Test = Test.KS, rows: int = 5000) -> Measured:
    more = {"loss": 0.0} if test is Test.PERFORMANCE else {}
    found = [
        Measurement(column, Kind.DATA, test, max(effect, 0.0), 0.5, 5000, rows, more={name: effect for name in more})
        for column, effect in effects.items()
    ]
    last = f"2025-01-{place + 1:02}"
    return Measured("p", "m", "p.gold.t", Window(last, last), REFERENCE, (), (), rows, 5000, tuple(found))


def found(series: Sequence[Measured | None], rule: Rule = RULE) -> tuple[Trend, ...]:
    return trends_of(series, rule, last_of=lambda ahead: f"{ahead} ahead")


def rising(windows: int, *, by: float = 0.002, test: Test = Test.KS, column: str = "x") -> list[Measured | None]:
    """Return windows whose effect rises by so much from one to the next, with a little noise."""
    noise = np.random.default_rng(1).normal(0, 0.0003, windows)
    return [window(i, {column: 0.01 + by * i + float(noise[i])}, test=test) for i in range(windows)]


def test_a_sustained_rise_is_found_before_the_threshold_with_the_projected_crossing() -> None:
    series = rising(15)
    (trend,) = found(series)
    values = [each.measurements[0].effect for each in series if each]
    line = stats.linregress(range(15), values)
    assert (trend.column, trend.test, trend.windows) == ("x", Test.KS, 15)
    assert trend.slope == pytest.approx(line.slope) and trend.p_regression == pytest.approx(line.pvalue)
    ahead = int(np.ceil((0.05 - (line.intercept + 14 * line.slope)) / line.slope))
    assert trend.crosses_at == f"{ahead} ahead" and max(values) < 0.05


def test_the_threshold_is_that_of_the_rule_and_of_the_column() -> None:
    low = Rule(thresholds={**DEFAULTS, Test.KS: Thresholds(0.04, 0.1, 0.2, 0.3)})
    column = Rule(columns={"x": {Test.KS: Thresholds(0.9, 0.95, None, None)}})
    (usual,), (lower,) = found(rising(15)), found(rising(15), low)
    assert int(lower.crosses_at.split()[0]) < int(usual.crosses_at.split()[0])
    assert found(rising(15), column) == ()


def test_a_line_that_reaches_the_threshold_later_than_it_was_looked_at_is_no_trend() -> None:
    assert found(rising(15, by=0.0011)) == ()
    assert len(found(rising(20, by=0.0011))) == 1


def test_one_that_has_passed_the_threshold_has_no_projected_crossing() -> None:
    (trend,) = found(rising(15, by=0.01))
    assert trend.crosses_at == ""


def test_what_falls_is_no_drift() -> None:
    assert found(list(reversed(rising(15)))) == ()


def test_fewer_than_six_windows_say_nothing_and_windows_that_are_missing_keep_their_place() -> None:
    assert found(rising(5)) == ()
    series = rising(15)
    series[3] = series[8] = None
    (trend,) = found(series)
    assert trend.windows == 13 and trend.slope == pytest.approx(found(rising(15))[0].slope, rel=0.1)


def test_windows_with_too_few_rows_count_as_missing() -> None:
    series = [window(i, {"x": 0.01 + 0.002 * i}, rows=199) for i in range(15)]
    assert found(series) == ()
    assert len(found(series, Rule(min_rows=199))) == 1


def test_a_loss_is_followed_below_zero_too_and_crosses_at_medium() -> None:
    series = [window(i, {"score": -0.02 + 0.003 * i + (0.0002 if i % 2 else 0)}, test=Test.PERFORMANCE) for i in range(12)]
    (trend,) = found(series)
    assert trend.test is Test.PERFORMANCE
    assert trend.crosses_at == "6 ahead"  # 0.013 + 6 x 0.003 is the first above 0.03


def test_where_nothing_moves_trends_are_rarer_than_the_false_alarm_rate() -> None:
    random = np.random.default_rng(5)
    hits = 0
    for _ in range(200):
        effects = np.abs(random.normal(0.02, 0.01, (12, 10)))
        hits += bool(found([window(i, {f"c{j}": float(x) for j, x in enumerate(row)}) for i, row in enumerate(effects)]))
    assert hits <= 10


def test_effects_that_wander_are_seldom_taken_for_a_movement() -> None:
    random = np.random.default_rng(6)
    hits, windows = 0, 0
    for _ in range(40):
        effects = np.zeros((40, 5))
        for i in range(1, 40):
            effects[i] = 0.8 * effects[i - 1] + random.normal(0, 0.003, 5)
        series = [window(i % 30, {f"c{j}": 0.03 + float(x) for j, x in enumerate(row)}) for i, row in enumerate(effects)]
        for end in range(24, 40, 4):
            hits, windows = hits + bool(found(series[end - 24 : end])), windows + 1
    assert hits <= 0.05 * windows  # 0.23 of them, were the windows taken for independent
