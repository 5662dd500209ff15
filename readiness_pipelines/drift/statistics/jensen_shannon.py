"""Jensen-Shannon distance of two rows of counts: an effect size for readers, which raises no alarm by itself.

    JS = sqrt( (KL(p, m) + KL(q, m)) / 2 )        m = (p + q) / 2, logarithms of base 2, p and q the shares of the bins

0 for equal shares, 1 where no bin has rows of both sides. It needs no floor. Source: Endres and Schindelin 2003, "A new metric
for probability distributions"; equal to `scipy.spatial.distance.jensenshannon(p, q, base=2)`.
"""

from __future__ import annotations

import math

from numpy.typing import ArrayLike

from readiness_pipelines.drift.statistics.counts import shares, two_rows


def jensen_shannon(reference: ArrayLike, window: ArrayLike) -> float | None:
    """Return the distance, from 0 to 1 and symmetric. None if either side has no rows.

    >>> jensen_shannon([1, 0], [0, 1])
    1.0
    """
    from scipy.special import rel_entr

    p, q = (shares(row) for row in two_rows(reference, window))
    if p is None or q is None:
        return None
    middle = (p + q) / 2
    nats = float(rel_entr(p, middle).sum() + rel_entr(q, middle).sum()) / 2
    return min(math.sqrt(max(nats, 0.0) / math.log(2)), 1.0)  # rounding leaves -1e-17 where nothing differs
