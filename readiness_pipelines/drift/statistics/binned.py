"""PSI with a p that can be relied on: debiased PSI as the effect, Pearson's chi-squared as the test, over the same bins.

Bins that were chosen by looking at the reference have more rows there than in any other sample, by chance alone: its most
frequent categories, and those that it has no row of. Taken for bins like others, they make a column of 200 categories differ
from itself in every window of 500 rows. So what was chosen by too few rows is put together with what is rare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from readiness_pipelines.drift.statistics.chi_squared import chi_squared, pooled
from readiness_pipelines.drift.statistics.counts import two_rows
from readiness_pipelines.drift.statistics.psi import debiased

# Of the reference's rows what a category must have for a bin of its own where there are more categories than bins. Fewer, and
# of categories that are about equally frequent those have one that came out on top by chance. Where all are, each of more than
# 50 has less than 2%; from 100 rows on chance makes a PSI of less than .01, which nobody is alarmed about. (Simulated with 51 to
# 1,000 categories; at 20 rows of 5,000 it was above .02 in every seventh window.)
_SHARE, _FEWEST, _ENOUGH = 0.05, 20, 100


@dataclass(frozen=True)
class Binned:
    """`effect`: debiased PSI over the bins after pooling. `p`: of the same bins.

    `degrees` of freedom; 1 where all rows of both sides are in one bin, since a second value would have been a second one; 0
    where there are several bins, but nothing is left to compare after pooling.
    """

    effect: float
    p: float
    degrees: int


def numbers(reference: ArrayLike, window: ArrayLike, *, nulls: tuple[int, int]) -> Binned | None:
    """Compare two rows of counts of the same bins of a number, with the rows without a value (reference, window) as one more.

    None if either side has no rows.
    """
    p, q = (np.append(row, n) for row, n in zip(two_rows(reference, window), nulls, strict=True))
    return _compared(p, q, [False] * len(p))


def categories(
    reference: ArrayLike, window: ArrayLike, *, other: tuple[int, int], unseen: int, nulls: tuple[int, int]
) -> Binned | None:
    """Compare two rows of counts of the reference's most frequent categories.

    `other`: rows (reference, window) of its further categories. `unseen`: rows of the window in categories that it has not.
    Both are put together with what is rare, and if there are others, so are categories with fewer rows than 5% of the
    reference's, nulls not counted, within 20 and 100: they are among the most frequent by chance. What moves among the
    categories put together is not seen. None if either side has no rows.
    """
    p, q = two_rows(reference, window)
    least = min(max(_SHARE * (p.sum() + other[0]), _FEWEST), _ENOUGH)
    chosen = (p < least) & (other[0] > 0)
    beside = np.array([[*other], [0, unseen], [*nulls]], dtype=np.float64)
    return _compared(np.append(p, beside[:, 0]), np.append(q, beside[:, 1]), [*chosen.tolist(), True, True, False])


def _compared(p: np.ndarray, q: np.ndarray, together: Sequence[bool]) -> Binned | None:
    rows = pooled(p, q, together=together)
    tested, effect = chi_squared(*rows), debiased(*rows)
    if tested is None or effect is None:
        return None
    bins = int(((p > 0) | (q > 0)).sum())
    return Binned(effect, tested.p, 1 if bins == 1 else tested.degrees)
