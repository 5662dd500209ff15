"""The generator: deterministic, complete in its defects, and like the real set."""

from __future__ import annotations

import datetime
import hashlib
from collections import Counter
from pathlib import Path

import pytest

from readiness_pipelines.samples import Manifest, write
from readiness_pipelines.samples.defects import ENCOUNTER_KINDS, OUTCOME_KINDS
from readiness_pipelines.samples.stays import ENCOUNTER_COLUMNS, UCI_COLUMNS


def bytes_of(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()}


def test_the_same_seed_writes_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        write(tmp_path / name, seed=seed, encounters_per_day=50, days=4)
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")
    assert not set(bytes_of(tmp_path / "a").values()) & set(bytes_of(tmp_path / "c").values())


def test_every_kind_of_defect_is_met_in_five_small_days(tmp_path: Path) -> None:
    manifest = write(tmp_path, encounters_per_day=200, days=5)
    kinds = {feed: {d.kind for d in manifest.defects if d.file.startswith(feed)} for feed in ("encounters", "outcomes")}
    assert kinds["encounters"] == {*ENCOUNTER_KINDS, "nul_byte", "not_utf8"}
    assert kinds["outcomes"] == {*OUTCOME_KINDS, "nul_byte", "not_utf8", "orphan_outcome"}


def test_the_manifest_survives_its_json_and_lies_outside_the_feeds(tmp_path: Path) -> None:
    manifest = write(tmp_path, encounters_per_day=30, days=2)
    assert Manifest.read(tmp_path / "readmission_manifest.json") == manifest
    assert {p.parent.name for p in tmp_path.rglob("*.csv")} == {"encounters", "outcomes"}


def test_the_start_moves_every_day_and_each_outcome_comes_30_days_later(tmp_path: Path) -> None:
    manifest = write(tmp_path, encounters_per_day=5, days=2, start=datetime.date(2024, 2, 28))
    partitions = [(f.table.rsplit(".", 1)[1], f.partition) for f in manifest.files]
    assert partitions == [
        ("raw_encounters", "2024-02-28"),
        ("raw_encounters", "2024-02-29"),
        ("raw_outcomes", "2024-03-29"),
        ("raw_outcomes", "2024-03-30"),
    ]


@pytest.mark.parametrize("wrong", [{"days": 0}, {"encounters_per_day": 0}])
def test_nothing_to_write_is_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="expected at least one of each"):
        write(tmp_path, **wrong)  # type: ignore[arg-type]  # a dict of one int option


def test_a_tiny_day_gets_no_defect_rather_than_being_held(tmp_path: Path) -> None:
    manifest = write(tmp_path, encounters_per_day=10, days=3)
    assert {e.state for days in manifest.expected.values() for e in days.values()} == {"admitted"}


def test_the_columns_are_those_of_the_uci_set() -> None:
    assert len(UCI_COLUMNS) == 50
    assert len(ENCOUNTER_COLUMNS) == 50
    assert "readmitted" not in ENCOUNTER_COLUMNS


def test_the_marginals_are_like_the_real_set(tmp_path: Path) -> None:
    write(tmp_path, encounters_per_day=1000, days=6)
    rows = [
        dict(zip(ENCOUNTER_COLUMNS, fields, strict=True))
        for path in sorted((tmp_path / "encounters").glob("*.csv"))
        for line in path.read_bytes().split(b"\n")[1:-1]
        if len(fields := line.decode("latin-1").split(",")) == len(ENCOUNTER_COLUMNS)
    ]
    outcomes = dict(
        fields[:2]
        for path in (tmp_path / "outcomes").glob("*.csv")
        for line in path.read_bytes().split(b"\n")[1:-1]
        if len(fields := line.decode("latin-1").split(",")) == 3
    )

    def share(column: str, *values: str) -> float:
        return sum(r[column] in values for r in rows) / len(rows)

    # Shares in the first half of the real set, with room for 6,000 draws.
    assert share("weight", "?") == pytest.approx(0.963, abs=0.01)
    assert share("payer_code", "?") == pytest.approx(0.646, abs=0.02)
    assert share("medical_specialty", "?") == pytest.approx(0.359, abs=0.02)
    assert share("race", "?") == pytest.approx(0.025, abs=0.01)
    assert share("A1Cresult", "None") == pytest.approx(0.848, abs=0.02)
    assert share("insulin", "No") == pytest.approx(0.515, abs=0.02)
    assert share("change", "Ch") == pytest.approx(0.407, abs=0.06)
    assert share("diabetesMed", "Yes") == pytest.approx(0.747, abs=0.06)
    assert share("age", "[70-80)") == pytest.approx(0.262, abs=0.02)
    assert 0.015 < share("discharge_disposition_id", "11", "13", "14", "19", "20", "21") < 0.04
    assert any(r["diag_2"].startswith(("V", "E")) for r in rows)
    stays = Counter(r["patient_nbr"] for r in rows)
    assert max(stays.values()) > 1
    back = {e for e, readmitted in outcomes.items() if readmitted == "<30"}
    assert len(back) / len(outcomes) == pytest.approx(0.115, abs=0.015)
    assert Counter(outcomes.values())["NO"] / len(outcomes) == pytest.approx(0.537, abs=0.03)
    often = [r for r in rows if r["number_inpatient"] not in ("0", "1")]
    seldom = [r for r in rows if r["number_inpatient"] == "0"]
    returns = [sum(r["encounter_id"] in back for r in group) / len(group) for group in (often, seldom)]
    assert returns[0] > 1.5 * returns[1]  # the signal a model has to find


def test_from_the_fiftieth_day_on_it_is_known_who_pays_and_nothing_else_is_another(tmp_path: Path) -> None:
    write(tmp_path, encounters_per_day=400, days=51)
    at = ENCOUNTER_COLUMNS.index("payer_code")
    share = {}
    for day in ("2025-02-18", "2025-02-19", "2025-02-20"):
        records = [line.split(b",") for line in (tmp_path / f"encounters/encounters_{day}.csv").read_bytes().splitlines()[1:]]
        whole = [record for record in records if len(record) == len(ENCOUNTER_COLUMNS)]
        share[day] = sum(record[at] == b"?" for record in whole) / len(whole)
    assert 0.55 < share["2025-02-18"] < 0.75
    assert max(share["2025-02-19"], share["2025-02-20"]) < 0.2
