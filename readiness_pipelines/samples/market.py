"""A made-up electricity market of two regions, by the half hour, in which what drives the price changes on one day.

Until the change the price follows demand: it is dear at breakfast and at dinner. Then a line to a third market opens. A smelter
at its end lifts demand, and from that day on it is what is imported that makes the price, and demand much less so. The story is
that of the Australian set known as elec2, where Victoria's market joined that of New South Wales; no value is taken from it.
"""

from __future__ import annotations

import datetime
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

REGIONS: Mapping[str, float] = {"north": 5400.0, "south": 5000.0}  # region -> mean demand, MW
SLOTS = 48  # half hours of a day
HALF_HOUR = datetime.timedelta(minutes=30)
_SWING, _WANDER = 560.0, 170.0  # MW: of demand over a day, and around that
_LIFTED = 270.0  # MW: what the smelter adds in each region
_FLOW, _STAYS = 240.0, 0.5  # MW that are imported or exported, and how much of it half an hour later
_LEVEL, _NOISE = 46.0, 6.0  # price, in currency per MWh: its mean, and what nobody can foresee of it
_BY_DEMAND, _BY_FLOW = (9.0, 4.0), (0.0, 10.0)  # of the price, per usual swing: before the change, and from then on


@dataclass(frozen=True)
class HalfHour:
    """What one region's market came to in the half hour that begins at `at` (UTC): MW, currency per MWh, MW to be imported."""

    region: str
    at: datetime.datetime
    demand: float
    price: float
    scheduled_import: float


def draw(random_: random.Random, *, first: datetime.date, days: int, changed_from: datetime.date) -> Iterator[list[HalfHour]]:
    """Yield the half hours of each day from `first` on, by time and region; the third market is there from `changed_from` on."""
    wander, flow = dict.fromkeys(REGIONS, 0.0), dict.fromkeys(REGIONS, 0.0)
    for n in range(days):
        day = first + n * datetime.timedelta(days=1)
        is_changed = day >= changed_from
        found = []
        for slot in range(SLOTS):
            at = datetime.datetime.combine(day, datetime.time()) + slot * HALF_HOUR
            for region, level in REGIONS.items():
                wander[region] = 0.8 * wander[region] + random_.gauss(0, 0.6)
                flow[region] = _STAYS * flow[region] + random_.gauss(0, math.sqrt(1 - _STAYS**2))
                swing = _swing(slot, is_weekend=day.weekday() >= 5) + _WANDER / _SWING * wander[region]
                driven = _BY_DEMAND[is_changed] * swing + _BY_FLOW[is_changed] * flow[region]
                demand = level + _SWING * swing + (_LIFTED if is_changed else 0.0)
                found.append(HalfHour(region, at, demand, _LEVEL + driven + random_.gauss(0, _NOISE), _FLOW * flow[region]))
        yield found


def dearer_than_the_day_before(day: Sequence[HalfHour], before: Sequence[HalfHour]) -> list[bool]:
    """Return, for each half hour of `day`, whether its price was above its region's mean of the day before."""
    mean = {region: sum(h.price for h in before if h.region == region) / SLOTS for region in REGIONS}
    return [half_hour.price > mean[half_hour.region] for half_hour in day]


def _swing(slot: int, *, is_weekend: bool) -> float:
    """Two peaks, at 8:00 and at 18:30, less of the first on a weekend; mean about 0 and standard deviation about 1."""
    hour = slot / 2
    morning, evening = math.exp(-(((hour - 8) / 2.2) ** 2)), math.exp(-(((hour - 18.5) / 2.6) ** 2))
    return (1.2 if is_weekend else 2.2) * morning + 2.6 * evening - (0.85 if is_weekend else 1.05)
