"""The page that sums up a run: literal counts, what to look at, and that it holds no value of any row."""

from __future__ import annotations

import base64
import re

from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import StepResult, run_step
from readiness_pipelines.product.summary import summary
from tests.shop import Shop


def run(shop: Shop, *days: int) -> tuple[Lakehouse, dict[str, list[StepResult]]]:
    lake = Lakehouse.open(shop.settings)
    steps = {
        table.name: [run_step(lake, shop.settings, shop.product, table.name, shop.day(day)) for day in days]
        for table in shop.product.tables
    }
    return lake, steps


def test_it_counts_names_what_to_look_at_and_tells_the_kpi(shop: Shop) -> None:
    shop.land(1, [*[f"{i},c{i},10,2025-01-01" for i in range(18)], "90,c,5000,2025-01-01", "0,c,10,2025-01-01"])
    shop.land_broken(2)
    lake, steps = run(shop, 1, 2, 3)
    page = summary(shop.product, lake, steps, {})
    assert "| silver orders | 1 admitted, 1 held, 1 blocked | 40 | 18 | 11 | 1 | 0 | 10 |" in page
    assert "- **2025-01-02 orders is held**: 10 of 20 rows are bad (50.00%)" in page
    assert "`readiness held show shop.silver.orders 2025-01-02`" in page
    assert "- **2025-01-03 raw_orders is missing**" in page
    assert "Owner: shop@example.com; steward: steward@example.com." in page
    assert "**KPI** `daily_revenue.revenue` on 2025-01-01: **180**" in page


def test_a_good_run_has_nothing_to_look_at_and_one_chart(shop: Shop) -> None:
    shop.land(1)
    lake, steps = run(shop, 1)
    page = summary(shop.product, lake, steps, {})
    assert "Nothing to look at." in page
    (chart,) = re.findall(r"data:image/svg\+xml;base64,([^)]+)\)", page)
    assert base64.b64decode(chart).startswith(b"<svg ")


def test_what_could_not_be_run_is_told_in_short(shop: Shop) -> None:
    shop.land(1)
    lake, steps = run(shop, 1)
    page = summary(shop.product, lake, steps, {"2025-01-02 silver orders": "no admitted version " * 50})
    assert "- **2025-01-02 silver orders**: no admitted version" in page
    assert len(next(line for line in page.splitlines() if line.startswith("- **2025-01-02"))) < 260


def test_it_is_bounded_and_has_no_value_of_a_row(shop: Shop) -> None:
    calendar = shop.folder / "defs.yaml"
    calendar.write_text(calendar.read_text().replace("last_due: 2025-01-10", "last_due: 2025-12-31"))
    for day in range(1, 16):
        shop.land(day, [f"{i},somebody{i},ten,{shop.day(day)}" for i in range(20)])
    lake, steps = run(shop, *range(1, 16))
    page = summary(shop.product, lake, steps, {})
    assert "- ... and 5 more: `readiness status shop`" in page
    assert "somebody" not in page
    assert len(page) < 60_000
