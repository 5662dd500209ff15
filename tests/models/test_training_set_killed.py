"""Killed at every step, or selected by several at once: a training set is recorded once, and a repetition completes it."""

from __future__ import annotations

import os
import signal
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from readiness_pipelines.lakehouse import pins, steps
from readiness_pipelines.models.kept import pin_name
from readiness_pipelines.models.training_set import select
from tests.layers.days import SPAWN
from tests.modelled import ORDERS, RETURNS, Parcels, build_parcels

pytestmark = pytest.mark.slow


@pytest.fixture
def parcels(tmp_path: Path) -> Parcels:
    parcels = build_parcels(tmp_path)
    parcels.fill(range(1, 5))
    return parcels


def _select(root: Path, stop_at: str | None, together: Barrier | None) -> None:
    def kill(name: str) -> None:
        if name == stop_at:
            os.kill(os.getpid(), signal.SIGKILL)

    steps.on_reached = kill
    parcels = Parcels(root)
    product = parcels.product
    if together is not None:
        together.wait(60)
    select(product, parcels.lake, cut_off=parcels.day(4))


def is_whole(parcels: Parcels) -> bool:
    """Return whether there is one training set, which one pin in each of its tables keeps."""
    (only,) = parcels.lake.ledger.models.training_sets("parcels")
    return pins(parcels.lake, ORDERS) == pins(parcels.lake, RETURNS) == (pin_name(only),)


def test_killed_at_every_step_and_repeated_it_ends_as_if_undisturbed(parcels: Parcels) -> None:
    for name in steps.TRAINING_NAMES:
        process = SPAWN.Process(target=_select, args=(parcels.root, name, None))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL, f"{name} was never reached"
    assert select(parcels.product, parcels.lake, cut_off=parcels.day(4)).rows == 1200
    assert is_whole(parcels)


def test_selected_by_several_at_once_it_is_recorded_once(parcels: Parcels) -> None:
    together = SPAWN.Barrier(3)
    running = [SPAWN.Process(target=_select, args=(parcels.root, None, together)) for _ in range(3)]
    for process in running:
        process.start()
    for process in running:
        process.join()
    assert [process.exitcode for process in running] == [0] * 3
    assert is_whole(parcels)
