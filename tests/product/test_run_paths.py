"""Every way in which Dagster runs a product keeps every promise: the table of run paths x promises.

Each path has a shop of its own; all are served by one `dagster dev` (webserver and daemon) over two code locations, and
walked side by side. The table is printed at the end of the test session.
"""

from __future__ import annotations

import datetime
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from dagster import AssetKey, DagsterRun, RunsFilter

from tests.conftest import TABLES_TO_SHOW
from tests.launches import (
    PATIENCE,
    SHOPS,
    dry_run,
    launch_backfill,
    launch_run,
    reexecute_backfill,
    reexecute_run,
    run_command,
    span,
)
from tests.promises import BRONZE, GOOD, HELD, KPI, ONCE, PAID, PROMISES, RECORDED, SILVER, TABLES, Case
from tests.served import Served, wait_for
from tests.shop import Shop, build_shop
from tests.shops_project import build_shops, land_days, midnight, stop_the_clock, write_project

pytestmark = [pytest.mark.slow, pytest.mark.daemon, pytest.mark.timeout(1800)]

WEEK = {1: 190, 2: 390, 4: 400}  # the good days and their revenue; the third is held, nothing came on the fifth
MENDED = {1: 190, 2: 390, 3: 590}
SIDE_BY_SIDE = 5


def all_assets(case: Case) -> list[str]:
    return [f"{case.shop.name}/{table}{what}" for table in TABLES for what in ("", "_quarantine")]


def days(case: Case, first: int = 1, last: int = 5) -> list[str]:
    return [case.shop.day(n) for n in range(first, last + 1)]


def group(case: Case) -> str:
    return f"group:{case.shop.name}"


def command(case: Case, program: str, *arguments: str, succeeds: bool) -> None:
    done = run_command(case.served, program, *arguments)
    assert (done.returncode == 0) is succeeds, done.stdout[-3000:] + done.stderr[-3000:]


def one_day_at_a_time(case: Case, run: Callable[[int], None]) -> None:
    for day in (1, 3):
        run(day)
    case.judge({1: 190}, held=[3])
    with case.nothing_is_doubled(runs_again=[1]):
        for day in (1, 3):
            run(day)


def dagster_asset_materialize_partition(case: Case) -> None:
    def run(day: int) -> None:
        arguments = ("-m", "shops.definitions", "--select", group(case), "--partition", case.shop.day(day))
        command(case, "dagster", "asset", "materialize", *arguments, succeeds=day != 3)

    one_day_at_a_time(case, run)


def dagster_asset_materialize_range(case: Case) -> None:
    wanted = f"{case.shop.day(1)}...{case.shop.day(5)}"
    arguments = ("asset", "materialize", "-m", "shops.definitions", "--select", group(case), "--partition-range", wanted)
    command(case, "dagster", *arguments, succeeds=False)
    case.judge(WEEK, held=[3])
    with case.nothing_is_doubled(runs_again=WEEK):
        command(case, "dagster", *arguments, succeeds=False)


def dg_launch_range(case: Case) -> None:
    wanted = f"{case.shop.day(1)}...{case.shop.day(5)}"
    command(case, "dg", "launch", "--assets", group(case), "--partition-range", wanted, succeeds=False)
    case.judge(WEEK, held=[3])
    with case.nothing_is_doubled(runs_again=WEEK):
        command(case, "dg", "launch", "--assets", group(case), "--partition-range", wanted, succeeds=False)


def dg_launch_partition(case: Case) -> None:
    def run(day: int) -> None:
        arguments = ("launch", "--assets", group(case), "--partition", case.shop.day(day))
        command(case, "dg", *arguments, succeeds=day != 3)

    one_day_at_a_time(case, run)


def ui_backfill(case: Case) -> None:
    _, status = launch_backfill(case.served, all_assets(case), days(case))
    assert status == "COMPLETED_FAILED"
    case.judge(WEEK, held=[3])
    with case.nothing_is_doubled(runs_again=WEEK):
        launch_backfill(case.served, all_assets(case), days(case))


