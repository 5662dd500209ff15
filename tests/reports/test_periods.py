"""The columns of a report: which unit is taken, and that every partition has its place."""

from __future__ import annotations

import datetime

import pytest

from readiness_pipelines.reports.periods import MOST_COLUMNS, columns


def days(n: int, start: str = "2015-01-01") -> list[str]:
    first = datetime.date.fromisoformat(start)
    return [str(first + datetime.timedelta(days=i)) for i in range(n)]


@pytest.mark.parametrize(
    ("n", "unit", "count"),
    [
        (1, "day", 1),
        (120, "day", 120),
        (121, "week", 18),
        (830, "week", 119),
        (845, "month", 28),
        (3650, "month", 120),
        (3690, "quarter", 41),
        (40_000, "year", 110),
    ],
)
def test_the_finest_unit_that_fits_is_taken(n: int, unit: str, count: int) -> None:
    found = columns(days(n), every="day")
    assert (found.unit, len(found.periods)) == (unit, count)
    assert found.is_aggregated == (unit != "day")
    assert sum(period.partitions for period in found.periods) == n


def test_a_week_is_monday_to_sunday_and_says_what_it_spans() -> None:
    found = columns(days(14, "2025-01-01"), every="day", most=5)  # a Wednesday
    assert [(p.name, p.first, p.last, p.partitions) for p in found.periods] == [
        ("2024-12-30", "2025-01-01", "2025-01-05", 5),
        ("2025-01-06", "2025-01-06", "2025-01-12", 7),
        ("2025-01-13", "2025-01-13", "2025-01-14", 2),
    ]
    assert [found.column_of[key] for key in ("2025-01-05", "2025-01-06", "2025-01-14")] == [0, 1, 2]


def test_hours_become_days() -> None:
    keys = [f"{day}-{hour:02}:00" for day in days(10) for hour in range(24)]
    assert columns(keys[:MOST_COLUMNS], every="hour").unit == "hour"
    found = columns(keys, every="hour")
    assert (found.unit, len(found.periods), found.periods[0].last) == ("day", 10, "2015-01-01-23:00")


def test_quarters_are_named() -> None:
    found = columns(days(365 * 2), every="day", most=8)
    assert [p.name for p in found.periods][:5] == ["2015-Q1", "2015-Q2", "2015-Q3", "2015-Q4", "2016-Q1"]
