"""Replay of a genuine machine's temperature (NAB's machine_temperature_system_failure) as hours of deliveries.

Its readings keep their order and their distance in time; the first one is moved into the product's first hour.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

import duckdb

from readiness_pipelines.errors import ReadinessError

MACHINE = "press_1"


class NotTheNabFile(ReadinessError):
    """The file cannot be read as the NAB series: give its csv or a Parquet copy, with columns timestamp and value."""


@dataclass(frozen=True)
class ReplaySummary:
    """What was laid down. Hours inclusive; `repeated` counts readings at a time that an earlier one has already."""

    readings: int
    repeated: int
    files: int
    empty_hours: int
    first_hour: str
    last_hour: str


def replay(path: Path, landing: Path, *, hours: int = 72, start: datetime.date = datetime.date(2025, 1, 6)) -> ReplaySummary:
    """Lay the first `hours` hours of the series at `path` (csv or parquet) down under `landing`; say what was written.

    Times are moved by whole hours, values copied as they are; an hour without a reading gets no file. Raises
    NotTheNabFile when the file is absent, unreadable or has other columns.
    """
    readings = _read(path)
    first = datetime.datetime.combine(start, datetime.time())
    end = first + datetime.timedelta(hours=hours)
    moved = first - min(time for time, _ in readings).replace(minute=0, second=0)
    by_hour: dict[datetime.datetime, list[str]] = {}
    seen: set[datetime.datetime] = set()
    kept = repeated = 0
    for time, value in readings:
        at = time + moved
        if at >= end:
            continue
        hour = at.replace(minute=0, second=0)
        by_hour.setdefault(hour, []).append(f"{MACHINE},{at:%Y-%m-%dT%H:%M:%SZ},{value}\n")
        kept, repeated = kept + 1, repeated + (at in seen)
        seen.add(at)
    folder = landing / "telemetry"
    folder.mkdir(parents=True, exist_ok=True)
    for hour, lines in by_hour.items():
        (folder / hour.strftime("readings_%Y-%m-%dT%H.csv")).write_text("machine,read_at,temperature\n" + "".join(lines))
    last = end - datetime.timedelta(hours=1)
    return ReplaySummary(kept, repeated, len(by_hour), hours - len(by_hour), f"{first:%Y-%m-%d-%H:%M}", f"{last:%Y-%m-%d-%H:%M}")


def _read(path: Path) -> list[tuple[datetime.datetime, str]]:
    reader = "read_parquet(?)" if path.suffix == ".parquet" else "read_csv(?, all_varchar = true)"
    with duckdb.connect() as con:
        try:
            rows = con.execute(
                f'SELECT CAST("timestamp" AS TIMESTAMP), CAST("value" AS VARCHAR) FROM {reader}', [str(path)]
            ).fetchall()
        except duckdb.Error as error:
            reason = str(error).splitlines()[0][:200]
            raise NotTheNabFile(f"{path}: expected columns timestamp and value, found otherwise ({reason})") from None
    if not rows:
        raise NotTheNabFile(f"{path}: found no reading")
    return [(time, value) for time, value in rows]
