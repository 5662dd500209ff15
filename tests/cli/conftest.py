"""The commands, as an operator meets them."""

from __future__ import annotations

import pytest

from tests.cli.said import Said, commands_in
from tests.shop import Shop


@pytest.fixture
def readiness(shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """The command in a project whose only product is the shop: exit code, and all that it says."""
    return commands_in(shop.root, shop.environment, monkeypatch, capsys)
