"""A product whose models are in a registry, built once for all tests of promotion."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.promoted import Promoted, build_promoted


@pytest.fixture(scope="session")
def promoted(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> Promoted:
    """Whoever uses it adds to its history; what is declared and admitted is put back."""
    root = tmp_path_factory.mktemp("promoted")
    (root / "state").mkdir()
    shutil.copy(mlflow_database, root / "state" / "mlflow.db")
    return build_promoted(root)
