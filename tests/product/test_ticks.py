"""The loop without a daemon: the shipped sensors, evaluated in one process, and what they ask for run in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.product import definitions_of
from readiness_pipelines.product.ticks import Ran, until_quiet
from tests.shop import Shop

PROJECT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow

PAID = "shop.gold.paid_orders"


@pytest.fixture
def instance(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    for name, value in shop.environment.items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def land(shop: Shop, *days: int) -> None:
    """Land sound days, long enough ago that nobody may still be writing."""
    for day in days:
        shop.land(day)
    settled = time.time() - 60
    for file in shop.settings.landing.rglob("*.csv"):
        os.utime(file, (settled, settled))


def ticked(shop: Shop, instance: dg.DagsterInstance) -> list[Ran]:
    return list(until_quiet(shop.product, definitions_of(shop.product), instance))


def test_what_has_landed_is_run_in_one_run_and_a_second_look_asks_for_nothing(shop: Shop, instance: dg.DagsterInstance) -> None:
    land(shop, 1, 2)
    (ran,) = ticked(shop, instance)
    assert (ran.sensor, ran.job, ran.succeeded, ran.why) == ("shop_landed", "shop_job", True, "")
    assert set(Lakehouse.open(shop.settings).ledger.current_versions(PAID)) == {shop.day(1), shop.day(2)}
    run = instance.get_run_by_id(ran.run_id)
    assert run is not None and run.tags["dagster/sensor_name"] == "shop_landed"
    assert ticked(shop, instance) == []
    land(shop, 3)
    assert [each.job for each in ticked(shop, instance)] == ["shop_job"]
    assert instance.get_materialized_partitions(dg.AssetKey(PAID.split("."))) == {shop.day(n) for n in (1, 2, 3)}


def test_a_run_that_ends_failed_is_told_with_what_it_says(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.land_broken(1)
    land(shop)
    ran = ticked(shop, instance)
    assert [(each.job, each.succeeded) for each in ran] == [("shop_job", False)]
    assert shop.day(1) in ran[0].why


def test_a_sensor_that_cannot_be_evaluated_is_told_once_and_the_others_go_on(shop: Shop, instance: dg.DagsterInstance) -> None:
    land(shop, 1)
    ticked(shop, instance)
    shop.settings.catalog_file.unlink()
    found = ticked(shop, instance)
    assert [(each.sensor, each.job, each.succeeded) for each in found] == [
        ("shop_landed", "", False),
        ("shop_incidents", "", False),
    ]
    assert "catalog" in found[0].why


def test_as_a_program_it_answers_each_line_and_ends_with_its_input(shop: Shop, tmp_path: Path) -> None:
    land(shop, 1)
    home = tmp_path / "home"
    home.mkdir()
    environment = {**os.environ, **shop.environment, "DAGSTER_HOME": str(home), "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-m", "readiness_pipelines.product.ticks", str(shop.folder)]
    done = subprocess.run(command, input="\n\n", env=environment, text=True, capture_output=True, check=True)
    lines = done.stdout.splitlines()
    assert [json.loads(lines[0])["job"], *lines[1:]] == ["shop_job", "", ""]
