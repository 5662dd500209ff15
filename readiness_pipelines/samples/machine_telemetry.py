"""Sample landing data of the machine_telemetry product: seeded, with the right answer beside it.

    landing/telemetry/readings_<hour>.csv        one file per hour: three machines, a reading each five minutes
    landing/machine_telemetry_manifest.json      what a right pipeline makes of them, to the row

Three hours tell a story of their own, by their distance from the first: the 11th has no file, in the 21st the feed
stopped after forty minutes, in the 31st the gateway's clock was an hour ahead. In every other hour there may be up to
three bad readings (a fault far out of range, a sensor that was cut off) and up to two that were sent twice.
"""

from __future__ import annotations

import datetime
import json
import math
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from readiness_pipelines.samples.manifest import Expected

MANIFEST = "machine_telemetry_manifest.json"
MACHINES = {"press_1": 85.0, "press_2": 90.0, "lathe_1": 70.0}  # machine -> mean temperature, degrees Fahrenheit
MISSING, STOPPED, AHEAD = 10, 20, 30  # hours after the first
READINGS = 12  # of one machine in an hour
RAW, SILVER = "machine_telemetry.bronze.raw_readings", "machine_telemetry.silver.readings"
HOURS, KPI = "machine_telemetry.gold.machine_hours", "machine_telemetry.gold.telemetry_completeness"
_FAULTS = (("", "temperature_present"), ("999.9", "temperature_in_range"), ("-40", "temperature_in_range"))
_STEP = datetime.timedelta(minutes=5)


@dataclass(frozen=True)
class Manifest:
    """What becomes of each hour of each table, the records that are quarantined, and the KPI.

    `expected` is table -> partition -> Expected; `bad` is partition -> record number -> reasons; `kpi` is partition ->
    completeness (absent: no row).
    """

    seed: int
    hours: int
    expected: Mapping[str, Mapping[str, Expected]]
    bad: Mapping[str, Mapping[int, list[str]]]
    kpi: Mapping[str, float]


@dataclass
class _Hour:
    """One hour as it is sent: records, and what is wrong with which (1-based)."""

    records: list[tuple[str, str, str]] = field(default_factory=list)
    bad: dict[int, list[str]] = field(default_factory=dict)
    repeated: int = 0


def write(landing: Path, *, seed: int = 7, hours: int = 72, start: datetime.date = datetime.date(2025, 1, 6)) -> Manifest:
    """Write `hours` hours of readings from the first hour of `start` (UTC) on; return the manifest. Same arguments, same bytes.

    Raises ValueError unless there is at least one hour.
    """
    if hours < 1:
        raise ValueError(f"found {hours} hours, expected at least one")
    folder = landing / "telemetry"
    folder.mkdir(parents=True, exist_ok=True)
    expected: dict[str, dict[str, Expected]] = {table: {} for table in (RAW, SILVER, HOURS, KPI)}
    bad: dict[str, dict[int, list[str]]] = {}
    kpi: dict[str, float] = {}
    for n in range(hours):
        moment = datetime.datetime.combine(start, datetime.time()) + n * datetime.timedelta(hours=1)
        partition = moment.strftime("%Y-%m-%d-%H:%M")
        hour = _hour(n, moment, random.Random(f"{seed}/{n}"))
        if hour is not None:
            lines = [",".join(record) for record in hour.records]
            (folder / moment.strftime("readings_%Y-%m-%dT%H.csv")).write_text(
                "\n".join(["machine,read_at,temperature", *lines, ""])
            )
        for table, becomes in _becomes(n, hour).items():
            expected[table][partition] = becomes
        if hour is not None and hour.bad:
            bad[partition] = hour.bad
        if expected[KPI][partition].state == "admitted":
            kpi[partition] = expected[SILVER][partition].admitted / (READINGS * len(MACHINES))
    manifest = Manifest(seed, hours, expected, bad, kpi)
    (landing / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1, sort_keys=True) + "\n")
    return manifest


def _hour(n: int, moment: datetime.datetime, chance: random.Random) -> _Hour | None:
    if n == MISSING:
        return None
    shift = datetime.timedelta(hours=1 if n == AHEAD else 0)
    hour = _Hour()
    for at in range(READINGS if n != STOPPED else 8):
        time = moment + at * _STEP
        for machine, mean in MACHINES.items():
            warmth = mean + 8 * math.sin(time.hour / 24 * 2 * math.pi) + chance.gauss(0, 1.5)
            hour.records.append((machine, f"{time + shift:%Y-%m-%dT%H:%M:%SZ}", f"{warmth:.4f}"))
    if n == AHEAD:
        hour.bad = {record: ["reading_of_this_hour"] for record in range(1, len(hour.records) + 1)}
    elif n != STOPPED:
        _spoil(hour, chance)
    return hour


def _spoil(hour: _Hour, chance: random.Random) -> None:
    """Put up to three faults into an hour, and send up to two good readings twice, at the end of the file."""
    newest = len(hour.records) - len(MACHINES)  # these stay, so that no hour is stale by a fault of one sensor
    for at in sorted(chance.sample(range(newest), chance.choice((0, 0, 1, 2, 3)))):
        machine, time, _ = hour.records[at]
        kind, reason = chance.choice(
            (("", "temperature_present"), ("999.9", "temperature_in_range"), ("-40", "temperature_in_range"))
        )
        hour.records[at] = (machine, time, kind)
        hour.bad[at + 1] = [reason]
    good = [record for at, record in enumerate(hour.records, start=1) if at not in hour.bad]
    again = chance.sample(good, chance.choice((0, 0, 0, 1, 2)))
    hour.records += again
    hour.repeated = len(again)


def _becomes(n: int, hour: _Hour | None) -> dict[str, Expected]:
    if hour is None:
        blocked = Expected("blocked", because=RAW)
        return {RAW: Expected("missing"), SILVER: blocked, HOURS: blocked, KPI: blocked}
    sent, bad = len(hour.records), len(hour.bad)
    raw = Expected("admitted", rows_in=sent, admitted=sent)
    reasons = dict(Counter(reason for reasons in hour.bad.values() for reason in reasons))
    if n in (STOPPED, AHEAD):
        silver = Expected("held", rows_in=sent, quarantined=bad, reasons=reasons, held=sent - bad)
        blocked = Expected("blocked", because=SILVER)
        return {RAW: raw, SILVER: silver, HOURS: blocked, KPI: blocked}
    kept = sent - bad - hour.repeated
    silver = Expected("admitted", rows_in=sent, admitted=kept, quarantined=bad, reasons=reasons, duplicates=hour.repeated)
    machines = len(MACHINES)
    return {
        RAW: raw,
        SILVER: silver,
        HOURS: Expected("admitted", rows_in=machines, admitted=machines),
        KPI: Expected("admitted", rows_in=1, admitted=1),
    }
