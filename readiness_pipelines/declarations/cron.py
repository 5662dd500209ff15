"""Cron schedules, read: five fields, in UTC."""

from __future__ import annotations

import re
from collections.abc import Iterator

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
# (what it is called, lowest, highest, names of the values, what the first name stands for)
_FIELDS: tuple[tuple[str, int, int, list[str], int], ...] = (
    ("minute", 0, 59, [], 0),
    ("hour", 0, 23, [], 0),
    ("day of the month", 1, 31, [], 0),
    ("month", 1, 12, _MONTHS, 1),
    ("day of the week", 0, 7, _DAYS, 0),
)
_LONGEST = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}  # months with fewer than 31 days
_EXPECTED = "expected five fields, minute to day of the week, as in '0 6 * * mon'"


def cron_problem(text: str) -> str | None:
    """Return what is found and expected where `text` is no cron schedule, or one that never comes; None where it is one."""
    fields = text.split()
    if len(fields) != len(_FIELDS):
        return f"found {text[:60]!r}, {_EXPECTED}"
    for field, (name, lowest, highest, names, first) in zip(fields, _FIELDS, strict=True):
        if any(_values(part, lowest, highest, names, first) is None for part in field.split(",")):
            span = f"{lowest} to {highest}" + (f" or {names[0]} to {names[-1]}" if names else "")
            return f"found {field[:60]!r} for the {name}, expected {span}, a range as 1-5, a list as 1,15, * or */5"
    days, months = ([*_all(field, place)] for field, place in ((fields[2], 2), (fields[3], 3)))
    if fields[4] == "*" and min(days) > max(_LONGEST.get(month, 31) for month in months):
        return f"found day {min(days)} of months that are shorter, expected a day that comes"
    return None


def _all(field: str, place: int) -> Iterator[int]:
    _, lowest, highest, names, first = _FIELDS[place]
    for part in field.split(","):
        yield from _values(part, lowest, highest, names, first) or ()


def _values(part: str, lowest: int, highest: int, names: list[str], first: int) -> range | None:
    """Return the values of one part of a field, None where it is none."""
    found = re.fullmatch(r"(?:\*|([0-9a-z]+)(?:-([0-9a-z]+))?)(?:/([0-9]+))?", part.lower())
    if found is None or (found[3] and found[1] and not found[2]):
        return None
    low, high = (_value(word, names, first) if word else None for word in (found[1], found[2]))
    if (found[1] and low is None) or (found[2] and high is None):
        return None
    start, end = (lowest, highest) if found[1] is None else (low, low if found[2] is None else high)
    step = int(found[3] or 1)
    if start is None or end is None or not lowest <= start <= end <= highest or not 1 <= step <= highest:
        return None
    return range(start, end + 1, step)


def _value(word: str, names: list[str], first: int) -> int | None:
    if word in names:
        return names.index(word) + first
    return int(word) if word.isdecimal() and len(word) <= 2 else None
