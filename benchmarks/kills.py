"""SIGKILL at random instants: over the demo's range, and over several processes that run it at once.

    python benchmarks/kills.py [--kills 200] [--seed 1] [--days 20] [--processes 4]

Three quarters of the kills hit one process that runs the range of `readmission` from the start; the rest hit one of
several processes that run it at once, each in an order of its own. After each kill every file on `main` must be in an
admitted verdict; after each complete pass every row of every table and quarantine must be the one that an undisturbed
run ends with: none lost, none doubled. Exit code 1 if anything is otherwise.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import readiness_pipelines
from readiness_pipelines.declarations import Product, load_product
from readiness_pipelines.errors import NotAdmitted, PublishConflict
from readiness_pipelines.lakehouse import Lakehouse, quarantined, relation
from readiness_pipelines.layers import run_step
from readiness_pipelines.layers.calendar import keys_between
from readiness_pipelines.samples import readmission
from readiness_pipelines.settings import Settings

FOLDER = Path(readiness_pipelines.__file__).parent / "defs" / "readmission"
SPAWN = multiprocessing.get_context("forkserver")
SPAWN.set_forkserver_preload(["readiness_pipelines.layers", "pyiceberg.catalog.sql", "pyiceberg.io.pyarrow"])

Content = dict[str, Counter[tuple[object, ...]]]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--days", type=int, default=20)
    options.add_argument("--processes", type=int, default=4)
    given = options.parse_args()
    product, chance = load_product(FOLDER), random.Random(given.seed)
    keys = keys_between(product, "2025-01-01", "2025-12-31")[: given.days]
    with tempfile.TemporaryDirectory() as folder:
        landing = Path(folder) / "landing"
        readmission.write(landing)
        quiet = Settings(state=Path(folder) / "quiet", landing=landing)
        started = time.monotonic()
        run(quiet, keys, None)
        took, expected = time.monotonic() - started, content(quiet, product)
        rows = sum(c.total() for c in expected.values())
        tell(f"undisturbed: {len(keys)} days, {len(product.tables)} tables, {rows} rows and quarantined rows, {took:.0f} s")
        alone = given.kills - given.kills // 4
        wrong = passes(Path(folder) / "alone", landing, product, keys, expected, kills=alone, processes=1, took=took, chance=chance)
        wrong += passes(
            Path(folder) / "together",
            landing,
            product,
            keys,
            expected,
            kills=given.kills // 4,
            processes=given.processes,
            took=took,
            chance=chance,
        )
    tell(f"seed {given.seed}: {given.kills} kills, {wrong} wrong")
    sys.exit(1 if wrong else 0)


def run(settings: Settings, keys: Sequence[str], order: int | None) -> None:
    """Run every table over `keys`; with an `order`, day by day in a shuffled one, passing over what others hold up."""
    product, lake = load_product(FOLDER), Lakehouse.open(settings)
    if order is None:
        for table in product.tables:
            for key in keys:
                run_step(lake, settings, product, table.name, key)
        return
    for table in product.tables:
        for key in random.Random(f"{order}/{table.name}").sample(list(keys), len(keys)):
            try:
                run_step(lake, settings, product, table.name, key)
            except (NotAdmitted, PublishConflict):
                continue  # another process has not come so far, or was faster: the last pass finds it done


def passes(
    root: Path,
    landing: Path,
    product: Product,
    keys: Sequence[str],
    expected: Content,
    *,
    kills: int,
    processes: int,
    took: float,
    chance: random.Random,
) -> int:
    """Kill so many processes, starting from nothing whenever a pass has ended; return how many times something was wrong."""
    left, number, wrong, unadmitted, bad_rows = kills, 0, 0, 0, 0
    while left:
        number += 1
        settings = Settings(state=root / str(number), landing=landing)
        for _ in range(min(left, chance.randint(5, 25))):
            orders = [None] if processes == 1 else [chance.randrange(1000) for _ in range(processes)]
            running = [SPAWN.Process(target=run, args=(settings, keys, order)) for order in orders]
            for process in running:
                process.start()
            time.sleep(chance.uniform(0.3, max(1.0, took / 8)))
            victim = chance.choice(running)
            victim.kill()
            victim.join()
            if processes > 1:
                time.sleep(chance.uniform(0.0, 2.0))  # the others go on without it
            for process in running:
                process.kill()
                process.join()
            left -= 1
            unadmitted += len(files_outside_verdicts(settings, product))
        run(settings, keys, None)
        found = content(settings, product)
        lost = sum((expected[table] - found[table]).total() for table in expected)
        more = sum((found[table] - expected[table]).total() for table in expected)
        unadmitted += len(files_outside_verdicts(settings, product))
        bad_rows += lost + more
        wrong = unadmitted + bad_rows
        told = f"{kills - left} kills; unadmitted files {unadmitted}, lost {lost}, doubled {more}"
        tell(f"  {processes} at once, pass {number}: {told}")
    return wrong


def files_outside_verdicts(settings: Settings, product: Product) -> set[str]:
    """Return the files on `main` that no admission names."""
    lake, outside = Lakehouse.open(settings), set()
    for table in product.tables:
        if lake.find(table.full_name) is None:
            continue
        iceberg = lake.load(table.full_name)
        on_main = {task.file.file_path.removeprefix("file://"): task.file for task in iceberg.scan().plan_files()}
        partitions = {str(file.partition[0]) for file in on_main.values()}
        admitted = {
            file.path
            for partition in partitions
            for _, verdict in lake.ledger.verdicts(table.full_name, partition)
            if verdict.outcome.is_admitted
            for file in verdict.files
        }
        outside |= on_main.keys() - admitted
    return outside


def content(settings: Settings, product: Product) -> Content:
    """Return every row of every table, and of its current quarantine, without the times at which they were written."""
    lake = Lakehouse.open(settings)
    found: Content = {}
    with lake.connect() as con:
        for table in product.tables:
            versions = list(lake.ledger.current_versions(table.full_name).values())
            clock = "EXCLUDE (received_at)" if table.layer == "bronze" else ""
            found[table.full_name] = Counter()
            if versions:
                found[table.full_name].update(con.execute(f"SELECT * {clock} FROM {relation(lake, versions)}").fetchall())
            newest = lake.ledger.latest_verdicts(table.full_name)
            columns = "row_id, partition_key, version_key, CAST(reasons AS VARCHAR), row_values"
            kept = con.execute(f"SELECT {columns} FROM {quarantined(lake, table.full_name)}").fetchall()
            found[f"{table.full_name}_quarantine"] = Counter(row for row in kept if newest[row[1]].version_key == row[2])
    return found


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
