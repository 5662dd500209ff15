"""SIGKILL at every named step and at seeded instants: what is on main was admitted, and a re-run ends as if undisturbed."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

from readiness_pipelines.lakehouse import steps
from tests.layers.days import Rows, child, land, rows_of, unadmitted_files

pytestmark = pytest.mark.slow

SEQUENCES, KILLS = 10, 5


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Rows, float]:
    root = tmp_path_factory.mktemp("undisturbed")
    land(root)
    started = time.monotonic()
    assert child(root) == 0
    duration = time.monotonic() - started
    rows = rows_of(root)
    assert len(rows["shop.silver.orders"]) == 4 * (197 - 4) and len(rows["shop.silver.orders_quarantine"]) > 0
    return rows, duration


def test_a_kill_at_every_named_step_leaves_main_right_and_the_re_run_complete(
    tmp_path: Path, undisturbed: tuple[Rows, float]
) -> None:
    land(tmp_path)
    for name in steps.NAMES:
        assert child(tmp_path, name) == -signal.SIGKILL, f"{name} was never reached"
        assert unadmitted_files(tmp_path) == set()
    assert child(tmp_path) == 0
    assert rows_of(tmp_path) == undisturbed[0]


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_kills_at_random_instants_leave_main_right_and_the_re_run_complete(
    seed: int, tmp_path: Path, undisturbed: tuple[Rows, float]
) -> None:
    land(tmp_path)
    chance = random.Random(seed)
    for _ in range(KILLS):
        child(tmp_path, kill_after=chance.uniform(0.0, undisturbed[1]))
        assert unadmitted_files(tmp_path) == set()
    assert child(tmp_path) == 0
    assert rows_of(tmp_path) == undisturbed[0]
