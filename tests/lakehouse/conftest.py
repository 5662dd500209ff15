"""A lakehouse of its own for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from readiness_pipelines.lakehouse import Lakehouse, ensure_table
from tests.lakehouse.publisher import SPEC, Place


@pytest.fixture
def place(tmp_path: Path, services: dict[str, str]) -> Place:
    """Where a lakehouse can be opened, also by other processes; once for each way to place it."""
    return Place(tmp_path, services)


@pytest.fixture
def lake(tmp_path: Path, near_and_far: dict[str, str]) -> Lakehouse:
    """A lakehouse with the orders table in it: once all local, once nothing local."""
    return _with_orders(Place(tmp_path, near_and_far))


@pytest.fixture
def local_lake(tmp_path: Path) -> Lakehouse:
    """A lakehouse with the orders table in it, all of it in one folder."""
    return _with_orders(Place(tmp_path))


def _with_orders(place: Place) -> Lakehouse:
    made = place.open()
    ensure_table(made, SPEC)
    return made
