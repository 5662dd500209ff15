"""Pearson's chi-squared test of whether two rows of counts are of one distribution, rare bins pooled.

    X2 = sum over both rows and all bins of (observed - expected)^2 / expected
    expected = row total x bin total / all          degrees of freedom = bins - 1

Without pooling it equals `scipy.stats.chi2_contingency(correction=False)`. Source: Pearson 1900; that expectations from about
five up make the p reliable: Cochran 1954, "Some methods for strengthening the common chi-squared tests".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from readiness_pipelines.drift.statistics.counts import Floats, two_rows

LEAST_EXPECTED = 5.0  # Cochran's


@dataclass(frozen=True)
class ChiSquared:
    """The statistic, its p, and its degrees of freedom: one less than the bins that were compared after pooling."""

    statistic: float
    p: float
    degrees: int


def chi_squared(reference: ArrayLike, window: ArrayLike, *, least_expected: float = LEAST_EXPECTED) -> ChiSquared | None:
    """Return the test of the two rows after `pooled`; symmetric in its sides and in the order of the bins.

    One bin only (a constant column, or everything pooled): nothing can differ, so statistic 0 and p 1. None if either side
    has no rows.

    >>> chi_squared([50, 50], [60, 40]).statistic  # 4 x 5^2 / 55 and / 45, by hand 2.0202...
    2.0202020202020203
    """
    p, q = two_rows(reference, window)
    if not p.sum() or not q.sum():
        return None
    p, q = pooled(p, q, least_expected=least_expected)
    if len(p) < 2:
        return ChiSquared(0.0, 1.0, 0)
    from scipy.special import chdtrc

    rows, bins = np.array([[p.sum()], [q.sum()]]), p + q
    expected = rows * bins / bins.sum()
    statistic = float(((np.vstack([p, q]) - expected) ** 2 / expected).sum())
    return ChiSquared(statistic, float(chdtrc(len(p) - 1, statistic)), len(p) - 1)


def pooled(
    reference: ArrayLike, window: ArrayLike, *, together: Sequence[bool] = (), least_expected: float = LEAST_EXPECTED
) -> tuple[Floats, Floats]:
    """Return both rows without bins that are empty on both sides, and with the rare bins put into one, the last.

    A bin is rare if less than `least_expected` rows are expected of it on the smaller side. If all rare ones together are
    still rare, the smallest other bin joins them. This depends on the bins' totals alone, not on how the two sides differ,
    so the test keeps its level. `together` marks bins that join them whatever is expected: those that were made by looking at
    how many rows one side has, such as what the reference has none of.
    """
    p, q = two_rows(reference, window)
    totals = p + q
    expected = totals * min(p.sum(), q.sum()) / max(totals.sum(), 1.0)
    rare = expected < least_expected
    if len(together):
        rare |= np.asarray(together, dtype=bool)
    if 0 < expected[rare].sum() < least_expected and not rare.all():
        rare[np.argmin(np.where(rare, np.inf, expected))] = True
    kept = ~rare & (totals > 0)
    if not totals[rare].sum():
        return p[kept], q[kept]
    return np.append(p[kept], p[rare].sum()), np.append(q[kept], q[rare].sum())
