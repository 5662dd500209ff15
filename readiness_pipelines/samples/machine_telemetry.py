"""Sample landing data of the machine_telemetry product: seeded, messy, and with the right answer beside it.

    landing/telemetry/readings_<hour>.csv        one file per hour: three machines, a reading each five minutes
    landing/machine_telemetry_manifest.json      what a right pipeline makes of them, to the row

Three hours tell a story of their own, by their distance from the first, and carry no other defect: the 11th has no file,
in the 21st the feed stopped twenty minutes early, in the 31st the gateway's clock was an hour ahead. From the 45th hour on
the lathe is silent: each hour is incomplete, until 24 hours later it counts as taken out of service.
"""

from __future__ import annotations

import datetime
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from readiness_pipelines.samples import answers, defects
from readiness_pipelines.samples.defects import Deck, Record, Spoil, bad_cast, broken_rule
from readiness_pipelines.samples.delivery import deliver
from readiness_pipelines.samples.manifest import AnswerSheet, Defect, DeliveredFile, Expected

MANIFEST = "machine_telemetry_manifest.json"
HEADER = ("machine", "read_at", "temperature")
MACHINES = {"press_1": 85.0, "press_2": 90.0, "lathe_1": 70.0}  # machine -> mean temperature, degrees Fahrenheit
MISSING, STOPPED, AHEAD = 10, 20, 30  # hours after the first
SILENT_FROM, SILENT = 44, "lathe_1"
READINGS, EARLY = 12, 4  # readings of one machine in an hour, and how many of them a feed that stops early lacks
HEARD_WITHIN = 24  # hours, this one included, in which a machine must have been heard to be expected
RAW, SILVER = "machine_telemetry.bronze.raw_readings", "machine_telemetry.silver.readings"
HOURS, KPI = "machine_telemetry.gold.machine_hours", "machine_telemetry.gold.telemetry_completeness"
SPOILS: Mapping[str, Sequence[Spoil]] = {
    "out_of_range": (
        broken_rule("temperature", "999.9", "temperature_in_range"),
        broken_rule("temperature", "-40", "temperature_in_range"),
        broken_rule("temperature", "150.0001", "temperature_in_range"),
    ),
    "sensor_dropout": (broken_rule("temperature", "", "temperature_present"),),
    "no_number": (bad_cast("temperature", "ERR"), bad_cast("temperature", "8 5.1")),
    "unknown_machine": (broken_rule("machine", "press_9", "machine_known"), broken_rule("machine", "Press_1", "machine_known")),
    "no_machine": (broken_rule("machine", "", "machine_present"),),
    "no_time": (broken_rule("read_at", "", "read_at_present"),),
    "impossible_time": (bad_cast("read_at", "2025-01-06T25:10:00Z"), bad_cast("read_at", "2025-02-30T10:10:00Z")),
    "time_of_another_hour": (broken_rule("read_at", "2024-12-24T18:05:00Z", "reading_of_this_hour"),),
    "several_reasons": (
        Spoil({"machine": "press_9", "temperature": "999.9"}, rules=("machine_known", "temperature_in_range")),
        Spoil({"machine": "", "temperature": "ERR"}, casts=("cast:temperature",), rules=("machine_present",)),
    ),
}
TWINS: Mapping[str, Spoil] = {  # a second reading of the same machine and time, further down the file
    "sent_twice": Spoil({}),
    "sent_again_with_another_value": Spoil({"temperature": "88.8888"}),
    # A later reading that cannot be cast takes no part in de-duplication: the earlier one stands.
    "sent_again_unreadable": bad_cast("temperature", "ERR"),
    # A later reading that can be cast stands, and then breaks a rule: neither is admitted.
    "sent_again_out_of_range": broken_rule("temperature", "999.9", "temperature_in_range"),
}
KINDS = (*SPOILS, *TWINS)
_MAX_QUARANTINE_FRACTION = 0.1  # as the suite of readings declares it
_STEP = datetime.timedelta(minutes=5)


@dataclass(frozen=True)
class Completeness:
    """The KPI row of one hour."""

    readings: int
    readings_expected: int
    completeness: float


@dataclass(frozen=True, kw_only=True)
class TelemetryManifest(AnswerSheet):
    """The whole answer sheet of machine_telemetry. `kpi` is hour -> Completeness (absent: no row)."""

    hours: int
    kpi: Mapping[str, Completeness]

    @classmethod
    def _own(cls, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"kpi": {hour: Completeness(**k) for hour, k in raw["kpi"].items()}}


