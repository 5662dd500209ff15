"""The replay of the genuine machine's temperature: what is laid down, and what is refused."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from readiness_pipelines.cli import replay as command
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.samples import nab

SERIES = (
    "timestamp,value\n2013-12-02 21:50:00,1.50\n2013-12-02 21:55:00,2\n2013-12-02 21:55:00,2.0\n2013-12-02 23:00:00,3\n"
    "2013-12-02 23:50:00,4\n2013-12-03 00:55:00,5\n"
)


@pytest.fixture
def series(tmp_path: Path) -> Path:
    path = tmp_path / "series.csv"
    path.write_text(SERIES)
    return path


def laid_down(landing: Path) -> dict[str, list[str]]:
    return {p.name: p.read_text().splitlines()[1:] for p in sorted((landing / "telemetry").iterdir())}


def test_the_series_is_moved_by_whole_hours_and_cut_after_the_last(tmp_path: Path, series: Path) -> None:
    told = nab.replay(series, tmp_path / "landing", hours=2)
    assert (told.readings, told.repeated, told.files, told.empty_hours, told.stale_hours) == (3, 1, 1, 1, 0)
    assert (told.first_hour, told.last_hour) == ("2025-01-06-00:00", "2025-01-06-01:00")
    assert (tmp_path / "landing" / "telemetry" / "readings_2025-01-06T00.csv").read_text() == (
        "machine,read_at,temperature\n"
        "press_1,2025-01-06T00:50:00Z,1.50\npress_1,2025-01-06T00:55:00Z,2\npress_1,2025-01-06T00:55:00Z,2.0\n"
    )


def test_hours_that_are_skipped_make_room_for_the_ones_after(tmp_path: Path, series: Path) -> None:
    told = nab.replay(series, tmp_path / "landing", hours=3, skip=2, start=datetime.date(2025, 3, 1))
    assert (told.readings, told.repeated, told.files, told.empty_hours, told.stale_hours) == (3, 0, 2, 1, 1)
    assert laid_down(tmp_path / "landing") == {
        "readings_2025-03-01T00.csv": ["press_1,2025-03-01T00:00:00Z,3", "press_1,2025-03-01T00:50:00Z,4"],
        "readings_2025-03-01T01.csv": ["press_1,2025-03-01T01:55:00Z,5"],
    }
    with pytest.raises(ReadinessError, match="found no reading in the 3 hours after the first 4"):
        nab.replay(series, tmp_path / "landing", hours=3, skip=4)


@pytest.mark.parametrize("name", ["other.csv", "nowhere.csv", "nowhere.parquet"])
def test_a_file_that_is_not_the_series_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(nab.NotTheNabFile, match="expected columns timestamp and value"):
        nab.replay(tmp_path / name, tmp_path / "landing")


def test_the_command_tells_what_was_laid_down_and_what_the_calendar_leaves_out(
    tmp_path: Path, series: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("READINESS_LANDING", str(tmp_path / "landing"))
    command.app(args=["nab", str(series), "--hours", "4", "--skip", "1"], standalone_mode=False)
    told = capsys.readouterr().out
    assert "readings=3" in told and "in the calendar" not in told
    command.app(args=["nab", str(series), "--start", "2025-01-09"], standalone_mode=False)
    assert "only 2025-01-06-00:00 to 2025-01-08-23:00 are in the calendar" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(ReadinessError, match="found 'monday', expected a day as in 2025-01-06"):
        command.app(args=["nab", str(series), "--start", "monday"], standalone_mode=False)
