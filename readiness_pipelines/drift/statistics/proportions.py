"""Difference of two shares, with the p of no difference: null rates, unseen categories, accuracy.

    difference = hits of the window / rows of the window - hits of the reference / rows of the reference

p is Pearson's chi-squared on the 2 x 2 table without continuity correction where all four expectations are at least five
(Cochran 1954), else Fisher's exact test (Fisher 1922, two-sided: all tables that are no more likely than the one found).
"""

from __future__ import annotations

from dataclasses import dataclass

from readiness_pipelines.drift.statistics.chi_squared import LEAST_EXPECTED, chi_squared


@dataclass(frozen=True)
class Difference:
    """`change` is the window's share less the reference's, from -1 to 1; `p` is two-sided."""

    change: float
    p: float


def difference(hits_reference: int, n_reference: int, hits_window: int, n_window: int) -> Difference | None:
    """Return the change of the share. None if either side has no rows.

    No hits on both sides, or nothing but hits: change 0 and p 1. Raises ValueError for hits beyond the rows.

    >>> round(difference(0, 10, 5, 10).p, 12)  # 2 x C(10, 5) / C(20, 5), both tails
    0.032507739938
    """
    if not 0 <= hits_reference <= n_reference or not 0 <= hits_window <= n_window:
        raise ValueError("found hits that are negative or more than the rows, expected hits among the rows")
    if not n_reference or not n_window:
        return None
    change = hits_window / n_window - hits_reference / n_reference
    hits, rows = hits_reference + hits_window, n_reference + n_window
    if hits in (0, rows):
        return Difference(0.0, 1.0)
    table = [hits_reference, n_reference - hits_reference], [hits_window, n_window - hits_window]
    if min(hits, rows - hits) * min(n_reference, n_window) >= LEAST_EXPECTED * rows:
        tested = chi_squared(*table)
        assert tested is not None  # both sides have rows
        return Difference(change, tested.p)
    from scipy.stats import fisher_exact

    return Difference(change, min(float(fisher_exact(table).pvalue), 1.0))
