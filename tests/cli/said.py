"""What a command said: its exit code, and all that it printed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from readiness_pipelines.cli import main

Said = Callable[..., tuple[int, str]]


def commands_in(
    root: Path, environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Said:
    """Make `root` a project whose products lie in its folder `defs`, go there, and return the command."""
    (root / "pyproject.toml").write_text('[tool.dg.project]\nroot_module = "shops"\ndefs_module = "defs"\n')
    monkeypatch.chdir(root)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["readiness", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return run
