"""The smallest effect that a test would have found: what makes "nothing was found" mean something.

Each function returns the smallest effect that is significant at `alpha` with at least the probability `power`, or None where no
effect that is possible would be. `n` and `m` are the rows of the two sides. All are a little too large rather than too
small: they take the worst case where the data would have to be known.
"""

from __future__ import annotations

import math
from functools import lru_cache

POWER = 0.8  # Cohen 1988: found four times out of five


@lru_cache(maxsize=4096)
def ks(n: int, m: int, alpha: float, power: float = POWER) -> float | None:
    """Return the smallest D found by the two-sample KS test.

        D = c + z sqrt((1/n + 1/m) / 4)        c: the D whose p is alpha, z: the normal quantile of `power`

    The D that is measured is at least |F - G| at the one point where the true distance is largest. There it is a difference of
    two shares, of variance at most (1/n + 1/m) / 4, and significant above c. So the power is no less than that test's.
    None too if a side is empty. Normal approximation of the shares; source: the two-proportion test, Fleiss 1981.

    >>> round(ks(5000, 5000, 0.05), 3)
    0.036
    """
    rows = round(n * m / (n + m)) if n and m else 0
    if not rows:
        return None
    from scipy.special import ndtri
    from scipy.stats import kstwo

    return _possible(float(kstwo.isf(alpha, rows)) + float(ndtri(power)) * math.sqrt((1 / n + 1 / m) / 4))


@lru_cache(maxsize=4096)
def psi(n: int, m: int, alpha: float, degrees: int, power: float = POWER) -> float | None:
    """Return the smallest PSI (nats, without the part that sampling adds) found by the chi-squared test of `degrees`.

        PSI = L (1/n + 1/m)        L: P(noncentral chi-squared(degrees, L) > c) = power, c: the critical value at alpha

    To second order PSI is Pearson's divergence, which X2 estimates n m / (n + m) fold. Not above 1, as PSI can be more, but
    None if a side is empty or there is nothing to compare (degrees 0). Source: Cohen 1988, chapter 7.

    >>> round(psi(5000, 5000, 0.05, 9), 4)
    0.0063
    """
    if not n or not m or degrees < 1:
        return None
    from scipy.special import chdtri, chndtrinc

    found = float(chndtrinc(chdtri(degrees, alpha), degrees, 1 - power))
    return found * (1 / n + 1 / m) if math.isfinite(found) else None


def share(n: int, m: int, alpha: float, power: float = POWER) -> float | None:
    """Return the smallest change of a share found by the two-proportion test, for shares near one half: the worst case.

    None too if a side is empty.

    >>> round(share(5000, 5000, 0.05), 3)
    0.028
    """
    return normal(math.sqrt((1 / n + 1 / m) / 4), alpha, power) if n and m else None


def normal(standard_error: float, alpha: float, power: float = POWER) -> float | None:
    """Return the smallest change found of something that is normal with this standard error: (z(1 - alpha/2) + z(power)) se.

    >>> round(normal(0.01, 0.05), 3)
    0.028
    """
    from scipy.special import ndtri

    return _possible(float(ndtri(power) - ndtri(alpha / 2)) * standard_error)


def _possible(effect: float) -> float | None:
    return effect if effect <= 1 else None