def dagster_job_backfill(case: Case) -> None:
    def run(runs: int) -> None:
        job = f"{case.shop.name}_job"
        arguments = ("-w", "workspace.yaml", "-l", SHOPS, "-j", job, "--from", case.shop.day(1), "--to", case.shop.day(3))
        command(case, "dagster", "job", "backfill", *arguments, "--noprompt", succeeds=True)
        wait_for(lambda: len(ended_runs(case)) == runs, seconds=240, what="a run of each day")

    # as the product's sensors do, which are off here: a pool that Dagster has never met has no limit in its first moment
    command(case, "dagster", "instance", "concurrency", "set", case.shop.name, "1", succeeds=True)
    run(3)
    case.judge({1: 190, 2: 390}, held=[3])
    with case.served.instance as instance:
        records = instance.get_run_records(RunsFilter(job_name=f"{case.shop.name}_job"), order_by="start_time", ascending=True)
    asked = [record.dagster_run.tags["dagster/partition"] for record in records]
    side_by_side = any(later.start_time < earlier.end_time for earlier, later in pairwise(records))
    case.note(GOOD, "a day could miss the day before" if side_by_side or asked != days(case, last=3) else "")
    with case.nothing_is_doubled(runs_again=[1, 2]):
        run(6)


def launchpad(case: Case) -> None:
    def run(day: int) -> None:
        tags = {"dagster/partition": case.shop.day(day)}
        _, status = launch_run(case.served, f"{case.shop.name}_job", tags)
        assert status == ("FAILURE" if day == 3 else "SUCCESS")

    one_day_at_a_time(case, run)


def one_table_only(case: Case) -> None:
    def run(*tables: str, last: int = 4) -> str:
        only = [f"{case.shop.name}/{table}" for table in tables]
        return launch_run(case.served, f"{case.shop.name}_job", span(case.shop.day(1), case.shop.day(last)), only=only)[1]

    assert run(BRONZE) == "SUCCESS"
    assert run(PAID, last=2) == "FAILURE", "silver was not run yet"
    case.judge({}, held=[1, 2, 3, 4], tables=[PAID])
    assert run(SILVER) == "FAILURE", "the third day is held"
    assert run(PAID, KPI) == "FAILURE", "the third day is not admitted"
    case.judge(WEEK, held=[3])
    with case.nothing_is_doubled(runs_again=WEEK):
        run(SILVER)


def daily_schedule(case: Case) -> None:
    """The daemon itself makes good the midnight it has missed (see `stop_the_clock`); it never makes good older ones, so
    what the schedule asks for at the two midnights before is had from the webserver's dry run, and launched."""
    ticks = [midnight(case.shop.start + datetime.timedelta(days=n)) for n in (1, 2, 3)]
    job = f"{case.shop.name}_job"
    wait_for(lambda: len(ended_runs(case)) == 1, seconds=PATIENCE, what="the run of the last tick")
    case.judge({}, held=[3])
    asked = {run.tags[".dagster/scheduled_execution_time"]: run.tags["dagster/partition"] for run in ended_runs(case)}
    last = datetime.datetime.fromtimestamp(ticks[2], datetime.UTC).isoformat()
    case.note(RECORDED, "" if asked == {last: case.shop.day(3)} else f"the daemon asked for {asked}")

    def run(day: int) -> None:
        (tags,) = dry_run(case.served, f"{job}_schedule", at=ticks[day - 1])
        case.note(RECORDED, "" if tags["dagster/partition"] == case.shop.day(day) else f"day {day}: the tick asks for {tags}")
        launch_run(case.served, job, tags)

    for day in (1, 2):
        run(day)
    case.judge({1: 190, 2: 390}, held=[3])
    with case.nothing_is_doubled(runs_again=[1]):
        for day in (1, 3):
            run(day)


def reexecution_from_failure(case: Case) -> None:
    first, status = launch_run(case.served, f"{case.shop.name}_job", span(case.shop.day(1), case.shop.day(3)))
    assert status == "FAILURE"
    case.judge({1: 190, 2: 390}, held=[3])
    with case.nothing_is_doubled(runs_again=[1, 2]):
        assert reexecute_run(case.served, first)[1] == "FAILURE", "nothing was corrected"
    case.shop.land(3)
    assert reexecute_run(case.served, first)[1] == "SUCCESS"
    case.judge(MENDED)
    with case.nothing_is_doubled(runs_again=MENDED):
        assert reexecute_run(case.served, first)[1] == "SUCCESS"


