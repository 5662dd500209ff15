"""Maintenance beside steps: what a step may take up again stays, and what none ever will goes."""

from __future__ import annotations

import os
from pathlib import Path

from readiness_pipelines.flow import GateVerdict
from readiness_pipelines.lakehouse import Lakehouse, quarantined
from readiness_pipelines.lakehouse.doctor import examine
from readiness_pipelines.lakehouse.maintenance.deletion import plan_sweep, sweep
from readiness_pipelines.layers import run_step
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.layers.upkeep import maintain_product
from tests.shop import Shop

ORDERS = "shop.silver.orders"


def step(lake: Lakehouse, shop: Shop, name: str) -> GateVerdict:
    found = run_step(lake, shop.settings, shop.product, name, shop.day(1)).verdict
    assert found is not None
    return found


def suite_of(shop: Shop) -> Path:
    return shop.root / "quality_suites" / "shop" / "silver_orders.yaml"


def held_twice(lake: Lakehouse, shop: Shop) -> tuple[str, str]:
    """Hold two candidates of one partition, by two suites; return their files, which are old now."""
    shop.land_broken(1)
    step(lake, shop, "raw_orders")
    first = step(lake, shop, "orders")
    suite_of(shop).write_text(suite_of(shop).read_text().replace("0.2", "0.3"))
    second = step(lake, shop, "orders")
    for path in Path(shop.settings.staging).rglob("*.parquet"):
        os.utime(path, (1, 1))
    return first.files[0].path, second.files[0].path


def test_a_held_candidate_that_is_proposed_again_during_a_sweep_keeps_its_files(shop: Shop) -> None:
    lake = Lakehouse.open(shop.settings)
    first, second = held_twice(lake, shop)
    plan = plan_sweep(lake, ORDERS, older_than_hours=24, now=clock())
    assert first in [found.path for found in plan.orphans]
    suite_of(shop).write_text(suite_of(shop).read_text().replace("0.3", "0.2"))
    assert step(lake, shop, "orders").files[0].path == first
    assert first not in [found.path for found in sweep(lake, plan)]
    assert Path(first).exists()
    assert examine(shop.settings).findings == ()
    again = plan_sweep(lake, ORDERS, older_than_hours=24, now=clock())
    assert second in [found.path for found in sweep(lake, again)]
    assert not Path(second).exists() and Path(first).exists()


def test_a_table_of_which_every_candidate_was_held_is_swept_too(shop: Shop) -> None:
    lake = Lakehouse.open(shop.settings)
    first, second = held_twice(lake, shop)
    done = {each.table: each.orphans for each in maintain_product(shop.product, lake, now=clock())}
    assert done[ORDERS] == 1
    assert (Path(first).exists(), Path(second).exists()) == (False, True)


def test_versions_of_a_quarantine_never_expire(shop: Shop) -> None:
    lake = Lakehouse.open(shop.settings)
    for suffix, bad in (("", 3), ("_b", 4)):
        shop.land(1, [f"{i},c,{'ten' if i == bad else 10},2025-01-01" for i in range(20)], suffix=suffix)
        step(lake, shop, "raw_orders"), step(lake, shop, "orders")
    list(maintain_product(shop.product, lake, now=clock(), keep_days=0))
    assert len(lake.ledger.upkeep.superseded(f"{ORDERS}_quarantine")) == 1
    assert lake.ledger.upkeep.expired(f"{ORDERS}_quarantine") == set()
    with lake.connect() as con:
        assert con.execute(f"SELECT count(*) FROM {quarantined(lake, ORDERS)}").fetchone() == (2,)
