"""Backfills, by the UI's own mutation and from the command line, with a real daemon: what is recorded is what is published."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from readiness_pipelines.lakehouse import Lakehouse
from tests.served import Served, location, serve, wait_for
from tests.shop import Shop, build_shop

pytestmark = [pytest.mark.slow, pytest.mark.daemon]

BACKFILL = """\
mutation ($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }
"""
STATUS = """\
query ($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    shop = build_shop(tmp_path_factory.mktemp("served"))
    for day in range(1, 11):
        shop.land(day)
    shop.land_broken(4)
    return shop


@pytest.fixture(scope="module")
def served(shop: Shop) -> Iterator[Served]:
    with serve(shop.root, location([shop.folder], sensors=False), shop.environment) as served:
        yield served


def published(shop: Shop, name: str) -> set[str]:
    return set(Lakehouse.open(shop.settings).ledger.current_versions(f"shop.{name.replace('/', '.')}"))


def test_a_backfill_from_the_ui_and_one_from_the_command_line_record_what_is_published(shop: Shop, served: Served) -> None:
    days = {shop.day(n) for n in range(1, 11)}
    keys = [{"path": ["shop", *name.split("/")]} for name in ("bronze/raw_orders", "silver/orders", "gold/paid_orders")]
    params = {"assetSelection": keys, "partitionNames": sorted(days)}
    launched = served.ask(BACKFILL, {"params": params})["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched

    def is_over() -> bool:
        found = served.ask(STATUS, {"id": launched["backfillId"]})["partitionBackfillOrError"]["status"]
        return str(found).startswith(("COMPLETED", "FAILED", "CANCELED"))

    wait_for(is_over, seconds=240, what="the backfill")
    good = days - {shop.day(4)}
    for name in ("silver/orders", "gold/paid_orders"):
        assert served.materialised("shop", *name.split("/")) == published(shop, name) == good
    assert served.materialised("shop", *["bronze", "raw_orders"]) == published(shop, "bronze/raw_orders") == days

    shop.land(4)
    script = Path(sys.executable).parent / "dagster"
    arguments = ["job", "backfill", "-f", "location.py", "-j", "shop_job", "--from", shop.day(3), "--to", shop.day(4), "--noprompt"]
    done = subprocess.run([script, *arguments], env=served.environment, cwd=shop.root, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    wait_for(
        lambda: served.materialised("shop", *["gold", "daily_revenue"]) == {shop.day(3), shop.day(4)},
        seconds=240,
        what="the job backfill",
    )
    for name in ("silver/orders", "gold/paid_orders"):
        assert served.materialised("shop", *name.split("/")) == published(shop, name) == days
