"""An interval against a limit: failed where it is clearly over, passed where the value is not, undecided between."""

from __future__ import annotations

import math

from readiness_pipelines.flow import Judged, Status
from readiness_pipelines.models.judging.replicates import Interval


def at_most(rule: str, found: Interval, limit: float, *, n: int, about: str = "", note: str = "") -> Judged:
    """Judge a value that must not be over `limit`: failed where even its lower bound is, passed where the value is not.

    Between, nobody knows: the rows are too few to say that it is over, and say no more than that it seems so. Undecided, too,
    where the value itself is undefined.
    """
    over = Status.FAILED if found.low > limit else Status.UNDECIDED
    status = Status.PASSED if found.value <= limit else over
    return judged(rule, status, found, limit, n=n, about=about, note=note)


def judged(rule: str, status: Status, found: Interval, limit: float, *, n: int, about: str = "", note: str = "") -> Judged:
    """Return what a rule says from an interval; a bound or a value that says nothing is None."""
    return Judged(rule, status, about, told(found.value), told(found.low), told(found.high), told(limit), int(n), note)


def told(value: float) -> float | None:
    """Return a number as a verdict keeps it: to 9 decimals, so that it is the same on every machine; None for no number."""
    return round(float(value), 9) if math.isfinite(value) else None
