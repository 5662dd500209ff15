"""The bootstrap over blocks: as wide as theory says, wider where rows come in blocks, silent where there are too few."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from scipy import stats

from readiness_pipelines.declarations.model_problems import LEAST_DAYS
from readiness_pipelines.flow import Metric
from readiness_pipelines.models.judging.replicates import LEAST_BLOCKS, Interval, blocks_of, interval, summed
from readiness_pipelines.models.judging.weighted import difference_of


def mean_of(values: np.ndarray, block: np.ndarray, *, seed: int = 0, **how: bool) -> Interval:
    sums, rows = np.bincount(block, weights=values), np.bincount(block)
    draw = np.random.default_rng(seed)
    return interval(lambda counts: summed(sums, counts) / summed(rows, counts), sizes=rows, rows=len(values), draw=draw, **how)


def test_the_ends_of_a_mean_are_those_of_students_t() -> None:
    values = np.random.default_rng(1).normal(5, 2, 400)
    found = mean_of(values, np.arange(400))
    reach = stats.t.ppf(0.95, 399) * stats.sem(values)
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - reach, abs=0.1 * reach)
    assert found.high == pytest.approx(values.mean() + reach, abs=0.1 * reach)


def test_with_few_blocks_the_ends_are_as_wide_as_students_t_and_not_as_the_normal() -> None:
    found, reach = [], []
    for seed in range(60):
        values = np.random.default_rng(seed).normal(0, 1, 10)
        ends = mean_of(values, np.arange(10), seed=seed)
        found.append((ends.high - ends.low) / 2)
        reach.append(stats.t.ppf(0.95, 9) * stats.sem(values))
    assert np.mean(found) == pytest.approx(np.mean(reach), rel=0.05)


def test_rows_of_one_person_taken_many_times_do_not_make_anything_surer() -> None:
    values = np.random.default_rng(2).normal(0, 1, 60)
    once = mean_of(values, np.arange(60))
    many = mean_of(np.repeat(values, 20), np.repeat(np.arange(60), 20))
    rows = mean_of(np.repeat(values, 20), np.arange(1200))
    assert many.high - many.low == pytest.approx(once.high - once.low, rel=0.15)
    assert rows.high - rows.low < 0.3 * (once.high - once.low)


def test_fewer_than_five_blocks_say_nothing() -> None:
    few = mean_of(np.arange(40.0), np.arange(40) % (LEAST_BLOCKS - 1))
    assert (few.value, few.low, few.high) == (19.5, -math.inf, math.inf)
    assert math.isfinite(mean_of(np.arange(40.0), np.arange(40) % LEAST_BLOCKS).low)


def test_a_model_that_is_judged_by_days_is_declared_with_enough_of_them() -> None:
    assert LEAST_DAYS == LEAST_BLOCKS


def test_people_with_most_of_the_rows_are_few_however_many_others_there_are() -> None:
    block = np.concatenate([np.repeat([0, 1, 2, 3], 500), np.arange(4, 54)])
    assert mean_of(np.random.default_rng(0).normal(size=len(block)), block).low == -math.inf
    equal = mean_of(np.random.default_rng(0).normal(size=len(block)), np.arange(len(block)) % 54)
    assert math.isfinite(equal.low)


def test_unequal_blocks_move_the_ends_out_as_fewer_equal_ones_do() -> None:
    values = np.random.default_rng(1).normal(0, 1, 40)
    sums = values.copy()

    def reach(sizes: np.ndarray) -> float:
        found = interval(
            lambda counts: summed(sums, counts), sizes=sizes, rows=40, draw=np.random.default_rng(2), replicates=20_000
        )
        return found.high - found.low

    as_six = np.concatenate([np.full(6, 1.0), np.zeros(34)])
    assert reach(as_six) / reach(np.ones(40)) == pytest.approx(
        (stats.t.ppf(0.95, 5) * math.sqrt(6 / 5)) / (stats.t.ppf(0.95, 39) * math.sqrt(40 / 39)), rel=0.05
    )


def test_replicates_in_which_nothing_can_be_said_count_as_the_worst() -> None:
    values = np.arange(30.0)
    sums = np.bincount(np.arange(30), weights=values)

    def often_undefined(counts: np.ndarray) -> np.ndarray:
        return np.where(counts[0] == 0, np.nan, summed(sums, counts))

    found = interval(often_undefined, sizes=np.ones(30), rows=30, draw=np.random.default_rng(0))
    assert (found.low, found.high) == (-math.inf, math.inf)


def test_a_distance_that_chance_makes_larger_has_zero_within_its_ends() -> None:
    draw, covered = np.random.default_rng(5), 0
    for seed in range(50):
        values = draw.normal(0, 1, (200, 2))
        sums = values.T.copy()

        def apart(counts: np.ndarray, sums: np.ndarray = sums) -> np.ndarray:
            found: np.ndarray = np.abs(summed(sums, counts) / counts.sum(axis=0)).max(axis=0)
            return found

        covered += interval(apart, sizes=np.ones(200), rows=200, draw=np.random.default_rng(seed), is_distance=True).low == 0
    assert covered >= 40  # by percentiles it would be none: no replicate is at 0


def test_the_same_generator_gives_the_same_ends_and_another_other_ones() -> None:
    values = np.random.default_rng(1).normal(0, 1, 100)
    assert mean_of(values, np.arange(100), seed=4) == mean_of(values, np.arange(100), seed=4)
    assert mean_of(values, np.arange(100), seed=4).low != mean_of(values, np.arange(100), seed=5).low


def test_blocks_are_numbered_without_gaps() -> None:
    assert blocks_of(np.array(["b", "a", "b", "z"], dtype=object)).tolist() == [1, 0, 1, 2]
    days = np.array(["2025-01-01", "2025-01-03", "2025-01-01"], dtype="datetime64[D]")
    assert blocks_of(days).tolist() == [0, 1, 0]


@pytest.mark.slow
def test_two_thousand_replicates_of_twenty_thousand_rows_take_seconds() -> None:
    draw = np.random.default_rng(1)
    labels, block = draw.random(20_000) < 0.1, blocks_of(draw.integers(0, 12_000, 20_000))
    ours, theirs = labels + draw.normal(size=20_000), labels + draw.normal(size=20_000)
    began = time.process_time()
    found = interval(difference_of(Metric.ROC_AUC, labels, ours, theirs, block), sizes=np.bincount(block), rows=20_000, draw=draw)
    assert time.process_time() - began < 15  # about one on a machine with nothing else to do
    assert found.low < found.value < found.high
