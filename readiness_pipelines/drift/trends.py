"""Sustained movements over the windows before: a decline that is found before a threshold is passed. Pure; imports numpy.

Of each series (the metric's loss, the effect of each column) a line is fitted and Mann and Kendall's test made, both made less
certain where neighbouring windows resemble each other: an effect may wander without going anywhere. A series moves
when both say so, after Benjamini and Hochberg over all series of the monitor, and the line reaches the threshold of the lowest
severity within as many windows more as were looked at: what is significant and goes nowhere is no trend.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from readiness_pipelines.drift.rule import Rule
from readiness_pipelines.drift.statistics.correction import benjamini_hochberg
from readiness_pipelines.drift.statistics.trend import crossing, inflation, least_squares, mann_kendall
from readiness_pipelines.flow import Measured, Measurement, Test, Trend

LEAST_WINDOWS, MOST_WINDOWS = 6, 24  # that share no partition; fewer say nothing, more reach back too far

_Name = tuple[str, Test]


def trends_of(series: Sequence[Measured | None], rule: Rule, *, last_of: Callable[[int], str]) -> tuple[Trend, ...]:
    """Return the movements towards drift that lead up to the last of the windows, the most certain first.

    `series` are windows at equal distances that share no partition, oldest first, None where one was not measured; those
    with fewer than `rule.min_rows` on either side count as not measured. `last_of(k)` is the last partition of the k-th
    window after the last. Nothing with fewer than six windows.
    """
    found = [_trend(name, values, rule, last_of) for name, values in _series(series, rule).items()]
    known = [each for each in found if each is not None]
    corrected = benjamini_hochberg([max(each.p_regression, each.p_mann_kendall) for each, _ in known])
    moving = [
        (p, each) for p, (each, ahead) in zip(corrected, known, strict=True) if ahead is not None and p <= rule.false_alarm_rate
    ]
    return tuple(each for _, each in sorted(moving, key=lambda item: (item[0], item[1].column, item[1].test)))


def _series(windows: Sequence[Measured | None], rule: Rule) -> dict[_Name, list[float | None]]:
    """Return the effect of each test that has one in the last window, window by window."""
    last = windows[-1]
    names = [(m.column, m.test) for m in last.measurements if _is_followed(m, rule)] if last is not None else []
    effects = [{(m.column, m.test): _effect(m) for m in w.measurements if _is_followed(m, rule)} if w else {} for w in windows]
    return {name: [each.get(name) for each in effects] for name in names}


def _is_followed(m: Measurement, rule: Rule) -> bool:
    followed = (Test.KS, Test.PSI, Test.NULLS, Test.PERFORMANCE)
    return not m.group and m.effect is not None and m.test in followed and min(m.n_reference, m.n_window) >= rule.min_rows


def _effect(m: Measurement) -> float | None:
    """Return what moves: of performance the loss, below 0 too, so that a series is not cut off where it is good."""
    return m.more.get("loss", m.effect)


def _trend(
    name: _Name, values: Sequence[float | None], rule: Rule, last_of: Callable[[int], str]
) -> tuple[Trend, int | None] | None:
    """Return the series' movement and how many windows ahead it reaches its threshold: None if it does not."""
    known = [value for value in values if value is not None]
    independent = least_squares(values)
    if len(known) < LEAST_WINDOWS or independent is None:
        return None
    wander = inflation(values, independent)
    line, order = least_squares(values, inflation=wander), mann_kendall(values, inflation=wander)
    assert line is not None and order is not None  # there are enough numbers
    column, test = name
    threshold = rule.thresholds_of(column, test).lowest
    ahead = crossing(line, last=len(values) - 1, threshold=threshold, horizon=len(known)) if threshold is not None else None
    is_up = line.slope > 0 and order.s > 0
    trend = Trend(column, test, len(known), line.slope, line.p, order.p, last_of(ahead) if ahead else "")
    return trend, ahead if is_up else None
