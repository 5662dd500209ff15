"""One played shop for all tests that only look at it."""

from __future__ import annotations

import pytest

from tests.reports.scene import play
from tests.shop import Shop, build_shop


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Six days of a shop: see scene.py."""
    return play(build_shop(tmp_path_factory.mktemp("played")))
