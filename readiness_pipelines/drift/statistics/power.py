"""The smallest effect that a test would have found: what makes "nothing was found" mean something.

Each function returns the smallest effect that is significant at `alpha` with at least the probability `power`, or None where no
effect that is possible would be. `n` and `m` are the rows of the two sides. All are a little too large rather than too
small: they take the worst case where the data would have to be known.
"""

from __future__ import annotations

import math
from functools import lru_cache

_ROUNDS = 30  # each comes nearer to what is found by more than half
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


def share(n: int, m: int, alpha: float, power: float = POWER, *, base: float | None = None) -> float | None:
    """Return the smallest change of a share found by the two-proportion test.

        d = z(1 - alpha/2) sqrt(p (1 - p) (1/n + 1/m)) + z(power) sqrt(a (1 - a) / n + b (1 - b) / m)

    a = `base`, the share of the first side; b = a + d, or a - d where a is above one half: the direction in which more is needed;
    p: both sides together. Without a base, both shares near one half: the worst case. None too if a side is empty. Source:
    Fleiss 1981, chapter 3.

    >>> round(share(5000, 5000, 0.05), 3), round(share(5000, 5000, 0.05, base=0.02), 3)
    (0.028, 0.009)
    """
    if not n or not m:
        return None
    worst = normal(math.sqrt((1 / n + 1 / m) / 4), alpha, power)
    if base is None or worst is None:
        return worst
    from scipy.special import ndtri

    a, found = min(base, 1 - base), worst
    for _ in range(_ROUNDS):
        b = min(a + found, 1.0)
        p = (n * a + m * b) / (n + m)
        chance, missed = p * (1 - p) * (1 / n + 1 / m), a * (1 - a) / n + b * (1 - b) / m
        found = float(-ndtri(alpha / 2) * math.sqrt(chance) + ndtri(power) * math.sqrt(missed))
    return min(found, worst)


def normal(standard_error: float, alpha: float, power: float = POWER) -> float | None:
    """Return the smallest change found of something that is normal with this standard error: (z(1 - alpha/2) + z(power)) se.

    >>> round(normal(0.01, 0.05), 3)
    0.028
    """
    from scipy.special import ndtri

    return _possible(float(ndtri(power) - ndtri(alpha / 2)) * standard_error)


def _possible(effect: float) -> float | None:
    return effect if effect <= 1 else None
