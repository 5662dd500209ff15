"""How far the ends of a history may be overstepped: from the ends of its partitions, not from its rows.

The largest of n partitions' highest values is overstepped by the next partition with probability 1/(n+1), if partitions are
alike, and the smallest as often: a plain min and max alarms in 2/(n+1) of all partitions. So the bound lies beyond the end by
the distance from the partitions' median end to their last one. Where tails fall exponentially, that distance is about the
scale times ln n, and the probability falls to about 1/n^2 (Coles, An Introduction to Statistical Modeling of Extreme Values,
2001, ch. 3: maxima of blocks). Where at least half of the partitions share the very same end, it is a hard one: no margin.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from statistics import median_high, median_low
from typing import Any


@dataclass(frozen=True)
class Bound:
    """`value` is None where no bound can be given. `hard`: the end itself, shared by at least half of the partitions."""

    value: Any
    hard: bool
    why: str


def is_moving(ends: Sequence[Any], *, upwards: bool = True) -> bool:
    """Say whether the ends of successive partitions run away: more than half of them, after the first, are new records.

    Among n partitions that are alike about ln n are records (Renyi, 1962), so among 20 three or four.
    """
    records, last = 0, None
    for end in ends:
        if last is None or (end > last if upwards else end < last):
            records, last = records + 1, end
    return len(ends) > 1 and records - 1 > (len(ends) - 1) / 2


def upper(ends: Sequence[Any]) -> Bound:
    """Return the bound above, from the highest value of each partition, in their order. `ends` is not empty."""
    return _bound(ends, max(ends), median_low(sorted(ends)), "highest", upwards=True)


def lower(ends: Sequence[Any]) -> Bound:
    """Return the bound below, from the lowest value of each partition. Where nothing was below zero, nothing may be."""
    return _bound(ends, min(ends), median_high(sorted(ends)), "lowest", upwards=False)


def _bound(ends: Sequence[Any], end: Any, middle: Any, word: str, *, upwards: bool) -> Bound:
    if is_moving(ends, upwards=upwards):
        return Bound(None, False, f"no bound: the {word} moves on from partition to partition")
    if end == middle:
        shared = sum(1 for each in ends if each == end)
        return Bound(end, True, f"hard, {written(end)} is the {word} of {shared} of {len(ends)} partitions")
    told = f"{written(end)} is {written(abs(end - middle))} beyond the partitions' median {word}, as far again is allowed"
    return Bound(_beyond(end, middle, upwards=upwards), False, told)


def _beyond(end: Any, middle: Any, *, upwards: bool) -> Any:
    """Return the end, once more as far from the middle as it is; numbers rounded away from it to two digits of that margin."""
    if isinstance(end, datetime.date):
        return _within_calendar(end, middle)
    exact = 2 * Fraction(end) - Fraction(middle)
    step = Fraction(10) ** (math.floor(math.log10(abs(Fraction(end) - Fraction(middle)))) - 1)
    if isinstance(end, int):
        step = max(step, Fraction(1))
    steps = math.ceil(exact / step) if upwards else math.floor(exact / step)
    value = steps * step
    if (not upwards and end >= 0 and value < 0) or (upwards and end <= 0 and value > 0):
        value = Fraction(0)
    return int(value) if isinstance(end, int) else float(value)


def _within_calendar(end: Any, middle: Any) -> Any:
    try:
        return end + (end - middle)
    except OverflowError:
        return end


def at_least(shares: Sequence[float]) -> Bound:
    """Return the least share (0 to 1) to ask for, from the share of each partition; rounded down to a hundredth, or a thousandth
    above 0.99. None where it would be nothing, or the shares run away downwards."""
    if is_moving(shares, upwards=False):
        return Bound(None, False, "no bound: the share falls from partition to partition")
    low, middle = min(shares), median_high(sorted(shares))
    wanted = low - (middle - low)
    digits = 1000 if wanted > 0.99 else 100
    value = math.floor(round(wanted * digits, 9)) / digits
    told = f"the partitions' share of values is {middle:.4g} in the median and {low:.4g} at least, as far again is allowed"
    return Bound(value if value > 0 else None, False, told if value > 0 else f"no bound: {told}, which is nothing")


def plain(value: Any, *, upwards: bool) -> Any:
    """Return a bound as YAML and Great Expectations take it: numbers as such, times as text; never inside the value."""
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, int | Decimal):  # a bound is compared as a float
        near = float(value)
        inside = Fraction(near) < value if upwards else Fraction(near) > value
        near = math.nextafter(near, math.inf if upwards else -math.inf) if inside else near
        return int(near) if isinstance(value, int) else near
    return value


def written(value: Any) -> str:
    """Return a value for a comment."""
    if isinstance(value, datetime.timedelta):
        return f"{value.days} days" if value == datetime.timedelta(value.days) else str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}" if isinstance(value, float) else str(value)