def backfill_reexecution_from_failure(case: Case) -> None:
    """Dagster re-executes what it has not recorded. Bronze of a day that silver held is recorded, so the corrected file
    is only read once bronze has been run (as the landed-file sensor does)."""
    first, status = launch_backfill(case.served, all_assets(case), days(case, last=4))
    assert status == "COMPLETED_FAILED"
    case.judge(WEEK, held=[3])
    case.shop.land(3)
    with case.nothing_is_doubled(runs_again=[]):
        again, status = reexecute_backfill(case.served, first)
    assert status == "COMPLETED_FAILED", "no run has read the correction"
    day = {"dagster/partition": case.shop.day(3)}
    assert launch_run(case.served, f"{case.shop.name}_job", day, only=[f"{case.shop.name}/{BRONZE}"])[1] == "SUCCESS"
    assert reexecute_backfill(case.served, again)[1] == "COMPLETED_SUCCESS"
    case.judge({**MENDED, 4: 400})


def eager_automation(case: Case) -> None:
    automation(case, pause=20)  # the sensor ticks every five seconds


def on_cron_automation(case: Case) -> None:
    automation(case, pause=65)  # the cron ticks each minute


def automation(case: Case, *, pause: float) -> None:
    """An asset of another code location is below our gold; its newest day is held, and then corrected."""
    job, everything = f"{case.shop.name}_job", span(case.shop.day(1), case.shop.day(3))
    assert launch_run(case.served, job, everything)[1] == "FAILURE"
    case.judge({1: 190, 2: 390}, held=[3])
    time.sleep(pause)
    case.note(HELD, f"{asked_of(case)} was asked for" if asked_of(case) else "")
    case.shop.land(3)
    deadline = time.monotonic() + PATIENCE
    while not asked_of(case) and time.monotonic() < deadline:  # on_cron misses what comes between its tick and the sensor's
        assert launch_run(case.served, job, {"dagster/partition": case.shop.day(3)})[1] == "SUCCESS"
        time.sleep(20)
    case.note(GOOD, "" if set(asked_of(case)) == {case.shop.day(3)} else f"{asked_of(case)} was asked for")
    case.judge(MENDED)
    with case.nothing_is_doubled(runs_again=MENDED):
        assert launch_run(case.served, job, everything)[1] == "SUCCESS"


def asked_of(case: Case) -> list[str]:
    """Return the partitions that runs of the asset below were asked for."""
    with case.served.instance as instance:
        runs = instance.get_runs(RunsFilter())
    return [r.tags.get("dagster/partition", "") for r in runs if r.asset_selection == {AssetKey(f"below_{case.shop.name}")}]


def dg_dev_beside_dagster_dev(case: Case) -> None:
    """Two webservers and two daemons on one instance of their own, with schedule and landed-file sensor.

    The second daemon knows nothing of what the first did but by the instance.
    """
    root = case.served.root / "beside"
    shop = case.shop = build_shop(root, "beside_schedule", start=case.shop.start, last_due=None)
    write_project(root, sensors=True, theirs=False)
    first = case.served = Served.over(root, shop.environment, ["-w", "workspace.yaml"])
    stop_the_clock(first, shop.name)
    dg = str(Path(sys.executable).parent / "dg")
    second = Served(root, first.environment, program=[dg, "dev"], arguments=[], log="dg.log")
    with running(first), running(second):
        land_days(shop, 3)
        for file in shop.settings.landing.rglob("*.csv"):
            os.utime(file, (time.time() - 60,) * 2)  # the sensor leaves alone what may still be written
        wait_for(lambda: "landed" in started_by(case), seconds=PATIENCE, what="the landed-file sensor")
        wait_for(lambda: not unfinished(case), seconds=PATIENCE, what="its run")
        case.judge({1: 190, 2: 390}, held=[3])
        with case.nothing_is_doubled(runs_again=[1, 2]):
            launch_backfill(first, all_assets(case), days(case, last=3))
        by = started_by(case)
        case.note(ONCE, "" if by == ["backfill", "landed", "schedule"] else f"runs were started by {by}")


