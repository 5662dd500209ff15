"""The landed-file sensor under a real daemon: every late file once, also when everything is killed in the middle."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

import pytest
from dagster import RunsFilter

from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.product.sensors import REQUEST_TAG
from tests.served import Served, location, serve, wait_for
from tests.shop import Shop

pytestmark = [pytest.mark.slow, pytest.mark.daemon]

DAYS = [n for n in range(1, 60) if n % 20]  # three stretches, with a gap after every nineteenth day


def land_late(shop: Shop) -> int:
    """Land two files for each day, as append; return how many."""
    path = shop.folder / "defs.yaml"
    text = path.read_text().replace("last_due: 2025-01-10}", "last_due: 2025-02-28, delivery: append}")
    path.write_text(text)
    for day in DAYS:
        shop.land(day)
        shop.land(day, [f"{day * 100 + 50 + i},c{i},10,{shop.day(day)}" for i in range(20)], suffix="_late")
    settled = time.time() - 60
    for file in shop.settings.landing.rglob("*.csv"):
        os.utime(file, (settled, settled))
    return 2 * len(DAYS)


def runs_by_partition(served: Served) -> Counter[tuple[str, str]]:
    """Return how many runs each span of partitions had."""
    with served.instance as instance:
        runs = [run for run in instance.get_runs(RunsFilter()) if REQUEST_TAG in run.tags]
    spans = [
        (run.tags.get("dagster/asset_partition_range_start", ""), run.tags.get("dagster/asset_partition_range_end", ""))
        for run in runs
    ]
    return Counter(spans)


def test_late_files_are_each_taken_in_once_although_daemon_and_runs_are_killed_in_the_middle(shop: Shop) -> None:
    files = land_late(shop)
    days = {shop.day(n) for n in DAYS}
    lake = Lakehouse.open(shop.settings)
    table = "shop.bronze.raw_orders"
    with serve(shop.root, location([shop.folder], sensors=True), shop.environment) as served:
        wait_for(lambda: len(lake.ledger.arrivals_by_partition(table)) >= 5, seconds=120, what="the first arrivals")
        served.kill()
        taken_in = set(lake.ledger.current_versions("shop.gold.paid_orders"))
        assert taken_in < days, "the daemon was killed too late to show anything"
        served.start()
        wait_for(lambda: set(lake.ledger.current_versions("shop.gold.paid_orders")) == days, seconds=400, what="all days")
        wait_for(lambda: not _unfinished(served), seconds=120, what="the last run's end")
        assert served.materialised("shop", "silver", "orders") == days
    arrivals = lake.ledger.arrivals_by_partition(table)
    assert (sum(arrivals.values()), set(arrivals.values())) == (files, {2})
    with lake.connect() as con:
        from readiness_pipelines.lakehouse import relation

        versions = list(lake.ledger.current_versions("shop.silver.orders").values())
        rows = con.execute(f"SELECT count(*), count(DISTINCT order_id) FROM {relation(lake, versions)}").fetchone()
    assert rows == (20 * files, 20 * files)
    for table_name in ("bronze.raw_orders", "silver.orders", "gold.paid_orders"):
        for day in days:
            states = [p.state for p in lake.ledger.publications(f"shop.{table_name}", day)]
            assert states.count("done") == 1, (table_name, day, states)
    again = {span for span, n in runs_by_partition(served).items() if n > 2}
    assert not again, f"asked for more than once and once more after the kill: {again}"


def _unfinished(served: Served) -> bool:
    with served.instance as instance:
        return any(not run.is_finished for run in instance.get_runs(RunsFilter()))


def test_a_code_location_under_another_name_asks_for_nothing_again(shop: Shop, tmp_path: Path) -> None:
    shop.land(1)
    for file in shop.settings.landing.rglob("*.csv"):
        os.utime(file, (time.time() - 60,) * 2)
    lake = Lakehouse.open(shop.settings)
    with serve(shop.root, location([shop.folder], sensors=True), shop.environment) as served:
        wait_for(lambda: bool(lake.ledger.current_versions("shop.gold.daily_revenue")), seconds=120, what="the first day")
        served.stop()
        (shop.root / "renamed.py").write_text((shop.root / "location.py").read_text())
        served.arguments = ["-f", "renamed.py"]
        served.start()
        wait_for(lambda: _ticks(served) >= 1, seconds=120, what="a tick of the renamed location's sensor")
        with served.instance as instance:
            assert len(instance.get_runs(RunsFilter())) == 1


def _ticks(served: Served) -> int:
    """Return how many ticks the renamed location's landed sensor has had."""
    with served.instance as instance:
        states = [s for s in instance.all_instigator_state() if s.instigator_name == "shop_landed" and "renamed" in str(s.origin)]
        return sum(len(instance.get_ticks(s.instigator_origin_id, s.selector_id)) for s in states)
