"""Harmed files of real days through the shipped product, judged by an independent reading; the long run is a benchmark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from readiness_pipelines.samples import uci
from readiness_pipelines.settings import Settings
from tests.layers.mutated import Findings, run_file, unpacked
from tests.layers.mutator import Mutated, mutate
from tests.samples.second_opinion import REAL_HALF

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not REAL_HALF.is_file(), reason="the real data set is not beside the project"),
]
FILES = 25


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    landing = tmp_path_factory.mktemp("uci")
    uci.replay(REAL_HALF, landing, days=480)
    return landing


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state=tmp_path / "state", landing=tmp_path / "landing")


def _some(days: Path) -> Iterator[tuple[str, str, bytes]]:
    for n in range(FILES):
        kind = "outcomes" if n % 4 == 3 else "encounters"
        file = sorted((days / kind).iterdir())[n]
        yield kind, file.stem.removeprefix(f"{kind}_"), file.read_bytes()


def test_whatever_was_done_to_a_file_every_record_is_accounted_for_and_no_row_is_wrong(days: Path, settings: Settings) -> None:
    found = [
        run_file(settings, mutate(data, f"ci/{n}"), table=f"raw_{kind}", partition=day)
        for n, (kind, day, data) in enumerate(_some(days))
    ]
    assert [(f.kinds, f.wrong, f.crashed) for f in found if f.wrong or f.crashed] == []
    assert sum(f.admitted for f in found) > 500 and sum(f.rejects for f in found) > 5
    assert {"admitted", "held"} <= {f.bronze for f in found}


def test_a_file_is_harmed_in_the_same_way_by_the_same_seed(days: Path) -> None:
    _, _, data = next(_some(days))
    assert mutate(data, "7/1") == mutate(data, "7/1") != mutate(data, "7/2")


def test_the_judge_finds_a_wrong_row_a_lost_record_and_a_wrong_admission(
    days: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is compared is not the same thing twice: told of other bytes than were landed, the judge says so."""
    _, day, data = next(_some(days))
    lines = data.split(b"\n")
    others = {
        "another value": b"\n".join(
            [lines[0], lines[1].replace(b"Caucasian", b"Asian").replace(b"AfricanAmerican", b"Asian"), *lines[2:]]
        ),
        "a record more": b"\n".join([lines[0], lines[5], *lines[1:]]),
        "a bad record": b"\n".join([lines[0], b"x", *lines[2:]]),
        "another header": data.replace(b"encounter_id", b"encounter", 1),
    }
    for n, (what, other) in enumerate(others.items()):
        monkeypatch.setattr("tests.layers.mutated.unpacked", lambda _, other=other: other)
        place = Settings(state=settings.state / str(n), landing=settings.landing / str(n))
        found: Findings = run_file(place, Mutated(data, "", ()), table="raw_encounters", partition=day)
        assert found.wrong, what
    assert unpacked(Mutated(data, "", ())) == data
