"""Whether a window has more rows in categories that the reference has not than any sample of that size would have.

    change = unseen rows of the window / its rows - singles / rows of the reference

`singles` are the reference's rows whose category it has once. Their share is what a further sample of the same population has
in categories that were not seen before: Good and Turing's estimate of the missing mass (Good 1953). A column of many
categories has unseen ones in every window; compared with nothing, it would raise an alarm each time.
"""

from __future__ import annotations

import math

from readiness_pipelines.drift.statistics.proportions import Difference, difference


def unseen(singles: int, n_reference: int, hits: int, n_window: int) -> Difference | None:
    """Return the change of the share, negative if there are fewer than expected. None if either side has no rows.

    p is the larger of two: that of two shares, and z = change / sqrt(s(1 - s)/m + 3 singles/n2), where s is the share of
    both and the second term the variance of Good and Turing's estimate, (singles + 2 pairs)/n2 (Robbins 1968), with no more
    pairs than singles. Raises ValueError for hits or singles beyond the rows.

    >>> round(unseen(0, 1000, 6, 1000).p, 12)  # Fisher's, 2 x C(1000, 6) / C(2000, 6)
    0.031015859962
    """
    shares = difference(singles, n_reference, hits, n_window)
    if shares is None:
        return None
    both = (singles + hits) / (n_reference + n_window)
    variance = both * (1 - both) / n_window + 3 * singles / n_reference**2
    p = math.erfc(abs(shares.change) / math.sqrt(2 * variance)) if variance else 1.0
    return Difference(shares.change, max(shares.p, p))