def write(landing: Path, *, seed: int = 7, hours: int = 72, start: datetime.date = datetime.date(2025, 1, 6)) -> TelemetryManifest:
    """Write `hours` hours of readings from the first hour of `start` (UTC) on; return the manifest.

    Same arguments, same bytes. Files of the same names are overwritten, others in `landing` are left alone.
    Raises ValueError unless there is at least one hour.
    """
    if hours < 1:
        raise ValueError(f"found {hours} hours, expected at least one")
    book, deck = _Book(), Deck(KINDS, random.Random(f"{seed}:deck"))
    landing.mkdir(parents=True, exist_ok=True)
    for n in range(hours):
        moment = datetime.datetime.combine(start, datetime.time()) + n * datetime.timedelta(hours=1)
        partition, name = moment.strftime("%Y-%m-%d-%H:%M"), moment.strftime("telemetry/readings_%Y-%m-%dT%H.csv")
        if n == MISSING:
            (landing / name).unlink(missing_ok=True)
            book.enter_missing(partition, name)
            continue
        records = _records(n, moment, deck, random.Random(f"{seed}:{n}"))
        book.files.append(deliver(landing, name, records, header=HEADER, table=RAW, partition=partition))
        book.enter(n, partition, name, records)
    manifest = TelemetryManifest(
        seed=seed,
        start=start.isoformat(),
        hours=hours,
        files=tuple(book.files),
        defects=tuple(book.defects),
        expected=book.expected,
        kpi=book.kpi,
    )
    (landing / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    return manifest


def _records(n: int, moment: datetime.datetime, deck: Deck, chance: random.Random) -> list[Record]:
    sent_at = moment + datetime.timedelta(hours=1 if n == AHEAD else 0)
    machines = {m: mean for m, mean in MACHINES.items() if n < SILENT_FROM or m != SILENT}
    rows = [
        (machine, f"{sent_at + at * _STEP:%Y-%m-%dT%H:%M:%SZ}", f"{_warmth(mean, moment, chance):.4f}")
        for at in range(READINGS - (EARLY if n == STOPPED else 0))
        for machine, mean in machines.items()
    ]
    if n == AHEAD:
        return [Record(row, "clock_ahead", "read_at", rules=("reading_of_this_hour",), key_fields=2) for row in rows]
    if n == STOPPED:
        return [Record(row, key_fields=2) for row in rows]
    # Few enough that the hour is not held for them; its last readings stay, so that it is not stale by one sensor's fault.
    dealt = [deck.deal() for _ in range(min(chance.choice((0, 0, 1, 2, 3)), int(0.9 * _MAX_QUARANTINE_FRACTION * len(rows))))]
    place = {column: at for at, column in enumerate(HEADER)}
    spoiled = defects.inject(rows[: -len(machines)], dealt, spoils=SPOILS, twins=TWINS, place=place, random_=chance, key_fields=2)
    return [*spoiled, *(Record(row, key_fields=2) for row in rows[-len(machines) :])]


def _warmth(mean: float, moment: datetime.datetime, chance: random.Random) -> float:
    return mean + 8 * math.sin(moment.hour / 24 * 2 * math.pi) + chance.gauss(0, 1.5)


@dataclass
class _Book:
    """The manifest while it is being written, and the machines that were heard in each hour."""

    files: list[DeliveredFile] = field(default_factory=list)
    defects: list[Defect] = field(default_factory=list)
    expected: dict[str, dict[str, Expected]] = field(default_factory=dict)
    kpi: dict[str, Completeness] = field(default_factory=dict)
    heard: dict[int, frozenset[str]] = field(default_factory=dict)

    def enter_missing(self, partition: str, name: str) -> None:
        self.defects.append(Defect(name, None, "no_file", "", RAW, "missing"))
        self._expect(partition, Expected("missing"), *[Expected("blocked", because=f"{RAW}/{partition}")] * 3)

    def enter(self, n: int, partition: str, name: str, records: Sequence[Record]) -> None:
        silver, admitted, fates = answers.silver(records, max_quarantine_fraction=_MAX_QUARANTINE_FRACTION)
        if n == STOPPED:
            silver = answers.held(silver, because="fresh_within_5_minutes")
        self.defects += answers.defects(name, records, fates, raw=RAW, typed=SILVER)
        if silver.state == "held":
            self.defects.append(Defect(name, None, "feed_stopped" if n == STOPPED else "clock_ahead", "read_at", SILVER, "held"))
            blocked = Expected("blocked", because=f"{SILVER}/{partition}")
            self._expect(partition, answers.bronze(records), silver, blocked, blocked)
            return
        self.heard[n] = frozenset(record.fields[0] for record in admitted)
        machines, count = len(self.heard[n]), len(admitted)
        window = [self.heard.get(n - back, frozenset[str]()) for back in range(HEARD_WITHIN)]
        due = READINGS * len(frozenset[str]().union(*window))
        self.kpi[partition] = Completeness(count, due, count / due)
        hours = Expected("admitted", machines, admitted=machines)
        self._expect(partition, answers.bronze(records), silver, hours, Expected("admitted", 1, admitted=1))

    def _expect(self, partition: str, *expected: Expected) -> None:
        for table, becomes in zip((RAW, SILVER, HOURS, KPI), expected, strict=True):
            self.expected.setdefault(table, {})[partition] = becomes
