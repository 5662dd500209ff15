"""D and the Wasserstein-1 distance of two large arrays, exactly, with few of their values sorted.

    D = sup over x of |F(x) - G(x)|        W1 = integral over x of |F(x) - G(x)|

Both arrays are counted over the same 65,536 cells, ascending and without gaps. At the cells' ends F and G are then known, and
within a cell they move by at most what it holds. So D is at an end, or within one of the few cells that could hold more than
the largest difference at an end; and where F - G cannot change its sign within a cell, the area in it follows from the
sum of its values. A cell of equal values needs no look either: F and G are then known within it too. What is left, usually a
few percent of the values, is sorted. Equal to `ks.of_sorted` and `wasserstein.of_sorted`, which do the work for small arrays, and
where too many values would be left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from readiness_pipelines.drift.statistics import ks, wasserstein

_CELLS = 65_536  # a cell's number has two bytes
_BLOCK = 4_096  # cells whose values are looked at together: what is computed of all at once would take more than they do
_AT_ONCE = 262_144  # values whose temporary arrays stay in the cache
_FEW = 200_000  # values that are sorted as quickly as they are counted
_MANY_LEFT, _MOST_LEFT = 0.1, 0.5  # of all values: it pays to look for cells of equal values, and to sort all
_SAMPLE = 1_000

Floats = NDArray[np.float64]
Parts = Sequence[Floats]  # of one side, in any order: as they were read


def distances(a: Parts, b: Parts) -> tuple[float | None, float | None]:
    """Return D and W1 of two sides without NaN, each in any number of arrays; None where `ks` and `wasserstein` say so."""
    n, m = (sum(map(len, side)) for side in (a, b))
    cells = _Cells.around(a, b) if n and m and n + m >= _FEW else None
    if cells is None:
        return _sorted(a, b)
    left, right = _Side.of(a, cells), _Side.of(b, cells)
    low = float(np.abs(left.after - right.after).max())
    within = np.maximum(left.after - right.before, right.after - left.before)
    is_open = (within > low) & (left.counts > 0) & (right.counts > 0)
    crosses = (left.before < right.after) & (right.before < left.after)
    alone = _alone(left, right) if _share(left, right, is_open | crosses) > _MANY_LEFT else None
    is_left = is_open | crosses if alone is None else (is_open | crosses) & np.isnan(alone)
    if _share(left, right, is_left) > _MOST_LEFT:
        return _sorted(a, b)
    return _narrowed(cells, left, right, is_left, alone, low)


def _share(left: _Side, right: _Side, cells: NDArray[np.bool_]) -> float:
    """Return how many of all values are in these cells."""
    some = int(left.counts[cells].sum()) + int(right.counts[cells].sum())
    return some / (left.n + right.n)


def _alone(left: _Side, right: _Side) -> Floats:
    """Return of each cell its value if it has only one; NaN if it has several, or none."""
    value = np.full(_CELLS, np.nan)
    every = [*zip(left.parts, left.cells, strict=True), *zip(right.parts, right.cells, strict=True)]
    for part, cells in every:
        value[cells] = part
    for several in [cells[part != value.take(cells)] for part, cells in every]:
        value[several] = np.nan
    return value


def _sorted(a: Parts, b: Parts) -> tuple[float | None, float | None]:
    left, right = (np.concatenate([np.empty(0), *side]) for side in (a, b))
    left.sort()
    right.sort()
    return ks.of_sorted(left, right), wasserstein.of_sorted(left, right)


@dataclass(frozen=True)
class _Cells:
    """Cells of equal width in t / (1 + |t|), t = (x - center) / width: fine in the middle, and without an end."""

    center: float
    width: float

    @classmethod
    def around(cls, a: Parts, b: Parts) -> _Cells | None:
        """Lay them around the middle half of a sample; None if it has no width."""
        every = max(1, sum(map(len, [*a, *b])) // _SAMPLE)
        sample = np.concatenate([part[::every] for part in (*a, *b)])
        with np.errstate(invalid="ignore", over="ignore"):
            low, center, high = np.quantile(sample, (0.25, 0.5, 0.75), method="inverted_cdf")
            width = high - low
        return cls(float(center), float(width)) if 0 < width < np.inf and np.isfinite(center) else None

    def of(self, away: Floats) -> NDArray[np.uint16]:
        """Return the cells of values, given as x - center. Each step keeps their order, also when rounded."""
        with np.errstate(over="ignore"):
            share = np.abs(away)
            share /= self.width
            share += 1.0
            np.divide(1.0, share, out=share)
            np.subtract(1.0, share, out=share)
        np.copysign(share, away, out=share)
        share += 1.0
        share *= _CELLS / 2
        np.minimum(share, _CELLS - 1, out=share)
        return share.astype(np.uint16)

    def ends(self, low: float, high: float) -> Floats:
        """Return where the cells begin and end, less the center; the outer ones at the least and the greatest value."""
        share = np.linspace(-1.0, 1.0, _CELLS + 1)[1:-1]
        inner = share / (1.0 - np.abs(share)) * self.width
        return np.concatenate([[low - self.center], np.clip(inner, low - self.center, high - self.center), [high - self.center]])


@dataclass(frozen=True)
class _Side:
    """One side: the cell of each value, and per cell how many values it has, their sum, and the shares below it and to its end."""

    parts: Parts
    cells: Sequence[NDArray[np.uint16]]
    n: int
    counts: NDArray[np.int64]
    sums: Floats
    before: Floats
    after: Floats

    @classmethod
    def of(cls, parts: Parts, cells: _Cells) -> _Side:
        small = [part[start : start + _AT_ONCE] for part in parts for start in range(0, len(part), _AT_ONCE)]
        found, n = [], sum(map(len, small))
        counts, sums = np.zeros(_CELLS, dtype=np.int64), np.zeros(_CELLS)
        with np.errstate(over="ignore", invalid="ignore"):
            for part in small:
                away = part - cells.center
                some = cells.of(away)
                counts += np.bincount(some, minlength=_CELLS)
                sums += np.bincount(some, weights=away, minlength=_CELLS)
                found.append(some)
        upto = np.cumsum(counts)
        return cls(small, found, n, counts, sums, (upto - counts) / n, upto / n)

    def picked(self, is_left: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
        """Return the values in these cells, sorted; per cell how many below it are not among them; where its block's begin."""
        some = np.concatenate([part[is_left.take(cells)] for part, cells in zip(self.parts, self.cells, strict=True)])
        some.sort()
        others = np.where(is_left, 0, self.counts)
        upto = np.cumsum(self.counts - others)
        return some, np.cumsum(others) - others, np.append(0, upto[_BLOCK - 1 :: _BLOCK])

    def ends(self) -> tuple[float, float]:
        """Return the least and the greatest value."""
        return min(float(part.min()) for part in self.parts), max(float(part.max()) for part in self.parts)


