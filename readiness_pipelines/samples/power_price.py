"""Sample landing data of the power_price product: seeded, messy, and with the right answer beside it.

    landing/market/market_<day>.csv             demand, price and scheduled import of two regions, each half hour of the day
    landing/settlements/settlements_<day>.csv   was each half hour of the day before dearer than the mean of the day before that?
    landing/power_price_manifest.json           what a right pipeline makes of them, to the row

Two days of the market tell a story of their own, by their distance from the first, and carry no other defect: the 9th has no
file, the 17th gives prices in cents. From the 29th day on the market is another one (`market.py`): a model that was trained
before has learned what is not so any more.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from readiness_pipelines.samples import answers, defects
from readiness_pipelines.samples.defects import Deck, Record, Spoil, bad_cast, broken_rule
from readiness_pipelines.samples.delivery import deliver
from readiness_pipelines.samples.manifest import AnswerSheet, Defect, DeliveredFile, Expected
from readiness_pipelines.samples.market import HalfHour, dearer_than_the_day_before, draw

MANIFEST = "power_price_manifest.json"
MARKET_HEADER = ("region", "half_hour", "demand", "price", "scheduled_import")
SETTLED_HEADER = ("region", "half_hour", "against_day_before", "settled_on")
MISSING, IN_CENTS, CHANGED = 8, 16, 28  # days after the first
RAW_MARKET, RAW_SETTLED = "power_price.bronze.raw_market", "power_price.bronze.raw_settlements"
MARKET, SETTLED = "power_price.silver.market", "power_price.silver.settlements"
FEATURES, LABELS = "power_price.gold.price_features", "power_price.gold.price_outcomes"
KPI = "power_price.gold.daily_price"
MARKET_SPOILS: Mapping[str, Sequence[Spoil]] = {
    "price_out_of_range": (
        broken_rule("price", "14000.00", "price_in_range"),
        broken_rule("price", "-999.99", "price_in_range"),
    ),
    "no_price": (broken_rule("price", "", "price_present"),),
    "no_demand": (broken_rule("demand", "", "demand_present"),),
    "demand_out_of_range": (broken_rule("demand", "0.0", "demand_in_range"), broken_rule("demand", "-1.0", "demand_in_range")),
    "no_number": (bad_cast("price", "n/a"), bad_cast("demand", "5 210.0"), bad_cast("scheduled_import", "--")),
    "unknown_region": (broken_rule("region", "nroth", "region_known"), broken_rule("region", "North", "region_known")),
    "no_region": (broken_rule("region", "", "region_present"),),
    "no_time": (broken_rule("half_hour", "", "half_hour_present"),),
    "impossible_time": (bad_cast("half_hour", "2025-02-30T10:00:00Z"), bad_cast("half_hour", "2025-01-06T25:00:00Z")),
    "of_another_day": (broken_rule("half_hour", "2024-12-24T18:00:00Z", "half_hour_of_this_day"),),
    "several_reasons": (
        Spoil({"region": "nroth", "price": "14000.00"}, rules=("region_known", "price_in_range")),
        Spoil({"demand": "n/a", "price": ""}, casts=("cast:demand",), rules=("price_present",)),
    ),
}
MARKET_TWINS: Mapping[str, Spoil] = {  # a second record of the same region and half hour, further down the file
    "sent_twice": Spoil({}),
    "revised": Spoil({"price": "47.11"}),
    # A later record that cannot be cast takes no part in de-duplication: the earlier one stands.
    "revised_unreadable": bad_cast("price", "n/a"),
    # A later record that can be cast stands, and then breaks a rule: neither is admitted.
    "revised_out_of_range": broken_rule("price", "14000.00", "price_in_range"),
}
SETTLED_SPOILS: Mapping[str, Sequence[Spoil]] = {
    "unknown_word": (
        broken_rule("against_day_before", "SAME", "against_day_before_known"),
        broken_rule("against_day_before", "up", "against_day_before_known"),
    ),
    "no_outcome": (broken_rule("against_day_before", "", "against_day_before_present"),),
    "no_region": (broken_rule("region", "", "region_present"),),
    "impossible_day": (bad_cast("settled_on", "2025-02-30"),),
    "of_another_day": (broken_rule("settled_on", "2024-12-24", "settled_on_delivery_day"),),
}
SETTLED_TWINS: Mapping[str, Spoil] = {"sent_twice": Spoil({})}
UNREADABLE = ("too_few_fields", "too_many_fields")
MARKET_KINDS = (*MARKET_SPOILS, *MARKET_TWINS, *UNREADABLE)
SETTLED_KINDS = (*SETTLED_SPOILS, *SETTLED_TWINS, "too_few_fields")
_MAX_QUARANTINE_FRACTION = 0.05  # as the suites of both silver tables declare it
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class DailyPrice:
    """The KPI row of one day, over the rows that are admitted: MWh of both regions, and what one cost on the mean."""

    half_hours: int
    energy: float
    mean_price: float


@dataclass(frozen=True, kw_only=True)
class PowerManifest(AnswerSheet):
    """The answer sheet of power_price. `kpi` is day -> DailyPrice (absent: no row), `changed_from` the first day of the new market.

    What a model scores is in no answer sheet: it depends on what was trained, and when.
    """

    days: int
    changed_from: str
    kpi: Mapping[str, DailyPrice]

    @classmethod
    def _own(cls, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"kpi": {day: DailyPrice(**k) for day, k in raw["kpi"].items()}}


def write(
    landing: Path, *, seed: int = 7, days: int = 56, start: datetime.date = datetime.date(2025, 1, 6), changed: int = CHANGED
) -> PowerManifest:
    """Write `days` days of the market from `start` on, and what was settled of them by the last; return the manifest.

    `changed`: how many days after `start` the market becomes another one; from `days` on: never. Same arguments, same bytes, and
    the files of a longer sample begin with those of a shorter one. Files of the same names are overwritten, others in `landing`
    are left alone. Raises ValueError unless there is at least one day.
    """
    if days < 1:
        raise ValueError(f"found {days} days, expected at least one")
    book = _Book(landing, start)
    decks = (Deck(MARKET_KINDS, random.Random(f"{seed}:market deck")), Deck(SETTLED_KINDS, random.Random(f"{seed}:settled deck")))
    drawn = draw(random.Random(f"{seed}:market"), first=start - _DAY, days=days + 1, changed_from=start + changed * _DAY)
    before, settled = next(drawn), list[Sequence[str]]()  # the day before the first one is never delivered
    for n, half_hours in enumerate(drawn):
        day = start + n * _DAY
        book.enter_market(n, day, half_hours, decks[0], random.Random(f"{seed}:market:{n}"))
        if n:
            book.enter_settled(n, day, settled, decks[1], random.Random(f"{seed}:settled:{n}"))
        is_up = dearer_than_the_day_before(half_hours, before)
        settled = [
            (h.region, _time(h), "UP" if up else "DOWN", (day + _DAY).isoformat()) for h, up in zip(half_hours, is_up, strict=True)
        ]
        before = half_hours
    manifest = PowerManifest(
        seed=seed,
        start=start.isoformat(),
        days=days,
        changed_from=(start + changed * _DAY).isoformat(),
        files=tuple(book.files),
        defects=tuple(book.defects),
        expected=book.expected,
        kpi=book.kpi,
    )
    (landing / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    return manifest


def _time(half_hour: HalfHour) -> str:
    return f"{half_hour.at:%Y-%m-%dT%H:%M:%SZ}"


def _market_row(half_hour: HalfHour, *, in_cents: bool) -> Sequence[str]:
    price = half_hour.price * (100 if in_cents else 1)
    return (half_hour.region, _time(half_hour), f"{half_hour.demand:.1f}", f"{price:.2f}", f"{half_hour.scheduled_import:.1f}")


@dataclass
class _Book:
    """The manifest while it is being written, and how the market of the day before stands."""

    landing: Path
    start: datetime.date
    files: list[DeliveredFile] = field(default_factory=list)
    defects: list[Defect] = field(default_factory=list)
    expected: dict[str, dict[str, Expected]] = field(default_factory=dict)
    kpi: dict[str, DailyPrice] = field(default_factory=dict)
    stops: str = ""  # the table and partition of yesterday's market that is not there, and for which today's features wait

    def enter_market(self, n: int, day: datetime.date, half_hours: Sequence[HalfHour], deck: Deck, chance: random.Random) -> None:
        partition, name = day.isoformat(), f"market/market_{day}.csv"
        if n == MISSING:
            (self.landing / name).unlink(missing_ok=True)
            self.defects.append(Defect(name, None, "no_file", "", RAW_MARKET, "missing"))
            self._expect(
                partition, {RAW_MARKET: Expected("missing"), MARKET: Expected("blocked", because=f"{RAW_MARKET}/{partition}")}
            )
            self._below_market(n, partition, stopped=f"{RAW_MARKET}/{partition}")
            return
        rows = [_market_row(h, in_cents=n == IN_CENTS) for h in half_hours]
        if n == IN_CENTS:
            records = [Record(row, "price_in_cents", "price", rules=("price_in_range",), key_fields=2) for row in rows]
        else:
            records = _spoiled(rows, deck, chance, spoils=MARKET_SPOILS, twins=MARKET_TWINS, header=MARKET_HEADER)
        silver, admitted = self._deliver(partition, name, records, header=MARKET_HEADER, tables=(RAW_MARKET, MARKET))
        if silver.state == "held":
            self.defects.append(Defect(name, None, "price_in_cents", "price", MARKET, "held"))
            self._below_market(n, partition, stopped=f"{MARKET}/{partition}")
            return
        energy = [float(r.fields[2]) / 2 for r in admitted]  # MW over half an hour
        cost = sum(e * float(r.fields[3]) for e, r in zip(energy, admitted, strict=True))
        self.kpi[partition] = DailyPrice(len(admitted), sum(energy), cost / sum(energy))
        self._below_market(n, partition, rows=len(admitted))

    def enter_settled(self, n: int, day: datetime.date, rows: Sequence[Sequence[str]], deck: Deck, chance: random.Random) -> None:
        partition, name = day.isoformat(), f"settlements/settlements_{day}.csv"
        records = _spoiled(rows, deck, chance, spoils=SETTLED_SPOILS, twins=SETTLED_TWINS, header=SETTLED_HEADER)
        _, admitted = self._deliver(partition, name, records, header=SETTLED_HEADER, tables=(RAW_SETTLED, SETTLED))
        self._expect(partition, {LABELS: Expected("admitted", len(admitted), admitted=len(admitted))})

    def _deliver(
        self, partition: str, name: str, records: Sequence[Record], *, header: Sequence[str], tables: tuple[str, str]
    ) -> tuple[Expected, list[Record]]:
        raw, typed = tables
        self.files.append(deliver(self.landing, name, records, header=header, table=raw, partition=partition))
        silver, admitted, fates = answers.silver(records, max_quarantine_fraction=_MAX_QUARANTINE_FRACTION)
        self.defects += answers.defects(name, records, fates, raw=raw, typed=typed)
        self._expect(partition, {raw: answers.bronze(records), typed: silver})
        return silver, admitted

    def _below_market(self, n: int, partition: str, *, rows: int = 0, stopped: str = "") -> None:
        """Features look at the day before too; those of the first day have none, and are a declared drop."""
        features = Expected("admitted", rows, admitted=rows) if n else Expected("admitted", rows, dropped={"no_day_before": rows})
        waits_for = self.stops or stopped
        of_the_day = Expected("blocked", because=stopped) if stopped else Expected("admitted", 1, admitted=1)
        self._expect(partition, {FEATURES: Expected("blocked", because=waits_for) if waits_for else features, KPI: of_the_day})
        self.stops = stopped

    def _expect(self, partition: str, expected: Mapping[str, Expected]) -> None:
        for table, becomes in expected.items():
            self.expected.setdefault(table, {})[partition] = becomes


def _spoiled(
    rows: Sequence[Sequence[str]],
    deck: Deck,
    chance: random.Random,
    *,
    spoils: Mapping[str, Sequence[Spoil]],
    twins: Mapping[str, Spoil],
    header: Sequence[str],
) -> list[Record]:
    """Return the day's records with as many defects as a day has, few enough that it is not held for them."""
    dealt = [deck.deal() for _ in range(chance.choice((0, 1, 1, 2, 3)))]
    place = {column: at for at, column in enumerate(header)}
    return defects.inject(rows, dealt, spoils=spoils, twins=twins, place=place, random_=chance, key_fields=2)
