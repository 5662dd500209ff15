"""What a product costs beside an empty Dagster project, side by side in one run.

    python benchmarks/dagster_cost.py [--days 365] [--repeat 3]

1. `dagster dev`: seconds until its code location has loaded, of one asset that does nothing and of the shop. Goal 1.2x.
2. CPU of a one-day run, both. Goal 2 s more.
3. CPU of a backfill of 365 days in one run against ten single-day runs, per day. Goal 25 times less.
"""

from __future__ import annotations

import argparse
import datetime
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from readiness_pipelines.lakehouse import Lakehouse
from tests.served import PROJECT, location, serve
from tests.shop import Shop, build_shop

EMPTY = """\
import dagster as dg

@dg.asset(key=["empty", "nothing"], group_name="empty", partitions_def=dg.DailyPartitionsDefinition("2024-01-01"),
          backfill_policy=dg.BackfillPolicy.single_run())
def nothing():
    pass

defs = dg.Definitions(assets=[nothing], executor=dg.in_process_executor)
"""
FIRST = datetime.date(2024, 1, 1)
_SINGLE_DAYS = 5


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--days", type=int, default=365)
    options.add_argument("--repeat", type=int, default=3, choices=range(1, _SINGLE_DAYS + 1))
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shop, empty = _shop(Path(folder) / "shop", given.days), Path(folder) / "empty"
        empty.mkdir()
        code = location([shop.folder], sensors=True)
        _ready(shop, empty, code, repeat=given.repeat)
        _one_day(shop, empty, code, repeat=given.repeat)
        _backfill(shop, code, days=given.days)


def _shop(root: Path, days: int) -> Shop:
    root.mkdir()
    shop = build_shop(root)
    path = shop.folder / "defs.yaml"
    path.write_text(path.read_text().replace("2025-01-01", str(FIRST)).replace("2025-01-10", _day(days + 20)))
    folder = shop.settings.landing / "orders"
    folder.mkdir(parents=True)
    for n in range(1, days + 21):
        rows = "".join(f"{n * 100 + i},c{i},10,{_day(n)}\n" for i in range(20))
        (folder / f"orders_{_day(n)}.csv").write_text("order_id,customer,amount,ordered_on\n" + rows)
    return shop


def _day(number: int) -> str:
    return str(FIRST + datetime.timedelta(days=number - 1))


def _ready(shop: Shop, empty: Path, code: str, *, repeat: int) -> None:
    def seconds(root: Path, text: str) -> float:
        begun = time.monotonic()
        with serve(root, text, shop.environment):
            return time.monotonic() - begun

    quiet = code.replace("sensors=d.sensors", "sensors=[]")  # so that the runs below find nothing done
    theirs, ours = _in_turn(repeat, lambda: seconds(empty, EMPTY), lambda: seconds(shop.root, quiet))
    _tell(f"dagster dev ready: empty {theirs:.1f} s, shop {ours:.1f} s: {ours / theirs:.2f}x (goal 1.2x)")


def _one_day(shop: Shop, empty: Path, code: str, *, repeat: int) -> None:
    days = iter(range(1, _SINGLE_DAYS + 1))
    for root, text in ((empty, EMPTY), (shop.root, code)):
        (root / "location.py").write_text(text)
    theirs, ours = _in_turn(
        repeat,
        lambda: _materialise(empty, "empty", shop.environment, "--partition", _day(1)),
        lambda: _materialise(shop.root, "shop", shop.environment, "--partition", _day(next(days))),
    )
    for day in days:
        _materialise(shop.root, "shop", shop.environment, "--partition", _day(day))
    _tell(f"one day: empty {theirs:.1f} s of CPU, shop {ours:.1f} s: {ours - theirs:+.1f} s (goal +2 s)")


def _backfill(shop: Shop, code: str, *, days: int) -> None:
    first, last = _SINGLE_DAYS + 1, _SINGLE_DAYS + days  # each day's gold reads the two before it
    whole = _materialise(shop.root, "shop", shop.environment, "--partition-range", f"{_day(first)}...{_day(last)}")
    singles = [_materialise(shop.root, "shop", shop.environment, "--partition", _day(last + n)) for n in range(1, 11)]
    published = len(Lakehouse.open(shop.settings).ledger.current_versions("shop.gold.paid_orders"))
    one, each = statistics.mean(singles), whole / days
    _tell(
        f"{days} days in one run: {whole:.0f} s of CPU, {each:.2f} s a day; ten single runs: {one:.2f} s a day: "
        f"{one / each:.0f} times less (goal 25); {published} days published"
    )


def _materialise(root: Path, group: str, environment: Mapping[str, str], *partitions: str) -> float:
    """Materialise in a process of its own, and return its CPU seconds, children included."""
    home = root / "home"
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text((PROJECT / "dagster.yaml").read_text())
    command = [sys.executable, "-m", "dagster", "asset", "materialize", "-f", "location.py", "--select", f"group:{group}"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [*command, *partitions],
        cwd=root,
        env={**os.environ, **environment, "DAGSTER_HOME": str(home), "PYTHONPATH": str(PROJECT)},
        check=True,
        capture_output=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def _in_turn(repeat: int, first: Callable[[], float], second: Callable[[], float]) -> tuple[float, float]:
    """Return the medians of two measurements taken by turns, so that a busy machine is unfair to neither."""
    pairs = [(first(), second()) for _ in range(repeat)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
