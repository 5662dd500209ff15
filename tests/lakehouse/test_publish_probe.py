"""Probe: whatever is killed, and whoever else writes, `main` holds admitted files only and ends exactly right."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

import pytest

from readiness_pipelines.flow import digest
from readiness_pipelines.lakehouse import Lakehouse, quarantined, relation, steps
from tests.lakehouse.crowd import crowd
from tests.lakehouse.publisher import (
    DAYS,
    Place,
    T,
    amounts_of,
    make_table,
    processes,
    quarantine_same,
    replace_own,
    run_days,
    run_together,
)

KILLED = -9


def killed_at(place: Place, name: str, *, on: int, generation: int = 1) -> None:
    process = processes().Process(target=run_days, args=(place, generation, name, on))
    process.start()
    process.join(60)
    assert process.exitcode == KILLED


def finish(place: Place, *, generation: int = 1) -> None:
    assert run_together(run_days, [(place, generation)], seconds=60) == [0]


def assert_all_on_main_was_admitted(lake: Lakehouse) -> None:
    """Every file on main is in a verdict that admitted it, and no partition mixes two verdicts."""
    table = lake.find(T)
    if table is None:
        return
    on_main: dict[str, set[str]] = {}
    for task in table.scan().plan_files():
        on_main.setdefault(task.file.partition[0], set()).add(task.file.file_path.removeprefix("file://"))
    for partition, paths in on_main.items():
        verdicts = [v for _, v in lake.ledger.verdicts(T, partition) if v.outcome.is_admitted]
        assert any({f.path for f in v.files} == paths for v in verdicts), partition
    assert set(table.refs()) <= {"main"}  # none yet, if killed between making the table and its root snapshot


def assert_exactly_undisturbed(lake: Lakehouse, generation: int) -> None:
    """Rows, quarantine and ledger are what a run that nothing disturbed leaves: known here without running one."""
    assert_all_on_main_was_admitted(lake)
    current = lake.ledger.current_versions(T)
    assert {p: v.version_key for p, v in current.items()} == {d: digest(d, generation) for d in DAYS}
    good = [(d, a) for d in DAYS for n, a in enumerate(amounts_of(d, generation)) if n % 3]
    bad = [(d, f"{d}:{n}") for d in DAYS for n in range(20) if n % 3 == 0]
    keys = ", ".join(f"'{v.version_key}'" for v in current.values())
    with lake.connect() as con:
        rows = con.execute(f"SELECT partition_key, amount FROM {relation(lake, list(current.values()))}").fetchall()
        refused = con.execute(f"SELECT partition_key, row_id FROM {quarantined(lake, T)} WHERE version_key IN ({keys})").fetchall()
    assert list(lake.load(T).refs()) == ["main"]
    assert sorted(rows) == good
    assert sorted(refused) == sorted(bad)
    assert [lake.ledger.open_intent(T, day) for day in DAYS] == [None] * 5


@pytest.mark.parametrize("name", steps.NAMES)
def test_a_process_killed_at_a_named_step_is_taken_up_without_loss_or_double(tmp_path: Path, name: str) -> None:
    place = Place(tmp_path)
    killed_at(place, name, on=2)
    assert_all_on_main_was_admitted(place.open())
    finish(place)
    assert_exactly_undisturbed(place.open(), 1)
    killed_at(place, name, on=3, generation=2)
    assert_all_on_main_was_admitted(place.open())
    finish(place, generation=2)
    assert_exactly_undisturbed(place.open(), 2)


def test_a_process_killed_before_and_after_its_commit_is_taken_up_wherever_tables_lie(place: Place) -> None:
    for generation, name in enumerate(("intent_recorded", "committed"), start=1):
        killed_at(place, name, on=2, generation=generation)
        assert_all_on_main_was_admitted(place.open())
        finish(place, generation=generation)
        assert_exactly_undisturbed(place.open(), generation)


@pytest.fixture(scope="module")
def undisturbed_s(tmp_path_factory: pytest.TempPathFactory) -> float:
    """How long a process needs that nothing disturbs, on this machine."""
    took = []
    for _ in range(3):
        began = time.perf_counter()
        finish(Place(tmp_path_factory.mktemp("timed")))
        took.append(time.perf_counter() - began)
    return min(took)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_a_process_killed_at_any_instant_is_taken_up_without_loss_or_double(
    tmp_path: Path, undisturbed_s: float, seed: int
) -> None:
    place, instants = Place(tmp_path), random.Random(seed)
    for generation in (1, 2):
        for _ in range(2):
            process = processes().Process(target=run_days, args=(place, generation))
            process.start()
            time.sleep(instants.uniform(0.0, undisturbed_s))
            process.kill()
            process.join(60)
            assert_all_on_main_was_admitted(place.open())
        finish(place, generation=generation)
        assert_exactly_undisturbed(place.open(), generation)


@pytest.mark.slow
def test_four_processes_replacing_partitions_of_one_table_lose_and_double_nothing(tmp_path: Path) -> None:
    place = Place(tmp_path)
    assert run_together(replace_own, [(place, w, 3) for w in range(4)], seconds=240) == [0, 0, 0, 0]
    lake = place.open()
    table = lake.load(T)
    versions = list(lake.ledger.current_versions(T).values())
    with lake.connect() as con:
        rows = con.execute(f"SELECT partition_key, amount FROM {relation(lake, versions)} ORDER BY ALL").fetchall()
    assert rows == sorted((f"w{w}-{n}", a) for w in range(4) for n in range(5) for a in (2, w))
    assert list(table.refs()) == ["main"]
    assert len(list(table.scan().plan_files())) == 20
    done = [p for w in range(4) for n in range(5) for p in lake.ledger.publications(T, f"w{w}-{n}") if p.state == "done"]
    assert len({p.snapshot_id for p in done}) == len(done)
    published = Counter(p.partition for p in done)
    assert published == {f"w{w}-{n}": 3 for w in range(4) for n in range(5)}


def test_four_processes_that_quarantine_the_same_candidate_write_it_once(place: Place) -> None:
    assert run_together(quarantine_same, [(place, w) for w in range(4)], seconds=60) == [0, 0, 0, 0]
    lake = place.open()
    with lake.connect() as con:
        found = con.execute(f"SELECT row_id FROM {quarantined(lake, T)} ORDER BY 1").fetchall()
    assert found == [(f"r{n}",) for n in range(7)]


def test_four_processes_make_one_table_with_one_root_snapshot(place: Place) -> None:
    assert run_together(make_table, [(place, w) for w in range(4)], seconds=60) == [0, 0, 0, 0]
    assert len(place.open().load(T).metadata.snapshots) == 1


@pytest.mark.slow
@pytest.mark.parametrize("tables", [1, 4])
@pytest.mark.parametrize("where", ["local", pytest.param("postgres", marks=pytest.mark.services)])
def test_four_processes_publishing_ten_times_each_lose_and_double_nothing(
    tmp_path: Path, request: pytest.FixtureRequest, where: str, tables: int
) -> None:
    url = request.getfixturevalue("postgres").new_place() if where == "postgres" else None
    place = Place(tmp_path, {"READINESS_CATALOG": url, "READINESS_LEDGER": url} if url else {})
    account = crowd(place, writers=4, publishes=10, tables=tables)
    assert (account.publishes, account.lost, account.doubled, account.failed) == (40, 0, 0, 0)
    assert account.seconds > 0 and account.worst_ms >= account.median_ms > 0
