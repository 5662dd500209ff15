"""Incidents: opened once, told once, resolved when the partition is right again. Messages really travel, over HTTP."""

from __future__ import annotations

import datetime
import http.server
import json
import logging
import threading
from collections.abc import Iterator

import pytest

from readiness_pipelines.declarations import Product
from readiness_pipelines.errors import DeclarationError
from readiness_pipelines.incidents import reconcile, send
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import run_step
from readiness_pipelines.ledger import Incident
from tests.shop import Shop

LOG = logging.getLogger("test")
NOW = datetime.datetime(2025, 1, 4, 12)  # days 1 to 3 have ended


@pytest.fixture
def lake(shop: Shop) -> Lakehouse:
    return Lakehouse.open(shop.settings)


class Inbox(http.server.BaseHTTPRequestHandler):
    received: list[dict[str, str]] = []
    answer = 200

    def do_POST(self) -> None:
        self.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.answer)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def inbox(shop: Shop) -> Iterator[type[Inbox]]:
    """An HTTP server that the shop's alerts go to."""
    Inbox.received, Inbox.answer = [], 200
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Inbox)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    declare_alerts(shop, f"json://127.0.0.1:{server.server_port}/")
    yield Inbox
    server.shutdown()
    server.server_close()


def declare_alerts(shop: Shop, *addresses: str) -> None:
    path = shop.folder / "defs.yaml"
    path.write_text(path.read_text().replace("  bronze:", f"  alerts: {{to: {json.dumps(addresses)}}}\n  bronze:", 1))


def run(shop: Shop, lake: Lakehouse, *days: int, now: datetime.datetime = NOW) -> None:
    for day in days:
        for table in shop.product.tables:
            run_step(lake, shop.settings, shop.product, table.name, shop.day(day), now=now)


def subjects(incidents: tuple[Incident, ...]) -> list[tuple[str, str]]:
    return [(i.kind, i.subject) for i in incidents]


def test_a_held_and_a_missing_day_are_one_incident_each_however_often_they_are_looked_at(shop: Shop, lake: Lakehouse) -> None:
    shop.land(1)
    shop.land_broken(2)
    run(shop, lake, 1, 2)
    changes = reconcile(shop.product, lake, now=NOW)
    assert subjects(changes.opened) == [("held", "shop.silver.orders/2025-01-02"), ("missing", "shop.bronze.raw_orders/2025-01-03")]
    assert "10 of 20 rows are bad" in changes.opened[0].why
    assert "due 2025-01-04 00:00 UTC" in changes.opened[1].why
    run(shop, lake, 1, 2, 3)
    assert reconcile(shop.product, lake, now=NOW) == type(changes)((), ())


def test_a_day_that_is_not_due_yet_is_no_incident_and_one_second_later_it_is(shop: Shop, lake: Lakehouse) -> None:
    due = datetime.datetime(2025, 1, 2)
    assert reconcile(shop.product, lake, now=due - datetime.timedelta(seconds=1)).opened == ()
    assert subjects(reconcile(shop.product, lake, now=due).opened) == [("missing", "shop.bronze.raw_orders/2025-01-01")]


def test_an_incident_is_resolved_when_its_partition_is_admitted_and_opened_anew_when_it_breaks_again(
    shop: Shop, lake: Lakehouse
) -> None:
    now = datetime.datetime(2025, 1, 2)
    shop.land_broken(1)
    run(shop, lake, 1)
    assert len(reconcile(shop.product, lake, now=now).opened) == 1
    shop.land(1, suffix="_corrected")
    assert reconcile(shop.product, lake, now=now).resolved == ()  # landed is not admitted
    run(shop, lake, 1)
    assert subjects(reconcile(shop.product, lake, now=now).resolved) == [("held", "shop.silver.orders/2025-01-01")]
    shop.land(1, [f"{i},c,ten,2025-01-01" for i in range(20)], suffix="_worse")
    run(shop, lake, 1)
    assert subjects(reconcile(shop.product, lake, now=now).opened) == [("held", "shop.silver.orders/2025-01-01")]
    states = [i.state for i in lake.ledger.incidents.history("shop")]
    assert states == ["opened", "resolved", "opened"]


