"""What a reader of Dagster's own pages sees of a product: its graph, its checks with the held day's reason, its days."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chromium import CHROMIUM, FLAGS, picture
from tests.shop import Shop, build_shop

if CHROMIUM is None:
    pytest.skip("no Chromium on the path", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
LOCATION = "defs_file.py"
PATIENCE = 60  # seconds a page gets to show something
HELD, GOOD = 3, 2

_DEFS_FILE = """\
from pathlib import Path

import dagster as dg

from readiness_pipelines.declarations import load_product
from readiness_pipelines.product import definitions_of

defs = dg.Definitions.merge(
    definitions_of(load_product(Path({folder!r}))), dg.Definitions(executor=dg.in_process_executor)
)
"""
_LOCATIONS = (
    "{ workspaceOrError { __typename ... on Workspace { locationEntries { loadStatus locationOrLoadError"
    " { __typename ... on PythonError { message } } } } } }"
)


@dataclass(frozen=True)
class Site:
    """The webserver's address and the shop behind it."""

    address: str
    shop: Shop

    def asset(self, name: str, query: str) -> str:
        return f"{self.address}/assets/shop/{name}?{query}"


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _location(address: str) -> str:
    """Return what GraphQL calls the only code location: `RepositoryLocation` once it is loaded."""
    request = urllib.request.Request(
        f"{address}/graphql", json.dumps({"query": _LOCATIONS}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        entries = json.load(answer)["data"]["workspaceOrError"]["locationEntries"]
    found = entries[0]["locationOrLoadError"] if entries else None
    if found and found["__typename"] == "PythonError":
        raise AssertionError(f"the code location does not load: {found['message']}")
    return found["__typename"] if found else "loading"


def _wait_until_loaded(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        assert server.poll() is None, f"the webserver ended:\n{log.read_text()[-3000:]}"
        try:
            if _location(address) == "RepositoryLocation":
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass  # not listening yet
        time.sleep(0.5)
    raise AssertionError(f"the code location was not loaded in 120 s:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Five days of the shop, the third one held, after one range run, behind a real webserver."""
    root = tmp_path_factory.mktemp("site")
    shop = build_shop(root)
    for day in range(1, 6):
        shop.land(day)
    shop.land_broken(HELD)
    (root / LOCATION).write_text(_DEFS_FILE.format(folder=str(shop.folder)), encoding="utf-8")
    home = root / "dagster"
    home.mkdir()
    shutil.copy(ROOT / "dagster.yaml", home)
    environment = {**os.environ, **shop.environment, "DAGSTER_HOME": str(home)}

    days = f"{shop.day(1)}...{shop.day(5)}"
    command = ["dagster", "asset", "materialize", "-f", LOCATION, "--select", "group:shop", "--partition-range", days]
    run = subprocess.run(
        [sys.executable, "-m", *command], cwd=root, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert run.returncode != 0, "the third day is held: the run ends failed"
    assert "silver orders: held" in run.stderr, run.stderr[-3000:]

    port, log = _free_port(), root / "webserver.log"
    address = f"http://127.0.0.1:{port}"
    with log.open("wb") as written:
        server = subprocess.Popen(
            [sys.executable, "-m", "dagster_webserver", "-f", LOCATION, "-h", "127.0.0.1", "-p", str(port)],
            cwd=root,
            env=environment,
            stdout=written,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_loaded(address, server, log)
            yield Site(address, shop)
        finally:
            server.terminate()
            try:
                server.wait(timeout=30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: sync_api.Browser) -> Iterator[sync_api.Page]:
    opened = browser.new_page(viewport={"width": 1400, "height": 1000})
    opened.set_default_timeout(PATIENCE * 1000)
    sync_api.expect.set_options(timeout=PATIENCE * 1000)
    yield opened
    opened.close()


def _shows(page: sync_api.Page, text: str, *, exact: bool = False) -> None:
    sync_api.expect(page.get_by_text(text, exact=exact).filter(visible=True).first).to_be_visible()


def test_the_graph_shows_every_table_with_its_quarantine_and_its_layer(site: Site, page: sync_api.Page) -> None:
    page.goto(f"{site.address}/locations/__repository__@{LOCATION}/asset-groups/shop")
    for name in ("raw_orders", "orders", "orders_quarantine", "paid_orders", "daily_revenue"):
        _shows(page, name, exact=True)
    for layer in ("Bronze", "Silver", "Gold"):
        _shows(page, layer, exact=True)
    _shows(page, "40% filled (1 failed)")
    picture(page, "graph")


def test_the_checks_of_a_table_show_its_gate_and_its_rules(site: Site, page: sync_api.Page) -> None:
    page.goto(site.asset("silver/orders", "view=checks&checkDetail=amount_in_range"))
    _shows(page, "Checks (3)")
    for name in ("gate", "amount_in_range", "customer_known"):
        _shows(page, name, exact=True)
    _shows(page, "expect_column_values_to_be_between")
    _shows(page, "critical, on failure: quarantine")
    picture(page, "checks")


def test_the_gate_shows_why_the_held_day_is_held(site: Site, page: sync_api.Page) -> None:
    page.goto(site.asset("silver/orders", "view=checks&checkDetail=gate"))
    page.get_by_role("tab", name="Execution history").click()
    held = page.locator("tr", has_text=site.shop.day(HELD))
    sync_api.expect(held).to_contain_text("10 of 20 rows are bad (50.00%), more than the 20.00% that the suite allows")
    sync_api.expect(held).to_contain_text("Failed")
    good = page.locator("tr", has_text=site.shop.day(GOOD))
    sync_api.expect(good).to_contain_text("Passed")
    sync_api.expect(good).to_contain_text("admitted")
    picture(page, "gate")


def test_the_held_day_is_failed_and_not_materialised(site: Site, page: sync_api.Page) -> None:
    page.goto(site.asset("silver/orders", f"view=partitions&partition={site.shop.day(HELD)}"))
    _shows(page, "failed, and did not materialize this asset")
    for count in ("Failed (1)", "Materialized (4)", "Missing (5)"):
        _shows(page, count)
    _shows(page, "No metadata entries")
    picture(page, "held_day")


def test_a_good_day_is_materialised_with_the_version_it_published(site: Site, page: sync_api.Page) -> None:
    page.goto(site.asset("silver/orders", f"view=partitions&partition={site.shop.day(GOOD)}"))
    _shows(page, "Materialized", exact=True)
    _shows(page, f"shop.silver.orders/{site.shop.day(GOOD)}@")
    assert "did not materialize" not in page.inner_text("body")
    picture(page, "good_day")


@pytest.fixture(params=[1400, 1000])
def wide_or_narrow(browser: sync_api.Browser, request: pytest.FixtureRequest) -> Iterator[sync_api.Page]:
    opened = browser.new_page(viewport={"width": request.param, "height": 1000})
    opened.set_default_timeout(PATIENCE * 1000)
    yield opened
    opened.close()


def _markdown_window(page: sync_api.Page) -> sync_api.Locator:
    """Click on the page's first Markdown, again if the page was drawn anew under the click, and return its window."""
    window = page.get_by_role("dialog").filter(has=page.get_by_text("Copy"))
    for _ in range(12):
        page.get_by_text("Show Markdown").first.click()
        try:
            window.wait_for(timeout=5_000)
            page.wait_for_timeout(500)
            if window.is_visible():
                return window
        except sync_api.TimeoutError:
            pass  # the button that was clicked is no longer on the page
    raise AssertionError("no Markdown window opened in twelve clicks")


def _open_markdown(page: sync_api.Page) -> sync_api.Locator:
    """Open the first Markdown of the page, and return its window; its picture has rendered and nothing sticks out."""
    window = _markdown_window(page)
    picture = window.locator("img").first
    sync_api.expect(picture).to_be_visible()
    assert picture.evaluate("image => image.complete && image.naturalWidth") > 300
    box, width = window.bounding_box(), page.viewport_size
    assert box is not None and width is not None
    assert box["x"] >= 0 and box["x"] + box["width"] <= width["width"]
    return window


def test_the_column_lineage_is_a_picture_on_the_tables_page(site: Site, wide_or_narrow: sync_api.Page) -> None:
    page = wide_or_narrow
    page.goto(site.asset("gold/paid_orders", "view=overview"))
    _shows(page, "readiness/lineage")
    window = _open_markdown(page)
    alternative = window.locator("img").first.get_attribute("alt")
    assert alternative == "where each column of paid_orders comes from"
    picture(page, f"lineage_{page.viewport_size and page.viewport_size['width']}")


def test_the_run_says_on_one_page_what_it_did_and_what_to_do(site: Site, wide_or_narrow: sync_api.Page) -> None:
    page = wide_or_narrow
    page.goto(f"{site.address}/runs")
    page.locator("a[href*='/runs/']").first.click()
    page.wait_for_url("**/runs/*")
    page.goto(f"{page.url.split('?')[0]}?logs=type:STEP_FAILURE")
    window = _open_markdown(page)
    sync_api.expect(window).to_contain_text(f"{site.shop.day(HELD)} orders is held")
    sync_api.expect(window).to_contain_text(f"readiness held show shop.silver.orders {site.shop.day(HELD)}")
    sync_api.expect(window).to_contain_text("Owner: shop@example.com")
    picture(page, f"summary_{page.viewport_size and page.viewport_size['width']}")


def test_a_tables_page_tells_whose_it_is_what_it_means_and_opens_its_files(site: Site, wide_or_narrow: sync_api.Page) -> None:
    page = wide_or_narrow
    page.goto(site.asset("silver/orders", "view=overview"))
    for text in ("shop@example.com", "Silver", "One row per order.", "classification: PII", "BIGINT"):
        _shows(page, text)
    for file in ("orders.sql", "silver_orders.yaml", "contract.yaml"):
        sync_api.expect(page.locator(f"a[href*='{file}']").first).to_be_visible()


def test_the_held_days_check_says_what_to_do_next(site: Site, page: sync_api.Page) -> None:
    page.goto(site.asset("silver/orders", "view=checks&checkDetail=gate"))
    page.get_by_role("tab", name="Execution history").click()
    page.locator("tr", has_text=site.shop.day(HELD)).get_by_role("button").last.click()
    _shows(page, "readiness/what_to_do")
    _markdown_window(page)
    _shows(page, "have the delivery corrected")
    _shows(page, "cast:amount")
    picture(page, "what_to_do")
