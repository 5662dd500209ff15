"""The generator of machine telemetry: deterministic, complete in its defects, its answers checked by hand."""

from __future__ import annotations

import datetime
from collections import Counter
from pathlib import Path

import pytest

from readiness_pipelines.samples.machine_telemetry import HOURS, KINDS, KPI, MANIFEST, RAW, SILVER, TelemetryManifest, write
from readiness_pipelines.samples.manifest import AnswerSheet


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_arguments_write_the_same_bytes_and_each_argument_matters(tmp_path: Path) -> None:
    for name, seed, hours in (("a", 7, 12), ("b", 7, 12), ("c", 8, 12), ("d", 7, 13)):
        write(tmp_path / name, seed=seed, hours=hours)
    write(tmp_path / "e", hours=12, start=datetime.date(2025, 3, 1))
    first = content(tmp_path / "a")
    assert content(tmp_path / "b") == first
    assert not set(content(tmp_path / "c").values()) & set(first.values())
    assert len(first) == 12  # eleven files, for the 11th hour is missing, and the manifest
    assert len(content(tmp_path / "d")) == 13
    assert "telemetry/readings_2025-03-01T00.csv" in content(tmp_path / "e")
    with pytest.raises(ValueError, match="found 0 hours"):
        write(tmp_path / "f", hours=0)


def test_a_file_of_an_earlier_sample_does_not_stay_in_the_missing_hour(tmp_path: Path) -> None:
    left = tmp_path / "telemetry" / "readings_2025-01-06T10.csv"
    left.parent.mkdir()
    left.write_text("machine,read_at,temperature\n")
    write(tmp_path, hours=12)
    assert not left.exists()


def test_the_manifest_survives_its_json(tmp_path: Path) -> None:
    manifest = write(tmp_path, hours=32)
    assert TelemetryManifest.read(tmp_path / MANIFEST) == manifest
    with pytest.raises(KeyError):
        TelemetryManifest.from_json("{}")
    with pytest.raises(NotImplementedError, match="AnswerSheet"):
        AnswerSheet.read(tmp_path / MANIFEST)


def test_every_kind_of_defect_is_met_in_the_first_day(tmp_path: Path) -> None:
    kinds = {d.kind for d in write(tmp_path, hours=24).defects}
    assert kinds == {*KINDS, "no_file", "feed_stopped"}


def test_the_hours_with_a_story_are_told_apart(tmp_path: Path) -> None:
    manifest = write(tmp_path)
    expected = manifest.expected
    assert [h for h, e in expected[RAW].items() if e.state == "missing"] == ["2025-01-06-10:00"]
    held = [(h, e.rows_in, e.quarantined, e.held, e.because) for h, e in expected[SILVER].items() if e.state == "held"]
    assert held == [
        ("2025-01-06-20:00", 24, 0, 24, "fresh_within_5_minutes"),
        ("2025-01-07-06:00", 36, 36, 0, "quarantine_fraction"),
    ]
    for table in (HOURS, KPI):
        blocked = [(h, e.because) for h, e in expected[table].items() if e.state == "blocked"]
        assert blocked == [
            ("2025-01-06-10:00", f"{RAW}/2025-01-06-10:00"),
            ("2025-01-06-20:00", f"{SILVER}/2025-01-06-20:00"),
            ("2025-01-07-06:00", f"{SILVER}/2025-01-07-06:00"),
        ]
    due = Counter(k.readings_expected for k in manifest.kpi.values())
    assert due == {36: 67 - 3, 24: 5}  # the lathe is silent from the 45th hour on, and not expected from the 68th
    assert manifest.kpi["2025-01-07-20:00"].completeness == pytest.approx(24 / 36, abs=3 / 36)


def test_every_candidate_in_the_manifest_adds_up_and_every_file_holds_its_records(tmp_path: Path) -> None:
    manifest = write(tmp_path)
    for partitions in manifest.expected.values():
        for e in partitions.values():
            assert e.rows_in == e.admitted + e.quarantined + e.duplicates + e.held
    for file in manifest.files:
        assert (tmp_path / file.file).read_bytes().count(b"\n") - 1 == file.records


def test_a_slow_count_over_the_first_hours_finds_each_planted_fault(tmp_path: Path) -> None:
    manifest = write(tmp_path, hours=24)
    planted = {(d.file, d.record): set(d.reasons) for d in manifest.defects if d.outcome == "quarantined"}
    found: dict[tuple[str, int | None], set[str]] = {}
    for file in manifest.files:
        lines = (tmp_path / file.file).read_text().splitlines()[1:]
        readings = {n: line.split(",") for n, line in enumerate(lines, start=1)}
        stands = {(m, t): n for n, (m, t, v) in readings.items() if m and t and is_time(t) and (v == "" or is_number(v))}
        for n, (machine, time, value) in readings.items():
            if (machine, time) in stands and stands[machine, time] != n and (value == "" or is_number(value)):
                continue  # a later reading of the same machine and time stands
            faults = {
                "machine_present": machine == "",
                "machine_known": machine not in ("", "press_1", "press_2", "lathe_1"),
                "read_at_present": time == "",
                "cast:read_at": time != "" and not is_time(time),
                "reading_of_this_hour": is_time(time) and time[:13] != file.file[19:32],
                "temperature_present": value == "",
                "cast:temperature": value != "" and not is_number(value),
                "temperature_in_range": is_number(value) and not 0 <= float(value) <= 150,
            }
            if any(faults.values()):
                found[file.file, n] = {reason for reason, is_so in faults.items() if is_so}
    assert found == planted


def is_time(text: str) -> bool:
    try:
        datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        return False
    return True


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
