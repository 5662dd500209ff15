"""How much a number would vary if other persons, or other days, had been held out: a bootstrap over blocks of rows.

Source: Efron 1979; over whole blocks because rows of one block depend on each other (Field and Welsh 2007). With few blocks a
percentile interval is too narrow, so its bounds are moved out (the expanded percentile interval of Hesterberg 2015), to

    a = Phi(-sqrt(G / (G - 1)) t)        t: the 95% quantile of Student's t with G - 1 degrees of freedom

where G is how many blocks of equal size would say as much: (sum of sizes)^2 / sum of squared sizes (Kish 1965). A few people with
most of the rows are few blocks, however many others there are.

"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

REPLICATES = 2_000
CONFIDENCE = 0.95  # of each bound by itself
LEAST_BLOCKS = 5  # with fewer, t has three degrees of freedom or less: the bounds say nothing any more
_CELLS = 600_000  # of a matrix of rows and replicates: what a processor keeps near it

Statistic = Callable[[np.ndarray], np.ndarray]  # (blocks, replicates) counts -> (replicates) values, NaN where undefined


@dataclass(frozen=True)
class Interval:
    """A value, and the bounds that the true one is above, or below, with 95% confidence each. An infinite bound says nothing."""

    value: float
    low: float
    high: float
    blocks: int


def blocks_of(names: np.ndarray) -> np.ndarray:
    """Return the number, from 0 and without gaps, of each row's block; blocks are told apart by name."""
    return np.unique(names, return_inverse=True)[1].astype(np.int32)


def summed(per_block: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return, replicate by replicate, the sum of what each block has, as often as it counts: (..., blocks) -> (..., replicates).

    Not by a matrix product: its threads wait for each other on a busy machine, and their number would change the last digits.
    """
    found: np.ndarray = np.einsum("...g,gb->...b", per_block.astype(np.float64), counts.astype(np.float64))
    return found


def interval(
    statistic: Statistic,
    *,
    sizes: np.ndarray,
    rows: int,
    draw: np.random.Generator,
    is_distance: bool = False,
    replicates: int = REPLICATES,
) -> Interval:
    """Return the statistic of everything, with the bounds of its replicates.

    `sizes` is how much each block has of what the statistic hangs on: its rows, or those of the rarer class. A replicate is as
    many blocks as there are, drawn with replacement. One in which the statistic is undefined counts as the
    worst for both bounds. `is_distance`: it is 0 or more, so that chance makes it larger, and a replicate's chance comes on top of
    that of the rows; its bounds are mirrored at the value (basic bootstrap limits, Davison and Hinkley 1997), and cut at 0.
    `rows` is how many rows it looks at: for the size of the parts it is computed in. Where the blocks say less than LEAST_BLOCKS
    of equal size would, the bounds are infinite.
    """
    blocks, equal = len(sizes), _as_equal(sizes)
    value = float(statistic(np.ones((blocks, 1), dtype=np.int32))[0])
    if equal < LEAST_BLOCKS or not math.isfinite(value):
        return Interval(value, -math.inf, math.inf, blocks)
    found = np.concatenate([statistic(counts) for counts in _drawn(blocks, rows, draw, replicates)])
    share = _expanded(equal)
    low = _quantile(np.where(np.isnan(found), -np.inf, found), share)
    high = _quantile(np.where(np.isnan(found), np.inf, found), 1 - share)
    if is_distance:
        low, high = max(0.0, 2 * value - high), max(0.0, 2 * value - low)
    return Interval(value, low, high, blocks)


def _drawn(blocks: int, rows: int, draw: np.random.Generator, replicates: int) -> Iterator[np.ndarray]:
    """Yield how often each block was drawn, (blocks, some replicates): replicates side by side, as rows are summed one by one."""
    some = max(1, min(replicates, _CELLS // max(rows, blocks)))
    for first in range(0, replicates, some):
        wide = min(some, replicates - first)
        cells = draw.integers(0, blocks, size=(blocks, wide)) * wide + np.arange(wide)
        yield np.bincount(cells.ravel(), minlength=blocks * wide).reshape(blocks, wide).astype(np.int32)


def _as_equal(sizes: np.ndarray) -> float:
    squares = float(np.square(sizes, dtype=np.float64).sum())
    return float(sizes.sum()) ** 2 / squares if squares else 0.0


def _expanded(blocks: float) -> float:
    from scipy.special import ndtr, stdtrit

    return float(ndtr(-math.sqrt(blocks / (blocks - 1)) * stdtrit(blocks - 1, CONFIDENCE)))


def _quantile(values: np.ndarray, share: float) -> float:
    """Return the value that this share of them is below, between two by their distance; infinite where either is."""
    ordered = np.sort(values)
    place = share * (len(ordered) - 1)
    below, above = float(ordered[math.floor(place)]), float(ordered[math.ceil(place)])
    if math.isinf(below) or math.isinf(above):
        return below if math.isinf(below) else above
    return below + (above - below) * (place - math.floor(place))
