"""JSON lines: every line is a record or a reject, every value its own text; told by hand."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pytest

from readiness_pipelines.sources import format_of, open_records
from readiness_pipelines.sources.json_lines import JsonLinesReader
from readiness_pipelines.sources.reader import PARSE_PROBLEM, RAW, RECORD_NUMBER
from readiness_pipelines.sources.records import CsvFormat

Row = dict[str, str | None]


def read(
    tmp_path: Path, data: bytes, *, columns: str = "ab", name: str = "x.jsonl", extra_columns: str = "hold"
) -> tuple[JsonLinesReader, dict[int, Row], dict[int, tuple[str, str]]]:
    """Return the reader, the good records by number, and (problem, raw text) of the others."""
    path = tmp_path / "file"
    path.write_bytes(data)
    reader = open_records(
        path,
        name=name,
        columns=list(columns),
        form=format_of(name),
        csv=CsvFormat(),
        extra_columns=extra_columns,  # type: ignore[arg-type]
    )
    assert isinstance(reader, JsonLinesReader)
    rows = pa.Table.from_batches(reader.batches(), schema=reader.schema).to_pylist()
    good = {r[RECORD_NUMBER]: {c: r[c] for c in columns} for r in rows if r[PARSE_PROBLEM] is None}
    bad = {r[RECORD_NUMBER]: (r[PARSE_PROBLEM], r[RAW]) for r in rows if r[PARSE_PROBLEM] is not None}
    assert len(good) + len(bad) == len(rows)
    return reader, good, bad


@pytest.mark.parametrize(
    ("written", "text"),
    [
        *(
            ("1", "1"),
            ("1.50", "1.50"),
            ("-0", "-0"),
            ("1e400", "1e400"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
        ),
        *(
            ("true", "true"),
            ("false", "false"),
            ("null", None),
            ('""', ""),
            ('"1.50"', "1.50"),
            ('"a\\nb"', "a\nb"),
            ('"\\u00e9"', "é"),
        ),
        *(('"\\ud83e\\uddea"', "\U0001f9ea"), ('"é"', "é"), ('"' + "x" * 1_000_000 + '"', "x" * 1_000_000)),
    ],
)
def test_a_value_is_its_own_text_and_null_is_null(tmp_path: Path, written: str, text: str | None) -> None:
    reader, good, _ = read(tmp_path, f'{{"a": {written}, "b": "2"}}\n'.encode())
    assert good == {1: {"a": text, "b": "2"}}
    assert reader.problems == () and reader.records == 1


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'{"a": 1, "b": 2', "malformed_json"),
        (b'{"a": 1, "b": 2}}', "malformed_json"),
        (b"a,b", "malformed_json"),
        (b"[1, 2]", "malformed_json"),
        (b"null", "malformed_json"),
        (b'{"a": NaN, "b": 2}', "malformed_json"),
        (b'{"a": -Infinity, "b": 2}', "malformed_json"),
        (b'{"a": 01, "b": 2}', "malformed_json"),
        (b'{"a": "x\ty", "b": 2}', "malformed_json"),
        (b'{"a": 1, "b": 2} {"a": 1, "b": 2}', "malformed_json"),
        (b"[" * 100_000, "malformed_json"),
        (b'{"a": 1, "a": 1, "b": 2}', "duplicate_key"),
        (b'{"a": 1, "A": 1, "b": 2}', "duplicate_key"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "duplicate_key"),
        (b'{"a": 1}', "missing_key"),
        (b"{}", "missing_key"),
        (b'{"a": [1], "b": 2}', "nested_value"),
        (b'{"a": {}, "b": 2}', "nested_value"),
        (b'{"a": "x\0y", "b": 2}', "nul_byte"),
        (b'{"a": "x\\u0000y", "b": 2}', "nul_byte"),
        (b'{"a": "x\xff", "b": 2}', "not_utf8"),
        (b'{"a": "\\ud83e", "b": 2}', "not_utf8"),
    ],
)
def test_a_line_that_is_no_record_is_a_reject_with_its_text_and_costs_no_other(tmp_path: Path, line: bytes, problem: str) -> None:
    ok = b'{"a": 1, "b": 2}'
    reader, good, bad = read(tmp_path, ok + b"\n" + line + b"\r\n\n" + ok)
    raw = line.decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    assert bad == {2: (problem, raw)}
    assert list(good) == [1, 3]
    assert dict(reader.rejects) == {problem: 1} and reader.problems == ()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "has no record"),
        (b"\n \n", "has no record"),
        (b'{"a": 1}\n{"a": 2}\n', "columns missing: 'b'"),
        (b'{"a": 1, "B": 1}\n', "columns missing: 'b'"),
        (b'{"a": 1, "b": 2}\n{"a": 1, "b": 2, "c": 3}\n', "columns the contract does not know: 'c' (first in record 2)"),
        (b"%PDF-1.7\n", "is a PDF document"),
        (b"x" * (16 * 1024 * 1024 + 1), "has a line of more than 16777216 bytes"),
    ],
)
def test_a_file_that_does_not_fit_is_a_problem_in_one_line(tmp_path: Path, data: bytes, told: str) -> None:
    reader, _, _ = read(tmp_path, data)
    assert told in reader.problems[0]
    assert all("\n" not in problem and "expected" in problem for problem in reader.problems)


def test_keys_that_the_contract_does_not_know_are_left_out_with_a_warning_where_that_is_declared(tmp_path: Path) -> None:
    reader, good, _ = read(tmp_path, b'{"b": 2, "c": {"d": 1}, "a": 1}\n', extra_columns="ignore")
    assert good == {1: {"a": "1", "b": "2"}}
    assert reader.problems == ()
    assert reader.notes == ("x.jsonl: warning: left out columns that the contract does not know: 'c' (first in record 1)",)


def test_a_byte_order_mark_crlf_and_gzip_are_read(tmp_path: Path) -> None:
    data = b'\xef\xbb\xbf{"a": 1, "b": 2}\r\n{"a": 3, "b": 4}\r\n'
    _, plain, _ = read(tmp_path, data)
    _, packed, _ = read(tmp_path, gzip.compress(data), name="x.jsonl.gz")
    assert plain == packed == {1: {"a": "1", "b": "2"}, 2: {"a": "3", "b": "4"}}
    reader, _, _ = read(tmp_path, gzip.compress(data)[:-9], name="x.jsonl.gz")
    assert "cannot be decompressed" in reader.problems[0]


def test_many_records_come_in_batches_with_their_numbers(tmp_path: Path) -> None:
    reader, good, bad = read(tmp_path, b"".join(b'{"a": %d, "b": 0}\n' % n if n % 1000 else b"x\n" for n in range(1, 50_001)))
    assert (reader.records, len(good), len(bad)) == (50_000, 49_950, 50)
    assert all(row["a"] == str(number) for number, row in good.items())
