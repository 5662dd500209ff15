"""What it costs to admit one more small partition when a table has 1, 100, 1,000 or 3,650 of them: goal 1.2x the first.

    python benchmarks/growth.py [--until 3650] [--maintain-every 100] [--step]

Each partition of three rows is staged, gets its verdict and is published; only `publish` is timed (CPU and wall, median and
mean of the last ten; the first ten where the table has one), or with `--step` a whole silver step of the shop, from bronze on
`main` to done. Maintenance runs every so many partitions, outside the timing; its own cost is the last column.
"""

from __future__ import annotations

import argparse
import datetime
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from readiness_pipelines.lakehouse import Lakehouse, ensure_table, publish
from readiness_pipelines.lakehouse.maintenance import maintain
from readiness_pipelines.layers import run_step
from tests.lakehouse.publisher import SPEC, Place, admitted, staged
from tests.shop import build_shop

MARKS = (1, 100, 1000, 3650)
_FIRST = datetime.date(2015, 1, 1)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--until", type=int, default=MARKS[-1])
    options.add_argument("--maintain-every", type=int, default=100)
    options.add_argument("--step", action="store_true")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lake, admit = _steps(Path(folder), given.until) if given.step else _publications(Path(folder))
        _measure(lake, admit, until=given.until, every=given.maintain_every)


def _day(number: int) -> str:
    return str(_FIRST + datetime.timedelta(days=number - 1))


Admit = Callable[[int], tuple[float, float]]  # number of a partition -> CPU ms, wall ms


def _publications(root: Path) -> tuple[Lakehouse, Admit]:
    lake = Place(root).open()
    ensure_table(lake, SPEC)

    def admit(number: int) -> tuple[float, float]:
        files = staged(lake, _day(number), [1, 2, 3], key=f"k{number}")
        verdict = admitted(_day(number), files, key=f"k{number}")
        lake.ledger.record_verdict(verdict)
        return _timed(lambda: publish(lake, verdict, expected=None))

    return lake, admit


def _steps(root: Path, until: int) -> tuple[Lakehouse, Admit]:
    shop = build_shop(root, start=_FIRST, last_due=_FIRST + datetime.timedelta(days=until + 30))
    lake, product = Lakehouse.open(shop.settings), shop.product

    def admit(number: int) -> tuple[float, float]:
        shop.land(number)
        run_step(lake, shop.settings, product, "raw_orders", _day(number))
        return _timed(lambda: run_step(lake, shop.settings, product, "orders", _day(number)))

    return lake, admit


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return (time.process_time() - cpu) * 1000, (time.perf_counter() - wall) * 1000


def _measure(lake: Lakehouse, admit: Admit, *, until: int, every: int) -> None:
    costs: list[tuple[float, float]] = []
    upkeep: list[float] = []
    first = 0.0
    _tell(f"{'partitions':>10} {'CPU ms':>8} {'mean':>8} {'wall ms':>8} {'x first':>8} {'maintenance CPU ms':>20}")
    for number in range(1, until + 1):
        costs.append(admit(number))
        if number % every == 0:
            upkeep.append(_timed(lambda: list(_maintained(lake)))[0])
        if number == 11:
            first = _row(1, costs[1:11], 0.0, upkeep)  # not the very first: it also imports and makes the table
        elif number in MARKS[1:] or number == until:
            _row(number, costs[-10:], first, upkeep)


def _row(number: int, costs: list[tuple[float, float]], first: float, upkeep: list[float]) -> float:
    cpu, wall = (statistics.median(each) for each in zip(*costs, strict=True))
    mean = statistics.mean(cost for cost, _ in costs)
    told = f"{cpu / first:8.2f}" if first else f"{1:8.2f}"
    _tell(f"{number:>10,} {cpu:8.1f} {mean:8.1f} {wall:8.1f} {told} {upkeep[-1] if upkeep else 0:20.0f}")
    return cpu


def _maintained(lake: Lakehouse) -> Iterator[object]:
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + datetime.timedelta(hours=25)  # what went yesterday is deleted
    for table in lake.ledger.upkeep.tables():
        yield maintain(lake, table, keep_days=30, older_than_hours=24, now=now)


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
