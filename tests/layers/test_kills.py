"""SIGKILL at every named step and at seeded instants: what is on main was admitted, and a re-run ends as if undisturbed."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pytest

from readiness_pipelines.declarations import load_product
from readiness_pipelines.lakehouse import Lakehouse, quarantined, relation, steps
from readiness_pipelines.layers import run_step
from tests.shop import Shop, build_shop

pytestmark = pytest.mark.slow

DAYS = range(1, 6)
SPAWN = multiprocessing.get_context("forkserver")
SPAWN.set_forkserver_preload(["readiness_pipelines.layers", "pyiceberg.catalog.sql", "pyiceberg.io.pyarrow", "tests.shop"])
SEQUENCES, KILLS = 10, 5


def _land(root: Path) -> Shop:
    """Five days of 200 rows: bad rows on each, a duplicate, an unreadable record, and one day that is held."""
    shop = build_shop(root)
    for number in DAYS:
        day = shop.day(number)
        rows = [f"{number * 1000 + i},c{i},{'ten' if i % 50 == 0 else 10 + i % 7},{day}" for i in range(197)]
        shop.land(number, [*rows, rows[1], "one,field", f"{number * 1000 + 999},c,99999,{day}"])
    shop.land_broken(3)
    return shop


def _run(root: Path, stop_at: str | None = None) -> None:
    """Run every table and day; kill this process at the first time that a step of that name is reached."""

    def kill(name: str) -> None:
        if name == stop_at:
            os.kill(os.getpid(), signal.SIGKILL)

    steps.on_reached = kill
    shop = Shop(root)
    product = load_product(shop.folder)
    lake = Lakehouse.open(shop.settings)
    for table in product.tables:
        for number in DAYS:
            run_step(lake, shop.settings, product, table.name, shop.day(number))


def _child(root: Path, stop_at: str | None = None, *, kill_after: float | None = None) -> int:
    process = SPAWN.Process(target=_run, args=(root, stop_at))
    process.start()
    process.join(kill_after)
    if process.is_alive():
        process.kill()
        process.join()
    assert process.exitcode is not None
    return process.exitcode


def _rows(root: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of every table and its current quarantine, without the times at which they were written."""
    shop = Shop(root)
    lake, product = Lakehouse.open(shop.settings), load_product(shop.folder)
    found: dict[str, list[tuple[object, ...]]] = {}
    with lake.connect() as con:
        for table in product.tables:
            versions = list(lake.ledger.current_versions(table.full_name).values())
            clock = "EXCLUDE (received_at)" if table.layer == "bronze" else ""
            sql = f"SELECT * {clock} FROM {relation(lake, versions)} ORDER BY ALL"
            found[table.full_name] = con.execute(sql).fetchall()
            newest = lake.ledger.latest_verdicts(table.full_name)
            kept = con.execute(
                f"SELECT row_id, partition_key, version_key, reasons, row_values FROM {quarantined(lake, table.full_name)} ORDER BY ALL"
            ).fetchall()
            found[f"{table.full_name}_quarantine"] = [row for row in kept if newest[row[1]].version_key == row[2]]
            assert len({(row[0], row[2]) for row in kept}) == len(kept), "a quarantined row is doubled"
            assert [lake.ledger.open_intent(table.full_name, shop.day(n)) for n in DAYS] == [None] * len(DAYS)
    return found


def _everything_on_main_was_admitted(root: Path) -> None:
    shop = Shop(root)
    lake, product = Lakehouse.open(shop.settings), load_product(shop.folder)
    for table in product.tables:
        if not lake.catalog.table_exists(tuple(table.full_name.split("."))):
            continue
        admitted = {
            file.path
            for number in DAYS
            for _, verdict in lake.ledger.verdicts(table.full_name, shop.day(number))
            if verdict.outcome.is_admitted
            for file in verdict.files
        }
        loaded = lake.catalog.load_table(tuple(table.full_name.split(".")))
        assert {task.file.file_path.removeprefix("file://") for task in loaded.scan().plan_files()} <= admitted


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, list[tuple[object, ...]]], float]:
    root = tmp_path_factory.mktemp("undisturbed")
    _land(root)
    started = time.monotonic()
    assert _child(root) == 0
    duration = time.monotonic() - started
    rows = _rows(root)
    assert len(rows["shop.silver.orders"]) == 4 * (197 - 4) and len(rows["shop.silver.orders_quarantine"]) > 0
    return rows, duration


def test_a_kill_at_every_named_step_leaves_main_right_and_the_re_run_complete(
    tmp_path: Path, undisturbed: tuple[dict[str, list[tuple[object, ...]]], float]
) -> None:
    _land(tmp_path)
    for name in steps.NAMES:
        assert _child(tmp_path, name) == -signal.SIGKILL, f"{name} was never reached"
        _everything_on_main_was_admitted(tmp_path)
    assert _child(tmp_path) == 0
    assert _rows(tmp_path) == undisturbed[0]


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_kills_at_random_instants_leave_main_right_and_the_re_run_complete(
    seed: int, tmp_path: Path, undisturbed: tuple[dict[str, list[tuple[object, ...]]], float]
) -> None:
    _land(tmp_path)
    chance = random.Random(seed)
    for _ in range(KILLS):
        _child(tmp_path, kill_after=chance.uniform(0.0, undisturbed[1]))
        _everything_on_main_was_admitted(tmp_path)
    assert _child(tmp_path) == 0
    assert _rows(tmp_path) == undisturbed[0]
