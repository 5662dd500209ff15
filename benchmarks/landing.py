"""2,000 late files at once under a real daemon, which is killed with its runs and started again in the middle.

    python benchmarks/landing.py [--files 2000] [--per-partition 4]

Prints: ticks of the sensor and how long they took, runs started, files and rows taken in, what was doubled or lost (both
must be 0). Then the time of one look at a landing folder of 2,000 and of 100,000 files that are all taken in already.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from dagster import RunsFilter

from readiness_pipelines.flow import Sighting
from readiness_pipelines.lakehouse import Lakehouse, relation
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.layers.waiting import find_waiting
from readiness_pipelines.product.sensors import REQUEST_TAG
from tests.served import Served, location, serve, wait_for
from tests.shop import Shop, build_shop


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--files", type=int, default=2000)
    options.add_argument("--per-partition", type=int, default=4)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shop = _shop(Path(folder), days=given.files // given.per_partition, per_day=given.per_partition)
        _late_files(shop, files=given.files, days=given.files // given.per_partition)
    for files in (2_000, 100_000):
        with tempfile.TemporaryDirectory() as folder:
            _one_look(_shop(Path(folder), days=400, per_day=files // 400), files=files)


def _shop(root: Path, *, days: int, per_day: int) -> Shop:
    shop = build_shop(root)
    path = shop.folder / "defs.yaml"
    text = path.read_text().replace("2025-01-01", "2023-01-01")
    path.write_text(text.replace("last_due: 2025-01-10}", f"last_due: {_day(days)}, delivery: append}}"))
    folder = shop.settings.landing / "orders"
    folder.mkdir(parents=True)
    for n in range(1, days + 1):
        for part in range(per_day):
            rows = "".join(f"{(n * 1000 + part) * 10 + i},c{i},10,{_day(n)}\n" for i in range(5))
            file = folder / f"orders_{_day(n)}_{part}.csv"
            file.write_text("order_id,customer,amount,ordered_on\n" + rows)
            os.utime(file, (time.time() - 60,) * 2)
    return shop


def _day(number: int) -> str:
    import datetime

    return str(datetime.date(2023, 1, 1) + datetime.timedelta(days=number - 1))


def _late_files(shop: Shop, *, files: int, days: int) -> None:
    lake = Lakehouse.open(shop.settings)
    gold = "shop.gold.daily_revenue"
    started = time.monotonic()
    with serve(shop.root, location([shop.folder], sensors=True), shop.environment) as served:
        wait_for(lambda: len(lake.ledger.current_versions("shop.bronze.raw_orders")) > days // 5, seconds=600, what="a fifth")
        half = len(lake.ledger.current_versions(gold))
        served.kill()
        served.start()
        wait_for(lambda: len(lake.ledger.current_versions(gold)) == days, seconds=3000, what="all partitions")
        wait_for(lambda: _is_quiet(served), seconds=600, what="the last run")
        took = time.monotonic() - started
        with served.instance as instance:
            runs = [r for r in instance.get_runs(RunsFilter()) if REQUEST_TAG in r.tags]
            state = next(s for s in instance.all_instigator_state() if s.instigator_name == "shop_landed")
            ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id)
    seconds = [t.end_timestamp - t.timestamp for t in ticks if t.end_timestamp]
    arrivals = sum(lake.ledger.arrivals_by_partition("shop.bronze.raw_orders").values())
    versions = list(lake.ledger.current_versions("shop.silver.orders").values())
    with lake.connect() as con:
        rows, distinct = con.execute(f"SELECT count(*), count(DISTINCT order_id) FROM {relation(lake, versions)}").fetchall()[0]
    done = Counter(
        sum(p.state == "done" for p in lake.ledger.publications("shop.silver.orders", version.partition)) for version in versions
    )
    _print(
        f"{files} files, {days} partitions; killed and started again with {half} of them in gold",
        f"  runs started           {len(runs)}, of them {dict(Counter(r.status.value for r in runs))}",
        f"  ticks                  {len(ticks)}, median {statistics.median(seconds):.2f} s, longest {max(seconds):.2f} s",
        f"  files taken in         {arrivals} (lost {files - arrivals})",
        f"  rows in silver         {rows} (lost {files * 5 - distinct}, doubled {rows - distinct})",
        f"  publications per partition {dict(done)} (1 each: nothing was published twice)",
        f"  all of it              {took:.0f} s, {took / days:.2f} s a partition of 4 tables",
    )


def _is_quiet(served: Served) -> bool:
    with served.instance as instance:
        return all(run.is_finished for run in instance.get_runs(RunsFilter()))


def _one_look(shop: Shop, *, files: int) -> None:
    lake, product = Lakehouse.open(shop.settings), shop.product
    root, table = shop.settings.landing, "shop.bronze.raw_orders"
    every = sorted((root / "orders").iterdir())
    lake.ledger.record_sightings(
        Sighting(table, p.name[7:17], p.relative_to(root).as_posix(), p.stat().st_size, p.stat().st_mtime_ns) for p in every
    )
    times = []
    for _ in range(5):
        begun = time.process_time()
        found = find_waiting(product, lake, now=clock(), state_of=lambda _: "over")
        times.append(time.process_time() - begun)
        assert found.files == 0
    _print(f"one look at {files:>7} files, all taken in: {statistics.median(times):.2f} s of CPU (median of 5)")


def _print(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
