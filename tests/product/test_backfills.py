"""Backfills, by the UI's own mutation and from the command line, with a real daemon: what is recorded is what is published."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, DagsterInstance

from readiness_pipelines.lakehouse import Lakehouse
from tests.shop import Shop, build_shop

pytestmark = [pytest.mark.slow, pytest.mark.daemon]

PROJECT = Path(__file__).parent.parent.parent
LOCATION = """\
from pathlib import Path
import dagster as dg
from readiness_pipelines.declarations import load_product
from readiness_pipelines.product import definitions_of

defs = dg.Definitions.merge(
    definitions_of(load_product(Path(__file__).parent / "defs" / "shop")), dg.Definitions(executor=dg.in_process_executor)
)
"""
BACKFILL = """\
mutation ($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }
"""
STATUS = """\
query ($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }
"""


@dataclass(frozen=True)
class Served:
    """The shop in `dagster dev`: webserver and daemon on one instance."""

    shop: Shop
    port: int
    environment: dict[str, str]

    def ask(self, query: str, variables: dict[str, Any] | None = None) -> Any:
        body = json.dumps({"query": query, "variables": variables or {}}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/graphql", body, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"]

    def materialised(self, name: str) -> set[str]:
        with DagsterInstance.from_config(self.environment["DAGSTER_HOME"]) as instance:
            return set(instance.get_materialized_partitions(AssetKey(["shop", *name.split("/")])))

    def published(self, name: str) -> set[str]:
        lake = Lakehouse.open(self.shop.settings)
        return set(lake.ledger.current_versions(f"shop.{name.replace('/', '.')}"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("served")
    shop = build_shop(root)
    for day in range(1, 11):
        shop.land(day)
    shop.land_broken(4)
    (root / "location.py").write_text(LOCATION)
    home = root / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text((PROJECT / "dagster.yaml").read_text())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, **shop.environment, "DAGSTER_HOME": str(home), "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-m", "dagster", "dev", "-f", str(root / "location.py"), "-h", "127.0.0.1", "-p", str(port)]
    with (root / "dagster.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=root)
        try:
            site = Served(shop, port, environment)
            _wait_for(lambda: _is_loaded(site), seconds=150)
            yield site
        finally:
            process.terminate()
            process.wait(timeout=60)


def _is_loaded(site: Served) -> bool:
    try:
        found = site.ask("{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError { __typename } } } } }")
    except OSError:
        return False
    entries = found["workspaceOrError"]["locationEntries"]
    return bool(entries) and all((e["locationOrLoadError"] or {}).get("__typename") == "RepositoryLocation" for e in entries)


def _wait_for(condition: Any, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(1)


def test_a_backfill_from_the_ui_and_one_from_the_command_line_record_what_is_published(served: Served) -> None:
    shop = served.shop
    days = {shop.day(n) for n in range(1, 11)}
    keys = [{"path": ["shop", *name.split("/")]} for name in ("bronze/raw_orders", "silver/orders", "gold/paid_orders")]
    params = {"assetSelection": keys, "partitionNames": sorted(days)}
    launched = served.ask(BACKFILL, {"params": params})["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched

    def is_over() -> bool:
        found = served.ask(STATUS, {"id": launched["backfillId"]})["partitionBackfillOrError"]["status"]
        return str(found).startswith(("COMPLETED", "FAILED", "CANCELED"))

    _wait_for(is_over, seconds=240)
    good = days - {shop.day(4)}
    for name in ("silver/orders", "gold/paid_orders"):
        assert served.materialised(name) == served.published(name) == good
    assert served.materialised("bronze/raw_orders") == served.published("bronze/raw_orders") == days

    shop.land(4)
    script = Path(sys.executable).parent / "dagster"
    arguments = ["job", "backfill", "-f", "location.py", "-j", "shop_job", "--from", shop.day(3), "--to", shop.day(4), "--noprompt"]
    done = subprocess.run([script, *arguments], env=served.environment, cwd=shop.root, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    _wait_for(lambda: served.materialised("gold/daily_revenue") == {shop.day(3), shop.day(4)}, seconds=240)
    for name in ("silver/orders", "gold/paid_orders"):
        assert served.materialised(name) == served.published(name) == days
