"""Wasserstein-1 (earth mover's) distance of two arrays: an effect size in the column's unit, which raises no alarm by itself.

    W1 = integral over x of |F(x) - G(x)|        F, G: shares of the values that are <= x

Equal to `scipy.stats.wasserstein_distance`. Source: Ramdas, Garcia, Cuturi 2017, "On Wasserstein two-sample testing".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from readiness_pipelines.drift.statistics.ks import Values, in_order


def wasserstein(reference: ArrayLike, window: ArrayLike) -> float | None:
    """Return the distance, symmetric and never negative. NaN is no value and is left out.

    None if either array has no value, or an infinite one: how far it lies from the others cannot be said.

    >>> wasserstein([0, 1, 3], [5, 6, 8])
    5.0
    """
    return of_sorted(in_order(reference), in_order(window))


def of_sorted(reference: Values, window: Values) -> float | None:
    """Return the distance of two arrays that are ascending and hold no NaN, or None as `wasserstein` does."""
    if not len(reference) or not len(window):
        return None
    a, b = reference.astype(np.float64, copy=False), window.astype(np.float64, copy=False)
    if not np.isfinite([a[0], a[-1], b[0], b[-1]]).all():
        return None
    if len(a) == len(b):  # then the i-th smallest moves to the i-th smallest
        return float(np.abs(a - b).mean())
    every = np.concatenate([a, b])
    every.sort(kind="stable")  # merges the two runs
    at = every[:-1]
    f, g = a.searchsorted(at, side="right") / len(a), b.searchsorted(at, side="right") / len(b)
    return float((np.abs(f - g) * np.diff(every)).sum())
