"""The manifest against a slow count over the files it speaks of."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from readiness_pipelines.samples import Manifest, corrected, write
from readiness_pipelines.samples.manifest import Expected
from tests.samples.second_opinion import columns_of, read_records, run_model, settle

DROPPED = {11, 13, 14, 19, 20, 21}


@dataclass(frozen=True)
class Counted:
    landing: Path
    manifest: Manifest


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Counted:
    landing = tmp_path_factory.mktemp("small")
    return Counted(landing, write(landing, encounters_per_day=200, days=5))


@pytest.fixture(scope="module")
def with_stories(tmp_path_factory: pytest.TempPathFactory) -> Counted:
    landing = tmp_path_factory.mktemp("stories")
    return Counted(landing, write(landing, encounters_per_day=60, days=43, seed=11))


def count(landing: Path, contract: Mapping[str, Any], feed: str, day: str) -> tuple[Expected, Expected, list[dict[str, Any]]]:
    """Return what bronze and silver make of one file, by the slow reader, and silver's admitted rows."""
    header, rows, unreadable = read_records(landing / f"{feed}/{feed}_{day}.csv")
    n = sum(unreadable.values())
    bronze = Expected("admitted", len(rows) + n, admitted=len(rows), quarantined=n, reasons=dict(sorted(unreadable.items())))
    mapped = run_model(f"silver/{feed}.sql", {f"raw_{feed}": (header, [fields for _, fields in rows])}, day)
    admitted, duplicates, bad = settle(mapped, columns_of(contract, feed), f"silver_{feed}")
    reasons = Counter(reason for _, found in bad for reason in found)
    is_held = len(bad) > 0.05 * len(rows)
    silver = Expected(
        "held" if is_held else "admitted",
        len(rows),
        admitted=0 if is_held else len(admitted),
        quarantined=len(bad),
        reasons=dict(sorted(reasons.items())),
        duplicates=duplicates,
        held=len(admitted) if is_held else 0,
        because="quarantine_fraction" if is_held else "",
    )
    return bronze, silver, [] if is_held else admitted


def check(counted: Counted, contract: Mapping[str, Any]) -> None:
    features: dict[str, set[str]] = {}
    expected = counted.manifest.expected
    for day, said in expected["readmission.silver.encounters"].items():
        if said.state == "blocked":
            continue
        bronze, silver, admitted = count(counted.landing, contract, "encounters", day)
        assert (day, bronze) == (day, expected["readmission.bronze.raw_encounters"][day])
        assert (day, silver) == (day, said)
        features[day] = {r["encounter_id"] for r in admitted if r["discharge_disposition_id"] not in DROPPED}
        gold = expected["readmission.gold.readmission_features"][day]
        if silver.state == "admitted":
            dropped = sum(r["discharge_disposition_id"] in DROPPED for r in admitted)
            assert (gold.rows_in, gold.admitted, sum(gold.dropped.values())) == (
                len(admitted),
                len(features[day]),
                dropped,
            )
    for day, said in expected["readmission.silver.outcomes"].items():
        bronze, silver, admitted = count(counted.landing, contract, "outcomes", day)
        assert (day, bronze, silver) == (day, expected["readmission.bronze.raw_outcomes"][day], said)
        discharged = (datetime.date.fromisoformat(day) - datetime.timedelta(days=30)).isoformat()
        matched = [r for r in admitted if r["encounter_id"] in features.get(discharged, set())]
        kpi = counted.manifest.kpi[day]
        assert (kpi.outcomes_known, kpi.outcomes_matched) == (len(admitted), len(matched))
        assert kpi.readmitted_30d == sum(r["readmitted"] == "<30" for r in matched)
        assert kpi.readmission_rate == (kpi.readmitted_30d / len(matched) if matched else None)


def test_a_slow_count_over_five_small_days_gives_the_manifest(small: Counted, contract: Mapping[str, Any]) -> None:
    check(small, contract)


def test_a_slow_count_over_the_days_with_stories_gives_the_manifest(with_stories: Counted, contract: Mapping[str, Any]) -> None:
    check(with_stories, contract)