def _narrowed(
    cells: _Cells, left: _Side, right: _Side, is_left: NDArray[np.bool_], alone: Floats | None, low: float
) -> tuple[float, float | None]:
    (a, missing_a, begin_a), (b, missing_b, begin_b) = left.picked(is_left), right.picked(is_left)
    least, most = (pick(pair) for pick, pair in zip((min, max), zip(left.ends(), right.ends(), strict=True), strict=True))
    d, within = low, 0.0
    with np.errstate(over="ignore", invalid="ignore"):  # values further apart than a float64 can say have no area
        ends = cells.ends(least, most)
        for i in range(len(begin_a) - 1):
            every = np.concatenate([a[begin_a[i] : begin_a[i + 1]], b[begin_b[i] : begin_b[i + 1]]])
            every.sort(kind="stable")  # merges the two runs
            away = every - cells.center
            at = cells.of(away)
            f = (a.searchsorted(every, side="right") + missing_a[at]) / left.n
            g = (b.searchsorted(every, side="right") + missing_b[at]) / right.n
            apart = np.abs(f - g)
            d = max(d, float(apart.max(initial=0.0)))
            within += _area_within(ends, left, right, away, at, apart)
        value = None if alone is None else alone - cells.center
        area = _area_between(ends, left, right, is_left, value) + within
    return d, area if np.isfinite([least, most, area]).all() else None


def _area_between(ends: Floats, left: _Side, right: _Side, is_left: NDArray[np.bool_], value: Floats | None) -> float:
    """Return the area in the cells in which F - G keeps its sign, or changes it at the one value that there is."""
    before, after = left.before - right.before, left.after - right.after
    rise = (left.counts * ends[1:] - left.sums) / left.n - (right.counts * ends[1:] - right.sums) / right.n
    area = np.abs(before * np.diff(ends) + rise)
    if value is not None:
        stepped = np.abs(before) * (value - ends[:-1]) + np.abs(after) * (ends[1:] - value)
        area = np.where(np.isnan(value), area, stepped)
    return float(area[~is_left].sum())


def _area_within(ends: Floats, left: _Side, right: _Side, away: Floats, at: NDArray[np.uint16], apart: Floats) -> float:
    """Return the area in the other cells: from each value to the next in its cell or its end, and up to the first of each."""
    if not len(at):
        return 0.0
    is_last = np.append(at[1:] != at[:-1], True)
    is_first = np.append(True, is_last[:-1])
    following = np.where(is_last, ends[1:].take(at), np.append(away[1:], 0.0))
    first = at[is_first]
    before = np.abs(left.before - right.before)[first] * (away[is_first] - ends[first])
    return float((apart * (following - away)).sum() + before.sum())
