"""SIGKILL at every named step and at seeded instants: what is on main was admitted, and a re-run ends as if undisturbed."""

from __future__ import annotations

import random
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from readiness_pipelines.lakehouse import steps
from tests.layers.days import Rows, child, land, rows_of, unadmitted_files

pytestmark = pytest.mark.slow

SEQUENCES, KILLS = 10, 5


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Rows, float]:
    root = tmp_path_factory.mktemp("undisturbed")
    shop = land(root)
    started = time.monotonic()
    assert child(shop) == 0
    duration = time.monotonic() - started
    rows = rows_of(shop)
    assert len(rows["shop.silver.orders"]) == 4 * (197 - 4) and len(rows["shop.silver.orders_quarantine"]) > 0
    return rows, duration


def test_a_kill_at_every_named_step_leaves_main_right_and_the_re_run_complete(
    tmp_path: Path, undisturbed: tuple[Rows, float]
) -> None:
    shop = land(tmp_path)
    for name in steps.NAMES:
        assert child(shop, name) == -signal.SIGKILL, f"{name} was never reached"
        assert unadmitted_files(shop) == set()
    assert child(shop) == 0
    assert rows_of(shop) == undisturbed[0]


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_kills_at_random_instants_leave_main_right_and_the_re_run_complete(
    seed: int, tmp_path: Path, undisturbed: tuple[Rows, float]
) -> None:
    shop = land(tmp_path)
    chance = random.Random(seed)
    for _ in range(KILLS):
        child(shop, kill_after=chance.uniform(0.0, undisturbed[1]))
        assert unadmitted_files(shop) == set()
    assert child(shop) == 0
    assert rows_of(shop) == undisturbed[0]


def test_a_killed_run_is_completed_the_same_wherever_its_tables_lie(
    tmp_path: Path, services: dict[str, str], undisturbed: tuple[Rows, float]
) -> None:
    shop, days = replace(land(tmp_path), services=services), range(1, 3)
    for name in ("verdict_recorded", "committed"):
        assert child(shop, name, days=days) == -signal.SIGKILL
        assert unadmitted_files(shop) == set()
    assert child(shop, days=days) == 0
    assert unadmitted_files(shop) == set()
    keys = {shop.day(number) for number in days}
    for table, rows in rows_of(shop).items():
        assert _of(rows, keys) == _of(undisturbed[0][table], keys), table


def _of(rows: list[tuple[object, ...]], partitions: set[str]) -> list[tuple[object, ...]]:
    return [row for row in rows if row[1] in partitions]
