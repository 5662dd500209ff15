"""The replay of the genuine file: nothing lost, nothing changed, evenly dealt."""

from __future__ import annotations

import csv
import datetime
import zipfile
from pathlib import Path

import duckdb
import pytest

from readiness_pipelines.samples import replay
from readiness_pipelines.samples.stays import UCI_COLUMNS
from readiness_pipelines.samples.uci import NotTheUciFile


def a_row(encounter_id: int) -> dict[str, str]:
    row = {c: "No" for c in UCI_COLUMNS} | {"encounter_id": str(encounter_id), "weight": "?", "readmitted": "NO"}
    return row | {"A1Cresult": "None", "max_glu_serum": "", "medical_specialty": 'Family, "General"'}


@pytest.fixture
def as_csv(tmp_path: Path) -> Path:
    """Seven encounters in an order that is neither numeric nor that of text."""
    path = tmp_path / "diabetic_data.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, UCI_COLUMNS)
        writer.writeheader()
        writer.writerows(a_row(n) for n in (900, 1000, 20, 3, 150, 99, 10000))
    return path


def laid_down(landing: Path, feed: str) -> dict[str, list[dict[str, str]]]:
    found = {}
    for path in sorted((landing / feed).glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            found[path.stem.removeprefix(f"{feed}_")] = list(csv.DictReader(file))
    return found


def test_encounters_are_dealt_out_evenly_in_numeric_order_and_outcomes_follow_30_days_later(tmp_path: Path, as_csv: Path) -> None:
    summary = replay(as_csv, tmp_path, days=3, start=datetime.date(2025, 1, 30))
    encounters, outcomes = laid_down(tmp_path, "encounters"), laid_down(tmp_path, "outcomes")
    assert {day: [r["encounter_id"] for r in rows] for day, rows in encounters.items()} == {
        "2025-01-30": ["3", "20"],
        "2025-01-31": ["99", "150"],
        "2025-02-01": ["900", "1000", "10000"],
    }
    assert {day: [r["encounter_id"] for r in rows] for day, rows in outcomes.items()} == {
        "2025-03-01": ["3", "20"],
        "2025-03-02": ["99", "150"],
        "2025-03-03": ["900", "1000", "10000"],
    }
    assert (summary.encounters, summary.smallest_day, summary.largest_day, summary.files) == (7, 2, 3, 6)
    assert (summary.first_day, summary.last_day, summary.last_outcome_day) == ("2025-01-30", "2025-02-01", "2025-03-03")


def test_values_are_copied_as_they_are_and_the_label_stays_out_of_the_encounters(tmp_path: Path, as_csv: Path) -> None:
    replay(as_csv, tmp_path, days=1)
    row = laid_down(tmp_path, "encounters")["2025-01-01"][0]
    assert row == {k: v for k, v in a_row(3).items() if k != "readmitted"} | {"discharged_on": "2025-01-01"}
    outcome = laid_down(tmp_path, "outcomes")["2025-01-31"][0]
    assert outcome == {"encounter_id": "3", "readmitted": "NO", "known_on": "2025-01-31"}


def test_csv_zip_and_parquet_give_the_same_files(tmp_path: Path, as_csv: Path) -> None:
    packed, columnar = tmp_path / "set.zip", tmp_path / "set.parquet"
    with zipfile.ZipFile(packed, "w") as target:
        target.write(as_csv, "dataset_diabetes/diabetic_data.csv")
        target.writestr("dataset_diabetes/IDs_mapping.csv", "x\n")
    duckdb.sql(f"COPY (FROM read_csv('{as_csv}', all_varchar = true, nullstr = '')) TO '{columnar}' (FORMAT parquet)")
    for name, source in (("csv", as_csv), ("zip", packed), ("parquet", columnar)):
        replay(source, tmp_path / name, days=2)
    assert laid_down(tmp_path / "csv", "encounters") == laid_down(tmp_path / "zip", "encounters")
    assert laid_down(tmp_path / "csv", "encounters") == laid_down(tmp_path / "parquet", "encounters")


def test_progress_is_told_after_each_day(tmp_path: Path, as_csv: Path) -> None:
    told: list[tuple[int, int]] = []
    replay(as_csv, tmp_path, days=3, progress=lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_file_with_other_columns_is_named_with_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("encounter_id,colour\n1,red\n", encoding="utf-8")
    with pytest.raises(NotTheUciFile, match=r"found 2 columns, expected the 50 .* lacking A1Cresult.*; not in the set colour"):
        replay(path, tmp_path / "landing")
    assert not (tmp_path / "landing").exists()


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("absent.csv", None, "no such file"),
        ("bad.parquet", b"PAR1 and then nothing", "cannot be read"),
        ("bad.csv", b"", "bad.csv"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_of_ours(tmp_path: Path, name: str, content: bytes | None, told: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(NotTheUciFile, match=told):
        replay(tmp_path / name, tmp_path / "landing")


def test_a_zip_without_the_data_says_so(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as target:
        target.writestr("readme.txt", "nothing here")
    with pytest.raises(NotTheUciFile, match="no diabetic_data.csv in the zip"):
        replay(tmp_path / "other.zip", tmp_path / "landing")


def test_more_days_than_encounters_are_refused(tmp_path: Path, as_csv: Path) -> None:
    with pytest.raises(ValueError, match="found 7 encounters for 8 days"):
        replay(as_csv, tmp_path / "landing", days=8)


@pytest.mark.slow
def test_the_real_half_is_laid_down_whole(tmp_path: Path, real_half: Path) -> None:
    summary = replay(real_half, tmp_path)
    assert (summary.encounters, summary.smallest_day, summary.largest_day) == (50883, 848, 849)
    assert summary.last_outcome_day == "2025-03-31"
    read = "read_csv('{}', all_varchar = true, nullstr = '', union_by_name = true)"
    encounters = read.format(tmp_path / "encounters" / "*.csv")
    outcomes = read.format(tmp_path / "outcomes" / "*.csv")
    columns = ", ".join(f'"{c}"' for c in UCI_COLUMNS)
    joined = f"SELECT {columns} FROM {encounters} AS e JOIN {outcomes} AS o USING (encounter_id)"
    lost = f"SELECT {columns} FROM '{real_half}' EXCEPT ALL {joined}"
    with duckdb.connect() as con:
        assert con.execute(f"SELECT count(*) FROM ({lost})").fetchone() == (0,)
        assert con.execute(f"SELECT count(*) FROM ({joined})").fetchone() == (50883,)
