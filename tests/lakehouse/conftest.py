"""A lakehouse of its own for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from readiness_pipelines.lakehouse import Lakehouse, ensure_table
from tests.lakehouse.publisher import SPEC, open_lake


@pytest.fixture
def lake(tmp_path: Path) -> Lakehouse:
    """A lakehouse with the orders table in it."""
    made = open_lake(tmp_path / "state")
    ensure_table(made, SPEC)
    return made
