"""Benjamini-Hochberg: p-values of many tests, adjusted so that those <= q hold at most a share q of false alarms.

    adjusted of the i-th smallest p = min over j >= i of  p_j x tests / j,   at most 1

If nothing differs in any test, the chance of any alarm is at most q. Holds for independent tests and for such as depend on each
other positively, as two tests of one column do. Source: Benjamini and Hochberg 1995; Benjamini and Yekutieli 2001. With
weights of mean 1, p/w takes the place of p: Genovese, Roeder and Wasserman 2006, "False discovery control with p-value weighting".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from readiness_pipelines.drift.statistics.counts import Floats


def benjamini_hochberg(p: Sequence[float], weights: Sequence[float] | None = None) -> list[float]:
    """Return the adjusted p in the order given; no tests, nothing. Equal to scipy's `false_discovery_control` without weights.

    `weights` are positive and are scaled to mean 1 here: a test of weight 2 among ones passes about twice as easily, the
    others a little less. Chosen before the data is seen, they keep the promise. Raises ValueError for other weights.

    >>> benjamini_hochberg([0.25, 0.03125, 0.0625, 1.0])  # x 4/3, x 4/1, x 4/2, x 4/4
    [0.3333333333333333, 0.125, 0.125, 1.0]
    """
    if not len(p):
        return []
    of = np.asarray(p, dtype=np.float64)
    if weights is not None:
        of = of / _mean_one(weights, tests=len(of))
    order = np.argsort(of, kind="stable")
    scaled = of[order] * (len(of) / np.arange(1, len(of) + 1))
    adjusted = np.empty_like(of)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return [float(each) for each in adjusted]


def _mean_one(weights: Sequence[float], *, tests: int) -> Floats:
    of = np.asarray(weights, dtype=np.float64)
    if len(of) != tests or not np.isfinite(of).all() or not (of > 0).all():
        raise ValueError(f"found weights that are not {tests} positive numbers, expected one for each test")
    scaled: Floats = of / of.mean()
    return scaled
