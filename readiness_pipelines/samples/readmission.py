"""Sample landing data of the readmission product: seeded, messy, and with the right answer beside it.

    landing/encounters/encounters_<day>.csv     one file per day of discharge
    landing/outcomes/outcomes_<day>.csv         the outcomes of the discharges of 30 days before
    landing/readmission_manifest.json           what a right pipeline makes of them, to the row

Three days of encounters tell a story of their own, by their distance from the first day, and carry no other defect:
the 17th day has no file, the 24th has a renamed column, on the 42nd two rows in five give hours where days belong. From the
50th day on the payer is recorded for nearly every stay, and not for a third: no fault, and another table than before.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from readiness_pipelines.samples import answers
from readiness_pipelines.samples import defects as spoiling
from readiness_pipelines.samples.defects import Deck, Record
from readiness_pipelines.samples.delivery import deliver
from readiness_pipelines.samples.manifest import Defect, DeliveredFile, Expected, Kpi, Manifest
from readiness_pipelines.samples.stays import (
    ENCOUNTER_COLUMNS,
    OUTCOME_COLUMNS,
    PLACE,
    Patient,
    Stay,
    draw_patients,
    draw_stays,
)

MANIFEST = "readmission_manifest.json"
KNOWN_AFTER = datetime.timedelta(days=30)
MISSING, RENAMED, BROKEN = 16, 23, 41  # days after the first: 2025-01-17, 2025-01-24, 2025-02-11 by default
BROKEN_FRACTION = 0.4
PAYER_RECORDED = 49  # days after the first, and from then on: 2025-02-19 by default, where a week of the monitor begins
RENAMED_COLUMN, RENAMED_TO = "time_in_hospital", "length_of_stay"
RAW_ENCOUNTERS, RAW_OUTCOMES = "readmission.bronze.raw_encounters", "readmission.bronze.raw_outcomes"
ENCOUNTERS, OUTCOMES = "readmission.silver.encounters", "readmission.silver.outcomes"
FEATURES, LABELS = "readmission.gold.readmission_features", "readmission.gold.readmission_outcomes"
RATE = "readmission.gold.readmission_rate_30d"
_FIRST_ID, _ORPHAN_ID = 1_000_000, 900_000_000


def write(
    landing: Path,
    *,
    seed: int = 7,
    encounters_per_day: int = 1000,
    days: int = 60,
    start: datetime.date = datetime.date(2025, 1, 1),
) -> Manifest:
    """Write `days` days of encounters from `start` on, and their outcomes 30 days later; return the manifest.

    Same arguments, same bytes. Files of the same names are overwritten, others in `landing` are left alone.
    Raises ValueError unless there is at least one day and one encounter a day.
    """
    if days < 1 or encounters_per_day < 1:
        raise ValueError(f"found {days} days of {encounters_per_day} encounters, expected at least one of each")
    return _lay_down(landing, _Sample(seed, encounters_per_day, days, start))


def corrected(landing: Path, manifest: Manifest, partition: str) -> Manifest:
    """Write the file that should have come on `partition` in the first place; return the manifest as it is then.

    `partition` is the day of the missing, the renamed or the broken file; no other file changes.
    Raises ValueError for any other day.
    """
    start = datetime.date.fromisoformat(manifest.start)
    stories = {(start + datetime.timedelta(days=d)).isoformat() for d in (MISSING, RENAMED, BROKEN) if d < manifest.days}
    if partition not in stories:
        raise ValueError(
            f"found {partition!r}, expected a day with a story: {', '.join(sorted(stories)) or 'this sample has none'}"
        )
    done = tuple(sorted({*manifest.corrected, partition}))
    sample = _Sample(manifest.seed, manifest.encounters_per_day, manifest.days, start, done)
    return _lay_down(landing, sample, only=f"encounters/encounters_{partition}.csv")


@dataclass(frozen=True)
class _Sample:
    seed: int
    encounters_per_day: int
    days: int
    start: datetime.date
    corrected: tuple[str, ...] = ()

    def random_for(self, *what: object) -> random.Random:
        """A stream of its own for each purpose and day, so that correcting one day moves no other."""
        return random.Random(":".join(map(str, (self.seed, *what))))

    def tells(self, story: int, index: int) -> bool:
        return index == story and (self.start + datetime.timedelta(days=index)).isoformat() not in self.corrected


@dataclass
class _Book:
    """The manifest while it is being written, and the encounters in the features of each day."""

    files: list[DeliveredFile] = field(default_factory=list)
    defects: list[Defect] = field(default_factory=list)
    expected: dict[str, dict[str, Expected]] = field(default_factory=dict)
    kpi: dict[str, Kpi] = field(default_factory=dict)
    discharges: dict[str, frozenset[str]] = field(default_factory=dict)

    def expect(self, partition: str, **by_table: Expected) -> None:
        for table, expected in by_table.items():
            self.expected.setdefault(_TABLES[table], {})[partition] = expected


_TABLES = {
    "raw_encounters": RAW_ENCOUNTERS,
    "raw_outcomes": RAW_OUTCOMES,
    "encounters": ENCOUNTERS,
    "outcomes": OUTCOMES,
    "features": FEATURES,
    "labels": LABELS,
    "rate": RATE,
}


def _lay_down(landing: Path, sample: _Sample, *, only: str | None = None) -> Manifest:
    book = _Book()
    put = partial(_put, landing, book, only=only)
    known: list[tuple[int, Sequence[Stay]]] = []
    encounter_deck = Deck(spoiling.ENCOUNTER_KINDS, sample.random_for("encounter deck"))
    for index, day, stays in _days(sample):
        _encounters_of(book, put, sample, encounter_deck, index, day.isoformat(), stays)
        known.append((index, [Stay(s.fields[:1], s.readmitted) for s in stays]))
    outcome_deck = Deck(spoiling.OUTCOME_KINDS, sample.random_for("outcome deck"))
    for index, ended in known:
        day = sample.start + datetime.timedelta(days=index) + KNOWN_AFTER
        _outcomes_of(book, put, sample, outcome_deck, index, day, ended)
    if sample.days > MISSING and sample.tells(MISSING, MISSING):
        absent = landing / f"encounters/encounters_{(sample.start + datetime.timedelta(days=MISSING)).isoformat()}.csv"
        absent.unlink(missing_ok=True)
    manifest = Manifest(
        seed=sample.seed,
        encounters_per_day=sample.encounters_per_day,
        days=sample.days,
        start=sample.start.isoformat(),
        corrected=sample.corrected,
        files=tuple(book.files),
        defects=tuple(book.defects),
        expected=book.expected,
        kpi=book.kpi,
    )
    (landing / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    return manifest


def _days(sample: _Sample) -> Iterator[tuple[int, datetime.date, list[Stay]]]:
    n = sample.encounters_per_day
    # Three patients for four stays, drawn with repetition: seven stays in ten are somebody's first, as in the real set.
    patients: list[Patient] = draw_patients(sample.random_for("patients"), max(1, n * sample.days * 5 // 4))
    for index in range(sample.days):
        day = sample.start + datetime.timedelta(days=index)
        first_id = _FIRST_ID + 10 * n * index
        random_, recorded = sample.random_for("stays", index), index >= PAYER_RECORDED
        yield index, day, draw_stays(random_, patients, day, first_id=first_id, count=n, payer_recorded=recorded)


def _put(
    landing: Path,
    book: _Book,
    feed: str,
    partition: str,
    header: Sequence[str],
    records: Sequence[Record],
    *,
    only: str | None,
) -> str:
    """Write one file (unless another one is the `only` one wanted), enter it in the book, and return its name."""
    name = f"{feed}/{feed}_{partition}.csv"
    table = RAW_ENCOUNTERS if feed == "encounters" else RAW_OUTCOMES
    wanted = only in (None, name)
    book.files.append(deliver(landing, name, records, header=header, table=table, partition=partition, is_written=wanted))
    return name


def _encounters_of(
    book: _Book, put: partial[str], sample: _Sample, deck: Deck, index: int, partition: str, stays: Sequence[Stay]
) -> None:
    rows = [s.fields for s in stays]
    blocked = Expected("blocked", because=f"{RAW_ENCOUNTERS}/{partition}")
    if sample.tells(MISSING, index):
        book.defects.append(Defect(f"encounters/encounters_{partition}.csv", None, "no_file", "", RAW_ENCOUNTERS, "missing"))
        book.expect(partition, raw_encounters=Expected("missing"), encounters=blocked, features=blocked)
        return
    if sample.tells(RENAMED, index):
        header = [RENAMED_TO if c == RENAMED_COLUMN else c for c in ENCOUNTER_COLUMNS]
        name = put("encounters", partition, header, [Record(row) for row in rows])
        book.defects.append(Defect(name, None, "renamed_column", RENAMED_COLUMN, RAW_ENCOUNTERS, "held"))
        held = Expected("held", len(rows), held=len(rows), because="columns")
        book.expect(partition, raw_encounters=held, encounters=blocked, features=blocked)
        return
    records = _encounter_records(sample, deck, index, rows)
    name = put("encounters", partition, ENCOUNTER_COLUMNS, records)
    expected, admitted, fates = answers.silver(records)
    if expected.state == "held":
        book.defects.append(Defect(name, None, "hours_for_days", "time_in_hospital", ENCOUNTERS, "held"))
        features, kept = Expected("blocked", because=f"{ENCOUNTERS}/{partition}"), frozenset[str]()
    else:
        features, kept = answers.features(admitted)
    book.defects += answers.defects(name, records, fates, raw=RAW_ENCOUNTERS, typed=ENCOUNTERS)
    book.expect(partition, raw_encounters=answers.bronze(records), encounters=expected, features=features)
    book.discharges[partition] = kept


def _encounter_records(sample: _Sample, deck: Deck, index: int, rows: Sequence[Sequence[str]]) -> list[Record]:
    if index in (MISSING, RENAMED, BROKEN):
        return _hours_for_days(sample, rows) if sample.tells(BROKEN, index) else [Record(row) for row in rows]
    n = len(rows)
    # About 2% of a day: enough to meet every kind in five small days, and far from the 5% that hold a day.
    dealt = [deck.deal() for _ in range(min(max(round(0.018 * n), 4), int(0.03 * n)))]
    if n >= 50:
        dealt += [(kind, 0) for kind, rest in (("nul_byte", 1), ("not_utf8", 2)) if index % 7 == rest]
    return spoiling.inject(
        rows,
        dealt,
        spoils=spoiling.ENCOUNTER_SPOILS,
        twins=spoiling.ENCOUNTER_TWINS,
        place=PLACE,
        random_=sample.random_for("encounter defects", index),
    )


def _hours_for_days(sample: _Sample, rows: Sequence[Sequence[str]]) -> list[Record]:
    column = PLACE["time_in_hospital"]
    broken = set(sample.random_for("hours for days").sample(range(len(rows)), round(BROKEN_FRACTION * len(rows))))
    return [
        Record(
            [*row[:column], str(24 * int(row[column])), *row[column + 1 :]],
            kind="hours_for_days",
            column="time_in_hospital",
            rules=("time_in_hospital_in_range",),
        )
        if i in broken
        else Record(row)
        for i, row in enumerate(rows)
    ]


def _outcomes_of(
    book: _Book, put: partial[str], sample: _Sample, deck: Deck, index: int, day: datetime.date, stays: Sequence[Stay]
) -> None:
    partition = day.isoformat()
    records = _outcome_records(sample, deck, index, [[s.encounter_id, s.readmitted, partition] for s in stays])
    name = put("outcomes", partition, OUTCOME_COLUMNS, records)
    expected, admitted, fates = answers.silver(records)
    book.defects += answers.defects(name, records, fates, raw=RAW_OUTCOMES, typed=OUTCOMES)
    orphans = [n for n, r in enumerate(records, start=1) if r.kind == "orphan_outcome"]
    book.defects += [Defect(name, n, "orphan_outcome", "encounter_id", RATE, "unmatched") for n in orphans]
    book.expect(
        partition,
        raw_outcomes=answers.bronze(records),
        outcomes=expected,
        labels=replace(Expected("admitted"), rows_in=len(admitted), admitted=len(admitted)),
        rate=Expected("admitted", 1, admitted=1),
    )
    book.kpi[partition] = answers.kpi(admitted, _discharges(book.discharges, day))


def _outcome_records(sample: _Sample, deck: Deck, index: int, rows: Sequence[Sequence[str]]) -> list[Record]:
    n = len(rows)
    dealt = [deck.deal() for _ in range(min(max(round(0.006 * n), 2), int(0.03 * n)))]
    if n >= 50:
        dealt += [(kind, 0) for kind, rest in (("nul_byte", 3), ("not_utf8", 4)) if index % 11 == rest]
    records = spoiling.inject(
        rows,
        dealt,
        spoils=spoiling.OUTCOME_SPOILS,
        twins=spoiling.OUTCOME_TWINS,
        place=spoiling.OUTCOME_PLACE,
        random_=sample.random_for("outcome defects", index),
    )
    orphan = [str(_ORPHAN_ID + index), "NO", rows[0][2]]
    return [*records, Record(orphan, kind="orphan_outcome")]


def _discharges(by_day: Mapping[str, frozenset[str]], day: datetime.date) -> frozenset[str]:
    """The encounters in the features of the 31 days up to `day`, both ends included."""
    window = ((day - datetime.timedelta(days=back)).isoformat() for back in range(31))
    return frozenset[str]().union(*(by_day.get(d, frozenset()) for d in window))
