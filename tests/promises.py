"""The promises that every way of running a product keeps, judged from outside: Iceberg, the ledger, Dagster's event log."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster import AssetCheckKey, AssetKey

from readiness_pipelines.lakehouse import Lakehouse, quarantined, relation
from tests.served import Served
from tests.shop import Shop

HELD, GOOD, ONCE, RECORDED, CHECKED = PROMISES = (
    "held never visible",
    "good days published",
    "no doubling",
    "right partition recorded",
    "checks per partition",
)
BRONZE, SILVER, PAID, KPI = TABLES = ("bronze/raw_orders", "silver/orders", "gold/paid_orders", "gold/daily_revenue")
Day = int


@dataclass
class Case:
    """One shop of a served code location, and what was found of each promise: nothing but the broken is a problem."""

    served: Served
    shop: Shop
    found: dict[str, list[str]] = field(default_factory=dict)
    failure: Exception | None = None
    seconds: float = 0.0

    def judge(self, revenue: Mapping[Day, int], *, held: Collection[Day] = (), tables: Collection[str] = TABLES) -> None:
        """Judge all promises but the doubling: `revenue` has the good days and the three-day revenue each must have.

        Of the first day one order is in quarantine, so it has 19 orders of 10 each; a later day has 20 of them.
        """
        self._weigh(HELD, self._visible(held))
        self._weigh(GOOD, self._unpublished(revenue, tables))
        self._weigh(RECORDED, self._misrecorded(set(revenue), set(held), tables))
        self._weigh(CHECKED, self._misjudged(set(revenue), set(held), tables))

    @contextmanager
    def nothing_is_doubled(self, *, runs_again: Collection[Day]) -> Iterator[None]:
        """Judge that what is done inside adds no snapshot, publication, version or quarantined row.

        It must record these days of silver again: otherwise it did nothing, and shows nothing.
        """
        before, events = self._stock(), {day: self._events(SILVER, day) for day in runs_again}
        yield
        problems = [f"{what}: {before[what]}, then {now}" for what, now in self._stock().items() if now != before[what]]
        for day, known in events.items():
            again = self._events(SILVER, day)
            if len(again) <= len(known):
                problems.append(f"day {day} was not run again")
            if len(versions := {e.tags["dagster/data_version"] for e in again if e.tags}) != 1:
                problems.append(f"day {day} has {len(versions)} DataVersions")
        self._weigh(ONCE, problems)

    def note(self, promise: str, problem: str = "") -> None:
        """Add what a path has found itself; an empty problem says that the promise was kept."""
        self._weigh(promise, [problem] if problem else [])

    @property
    def lake(self) -> Lakehouse:
        return Lakehouse.open(self.shop.settings)

    def _weigh(self, promise: str, problems: list[str]) -> None:
        self.found.setdefault(promise, []).extend(problems)

    def _visible(self, held: Collection[Day]) -> list[str]:
        days = {self.shop.day(day) for day in held}
        problems = []
        for name in TABLES[1:]:
            if seen := days & {row["partition_key"] for row in self._main(name)}:
                problems.append(f"{name} on main has rows of {sorted(seen)}")
            problems += [f"{name} has a materialisation of day {day}" for day in held if self._events(name, day)]
        return problems

    def _unpublished(self, revenue: Mapping[Day, int], tables: Collection[str]) -> list[str]:
        orders = {day: [day * 100 + i for i in range(19 if day == 1 else 20)] for day in revenue}
        key = self.shop.day
        expected = {
            SILVER: {(key(d), order, f"c{order % 100}", 10, key(d)) for d, found in orders.items() for order in found},
            PAID: {(key(d), order, 10) for d, found in orders.items() for order in found},
            KPI: {(key(d), key(d), len(orders[d]), amount) for d, amount in revenue.items()},
        }
        columns = {
            SILVER: ("order_id", "customer", "amount", "ordered_on"),
            PAID: ("order_id", "amount"),
            KPI: ("day", "orders", "revenue"),
        }
        problems = []
        for name in set(tables) & set(expected):
            shown = [(r["partition_key"], *(_plain(r[c]) for c in columns[name])) for r in self._main(name)]
            if len(shown) != len(set(shown)) or set(shown) != expected[name]:
                odd = sorted(set(shown) ^ expected[name])[:3]
                problems.append(f"{name}: {len(shown)} rows on main, expected {len(expected[name])}; they differ in {odd}")
        return problems

    def _misrecorded(self, good: set[Day], held: set[Day], tables: Collection[str]) -> list[str]:
        problems = []
        for name in tables:
            expected = {self.shop.day(day) for day in (good | held if name == BRONZE else good)}
            published = set(self.lake.ledger.current_versions(self._table(name)))
            materialised = self.served.materialised(*self._key(name).path)
            if not expected == published == materialised:
                problems.append(
                    f"{name}: expected {sorted(expected)}, published {sorted(published)}, materialised {sorted(materialised)}"
                )
        return problems

    def _misjudged(self, good: set[Day], held: set[Day], tables: Collection[str]) -> list[str]:
        problems = []
        for name in tables:
            expected = {self.shop.day(day): True for day in good | (held if name == BRONZE else set())}
            expected |= {self.shop.day(day): False for day in held if name == SILVER}
            if (said := self._gates(name)) != expected:
                problems.append(f"{name}: gate says {said}, expected {expected}")
        return problems

    def _gates(self, name: str) -> dict[str | None, bool]:
        """Return what the newest evaluation of `gate` said of each partition."""
        with self.served.instance as instance:
            records = instance.event_log_storage.get_asset_check_execution_history(
                AssetCheckKey(self._key(name), "gate"), limit=200
            )
        said: dict[str | None, bool] = {}
        for record in reversed(records):
            event = record.event.dagster_event if record.event else None
            if event is not None and event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                said[event.asset_check_evaluation_data.partition] = event.asset_check_evaluation_data.passed
        return said

    def _main(self, name: str) -> list[dict[str, Any]]:
        """Return all rows on the table's `main`, read by Iceberg's own reader."""
        table = self.lake.find(self._table(name))
        return [] if table is None else list(table.scan().to_arrow().to_pylist())

    def _events(self, name: str, day: Day) -> list[dg.AssetMaterialization]:
        filters = dg.AssetRecordsFilter(asset_key=self._key(name), asset_partitions=[self.shop.day(day)])
        with self.served.instance as instance:
            records = instance.fetch_materializations(filters, limit=100).records
        return [r.asset_materialization for r in records if r.asset_materialization]

    def _stock(self) -> dict[str, Any]:
        """Return all that a second run could double."""
        lake, stock = self.lake, {}
        with lake.connect() as con:

            def count(sql: str) -> int:
                return int(con.execute(f"SELECT count(*) FROM {sql}").fetchall()[0][0])

            for name in TABLES:
                table = self._table(name)
                current = lake.ledger.current_versions(table)
                stock[f"{name} versions"] = {partition: version.version_key[:8] for partition, version in current.items()}
                stock[f"{name} publications"] = {p: len(lake.ledger.publications(table, p)) for p in current}
                stock[f"{name} rows"] = count(relation(lake, list(current.values()))) if current else 0
                stock[f"{name} quarantined"] = count(quarantined(lake, table))
                for kept in (table, f"{table}_quarantine"):
                    found = lake.find(kept)
                    stock[f"{kept} commits"] = found.metadata.last_sequence_number if found else 0
        return stock

    def _key(self, name: str) -> AssetKey:
        return AssetKey([self.shop.name, *name.split("/")])

    def _table(self, name: str) -> str:
        return f"{self.shop.name}.{name.replace('/', '.')}"


def _plain(value: Any) -> Any:
    return str(value) if hasattr(value, "isoformat") else value
