"""The columns of a report: one per partition, or per day, week, month ... where there are too many partitions to draw."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

MOST_COLUMNS = 120  # of about four pixels each on a page of 1000


@dataclass(frozen=True)
class Period:
    """Partitions that follow each other, shown as one; `first` and `last` are inclusive."""

    name: str
    first: str
    last: str
    partitions: int


@dataclass(frozen=True)
class Columns:
    """All periods of a report, oldest first. `unit` is how long one is; `column_of` gives the place of each partition."""

    unit: str
    every: str  # how long a partition is
    periods: tuple[Period, ...]
    column_of: Mapping[str, int]

    @property
    def is_aggregated(self) -> bool:
        return self.unit != self.every


def columns(keys: Sequence[str], *, every: str, most: int = MOST_COLUMNS) -> Columns:
    """Return the columns of these partition keys (of `every` day or hour, oldest first): the finest unit with at most `most`.

    Years are taken however many there are. A week is Monday to Sunday and is called by its Monday.
    """
    units = list(_UNITS)[list(_UNITS).index(every) :]
    for unit in units:
        names = [_UNITS[unit](key) for key in keys]
        found = dict.fromkeys(names)
        if len(found) <= most or unit == units[-1]:
            break
    place = {name: n for n, name in enumerate(found)}
    members: dict[str, list[str]] = {name: [] for name in found}
    for key, name in zip(keys, names, strict=True):
        members[name].append(key)
    periods = tuple(Period(name, some[0], some[-1], len(some)) for name, some in members.items())
    return Columns(unit, every, periods, {key: place[name] for key, name in zip(keys, names, strict=True)})


def _monday(key: str) -> str:
    day = datetime.date.fromisoformat(key[:10])
    return str(day - datetime.timedelta(days=day.weekday()))


_UNITS: dict[str, Callable[[str], str]] = {
    "hour": lambda key: key,
    "day": lambda key: key[:10],
    "week": _monday,
    "month": lambda key: key[:7],
    "quarter": lambda key: f"{key[:4]}-Q{(int(key[5:7]) + 2) // 3}",
    "year": lambda key: key[:4],
}
