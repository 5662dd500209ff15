"""A ledger of its own for each test, once in a file and once on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from readiness_pipelines.ledger import Ledger


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=[pytest.mark.services, pytest.mark.slow])])
def place(request: pytest.FixtureRequest, file: Path) -> Path | str:
    """A file, then a PostgreSQL URL."""
    url: str | None = None if request.param == "sqlite" else request.getfixturevalue("postgres").new_place()
    return url or file


@pytest.fixture
def ledger(place: Path | str) -> Ledger:
    return Ledger(place)
