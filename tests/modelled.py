"""A small product with a model: daily orders, what of them was sent back some days later, customers who order again.

Which orders are sent back: the dear ones, and those of one channel. `how` of a day can turn that round (`turned`), make it
weaker (`noise`) or move what is ordered (`dearer`).
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

import numpy as np

from readiness_pipelines.declarations import Product, load_product
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import run_step
from readiness_pipelines.settings import Settings
from tests.services import settings_at

START = datetime.date(2025, 1, 1)
LAG = 2  # days from an order to the day on which it is told whether it was sent back
ORDERS, RETURNS = "parcels.silver.orders", "parcels.silver.returns"
MODEL = """\
  model:
    table: orders
    time: ordered_at
    label: {table: returns, column: returned, by: [order_id]}
    groups: [customer]
    slices: [{column: region, min_rows: 50}]
    protected: [{column: age_band, min_rows: 50}]
    features: [amount, items, weight, channel, region]
    holdout_days: 3
    risk_tier: low
"""
WATCHED = """\
  drift:
    - table: orders
      window: {days: 2, step: 2}
      reference: training_set
      features: [amount, items, weight, channel, region]
"""
SCORED = """\
    - name: order_scores
      key: [order_id]
      inputs: {orders: {read: same}}
      sql: gold/order_scores.sql
      scored: true
"""

_DEFS = """\
type: readiness_pipelines.product.DataProduct
attributes:
  product: parcels
  partitions: {every: day, start: 2025-01-01}
  kpi: {table: return_rate, column: share}
  bronze:
    - name: raw_orders
      feed: {files: "orders_%Y-%m-%d*.csv", first_due: 2025-01-01}
    - name: raw_returns
      feed: {files: "returns_%Y-%m-%d*.csv", first_due: 2025-01-03}
  silver:
    - {name: orders, from: raw_orders, sql: silver/orders.sql, deduplicate: {by: [order_id], keep: last}}
    - {name: returns, from: raw_returns, sql: silver/returns.sql, deduplicate: {by: [order_id], keep: last}}
  gold:
    - {name: return_rate, key: [day], inputs: {returns: {read: same}}, sql: gold/return_rate.sql}
$scored$watched$model"""

_ORDERS = {
    "order_id": ("integer", "confidential"),
    "customer": ("string", "PII"),
    "ordered_at": ("timestamp", "public"),
    "amount": ("number", "public"),
    "items": ("integer", "public"),
    "weight": ("number", "confidential"),
    "channel": ("string", "public"),
    "region": ("string", "public"),
    "age_band": ("string", "confidential"),
}
_RETURNS = {
    "order_id": ("integer", "confidential"),
    "returned": ("boolean", "confidential"),
    "told_on": ("date", "public"),
}
_RATE = {"day": ("date", "public"), "orders": ("integer", "public"), "share": ("number", "public")}
_SCORES = {
    "order_id": ("integer", "confidential"),
    "ordered_at": ("timestamp", "public"),
    "amount": ("number", "public"),
    "score": ("number", "confidential"),
    "prediction": ("boolean", "confidential"),
    "model_version": ("string", "public"),
    "input_version": ("string", "public"),
}


def _schema(table: str, columns: dict[str, tuple[str, str]], key: str = "") -> str:
    lines = [f"  - name: {table}", f"    description: The {table}.", "    properties:"]
    for name, (logical, classification) in columns.items():
        keyed = ", primaryKey: true, primaryKeyPosition: 1" if name == key else ""
        lines.append(f"      - {{name: {name}, logicalType: {logical}, classification: {classification}{keyed}}}")
    return "\n".join(lines) + "\n"


def _as_text(columns: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    return {name: ("string", classification) for name, (_, classification) in columns.items()}


def _contract(*, scored: bool) -> str:
    return f"""\
apiVersion: v3.1.0
kind: DataContract
id: parcels
name: parcels
version: 1.0.0
status: active
team:
  members:
    - {{username: parcels@example.com, role: owner}}
    - {{username: steward@example.com, role: Data Steward}}
slaProperties:
  - {{property: frequency, value: daily}}
