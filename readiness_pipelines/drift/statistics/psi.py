"""Population stability index of two rows of counts, and what of it is left once sampling is taken off.

    PSI = sum over bins of (q - p) ln(q / p)        p, q: shares of reference and window, each at least FLOOR

This is the symmetric Kullback-Leibler divergence (Jeffreys 1946), in credit scoring known as PSI (Siddiqi 2006). Under no
drift n m / (n + m) PSI is asymptotically chi-squared with B - 1 degrees of freedom (Yurdakul 2018), so its mean is
(B - 1)(1/n + 1/m) and not 0: ten bins and 500 rows on both sides give .036 of nothing. `debiased` takes that off.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from readiness_pipelines.drift.statistics.counts import shares, two_rows

FLOOR = 1e-4  # a share below it counts as this much: an empty bin would make PSI infinite, and PSI depends on this choice


def psi(reference: ArrayLike, window: ArrayLike, *, floor: float = FLOOR) -> float | None:
    """Return PSI in nats: 0 for equal shares, never negative, symmetric in its two sides.

    Shares are floored, not scaled to sum 1 again, so that the other bins keep what they had. A bin that is empty on both
    sides adds nothing; one bin alone gives 0. None if either side has no rows.

    >>> round(psi([50, 50], [60, 40]), 12)  # .1 ln 1.2 - .1 ln .8
    0.040546510811
    """
    p, q = (shares(row) for row in two_rows(reference, window))
    if p is None or q is None:
        return None
    p, q = np.maximum(p, floor), np.maximum(q, floor)
    return float(((q - p) * np.log(q / p)).sum())


def debiased(reference: ArrayLike, window: ArrayLike, *, floor: float = FLOOR) -> float | None:
    """Return PSI - (B - 1)(1/n + 1/m): about 0 without drift at any number of rows, and then negative half of the time.

    n and m are the sums of the two rows, B the bins that are not empty on both sides. With shares known exactly it is PSI;
    bins with fewer than about five expected rows make it too large or too small by more than the correction knows.
    None if either side has no rows.

    >>> round(debiased([50, 50], [60, 40]), 12)  # 0.0405... - (1/100 + 1/100)
    0.020546510811
    """
    p, q = two_rows(reference, window)
    value = psi(p, q, floor=floor)
    if value is None:
        return None
    bins = int(((p > 0) | (q > 0)).sum())
    return value - (bins - 1) * (1 / float(p.sum()) + 1 / float(q.sum()))
