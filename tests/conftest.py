"""Fixtures that every folder of tests uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shop import Shop, build_shop

TABLES_TO_SHOW = pytest.StashKey[dict[str, list[str]]]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show the tables that tests have put under `TABLES_TO_SHOW`: title, then lines."""
    for title, lines in config.stash.get(TABLES_TO_SHOW, {}).items():
        terminalreporter.section(title)
        terminalreporter.write_line("\n".join(lines))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """The small test product, with nothing landed."""
    return build_shop(tmp_path)
