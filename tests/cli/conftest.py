"""The commands, as an operator meets them."""

from __future__ import annotations

import pytest

from readiness_pipelines.cli import main
from tests.cli.said import Said
from tests.shop import Shop


@pytest.fixture
def readiness(shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """The command in a project whose only product is the shop: exit code, and all that it says."""
    (shop.root / "pyproject.toml").write_text('[tool.dg.project]\nroot_module = "shops"\ndefs_module = "defs"\n')
    monkeypatch.chdir(shop.root)
    for name, value in shop.environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["readiness", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return run
