"""A shop whose rules look at other tables and at other days: one line changed in its declarations per test."""

from __future__ import annotations

from pathlib import Path

from readiness_pipelines.flow import RuleResult
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import StepResult, run_step
from tests.shop import HEADER, Shop

CUSTOMERS_DEFS = """\
    - name: raw_customers
      feed: {files: "customers/customers_%Y-%m-%d*.csv", first_due: 2025-01-01, last_due: 2025-01-10}
  silver:
    - name: customers
      from: raw_customers
      sql: silver/customers.sql
"""
CUSTOMERS_CONTRACT = """\
  - name: raw_customers
    properties:
      - {name: customer, logicalType: string, classification: PII}
      - {name: region, logicalType: string, classification: public}
  - name: customers
    properties:
      - {name: customer, logicalType: string, classification: PII}
      - {name: region, logicalType: string, classification: public}
"""
CHECKED = "      deduplicate: {by: [order_id], keep: last}\n      checked_against: {customers: {read: same}}\n"


def with_customers(shop: Shop, checked: str = CHECKED) -> Shop:
    """Let the shop know its customers: a table of their own, which the rules of silver orders may read."""
    change(shop.folder / "defs.yaml", "  silver:\n", CUSTOMERS_DEFS)
    change(shop.folder / "defs.yaml", "      deduplicate: {by: [order_id], keep: last}\n", checked)
    change(shop.folder / "contract.yaml", "  - name: orders\n", CUSTOMERS_CONTRACT + "  - name: orders\n")
    (shop.folder / "silver" / "customers.sql").write_text("SELECT customer, region FROM raw_customers")
    for name in ("bronze_raw_customers", "silver_customers"):
        suite(shop, name, [])
    return shop


def suite(shop: Shop, name: str, rules: list[str], *, fraction: float = 0.2) -> None:
    """Give a table these rules, one flow mapping each, and no others."""
    path = shop.root / "quality_suites" / "shop" / f"{name}.yaml"
    lines = "".join(f"  - {{{rule}}}\n" for rule in rules) or "  []\n"
    path.write_text(f"name: {name}\nmeta: {{max_quarantine_fraction: {fraction}}}\nexpectations:\n{lines}")


def land_customers(shop: Shop, number: int, names: list[str], *, suffix: str = "") -> None:
    path = shop.settings.landing / "customers" / f"customers_{shop.day(number)}{suffix}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("customer,region\n" + "".join(f"{name},north\n" for name in names))


def land(shop: Shop, number: int, orders: list[tuple[object, object]], *, suffix: str = "") -> None:
    """Land orders given as (customer, amount); '?' is no customer."""
    day = shop.day(number)
    rows = [f"{number * 1000 + i},{customer},{amount},{day}" for i, (customer, amount) in enumerate(orders)]
    shop.land(number, rows, header=HEADER, suffix=suffix)


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def run(shop: Shop, *names: str, day: int) -> StepResult:
    """Run these tables of a day in order, and return what became of the last."""
    lake, product = Lakehouse.open(shop.settings), shop.product
    return [run_step(lake, shop.settings, product, name, shop.day(day)) for name in names][-1]


def ruling(result: StepResult, rule: str) -> RuleResult:
    assert result.verdict is not None, result.why
    return next(r for r in result.verdict.rules if r.rule == rule)
