"""A redacted file has every record at its number, says nothing of the redacted ones, and the same of all others."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from readiness_pipelines.sources import CsvFormat, open_records
from readiness_pipelines.sources.reader import RECORD_NUMBER
from readiness_pipelines.sources.redacted import redact
from readiness_pipelines.sources.search import search
from readiness_pipelines.sources.subject import names_somebody, tokens

FORM = CsvFormat()


def read(path: Path, columns: list[str], fmt: CsvFormat = FORM) -> tuple[dict[int, dict[str, object]], int, bool]:
    reader = open_records(path, name="d.csv", columns=columns, form="csv", csv=fmt, extra_columns="hold")
    rows = [row for batch in reader.batches() for row in batch.to_pylist()]
    return {row[RECORD_NUMBER]: row for row in rows}, reader.records, bool(reader.problems)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(["a", "b b", "\u00e9", ",", '"', "\n", "\r\n", "\r", "\0", '""', '","']), max_size=40),
    st.sets(st.integers(1, 12)),
    st.sampled_from([["x"], ["x", "y"]]),
)
def test_whatever_is_redacted_in_a_csv_no_other_record_reads_otherwise(
    parts: list[str], gone: set[int], columns: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "before", Path(folder) / "after"
        before.write_bytes((",".join(columns) + "\n" + "".join(parts)).encode())
        redact(before, after, name="d.csv", form="csv", csv=FORM, records=gone)
        there, records, is_wrong = read(before, columns)
        left, still, is_still_wrong = read(after, columns)
        assert (still, is_still_wrong) == (records, is_wrong)
        assert {n: row for n, row in left.items() if n not in gone} == {n: row for n, row in there.items() if n not in gone}
        said = {str(value) for n, row in left.items() if n in gone for name, value in row.items() if name != RECORD_NUMBER}
        assert not any(letter in text for text in said for letter in ("b b", "\u00e9"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_bytes_that_are_no_text_of_the_encoding_stay_as_they_are(encoding: str, tmp_path: Path) -> None:
    before, after, fmt = tmp_path / "before", tmp_path / "after", CsvFormat(";", encoding)
    text = "x;y\r\nS\u00fc\u00df;1\r\nweg;2\r\n".encode(encoding)
    before.write_bytes(text + (b"\xff\xfe;3\r\n" if encoding.startswith("utf-8") else b""))
    redact(before, after, name="d.csv", form="csv", csv=fmt, records={2})
    there, left = read(before, ["x", "y"], fmt)[0], read(after, ["x", "y"], fmt)[0]
    assert left[2] == {**there[2], "x": "*", "y": "*"}
    assert {n: r for n, r in left.items() if n != 2} == {n: r for n, r in there.items() if n != 2}


def test_a_subject_is_found_in_its_column_and_in_records_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text('who,note\nann,x\nbob,ann\nann\n"ann ,x\ncarl,y\n')
    given = {"name": "d.csv", "form": "csv", "csv": FORM, "column": "who"}
    hits = search(path, **given, looked=lambda texts: texts & {"ann"}, linked=["note"])  # type: ignore[arg-type]
    assert (hits.records, hits.met, hits.links) == ([1, 3, 4], {"ann"}, {"note": {"x"}})


def test_what_could_be_a_subject_in_an_unreadable_record_stands_between_delimiters_quotes_or_spaces() -> None:
    assert tokens('a;"Ann Lee";{"id": 12}', delimiter=";") >= {"a", "Ann Lee", "Ann", "12", "id"}
    assert "nn" not in tokens("Ann;x", delimiter=";")
    assert [names_somebody(text) for text in ("?", "", "- -", "7", "\u00fc")] == [False, False, False, True, True]
