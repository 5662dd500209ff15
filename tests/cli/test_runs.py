"""Dagster's default instance, as commands make it before two processes of Dagster use it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from readiness_pipelines.cli.runs import make_instance
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    return Settings(state=tmp_path / "state", landing=tmp_path / "landing")


@pytest.mark.slow
def test_it_is_made_once(settings: Settings, tmp_path: Path) -> None:
    log = tmp_path / "logs" / "made.log"
    make_instance(settings, log=log)
    assert (settings.dagster_home / "history" / "runs.db").exists()
    said = log.read_bytes()
    make_instance(settings, log=log)
    assert log.read_bytes() == said


def test_one_that_somebody_has_named_is_left_to_them(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "theirs"))
    make_instance(settings, log=tmp_path / "made.log")
    assert not (tmp_path / "theirs").exists() and not settings.state.exists()


@pytest.mark.slow
def test_where_it_cannot_be_made_the_place_and_the_log_are_named(settings: Settings, tmp_path: Path) -> None:
    settings.dagster_home.mkdir(parents=True)
    (settings.dagster_home / "dagster.yaml").write_text("run_storage: {module: nowhere, class: Nothing}\n")
    with pytest.raises(ReadinessError, match="could not make its instance in .*; what it said is in .*made.log"):
        make_instance(settings, log=tmp_path / "made.log")