def test_a_failed_run_is_opened_once_for_ever_and_resolved_when_it_is_made_good(shop: Shop, lake: Lakehouse) -> None:
    failed = Incident("shop", "run_failed", "run-1", "disk full")
    now = datetime.datetime(2025, 1, 1)
    assert reconcile(shop.product, lake, now=now, failed_runs=[failed]).opened == (failed,)
    assert reconcile(shop.product, lake, now=now, failed_runs=[failed]).opened == ()
    assert subjects(reconcile(shop.product, lake, now=now, recovered_runs=["run-1"]).resolved) == [("run_failed", "run-1")]
    assert reconcile(shop.product, lake, now=now, failed_runs=[failed]).opened == ()


def test_the_owner_is_told_once_per_incident_and_once_that_it_is_right_again(
    shop: Shop, lake: Lakehouse, inbox: type[Inbox]
) -> None:
    now = datetime.datetime(2025, 1, 2)
    shop.land_broken(1)
    run(shop, lake, 1)
    for _ in range(3):
        send(shop.product, lake, reconcile(shop.product, lake, now=now).resolved, log=LOG)
    (told,) = inbox.received
    assert told["title"] == "shop: shop.silver.orders/2025-01-01 is held"
    assert told["message"].splitlines() == [
        "Why: 10 of 20 rows are bad (50.00%), more than the 20.00% that the suite allows",
        "Owner: shop@example.com; steward: steward@example.com",
        "On main: nothing: no reader sees this partition",
        "Next: readiness held show shop.silver.orders 2025-01-01; correct the delivery and land it: it is run by itself.",
    ]
    shop.land(1, suffix="_corrected")
    run(shop, lake, 1)
    for _ in range(2):
        send(shop.product, lake, reconcile(shop.product, lake, now=now).resolved, log=LOG)
    assert [m["title"] for m in inbox.received[1:]] == ["shop: 1 resolved"]
    assert inbox.received[1]["message"] == "- held shop.silver.orders/2025-01-01"


def test_what_could_not_be_delivered_is_told_the_next_time(
    shop: Shop, lake: Lakehouse, inbox: type[Inbox], caplog: pytest.LogCaptureFixture
) -> None:
    inbox.answer = 500
    reconcile(shop.product, lake, now=datetime.datetime(2025, 1, 2))
    assert send(shop.product, lake, log=LOG) == 0
    assert "could not be delivered" in caplog.text
    inbox.answer = 200
    assert (send(shop.product, lake, log=LOG), send(shop.product, lake, log=LOG)) == (1, 0)


def test_many_incidents_at_once_are_one_message_that_names_the_first(shop: Shop, lake: Lakehouse, inbox: type[Inbox]) -> None:
    path = shop.folder / "defs.yaml"
    path.write_text(path.read_text().replace("last_due: 2025-01-10", "last_due: 2025-12-31"))
    reconcile(shop.product, lake, now=datetime.datetime(2025, 2, 1))
    assert send(shop.product, lake, log=LOG) == 1
    (told,) = inbox.received
    assert told["title"] == "shop: 31 new incidents"
    assert "2025-01-20" in told["message"] and "... and 11 more: readiness incidents shop" in told["message"]
    assert send(shop.product, lake, log=LOG) == 0


def test_without_an_address_the_log_is_told(shop: Shop, lake: Lakehouse, caplog: pytest.LogCaptureFixture) -> None:
    reconcile(shop.product, lake, now=datetime.datetime(2025, 1, 2))
    assert send(shop.product, lake, log=LOG) == 1
    assert "shop: shop.bronze.raw_orders/2025-01-01 is missing" in caplog.text


def test_an_address_that_is_none_is_a_mistake_at_load_with_its_line(shop: Shop) -> None:
    declare_alerts(shop, "json://127.0.0.1/", "carrier-pigeon://loft")
    with pytest.raises(DeclarationError) as error:
        _ = shop.product
    (problem,) = error.value.problems
    assert problem.startswith(f"{shop.folder / 'defs.yaml'}:6: attributes.alerts.to[1]: found 'carrier-pigeon://loft'")


def test_a_variable_keeps_a_secret_out_of_the_declaration_and_out_of_the_errors(
    shop: Shop, lake: Lakehouse, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare_alerts(shop, "json://user:$SHOP_ALERT_KEY@127.0.0.1:1/{owner}")
    product: Product = shop.product  # not set here: it may be set where alerts are sent
    reconcile(product, lake, now=datetime.datetime(2025, 1, 2))
    assert send(product, lake, log=LOG) == 0
    assert "SHOP_ALERT_KEY" in caplog.text and "not set" in caplog.text
    monkeypatch.setenv("SHOP_ALERT_KEY", "open-sesame")
    assert send(product, lake, log=LOG) == 0  # nobody listens on port 1
    assert "open-sesame" not in caplog.text
