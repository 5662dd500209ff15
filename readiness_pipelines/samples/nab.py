"""Replay of a genuine machine's temperature (NAB's machine_temperature_system_failure) as hours of deliveries.

Its readings keep their order and their distance in time; the first hour of them is moved to the product's first hour. The
series is 22,695 readings in 1,891 hours, of one machine, in degrees Fahrenheit from 2.08 to 108.51. Two of its hours are
trouble of its own: one has each time twice with two values (the 846th: its clock was set back), and the last stops early.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

import duckdb

from readiness_pipelines.errors import ReadinessError

MACHINE = "press_1"
_FRESH = datetime.timedelta(minutes=5)


class NotTheNabFile(ReadinessError):
    """The file cannot be read as the NAB series: give its csv or a Parquet copy, with columns timestamp and value."""


@dataclass(frozen=True)
class ReplaySummary:
    """What was laid down. Hours inclusive; `repeated` counts readings at a time that an earlier one has already.

    `empty_hours` got no file; `stale_hours` have one whose newest reading is more than five minutes before their end.
    """

    readings: int
    repeated: int
    files: int
    empty_hours: int
    stale_hours: int
    first_hour: str
    last_hour: str


def replay(
    path: Path, landing: Path, *, hours: int = 72, skip: int = 0, start: datetime.date = datetime.date(2025, 1, 6)
) -> ReplaySummary:
    """Lay `hours` hours of the series at `path` (csv or parquet) down under `landing`; say what was written.

    The first `skip` hours of the series are left out. Times are moved by whole hours, values copied as they are; an hour
    without a reading gets no file. Raises NotTheNabFile when the file is absent, unreadable or has other columns, and
    ReadinessError when nothing is left after `skip`.
    """
    readings = _read(path)
    first, an_hour = datetime.datetime.combine(start, datetime.time()), datetime.timedelta(hours=1)
    end = first + hours * an_hour
    moved = first - min(time for time, _ in readings).replace(minute=0, second=0) - skip * an_hour
    by_hour: dict[datetime.datetime, list[tuple[datetime.datetime, str]]] = {}
    for time, value in readings:
        at = time + moved
        if first <= at < end:
            by_hour.setdefault(at.replace(minute=0, second=0), []).append((at, value))
    if not by_hour:
        raise ReadinessError(f"{path}: found no reading in the {hours} hours after the first {skip}, expected a smaller skip")
    folder = landing / "telemetry"
    folder.mkdir(parents=True, exist_ok=True)
    for hour, found in by_hour.items():
        lines = [f"{MACHINE},{at:%Y-%m-%dT%H:%M:%SZ},{value}\n" for at, value in found]
        (folder / hour.strftime("readings_%Y-%m-%dT%H.csv")).write_text("machine,read_at,temperature\n" + "".join(lines))
    return ReplaySummary(
        readings=sum(map(len, by_hour.values())),
        repeated=sum(len(found) - len({at for at, _ in found}) for found in by_hour.values()),
        files=len(by_hour),
        empty_hours=hours - len(by_hour),
        stale_hours=sum(hour + an_hour - max(at for at, _ in found) > _FRESH for hour, found in by_hour.items()),
        first_hour=f"{first:%Y-%m-%d-%H:%M}",
        last_hour=f"{end - an_hour:%Y-%m-%d-%H:%M}",
    )


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
