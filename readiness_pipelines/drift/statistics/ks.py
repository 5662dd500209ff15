"""Two-sample Kolmogorov-Smirnov: D exactly from the values, its p as scipy's asymptotic one, and D's bounds from counts.

    D = sup over x of |F(x) - G(x)|        F, G: shares of the reference's and of the window's values that are <= x

Ties are values like any other: D is taken after all of them. Infinities are values too, the lowest and the highest. NaN is
no value and is left out. Source: Smirnov 1939; Hodges 1958, "The significance probability of the Smirnov two-sample test".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from readiness_pipelines.drift.statistics.counts import shares, two_rows

Values = NDArray[Any]

# below it the probability of a smaller D, about 12.5 exp(-pi^2 / (8 x)) by Kolmogorov's series, is less than half of what
# distinguishes 1 from the next smaller float; scipy takes seconds for it
_SURELY_SMALLER = 0.03

# where scipy sums n terms of Smirnov's series one by one, half a second at 500,000 rows: from its own lower limit on, and
# up to the rows above which it takes an approximation itself
_TAIL, _NO_TAIL = 2.2, 370.0  # of n D^2
_FEW, _MANY = 5_000, 1_000_000
_TERMS = 1024


def statistic(reference: ArrayLike, window: ArrayLike) -> float | None:
    """Return the exact D of two arrays, equal to scipy's `ks_2samp`; None if either has no value.

    Takes one sorted copy of each array; integers are compared as they are, also above 2^53 if both are of one type.

    >>> statistic([1, 2, 3, 4], [3, 4, 5, 6])
    0.5
    >>> statistic([1, 1, 1], [1, 1, 1, 1])
    0.0
    """
    return of_sorted(in_order(reference), in_order(window))


def in_order(values: ArrayLike) -> Values:
    """Return the values as a new array, ascending and without NaN."""
    out: Values = np.sort(np.asarray(values))
    return out[: np.searchsorted(out, np.nan)] if out.dtype.kind == "f" else out


def of_sorted(reference: Values, window: Values) -> float | None:
    """Return D of two arrays that are ascending and hold no NaN, or None if either is empty.

    D is the larger of sup F - G, which lies at a value of the reference, and sup G - F, which lies just before one.
    """
    n, m = len(reference), len(window)
    if not n or not m:
        return None
    after = window.searchsorted(reference, side="right")
    tied = window[np.maximum(after - 1, 0)] == reference
    before = window.searchsorted(reference, side="left") if tied.any() else after
    ranks = np.arange(n + 1)
    return max(float((ranks[1:] / n - after / m).max()), float((before / m - ranks[:-1] / n).max()), 0.0)


def p_value(d: float, n: int, m: int) -> float | None:
    """Return the two-sided asymptotic p of D, exactly as scipy's `ks_2samp(method="asymp")`: kstwo.sf(D, nm/(n+m) rounded).

    None where that is no number: an empty side, or one value on both. With ties it is too large, never too small.

    >>> round(p_value(0.5, 20, 20), 12)
    0.00777741
    """
    rows = round(n * m / (n + m)) if n and m else 0
    if not rows:
        return None
    if rows * d * d < _SURELY_SMALLER and rows * d > 1:
        return 1.0
    if _FEW < rows <= _MANY and d < 0.5 and _TAIL <= rows * d * d < _NO_TAIL:
        return _tail(d, rows)
    from scipy.stats import kstwo

    return float(np.clip(kstwo.sf(d, rows), 0.0, 1.0))


def _tail(d: float, n: int) -> float:
    """Return twice Smirnov's one-sided probability, sum over v of d/p binom(v; n, p) with p = d + v/n (Birnbaum, Tingey 1951).

    The terms are a smooth function of v that vanishes at both ends, so that every h-th of them, times h, has the same sum.
    """
    from scipy.stats import binom

    every = n // _TERMS
    v = np.arange(0, int(n * (1 - d)), every)
    p = d + v / n
    return float(min(2 * every * d * (binom.pmf(v, n, p) / p).sum(), 1.0))


def bracket(reference: ArrayLike, window: ArrayLike, *, single: Sequence[bool] | None = None) -> tuple[float, float] | None:
    """Return [low, high] that D lies in, both inclusive, from counts per bin of values in ascending bins.

    low is the largest difference at the bins' ends. Within a bin F and G rise from one end to the other, so they differ there
    by at most what F has after it and G before it, or the other way round: high. A bin that only one side has values in adds
    nothing to high, nor does one that only one value fits into, which `single` says of each bin. Nulls are no bin here. None if
    either side has no rows.

    >>> bracket([2, 2], [2, 2])
    (0.0, 0.5)
    >>> bracket([2, 2], [2, 2], single=[True, True])
    (0.0, 0.0)
    """
    p, q = (shares(row) for row in two_rows(reference, window))
    if p is None or q is None:
        return None
    f, g = np.minimum(np.cumsum(p), 1.0), np.minimum(np.cumsum(q), 1.0)
    f_before, g_before = np.append(0.0, f[:-1]), np.append(0.0, g[:-1])
    low = float(np.abs(f - g).max())
    within = np.maximum(f - g_before, g - f_before)
    if single is not None:
        within = within[~np.asarray(single, dtype=bool)]
    return low, max(low, float(within.max(initial=0.0)))
