"""Bounds from the ends of partitions: hard, with a margin, or none."""

from __future__ import annotations

import datetime
import random
from decimal import Decimal

import pytest

from readiness_pipelines.gates.margins import at_least, is_moving, lower, plain, upper


def test_an_end_that_half_of_the_partitions_share_is_hard() -> None:
    assert (upper([14, 13, 14, 14]).value, upper([14, 13, 14, 14]).hard) == (14, True)
    assert (lower([1, 1, 2, 1]).value, lower([1, 1, 2, 1]).hard) == (1, True)


def test_another_end_may_be_overstepped_as_far_again_as_it_lies_beyond_the_median() -> None:
    assert upper([61, 50, 81, 60, 61]).value == 101  # 81 + (81 - 61)
    assert lower([40, 50, 30, 45, 40]).value == 20
    assert upper([1.0, 1.5, 1.25, 1.0, 1.25]).value == pytest.approx(1.75)
    assert upper([2.0, 3.333, 2.5, 2.1, 2.2]).value == pytest.approx(
        4.5
    )  # 3.333 + 1.133 = 4.466, rounded up to two digits of 1.133


def test_where_nothing_was_below_zero_nothing_may_be() -> None:
    assert lower([10, 50, 30, 45, 40]).value == 0  # and not -30
    assert lower([-10, 50, 30, 45, 40]).value == -60
    assert upper([-10, -50, -30, -45, -40]).value == 0


def test_ends_that_run_away_have_no_bound() -> None:
    days = [datetime.date(2025, 1, day) for day in range(1, 11)]
    assert is_moving(days)
    assert upper(days).value is None
    assert lower(days).value == datetime.date(2024, 12, 27)  # the median_high is the 6th, five days after the first
    assert not is_moving(days, upwards=False)
    assert not is_moving([3, 9, 4, 1, 5, 9, 2, 6])


def test_days_at_the_end_of_the_calendar_stay_in_it() -> None:
    last = datetime.date.max
    assert upper([last, datetime.date(2000, 1, 1), datetime.date(2000, 1, 1)]).value == last


def test_a_share_to_ask_for_is_rounded_down_and_never_nothing() -> None:
    assert at_least([0.9, 0.8, 0.85, 0.9]).value == 0.7
    assert at_least([1.0, 0.9985, 1.0]).value == 0.997
    assert at_least([0.9, 0.1, 0.9]).value is None
    assert at_least([0.9, 0.8, 0.7, 0.6, 0.5]).value is None  # it falls from partition to partition


def test_a_bound_as_a_float_is_never_inside_the_value() -> None:
    assert plain(Decimal("19.90"), upwards=True) >= Decimal("19.90")
    assert plain(Decimal("0.10"), upwards=False) <= Decimal("0.10")
    assert plain(2**53 + 1, upwards=True) > 2**53 + 1
    assert plain(7, upwards=True) == 7
    assert plain(datetime.datetime(2025, 1, 2, 3), upwards=True) == "2025-01-02T03:00:00"


@pytest.mark.parametrize("draw", [random.Random.gauss, random.Random.expovariate])
def test_the_margin_alarms_far_less_than_the_plain_ends_which_alarm_in_one_of_n_plus_one(draw: object) -> None:
    """20 partitions of 500 rows: the next one's highest value, 3,000 times. Plain: 1/21 = 4.8%; with the margin under 1%."""
    source, plain_alarms, alarms, times = random.Random(7), 0, 0, 3_000
    for _ in range(times):
        # the highest of 500 rows, drawn as one: the 1 - 1/500 tail of the distribution, by its quantile
        tops = [top_of_500(source, draw) for _ in range(21)]
        bound = upper(tops[:20])
        plain_alarms += tops[20] > max(tops[:20])
        alarms += bound.value is not None and tops[20] > bound.value
    assert plain_alarms / times == pytest.approx(1 / 21, abs=0.012)
    assert alarms / times < 0.01


def top_of_500(source: random.Random, draw: object) -> float:
    import math
    from statistics import NormalDist

    u = source.random() ** (1 / 500)
    return NormalDist().inv_cdf(u) if draw is random.Random.gauss else -math.log1p(-u)
