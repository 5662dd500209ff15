"""Two rows of counts over the same bins, as the statistics of binned data take them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def two_rows(reference: ArrayLike, window: ArrayLike) -> tuple[Floats, Floats]:
    """Return both rows as float64: exact for counts up to 2^53.

    Raises ValueError if they are not one-dimensional, of different length, or hold a negative or no finite number: such
    counts were not made by counting.
    """
    rows = _row(reference), _row(window)
    if rows[0].shape != rows[1].shape:
        raise ValueError(f"found {rows[0].size} bins of the reference and {rows[1].size} of the window, expected the same bins")
    return rows


def shares(counts: Floats) -> Floats | None:
    """Return what part of all rows is in each bin, or None if there is no row."""
    total = counts.sum()
    return counts / total if total else None


def _row(counts: ArrayLike) -> Floats:
    row: NDArray[Any] = np.asarray(counts, dtype=np.float64)
    if row.ndim != 1:
        raise ValueError(f"found counts of {row.ndim} dimensions, expected one row of counts")
    if not np.isfinite(row).all() or (row < 0).any():
        raise ValueError("found a count that is negative or not finite, expected numbers of rows")
    return row
