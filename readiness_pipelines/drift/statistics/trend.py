"""Whether a series of windows moves one way, by two tests, and when it would cross a threshold if it went on.

A series is one number per window, oldest first; None where a window has none. Both tests take windows for independent of each
other. Windows that share rows (a step shorter than the window) are not, and leave them out. Nor are effects that wander slowly, as
a season does: `inflation` says how much less certain that makes both tests, which take it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

_FEWEST = 3  # two points are always on a line
_ROUNDING = 1e-24  # of the squares: what is left of a series that is exactly on its line
_MOST_ALIKE = 0.95  # beyond it nothing could be told from a series of this length


@dataclass(frozen=True)
class Line:
    """y = intercept + slope x, x = 0 for the first window of the series; `p` of no slope, two-sided."""

    slope: float
    intercept: float
    p: float

    def at(self, window: float) -> float:
        return self.intercept + self.slope * window


@dataclass(frozen=True)
class MannKendall:
    """`s`: pairs of windows that rise less pairs that fall; `p` of no trend, two-sided."""

    s: int
    p: float


def least_squares(series: Sequence[float | None], *, inflation: float = 1.0) -> Line | None:
    """Return the line of least squares, equal to `scipy.stats.linregress`; None with fewer than three numbers.

        slope = Sxy / Sxx        t = slope / sqrt(SSE / (k - 2) / Sxx), Student's t with k - 2 degrees of freedom

    With an inflation c the error is sqrt(c) times as large, and the degrees of freedom are k / c - 2, at least one.
    A constant series has slope 0 and p 1, one exactly on a line p 0. Windows without a number are left out and keep their place.
    """
    x, y = _points(series)
    if len(x) < _FEWEST:
        return None
    dx, dy = x - x.mean(), y - y.mean()
    slope = float((dx * dy).sum() / (dx**2).sum())
    intercept = float(y.mean() - slope * x.mean())
    if np.ptp(y) == 0:
        return Line(0.0, float(y[0]), 1.0)
    from scipy.special import stdtr

    error = float(((dy - slope * dx) ** 2).sum()) / (len(x) - 2) / float((dx**2).sum())
    degrees = len(x) - 2 if inflation == 1.0 else max(len(x) / inflation - 2, 1.0)
    p = 2 * float(stdtr(degrees, -abs(slope) / math.sqrt(error * inflation))) if error else 0.0
    return Line(slope, intercept, p)


def inflation(series: Sequence[float | None], line: Line) -> float:
    """Return by how many times more uncertain a slope is because neighbouring windows resemble each other, at least 1.

        c = (1 + r) / (1 - r)        r = (r1 + 2/k) / (1 - 4/k), at most .95

    r1 is the correlation of the distances to the line between windows that follow each other; around a fitted line it is too
    small by about (2 + 4 r)/k, which is put right. Source: Bayley and Hammersley 1946 (c); Kendall 1954, Marriott and Pope 1954
    (bias of r1, here with two fitted numbers).

    >>> inflation([1, 2, 1, 2, 1, 2, 1, 2], Line(0.0, 1.5, 1.0))
    1.0
    """
    away = [None if y is None else y - line.at(i) for i, y in enumerate(series)]
    known = [each for each in away if each is not None]
    pairs = [(a, b) for a, b in pairwise(away) if a is not None and b is not None]
    spread, k = sum(each * each for each in known), len(known)
    if k < _FEWEST + 2 or spread <= _ROUNDING * sum(y * y for y in series if y is not None):
        return 1.0
    r1 = sum(a * b for a, b in pairs) / spread
    r = min(max((r1 + 2 / k) / (1 - 4 / k), 0.0), _MOST_ALIKE)
    return (1 + r) / (1 - r)


def mann_kendall(series: Sequence[float | None], *, inflation: float = 1.0) -> MannKendall | None:
    """Return the test of a monotone trend, whatever its shape; None with fewer than three numbers.

        S = sum over i < j of sign(y_j - y_i)        var = (k (k-1)(2k+5) - sum over ties of t (t-1)(2t+5)) / 18
        z = (S - sign(S)) / sqrt(var)        p from the normal distribution

    With an inflation c the variance is c times as large (Hamed and Rao 1998, of the first lag alone).
    All equal: S 0 and p 1. Ten windows or more for a p that can be relied on. Source: Mann 1945; Kendall 1975, chapter 4.
    """
    _, y = _points(series)
    k = len(y)
    if k < _FEWEST:
        return None
    s = int(np.sign(y[None, :] - y[:, None])[np.triu_indices(k, 1)].sum())
    ties = sum(t * (t - 1) * (2 * t + 5) for t in Counter(y.tolist()).values())
    variance = (k * (k - 1) * (2 * k + 5) - ties) / 18
    if not s:
        return MannKendall(0, 1.0)
    return MannKendall(s, math.erfc((abs(s) - 1) / math.sqrt(2 * variance * inflation)))


def crossing(line: Line, *, last: int, threshold: float, horizon: int) -> int | None:
    """Return how many windows after window `last` the line is first at or above `threshold`, 0 if it is there already.

    None if it does not rise, or is not there within `horizon` windows, the last of them included.
    """
    if line.at(last) >= threshold:
        return 0
    if line.slope <= 0:
        return None
    ahead = math.ceil(round((threshold - line.at(last)) / line.slope, 9))  # rounding makes 2.0000000000000004 of .02 / .01
    return ahead if ahead <= horizon else None


def _points(series: Sequence[float | None]) -> tuple[np.ndarray, np.ndarray]:
    known = [(i, y) for i, y in enumerate(series) if y is not None and math.isfinite(y)]
    return np.array([i for i, _ in known], dtype=np.float64), np.array([y for _, y in known], dtype=np.float64)