def test_every_file_holds_as_many_records_as_the_manifest_says(with_stories: Counted) -> None:
    for file in with_stories.manifest.files:
        assert (with_stories.landing / file.file).read_bytes().count(b"\n") - 1 == file.records
    on_disk = {p.relative_to(with_stories.landing).as_posix() for p in with_stories.landing.rglob("*.csv")}
    assert on_disk == {f.file for f in with_stories.manifest.files}


def test_every_candidate_in_the_manifest_adds_up(with_stories: Counted) -> None:
    for days in with_stories.manifest.expected.values():
        for e in days.values():
            assert e.rows_in == e.admitted + e.quarantined + e.duplicates + sum(e.dropped.values()) + e.held


def test_every_listed_defect_stands_at_its_record(small: Counted, contract: Mapping[str, Any]) -> None:
    listed = {(d.file, d.record): d for d in small.manifest.defects if d.table.startswith("readmission.silver") and d.reasons}
    found: dict[tuple[str, int], tuple[str, ...]] = {}
    for file in small.manifest.files:
        feed = file.file.split("/")[0]
        header, rows, _ = read_records(small.landing / file.file)
        mapped = run_model(f"silver/{feed}.sql", {f"raw_{feed}": (header, [f for _, f in rows])}, file.partition)
        numbered = [{**row, "_record": number} for row, (number, _) in zip(mapped, rows, strict=True)]
        _, _, bad = settle(numbered, columns_of(contract, feed), f"silver_{feed}")
        found |= {(file.file, row["_record"]): reasons for row, reasons in bad}
    assert {k: set(d.reasons) for k, d in listed.items()} == {k: set(v) for k, v in found.items()}


def test_the_days_with_a_story_are_told_apart(with_stories: Counted) -> None:
    bronze = with_stories.manifest.expected["readmission.bronze.raw_encounters"]
    silver = with_stories.manifest.expected["readmission.silver.encounters"]
    gold = with_stories.manifest.expected["readmission.gold.readmission_features"]
    assert [d for d, e in bronze.items() if e.state == "missing"] == ["2025-01-17"]
    assert [(d, e.held, e.because) for d, e in bronze.items() if e.state == "held"] == [("2025-01-24", 60, "columns")]
    assert [(d, e.quarantined, e.held) for d, e in silver.items() if e.state == "held"] == [("2025-02-11", 24, 36)]
    assert [d for d, e in gold.items() if e.state == "blocked"] == ["2025-01-17", "2025-01-24", "2025-02-11"]
    unmatched = [day for day, k in with_stories.manifest.kpi.items() if k.outcomes_matched == 0]
    assert unmatched == ["2025-02-16", "2025-02-23", "2025-03-13"]  # 30 days after each story


@pytest.mark.parametrize("day", ["2025-01-17", "2025-01-24", "2025-02-11"])
def test_a_corrected_day_changes_its_own_file_and_its_own_answers_only(tmp_path: Path, day: str) -> None:
    before = write(tmp_path, encounters_per_day=40, days=43)
    other = {p: p.read_bytes() for p in tmp_path.rglob("*.csv") if day not in p.name or "outcomes" in p.name}
    after = corrected(tmp_path, before, day)
    assert all(p.read_bytes() == content for p, content in other.items())
    assert after.expected["readmission.silver.encounters"][day].state == "admitted"
    known = (datetime.date.fromisoformat(day) + datetime.timedelta(days=30)).isoformat()
    assert {k for k in after.kpi if after.kpi[k] != before.kpi[k]} == {known}
    assert Manifest.read(tmp_path / "readmission_manifest.json") == after


def test_a_slow_count_after_all_corrections_gives_the_last_manifest(tmp_path: Path, contract: Mapping[str, Any]) -> None:
    manifest = write(tmp_path, encounters_per_day=40, days=43)
    for day in ("2025-02-11", "2025-01-17", "2025-01-24"):
        manifest = corrected(tmp_path, manifest, day)
    assert {e.state for days in manifest.expected.values() for e in days.values()} == {"admitted"}
    check(Counted(tmp_path, manifest), contract)


def test_a_day_without_a_story_cannot_be_corrected(tmp_path: Path) -> None:
    manifest = write(tmp_path, encounters_per_day=10, days=2)
    with pytest.raises(ValueError, match="this sample has none"):
        corrected(tmp_path, manifest, "2025-01-02")
