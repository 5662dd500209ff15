"""Which file belongs to which partition: names by hand, and both directions of a pattern agree."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness_pipelines.sources.pattern import Pattern, codes


def lay(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(root: Path, pattern: str) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): moment.isoformat() for path, moment in Pattern(pattern).dated(root)}


def test_a_file_belongs_to_the_day_in_its_name(tmp_path: Path) -> None:
    lay(tmp_path, "a/o_2025-01-02.csv", "a/o_2025-01-02_late.csv", "a/o_2025-02-30.csv", "a/other.csv", "o_2025-01-02.csv")
    assert found(tmp_path, "a/o_%Y-%m-%d*.csv") == {
        "a/o_2025-01-02.csv": "2025-01-02T00:00:00",
        "a/o_2025-01-02_late.csv": "2025-01-02T00:00:00",
    }


def test_folders_carry_dates_too_and_must_agree_with_the_name(tmp_path: Path) -> None:
    lay(tmp_path, "2025/01/t_2025010203.csv", "2025/02/t_2025010203.csv", "2025/01/x/t_2025010203.csv")
    assert found(tmp_path, "%Y/%m/t_%Y%m%d%H.csv") == {"2025/01/t_2025010203.csv": "2025-01-02T03:00:00"}


def test_two_stars_are_any_folders_and_none(tmp_path: Path) -> None:
    lay(tmp_path, "f_2025001.csv", "a/f_2025032.csv", "a/b/c/f_2025365.csv")
    assert sorted(found(tmp_path, "**/f_%Y%j.csv").values()) == [
        "2025-01-01T00:00:00",
        "2025-02-01T00:00:00",
        "2025-12-31T00:00:00",
    ]


def test_a_question_mark_is_one_character_and_brackets_mean_themselves(tmp_path: Path) -> None:
    lay(tmp_path, "[x]_2025-01-01_1.csv", "[x]_2025-01-01_12.csv", "x_2025-01-01_1.csv")
    assert list(found(tmp_path, "[x]_%Y-%m-%d_?.csv")) == ["[x]_2025-01-01_1.csv"]


def test_a_code_that_no_name_can_be_read_back_from_is_refused() -> None:
    with pytest.raises(ValueError, match="found %B, expected one of"):
        codes("x_%B.csv")
    assert codes("%Y/%m/x_%Y.csv") == ["%Y", "%m", "%Y"]


def test_a_missing_landing_folder_has_nothing(tmp_path: Path) -> None:
    assert found(tmp_path / "nowhere", "a/%Y-%m-%d.csv") == {}


@given(st.datetimes(datetime.datetime(1990, 1, 1), datetime.datetime(2100, 1, 1)), st.sampled_from(["", "_x", ".1"]))
def test_what_matches_a_moment_is_dated_with_that_moment(
    tmp_path_factory: pytest.TempPathFactory, moment: datetime.datetime, tail: str
) -> None:
    root = tmp_path_factory.mktemp("landing")
    moment = moment.replace(minute=0, second=0, microsecond=0)
    pattern = Pattern("d/%Y/t_%m%dT%H*.csv")
    lay(root, moment.strftime(f"d/%Y/t_%m%dT%H{tail}.csv"), "d/1990/t_0101T99.csv")
    assert [(p, moment) for p in pattern.matches(root, moment)] == list(pattern.dated(root))
