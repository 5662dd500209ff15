"""A range run that is killed: Dagster may know less than is published, never more, and a re-run brings them together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dagster import AssetKey, DagsterInstance

from readiness_pipelines.lakehouse import Lakehouse
from tests.shop import Shop

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parent.parent.parent
TABLES = ("bronze/raw_orders", "silver/orders", "gold/paid_orders", "gold/daily_revenue")
LOCATION = """\
from pathlib import Path
import dagster as dg
from readiness_pipelines.declarations import load_product
from readiness_pipelines.product import definitions_of

defs = dg.Definitions.merge(
    definitions_of(load_product(Path(__file__).parent / "defs" / "shop")), dg.Definitions(executor=dg.in_process_executor)
)
"""


def _start(shop: Shop) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dagster", "asset", "materialize", "-f", "location.py", "--select", "group:shop"]
    home = str(shop.root / "home")
    environment = {**os.environ, **shop.environment, "DAGSTER_HOME": home, "PYTHONPATH": str(PROJECT)}
    return subprocess.Popen(
        [*command, "--partition-range", f"{shop.day(1)}...{shop.day(10)}"],
        cwd=shop.root,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _published(shop: Shop, name: str) -> set[str]:
    return set(Lakehouse.open(shop.settings).ledger.current_versions(f"shop.{name.replace('/', '.')}"))


def _materialised(shop: Shop, name: str) -> set[str]:
    with DagsterInstance.from_config(str(shop.root / "home")) as instance:
        return set(instance.get_materialized_partitions(AssetKey(["shop", *name.split("/")])))


def test_a_killed_range_run_is_made_good_by_running_it_again(shop: Shop) -> None:
    for day in range(1, 11):
        shop.land(day)
    shop.land_broken(4)
    (shop.root / "location.py").write_text(LOCATION)
    home = shop.root / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text((PROJECT / "dagster.yaml").read_text())

    run = _start(shop)
    deadline = time.monotonic() + 120
    while len(_published(shop, "silver/orders")) < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert len(_published(shop, "silver/orders")) >= 4
    assert _published(shop, "gold/daily_revenue") == set(), "it was killed in the middle"
    for name in TABLES:
        assert _materialised(shop, name) <= _published(shop, name)

    assert _start(shop).wait() != 0, "the fourth day is held"
    good = {shop.day(n) for n in range(1, 11)} - {shop.day(4)}
    for name in TABLES[1:]:
        assert _materialised(shop, name) == _published(shop, name) == good
