"""When a contract says that data is due: how often it comes, and how late it may be.

Read from the contract's `slaProperties`: `frequency` (hourly, daily, weekdays, weekly or monthly) and `latency` (value
and unit, default 0): a delivery is due when its partition has ended and the latency has passed. A property with an
`element` speaks of that table only; without one, of all. `retention` (value and unit, of all tables) says how long a
version stays readable after another has taken its place.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

Frequency = Literal["hourly", "daily", "weekdays", "weekly", "monthly"]
FREQUENCIES: tuple[str, ...] = get_args(Frequency)
_UNITS = {
    **dict.fromkeys(("m", "min", "minute", "minutes"), datetime.timedelta(minutes=1)),
    **dict.fromkeys(("h", "hr", "hour", "hours"), datetime.timedelta(hours=1)),
    **dict.fromkeys(("d", "day", "days"), datetime.timedelta(days=1)),
}
_DAYS = {**dict.fromkeys(("d", "day", "days"), 1), **dict.fromkeys(("y", "yr", "year", "years"), 365)}


@dataclass(frozen=True)
class ServiceLevel:
    """How often one table's data comes, and how long after its partition's end it is due."""

    frequency: Frequency
    latency: datetime.timedelta = datetime.timedelta()

    @property
    def longest_gap(self) -> datetime.timedelta:
        """The longest time between two deliveries that are both in time to the second."""
        hours = {"hourly": 1, "daily": 24, "weekdays": 72, "weekly": 168, "monthly": 744}[self.frequency]
        return datetime.timedelta(hours=hours) + self.latency


def service_level_problems(properties: Sequence[Mapping[str, Any]]) -> list[tuple[list[str | int], str]]:
    """Return (where under slaProperties, what is wrong) of every property about frequency or latency."""
    problems: list[tuple[list[str | int], str]] = []
    for i, given in enumerate(properties):
        value = given.get("value")
        if given.get("property") == "frequency" and value not in FREQUENCIES:
            problems.append(([i, "value"], f"found {value!r}, expected one of {', '.join(FREQUENCIES)}"))
        if given.get("property") == "retention":
            problems += _retention_problems(i, given)
        if given.get("property") != "latency":
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            problems.append(([i, "value"], f"found {value!r}, expected a number from 0 up"))
        if given.get("unit") not in _UNITS:
            problems.append(([i, "unit"], f"found {given.get('unit')!r}, expected m, h or d (minutes, hours, days)"))
    return problems


_LONGEST_DAYS = 36_525  # for the clock to count back


def _retention_problems(i: int, given: Mapping[str, Any]) -> Iterator[tuple[list[str | int], str]]:
    value = given.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        yield [i, "value"], f"found {value!r}, expected a number from 0 up"
    elif value * _DAYS.get(str(given.get("unit")), 1) > _LONGEST_DAYS:
        yield [i, "value"], f"found {value!r} {given.get('unit')}, expected 100 years at most"
    if given.get("unit") not in _DAYS:
        yield [i, "unit"], f"found {given.get('unit')!r}, expected d or y (days, years)"
    if given.get("element"):
        yield [i, "element"], f"found {given['element']!r}, expected none: versions of all tables are kept alike"


def retention_days(properties: Sequence[Mapping[str, Any]]) -> float | None:
    """Return for how many days a superseded version is kept, or None where the contract does not say. It has no problems."""
    given = next((p for p in properties if p.get("property") == "retention"), None)
    return given["value"] * _DAYS[given["unit"]] if given else None


def service_level(properties: Sequence[Mapping[str, Any]], table: str) -> ServiceLevel:
    """Return what the properties say of one table. They have no problems, and one frequency for all tables."""
    latency = _of(properties, "latency", table)
    late = latency["value"] * _UNITS[latency["unit"]] if latency else datetime.timedelta()
    frequency = _of(properties, "frequency", table) or {}
    return ServiceLevel(frequency.get("value", "daily"), late)


def _of(properties: Sequence[Mapping[str, Any]], name: str, table: str) -> Mapping[str, Any] | None:
    named = [p for p in properties if p.get("property") == name]
    own = [p for p in named if table in [e.strip().split(".")[0] for e in str(p.get("element") or "").split(",")]]
    return next(iter(own or [p for p in named if not p.get("element")]), None)