@contextmanager
def running(served: Served) -> Iterator[None]:
    served.start()
    try:
        yield
    finally:
        served.stop()


def started_by(case: Case) -> list[str]:
    """Return what each run of the instance was started by."""
    tags = {"dagster/schedule_name": "schedule", "readiness/request": "landed", "dagster/backfill": "backfill"}
    with case.served.instance as instance:
        return sorted(tags[tag] for run in instance.get_runs(RunsFilter()) for tag in tags.keys() & run.tags.keys())


def unfinished(case: Case) -> bool:
    with case.served.instance as instance:
        return any(not run.is_finished for run in instance.get_runs(RunsFilter()))


def ended_runs(case: Case) -> list[DagsterRun]:
    with case.served.instance as instance:
        runs = instance.get_runs(RunsFilter(job_name=f"{case.shop.name}_job"))
    return [run for run in runs if run.is_finished]


PATHS = (  # the ones that wait longest first: they are walked side by side, begun in this order
    backfill_reexecution_from_failure,
    dg_dev_beside_dagster_dev,
    ui_backfill,
    on_cron_automation,
    eager_automation,
    daily_schedule,
    one_table_only,
    launchpad,
    reexecution_from_failure,
    dagster_job_backfill,
    dagster_asset_materialize_partition,
    dagster_asset_materialize_range,
    dg_launch_partition,
    dg_launch_range,
)


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Shop]:
    return build_shops(tmp_path_factory.mktemp("paths"), [path.__name__ for path in PATHS])


@pytest.fixture(scope="module")
def served(shops: Mapping[str, Shop]) -> Iterator[Served]:
    shop = shops["daily_schedule"]
    write_project(shop.root, sensors=False, theirs=True)
    served = Served.over(shop.root, shop.environment, ["-w", "workspace.yaml"])
    stop_the_clock(served, shop.name)
    with running(served):
        yield served


@pytest.fixture(scope="module")
def walked(served: Served, shops: Mapping[str, Shop], request: pytest.FixtureRequest) -> Iterator[Mapping[str, Future[Case]]]:
    """The paths of the selected tests, being walked side by side; shown as a table at the end."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function) and item.path == request.path]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as walkers:
        wanted = [item.callspec.params["path"] for item in items]
        futures = {p.__name__: walkers.submit(walk, p, Case(served, shops[p.__name__])) for p in wanted}
        yield futures
    request.config.stash.setdefault(TABLES_TO_SHOW, {})["Run paths x promises"] = list(table(futures))


def walk(path: Callable[[Case], None], case: Case) -> Case:
    began = time.monotonic()
    try:
        path(case)
    except Exception as wrong:  # noqa: BLE001  # raised again by the test of this path
        wrong.add_note(f"found before: { {promise: problems for promise, problems in case.found.items() if problems} }")
        case.failure = wrong
    case.seconds = time.monotonic() - began
    return case


def table(futures: Mapping[str, Future[Case]]) -> Iterator[str]:
    width = max(map(len, futures)) + 1
    yield f"{'':<{width}} | {' | '.join(PROMISES)} | walked in"
    for name, future in futures.items():
        case = future.result()
        cells = [f"{'BROKEN' if case.found.get(p) else 'ok' if p in case.found else 'not seen':<{len(p)}}" for p in PROMISES]
        yield f"{name:<{width}} | {' | '.join(cells)} | {case.seconds:.0f} s"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.__name__)
def test_every_run_path_keeps_every_promise(path: Callable[[Case], None], walked: Mapping[str, Future[Case]]) -> None:
    case = walked[path.__name__].result(timeout=800)
    if case.failure:
        raise case.failure
    assert {promise: problems for promise, problems in case.found.items() if problems} == {}
    assert set(case.found) == set(PROMISES)
