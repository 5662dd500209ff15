"""An erasure that is killed at any step is ended by the same command, and wherever catalog, ledger and warehouse lie."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from readiness_pipelines.declarations import load_product
from readiness_pipelines.lakehouse import Lakehouse, pin, relation, steps
from readiness_pipelines.lakehouse.doctor import examine
from readiness_pipelines.layers import decisions, run_step
from readiness_pipelines.layers.erase import Account, erase
from readiness_pipelines.layers.quarantine import Signed, rows_of
from tests.layers.days import SPAWN
from tests.shop import Shop, build_shop

pytestmark = pytest.mark.slow

SIGNED = Signed("ann", "asked by letter")
ORDERS = "shop.silver.orders"


def landed(shop: Shop) -> None:
    """A day with orders of the subject: good, bad, corrected, of a first and a second delivery, and pinned."""
    contract = shop.folder / "contract.yaml"
    said = "  - name: raw_orders\n    customProperties: [{property: subject, value: customer}]\n"
    contract.write_text(contract.read_text().replace("  - name: raw_orders\n", said))
    rows = [f"{i},c{i},10,2025-01-01" for i in range(17)]
    mine = ["91,ZYX-7,10,2025-01-01", "92,ZYX-7,ten,2025-01-01", "93,ZYX-7,99999,2025-01-01"]
    shop.land(1, [*rows, *mine])
    run(shop)
    shop.land(1, [*rows, *mine, "94,c,10,2025-01-01"], suffix="_b")
    run(shop)
    lake, table = Lakehouse.open(shop.settings), shop.product.by_name["orders"]
    bad = [row.row_id for row in rows_of(lake, ORDERS, shop.day(1)) if "cast:amount" in row.reasons]
    decisions.release_values(lake, table, shop.day(1), {row: {"amount": "7"} for row in bad}, signed=SIGNED)
    run(shop)
    version = lake.ledger.current_version(ORDERS, shop.day(1))
    assert version is not None
    pin(lake, [version], name="training")


def run(shop: Shop, keys: Sequence[str] = ()) -> None:
    product, lake = load_product(shop.folder), Lakehouse.open(shop.settings)
    for table in product.tables:
        for key in keys or [shop.day(1)]:
            result = run_step(lake, shop.settings, product, table.name, key)
            assert result.verdict is None or result.verdict.counts.conserved


def erased(shop: Shop, stop_at: str | None = None) -> Account:
    def kill(name: str) -> None:
        if name == stop_at:
            os.kill(os.getpid(), signal.SIGKILL)

    steps.on_reached = kill
    try:
        lake, product = Lakehouse.open(shop.settings), load_product(shop.folder)
        return erase(lake, product, "ZYX-7", signed=SIGNED, run=lambda keys: run(shop, keys))
    finally:
        steps.on_reached = None


def in_a_process(shop: Shop, stop_at: str) -> None:
    erased(shop, stop_at)


def is_gone(shop: Shop) -> None:
    lake = Lakehouse.open(shop.settings)
    account = erased(shop)
    assert (account.is_news, account.traces, account.records) == (False, (), 6)
    version = lake.ledger.current_version(ORDERS, shop.day(1))
    assert version is not None
    with lake.connect() as con:
        rows = con.execute(f"SELECT count(*), count(*) FILTER (customer = 'ZYX-7') FROM {relation(lake, [version])}").fetchone()
    assert rows == (18, 0)
    assert rows_of(lake, ORDERS, shop.day(1), everything=True) == []
    assert [str(found) for found in examine(shop.settings).findings] == []
    assert [each.kind for each in lake.ledger.corrections.of("shop.bronze.raw_orders", "")][0] == "erase"


def test_a_kill_at_every_step_of_an_erasure_is_taken_up_by_the_same_command(tmp_path: Path) -> None:
    shop = build_shop(tmp_path)
    landed(shop)
    for name in (n for n in steps.ERASURE_NAMES if n not in ("taken_off_main",)):
        process = SPAWN.Process(target=in_a_process, args=(shop, name))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL, f"{name} was never reached"
        if name not in ("erasure_ended",):
            assert any("did not come to its end" in str(found) for found in examine(shop.settings).findings), name
    is_gone(shop)


def test_an_erasure_reaches_all_wherever_it_lies(tmp_path: Path, near_and_far: dict[str, str]) -> None:
    shop = replace(build_shop(tmp_path), services=near_and_far)
    landed(shop)
    account = erased(shop)
    assert (account.is_news, account.records, account.removed.pins) == (True, 6, (f"{ORDERS}: training",))
    is_gone(shop)
