"""A small product for tests: daily orders, one bronze, one silver, two gold tables, in a temporary folder."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from string import Template

from readiness_pipelines.declarations import Product, load_product
from readiness_pipelines.settings import Settings
from tests.services import settings_at, variables

START, LAST_DUE = datetime.date(2025, 1, 1), datetime.date(2025, 1, 10)
HEADER = "order_id,customer,amount,ordered_on\n"

_DEFS = """\
type: readiness_pipelines.product.DataProduct
attributes:
  product: $product
  partitions: {every: day, start: $start}
  kpi: {table: daily_revenue, column: revenue}
  bronze:
    - name: raw_orders
      feed: {files: "$feed/orders_%Y-%m-%d*.csv", first_due: $start$last_due}
  silver:
    - name: orders
      from: raw_orders
      sql: silver/orders.sql
      deduplicate: {by: [order_id], keep: last}
  gold:
    - name: paid_orders
      key: [order_id]
      inputs: {orders: {read: same}}
      sql: gold/paid_orders.sql
      drop_where: [{reason: free, sql: "amount = 0"}]
    - name: daily_revenue
      key: [day]
      inputs: {paid_orders: {read: {last: 3}, unavailable: ignore}, orders: {read: same}}
      sql: gold/daily_revenue.sql
"""

_CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: $product
name: $product
version: 1.0.0
status: active
team:
  members:
    - {username: shop@example.com, role: owner}
    - {username: steward@example.com, role: Data Steward}
slaProperties:
  - {property: frequency, value: daily}
schema:
  - name: raw_orders
    description: Orders as delivered.
    properties:
      - {name: order_id, logicalType: string, classification: confidential}
      - {name: customer, logicalType: string, classification: PII}
      - {name: amount, logicalType: string, classification: confidential}
      - {name: ordered_on, logicalType: string, classification: public}
  - name: orders
    description: One row per order.
    properties:
      - {name: order_id, logicalType: integer, classification: confidential, primaryKey: true, primaryKeyPosition: 1}
      - {name: customer, logicalType: string, classification: PII}
      - {name: amount, logicalType: integer, classification: confidential}
      - {name: ordered_on, logicalType: date, classification: public}
  - name: paid_orders
    description: Orders that cost something.
    properties:
      - {name: order_id, logicalType: integer, classification: confidential, primaryKey: true, primaryKeyPosition: 1}
      - {name: amount, logicalType: integer, classification: confidential}
  - name: daily_revenue
    description: Revenue of the last three days.
    properties:
      - {name: day, logicalType: date, classification: public, primaryKey: true, primaryKeyPosition: 1}
      - {name: orders, logicalType: integer, classification: public}
      - {name: revenue, logicalType: integer, classification: public}
"""

_SQL = {
    "silver/orders.sql": "SELECT order_id, nullif(customer, '?') AS customer, amount, ordered_on FROM raw_orders",
    "gold/paid_orders.sql": "SELECT orders.row_id AS source_row_id, order_id, amount FROM orders",
    "gold/daily_revenue.sql": (
        "SELECT CAST(getvariable('partition_key') AS DATE) AS day, (SELECT count(*) FROM orders) AS orders, "
        "coalesce(sum(amount), 0) AS revenue FROM paid_orders"
    ),
}

_SUITES = {
    "bronze_raw_orders": "expectations:\n  - {type: expect_table_row_count_to_be_between, kwargs: {min_value: 1}}\n",
    "silver_orders": (
        "meta: {max_quarantine_fraction: 0.2}\n"
        "expectations:\n"
        "  - {type: expect_column_values_to_be_between, kwargs: {column: amount, min_value: 0, max_value: 1000},"
        " meta: {name: amount_in_range}}\n"
        "  - {type: expect_column_values_to_not_be_null, kwargs: {column: customer}, severity: warning,"
        " meta: {name: customer_known}}\n"
    ),
    "gold_paid_orders": "expectations:\n  - {type: expect_column_values_to_be_unique, kwargs: {column: order_id}}\n",
    "gold_daily_revenue": ("expectations:\n  - {type: expect_table_row_count_to_equal, kwargs: {value: 1}}\n"),
}


@dataclass(frozen=True)
class Shop:
    """The product's folder and settings, and its landing files."""

    root: Path
    name: str = "shop"
    start: datetime.date = START
    services: Mapping[str, str] = field(default_factory=dict)  # environment of what does not lie under `root`

    @property
    def folder(self) -> Path:
        return self.root / "defs" / self.name

    @property
    def feed(self) -> str:
        """The folder its files land in, below the landing folder."""
        return "orders" if self.name == "shop" else f"{self.name}_orders"

    @property
    def settings(self) -> Settings:
        return settings_at(self.root, self.services)

    @property
    def product(self) -> Product:
        """The product as its files stand now, loaded once for as long as none of them is changed."""
        files = [path for place in (self.folder, self.root / "quality_suites") for path in place.rglob("*") if path.is_file()]
        return _loaded(self.folder, frozenset((path, path.read_bytes()) for path in files))

    @property
    def environment(self) -> dict[str, str]:
        return variables(self.root, self.services)

    def day(self, number: int) -> str:
        """Return the key of the `number`th day, counted from 1."""
        return str(self.start + datetime.timedelta(days=number - 1))

    def land(self, number: int, rows: list[str] | None = None, *, header: str = HEADER, suffix: str = "") -> Path:
        """Write the file of a day: `rows` as csv lines, by default 20 good orders of 10 each."""
        day = self.day(number)
        if rows is None:
            rows = [f"{number * 100 + i},c{i},10,{day}" for i in range(20)]
        path = self.settings.landing / self.feed / f"orders_{day}{suffix}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(header + "".join(f"{row}\n" for row in rows), encoding="utf-8")
        return path

    def land_broken(self, number: int) -> Path:
        """Write a day on which half of the amounts are no numbers: silver holds it."""
        day = self.day(number)
        return self.land(number, [f"{number * 100 + i},c{i},{'ten' if i % 2 else '10'},{day}" for i in range(20)])


@lru_cache(maxsize=8)
def _loaded(folder: Path, files: frozenset[tuple[Path, bytes]]) -> Product:
    return load_product(folder)


def build_shop(root: Path, name: str = "shop", *, start: datetime.date = START, last_due: datetime.date | None = LAST_DUE) -> Shop:
    """Write the declarations of a shop of this name under `root`; nothing has landed yet.

    Shops of several names can share a root: each has its own folder, suites, landing files and tables. Its first day is
    `start`; the last on which a delivery is due is `last_due`, None for a feed without an end.
    """
    shop = Shop(root, name, start)
    words = {"product": name, "feed": shop.feed, "start": start, "last_due": f", last_due: {last_due}" if last_due else ""}
    files = {"defs.yaml": Template(_DEFS).substitute(words), "contract.yaml": Template(_CONTRACT).substitute(words), **_SQL}
    for path_name, text in files.items():
        path = shop.folder / path_name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    suites = root / "quality_suites" / name
    suites.mkdir(parents=True, exist_ok=True)
    for suite, text in _SUITES.items():
        (suites / f"{suite}.yaml").write_text(f"name: {suite}\n{text}", encoding="utf-8")
    shop.settings.landing.mkdir(parents=True, exist_ok=True)
    return shop
