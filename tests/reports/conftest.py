"""One played shop for all tests that only look at it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.chromium import CHROMIUM, FLAGS
from tests.reports.scene import play
from tests.shop import Shop, build_shop


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Six days of a shop: see scene.py."""
    return play(build_shop(tmp_path_factory.mktemp("played")))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium to look at pages with."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()
