"""Replay of the genuine UCI file "Diabetes 130-US hospitals for years 1999-2008" as days of deliveries.

The file has no dates. Ascending encounter_id is the accepted order in time, so the encounters are dealt out in that
order to `days` days, as evenly as can be, and each outcome is delivered 30 days after its encounter.
"""

from __future__ import annotations

import datetime
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.samples.stays import ENCOUNTER_COLUMNS, UCI_COLUMNS

KNOWN_AFTER = datetime.timedelta(days=30)
_MEMBER = "diabetic_data.csv"


class NotTheUciFile(ReadinessError):
    """The file cannot be read as the UCI set: give the path of diabetic_data.csv, its zip, or a Parquet copy."""


@dataclass(frozen=True)
class ReplaySummary:
    """What was laid down. Days inclusive; `smallest_day` and `largest_day` count encounters and differ by at most 1."""

    encounters: int
    first_day: str
    last_day: str
    last_outcome_day: str
    files: int
    smallest_day: int
    largest_day: int


def replay(
    path: Path,
    landing: Path,
    *,
    days: int = 60,
    start: datetime.date = datetime.date(2025, 1, 1),
    progress: Callable[[int, int], None] | None = None,
) -> ReplaySummary:
    """Lay the UCI file at `path` (csv, zip or parquet) down under `landing` and say what was written.

    `progress` is called with (days written, days in all) after each day. Values are copied as they are, `?` included.
    Raises NotTheUciFile when the file is absent, unreadable or has other columns; ValueError when there are fewer
    encounters than days.
    """
    with duckdb.connect() as con, tempfile.TemporaryDirectory() as scratch:
        _load(con, path, Path(scratch))
        count = con.execute("SELECT count(*) FROM uci").fetchone()
        total = int(count[0]) if count else 0
        if not 1 <= days <= total:
            raise ValueError(f"found {total} encounters for {days} days, expected at least one of each and one encounter a day")
        # The i-th encounter (from 1) belongs to day (i * days - 1) // total, so that sizes differ by at most one.
        con.execute(
            "CREATE TABLE ordered AS SELECT *, (row_number() OVER (ORDER BY CAST(encounter_id AS BIGINT)) * $days - 1)"
            " // $total AS day FROM uci ORDER BY CAST(encounter_id AS BIGINT)",
            {"days": days, "total": total},
        )
        for folder in ("encounters", "outcomes"):
            (landing / folder).mkdir(parents=True, exist_ok=True)
        for day in range(days):
            _write_day(con, landing, day, start + datetime.timedelta(days=day))
            if progress:
                progress(day + 1, days)
        return _summary(con, total, days, start)


def _load(con: duckdb.DuckDBPyConnection, path: Path, scratch: Path) -> None:
    """Create the table `uci`, all text. Raises NotTheUciFile."""
    if not path.is_file():
        raise NotTheUciFile(f"{path}: found no such file, expected the UCI csv, its zip or a parquet copy")
    try:
        source = _unpacked(path, scratch) if zipfile.is_zipfile(path) else path
        with source.open("rb") as head:
            is_parquet = head.read(4) == b"PAR1"
        # All text, and no word means null: "?", "None" and "NO" must arrive as they are.
        reader = (
            "read_parquet($path)" if is_parquet else "read_csv($path, header = true, all_varchar = true, nullstr = '', delim = ',')"
        )
        con.execute(f"CREATE TABLE uci AS SELECT CAST(COLUMNS(*) AS VARCHAR) FROM {reader}", {"path": str(source)})
    except (duckdb.Error, zipfile.BadZipFile) as error:
        raise NotTheUciFile(f"{path}: cannot be read as csv, zip or parquet ({type(error).__name__})") from error
    found = [row[0] for row in con.execute("DESCRIBE uci").fetchall()]
    if sorted(found) != sorted(UCI_COLUMNS):
        lacking, other = sorted(set(UCI_COLUMNS) - set(found)), sorted(set(found) - set(UCI_COLUMNS))
        raise NotTheUciFile(
            f"{path}: found {len(found)} columns, expected the {len(UCI_COLUMNS)} of the UCI set; "
            f"lacking {_some(lacking)}; not in the set {_some(other)}"
        )
    ids = con.execute("SELECT count(*) FILTER (TRY_CAST(encounter_id AS BIGINT) IS NULL) FROM uci").fetchone()
    if ids and ids[0]:
        raise NotTheUciFile(
            f"{path}: found {ids[0]} encounter ids that are no numbers, expected none: their order is the order in time"
        )


def _unpacked(path: Path, scratch: Path) -> Path:
    with zipfile.ZipFile(path) as packed:
        members = [m for m in packed.namelist() if m.rsplit("/", 1)[-1] == _MEMBER]
        if not members:
            raise NotTheUciFile(f"{path}: found no {_MEMBER} in the zip")
        target = scratch / _MEMBER  # a name of our own: a member's path may point anywhere
        with packed.open(members[0]) as source, target.open("wb") as copy:
            while block := source.read(1 << 20):
                copy.write(block)
        return target


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (" ..." if len(names) > 5 else "") if names else "none"


def _write_day(con: duckdb.DuckDBPyConnection, landing: Path, day: int, date: datetime.date) -> None:
    known = date + KNOWN_AFTER
    encounters = ", ".join(f'"{c}"' for c in ENCOUNTER_COLUMNS[:-1])
    selects = {
        landing / f"encounters/encounters_{date}.csv": f"{encounters}, '{date}' AS discharged_on",
        landing / f"outcomes/outcomes_{known}.csv": f"encounter_id, readmitted, '{known}' AS known_on",
    }
    for target, columns in selects.items():
        quoted = str(target).replace("'", "''")
        con.execute(f"COPY (SELECT {columns} FROM ordered WHERE day = {day}) TO '{quoted}' (FORMAT csv, HEADER)")


def _summary(con: duckdb.DuckDBPyConnection, total: int, days: int, start: datetime.date) -> ReplaySummary:
    sizes = con.execute("SELECT min(n), max(n) FROM (SELECT count(*) AS n FROM ordered GROUP BY day)").fetchone()
    smallest, largest = sizes if sizes else (0, 0)
    last = start + datetime.timedelta(days=days - 1)
    return ReplaySummary(
        encounters=total,
        first_day=start.isoformat(),
        last_day=last.isoformat(),
        last_outcome_day=(last + KNOWN_AFTER).isoformat(),
        files=2 * days,
        smallest_day=int(smallest),
        largest_day=int(largest),
    )
