"""Five days of a shop to kill, starve and lock: what lands, what runs over it in a process of its own, what must be there."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import traceback
from collections.abc import Mapping
from pathlib import Path

from readiness_pipelines.declarations import load_product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.lakehouse import Lakehouse, quarantined, relation, steps
from readiness_pipelines.layers import run_step
from tests.shop import Shop, build_shop

DAYS = range(1, 6)
TOLD, UNTOLD = 3, 4  # how a child ends whose step raised an error on purpose, or any other
SPAWN = multiprocessing.get_context("forkserver")
SPAWN.set_forkserver_preload(["readiness_pipelines.layers", "pyiceberg.catalog.sql", "pyiceberg.io.pyarrow", "tests.shop"])

Rows = Mapping[str, list[tuple[object, ...]]]


def land(root: Path) -> Shop:
    """Write five days of 200 rows: bad rows on each, a duplicate, an unreadable record, and one day that is held."""
    shop = build_shop(root)
    for number in DAYS:
        day = shop.day(number)
        rows = [f"{number * 1000 + i},c{i},{'ten' if i % 50 == 0 else 10 + i % 7},{day}" for i in range(197)]
        shop.land(number, [*rows, rows[1], "one,field", f"{number * 1000 + 999},c,99999,{day}"])
    shop.land_broken(3)
    return shop


def run_all(shop: Shop, stop_at: str | None = None, days: range = DAYS) -> None:
    """Run every table over `days`; kill this process at the first time that a step of that name is reached."""

    def kill(name: str) -> None:
        if name == stop_at:
            os.kill(os.getpid(), signal.SIGKILL)

    steps.on_reached = kill
    product = load_product(shop.folder)
    lake = Lakehouse.open(shop.settings)
    for table in product.tables:
        for number in days:
            run_step(lake, shop.settings, product, table.name, shop.day(number))


def run_told(shop: Shop, told: Path, largest_file: int | None = None) -> None:
    """Run every table and day, and write into `told` what the first error says: it ends with TOLD, or UNTOLD.

    `largest_file` (bytes) makes every write beyond it fail.
    """
    if largest_file is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, resource.RLIM_INFINITY))
    code = 0
    try:
        run_all(shop)
    except ReadinessError as error:
        code, said = TOLD, str(error)
    except Exception:  # noqa: BLE001 this is what a test looks for
        code, said = UNTOLD, traceback.format_exc()
    if code:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        told.write_text(said)
        os._exit(code)


def child(shop: Shop, stop_at: str | None = None, *, days: range = DAYS, kill_after: float | None = None) -> int:
    """Run it all in a process of its own, killed at a step or after so many seconds; return how it ended."""
    process = SPAWN.Process(target=run_all, args=(shop, stop_at, days))
    process.start()
    process.join(kill_after)
    if process.is_alive():
        process.kill()
        process.join()
    assert process.exitcode is not None
    return process.exitcode


def rows_of(shop: Shop) -> Rows:
    """Return the rows of every table and its current quarantine, without the times at which they were written."""
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


def unadmitted_files(shop: Shop) -> set[str]:
    """Return the files on `main` that no admission names: there must be none, whatever happened."""
    lake, product = Lakehouse.open(shop.settings), load_product(shop.folder)
    found: set[str] = set()
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
        found |= {task.file.file_path.removeprefix("file://") for task in loaded.scan().plan_files()} - admitted
    return found