schema:
{_schema("raw_orders", _as_text(_ORDERS))}{_schema("raw_returns", _as_text(_RETURNS))}{_schema("orders", _ORDERS, "order_id")}\
{_schema("returns", _RETURNS, "order_id")}{_schema("return_rate", _RATE, "day")}\
{_schema("order_scores", _SCORES, "order_id") if scored else ""}"""


_NOT_EMPTY = "expectations:\n  - {type: expect_table_row_count_to_be_between, kwargs: {min_value: 1}}\n"
_SUITES = {
    "bronze_raw_orders": _NOT_EMPTY,
    "bronze_raw_returns": _NOT_EMPTY,
    "silver_orders": "meta: {max_quarantine_fraction: 0.2}\nexpectations:\n"
    "  - {type: expect_column_values_to_be_between, kwargs: {column: amount, min_value: 0, max_value: 100000}}\n",
    "silver_returns": _NOT_EMPTY,
    "gold_return_rate": "expectations:\n  - {type: expect_table_row_count_to_equal, kwargs: {value: 1}}\n",
}
_SQL = {
    "silver/orders.sql": "SELECT " + ", ".join(f"nullif({name}, '') AS {name}" for name in _ORDERS) + " FROM raw_orders",
    "silver/returns.sql": "SELECT " + ", ".join(f"nullif({name}, '') AS {name}" for name in _RETURNS) + " FROM raw_returns",
    "gold/return_rate.sql": "SELECT CAST(getvariable('partition_key') AS DATE) AS day, count(*) AS orders, "
    "avg(CAST(returned AS INTEGER)) AS share FROM returns",
}
_SCORES_SQL = f"SELECT row_id AS source_row_id, {', '.join(_SCORES)} FROM orders"


@dataclass(frozen=True)
class Parcels:
    """The product's folder, settings and lakehouse, and what lands for it."""

    root: Path
    lake: Lakehouse = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lake", Lakehouse.open(self.settings))

    @property
    def settings(self) -> Settings:
        return settings_at(self.root, {})

    @property
    def folder(self) -> Path:
        return self.root / "defs" / "parcels"

    @property
    def product(self) -> Product:
        """The product as its files stand now."""
        return load_product(self.folder)

    def day(self, number: int) -> str:
        """Return the key of the `number`th day, counted from 1."""
        return str(START + datetime.timedelta(days=number - 1))

    def land(self, numbers: Iterable[int], **how: float) -> None:
        """Write the orders of these days, and what became on them of the orders of `LAG` days before."""
        for number in numbers:
            self.land_orders(number, orders_of(number, **how))
            if number > LAG:
                self.land_returns(number, orders_of(number - LAG, **how))

    def land_orders(self, number: int, orders: dict[str, np.ndarray], *, suffix: str = "") -> None:
        """Write the orders of a day; what became of them is not in the file."""
        self._write(f"orders_{self.day(number)}{suffix}.csv", {name: orders[name] for name in _ORDERS})

    def land_returns(self, number: int, orders: dict[str, np.ndarray], *, suffix: str = "") -> None:
        """Write on a day what became of these orders."""
        told = {
            "order_id": orders["order_id"],
            "returned": orders["returned"],
            "told_on": [self.day(number)] * len(orders["order_id"]),
        }
        self._write(f"returns_{self.day(number)}{suffix}.csv", {name: np.asarray(told[name], dtype=object) for name in _RETURNS})

    def _write(self, name: str, columns: dict[str, np.ndarray]) -> None:
        path = self.settings.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cells = [[_cell(value) for value in column] for column in columns.values()]
        rows = "".join(",".join(row) + "\n" for row in zip(*cells, strict=True))
        path.write_text(",".join(columns) + "\n" + rows, encoding="utf-8")

    def run(self, numbers: Iterable[int], *, tables: Sequence[str] = ("raw_orders", "orders", "raw_returns", "returns")) -> None:
        """Bring these days into these tables; returns are not due before there can be any."""
        product = self.product
        for number in numbers:
            for name in tables:
                if number > LAG or "return" not in name:
                    run_step(self.lake, self.settings, product, name, self.day(number))

    def fill(self, numbers: Iterable[int], **how: float) -> None:
        """Land these days and run them."""
        days = list(numbers)
        self.land(days, **how)
        self.run(days)

    def declare(self, old: str, new: str) -> None:
        """Change the words of the declaration."""
        path = self.folder / "defs.yaml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")


def _cell(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool | np.bool_) else str(value)


def orders_of(number: int, *, rows: float = 300, **how: float) -> dict[str, np.ndarray]:
    """Return the orders of a day, and in `returned` what became of them: the same for the same number and `how`.

    `turned` 1: the cheap ones are sent back. `noise`: how much of it is nothing's business (usually 1). `dearer`: added to the
    logarithm of amounts. `customers`: of how many the orders are (usually 4,000).
    """
    said = {"turned": 0.0, "noise": 1.0, "dearer": 0.0, "customers": 4000.0} | how
    random, n = np.random.default_rng([7, number]), int(rows)
    log_amount = random.normal(0, 0.6, n)
    channel = random.choice(["web", "shop", "phone"], n, p=[0.6, 0.3, 0.1])
    lean = 2.5 * log_amount * (1 - 2 * said["turned"]) + 1.0 * (channel == "phone") - 1.2
    returned = lean + said["noise"] * random.logistic(0, 1, n) > 0
    weight = np.round(random.gamma(2, 1.5, n), 3).astype(object)
    weight[random.random(n) < 0.05] = None
    seconds = np.sort(random.integers(0, 86_400, n))
    first = datetime.datetime.combine(START, datetime.time()) + datetime.timedelta(days=number - 1)
    return {
        "order_id": number * 1_000_000 + np.arange(n),
        "customer": np.array([f"c{i}" for i in random.integers(0, int(said["customers"]), n)], dtype=object),
        "ordered_at": np.array(
            [(first + datetime.timedelta(seconds=int(s))).strftime("%Y-%m-%dT%H:%M:%SZ") for s in seconds], dtype=object
        ),
        "amount": np.round(40 * np.exp(log_amount + said["dearer"]), 2),
        "items": random.poisson(2, n) + 1,
        "weight": weight,
        "channel": channel.astype(object),
        "region": random.choice(["north", "south", "west"], n, p=[0.5, 0.3, 0.2]).astype(object),
        "age_band": random.choice(["young", "middle", "old"], n).astype(object),
        "returned": returned,
    }


def build_parcels(root: Path, *, model: str = MODEL, watched: str = "", scored: bool = False) -> Parcels:
    """Write the declarations under `root`; nothing has landed yet.

    `watched` may be `WATCHED`: orders against the training set. `scored` adds the gold table `order_scores`.
    """
    words = {"model": model, "watched": watched, "scored": SCORED if scored else ""}
    files = {"defs.yaml": Template(_DEFS).substitute(words), "contract.yaml": _contract(scored=scored), **_SQL}
    suites = dict(_SUITES)
    if scored:
        files["gold/order_scores.sql"], suites["gold_order_scores"] = _SCORES_SQL, _NOT_EMPTY
    for name, text in files.items():
        path = root / "defs" / "parcels" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    place = root / "quality_suites" / "parcels"
    place.mkdir(parents=True, exist_ok=True)
    for name, text in suites.items():
        (place / f"{name}.yaml").write_text(f"name: {name}\n{text}", encoding="utf-8")
    return Parcels(root)
