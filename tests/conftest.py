"""Fixtures that every folder of tests uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shop import Shop, build_shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """The small test product, with nothing landed."""
    return build_shop(tmp_path)
