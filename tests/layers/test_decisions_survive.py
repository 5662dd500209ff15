"""Decisions under fire: several at once, SIGKILL at every step of one, and a walk at random, each against an account of its own."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest

from readiness_pipelines.declarations import load_product
from readiness_pipelines.lakehouse import Lakehouse, relation, steps
from readiness_pipelines.layers import decisions, run_step
from readiness_pipelines.layers.quarantine import Signed, rows_of
from tests.layers.days import SPAWN
from tests.shop import Shop, build_shop

pytestmark = pytest.mark.slow

ORDERS = "shop.silver.orders"
SIGNED = Signed("ann", "typed wrongly")


def run(shop: Shop) -> None:
    product, lake = load_product(shop.folder), Lakehouse.open(shop.settings)
    for table in product.tables:
        result = run_step(lake, shop.settings, product, table.name, shop.day(1))
        assert result.verdict is None or result.verdict.counts.conserved


def landed(root: Path, bad: int = 3) -> Shop:
    """A day of 30 orders, some of them out of range."""
    shop = build_shop(root)
    day = shop.day(1)
    shop.land(1, [f"{i},c{i},{99999 if i < bad else 10},{day}" for i in range(30)])
    run(shop)
    return shop


def open_rows(shop: Shop) -> list[str]:
    return sorted(row.row_id for row in rows_of(Lakehouse.open(shop.settings), ORDERS, shop.day(1)))


def amounts(shop: Shop) -> dict[str, int]:
    """Return the amount of every admitted row, by its id."""
    lake = Lakehouse.open(shop.settings)
    version = lake.ledger.current_version(ORDERS, shop.day(1))
    assert version is not None
    with lake.connect() as con:
        rows = con.execute(f"SELECT row_id, amount FROM {relation(lake, [version])}").fetchall()
    assert len({row[0] for row in rows}) == len(rows), "a released row is doubled"
    return dict(rows)


def accounted(shop: Shop, rows: int = 30) -> None:
    """Every delivered row is admitted, or waits, or is counted as left out; none is in two places."""
    lake = Lakehouse.open(shop.settings)
    verdict = lake.ledger.latest_verdict(ORDERS, shop.day(1))
    assert verdict is not None and verdict.counts.conserved and verdict.counts.rows_in == rows
    admitted, waiting = set(amounts(shop)), set(open_rows(shop))
    version = lake.ledger.current_version(ORDERS, shop.day(1))
    if version is not None and version.version_key == verdict.version_key:  # else the commit is still to come
        assert not admitted & waiting
        assert len(admitted) + len(waiting) + sum(verdict.counts.dropped.values()) == rows


def release(shop: Shop, rows: list[str], amount: str, stop_at: str | None = None) -> None:
    """Release rows with an amount, and run the day; killed at the first time that a step of that name is reached."""

    def kill(name: str) -> None:
        if name == stop_at:
            os.kill(os.getpid(), signal.SIGKILL)

    steps.on_reached = kill
    lake, table = Lakehouse.open(shop.settings), load_product(shop.folder).by_name["orders"]
    decisions.release_values(lake, table, shop.day(1), {row: {"amount": amount} for row in rows}, signed=SIGNED)
    run(shop)


def side_by_side(shop: Shop, rows: list[str], given: list[str]) -> None:
    processes = [SPAWN.Process(target=release, args=(shop, rows, amount)) for amount in given]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * len(given)


def test_four_who_release_the_same_rows_at_once_release_them_once(tmp_path: Path) -> None:
    shop = landed(tmp_path)
    rows = open_rows(shop)
    side_by_side(shop, rows, ["7"] * 4)
    lake = Lakehouse.open(shop.settings)
    assert len(lake.ledger.corrections.of(ORDERS)) == 1
    assert len([p for p in lake.ledger.publications(ORDERS, shop.day(1)) if p.state == "done"]) == 2
    accounted(shop)
    assert [amounts(shop)[row] for row in rows] == [7, 7, 7]


def test_a_kill_at_every_step_of_a_release_leaves_nothing_doubled_and_the_same_command_ends_it(tmp_path: Path) -> None:
    shop = landed(tmp_path)
    rows = open_rows(shop)
    for name in (*steps.DECISION_NAMES, *steps.NAMES):
        process = SPAWN.Process(target=release, args=(shop, rows, "7", name))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL, f"{name} was never reached"
        accounted(shop)
    release(shop, rows, "7")
    accounted(shop)
    assert [amounts(shop)[row] for row in rows] == [7, 7, 7]
    assert len(Lakehouse.open(shop.settings).ledger.corrections.of(ORDERS)) == 1


def take_back(shop: Shop, to: str, stop_at: str | None = None) -> None:
    def kill(name: str) -> None:
        if name == stop_at:
            os.kill(os.getpid(), signal.SIGKILL)

    steps.on_reached = kill
    lake, table = Lakehouse.open(shop.settings), load_product(shop.folder).by_name["orders"]
    decisions.withdraw(lake, table, shop.day(1), to=to, signed=SIGNED)
    run(shop)


def test_a_withdrawal_that_is_killed_at_any_step_is_ended_by_the_next_run(tmp_path: Path) -> None:
    shop = landed(tmp_path)
    lake = Lakehouse.open(shop.settings)
    first = lake.ledger.current_version(ORDERS, shop.day(1))
    assert first is not None
    release(shop, open_rows(shop), "7")
    for name in ("correction_recorded", "verdict_recorded", "intent_recorded", "committed", "done_recorded"):
        process = SPAWN.Process(target=take_back, args=(shop, first.version_key, name))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL, f"{name} was never reached"
    run(shop)
    now = lake.ledger.current_version(ORDERS, shop.day(1))
    assert now is not None and now.version_key == first.version_key
    assert len(amounts(shop)) == 27
    accounted(shop)


@pytest.mark.parametrize("seed", [1])
def test_a_walk_over_decisions_ends_where_an_account_of_its_own_says(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    shop = landed(tmp_path, bad=5)
    table, lake = shop.product.by_name["orders"], Lakehouse.open(shop.settings)
    said: dict[str, tuple[int | None, bool]] = {row: (99999, False) for row in open_rows(shop)}  # amount (None: discarded), waived
    day = shop.day(1)
    for _ in range(12):
        row = chance.choice(sorted(said))
        waits = said[row][0] is None or (said[row][0] not in range(1001) and not said[row][1])
        match chance.choice(["values", "waive", "discard", "again"]):
            case "values" if waits:
                amount = chance.choice([5, 999, 1001, 77777])
                decisions.release_values(lake, table, day, {row: {"amount": str(amount)}}, signed=SIGNED)
                said[row] = (amount, False)
            case "waive" if waits:
                decisions.release_waived(lake, table, day, [row], ["amount_in_range"], signed=SIGNED)
                said[row] = (99999 if said[row][0] is None else said[row][0], True)
            case "discard" if waits and said[row][0] is not None:
                decisions.discard(lake, table, day, [row], signed=SIGNED)
                said[row] = (None, False)
        run(shop)
        accounted(shop)
        admitted = {r: a for r, (a, waived) in said.items() if a is not None and (a in range(1001) or waived)}
        found = amounts(shop)
        assert {r: found[r] for r in said if r in found} == admitted
        done = len(lake.ledger.publications(ORDERS, day))
        run(shop)
        assert len(lake.ledger.publications(ORDERS, day)) == done
