"""Parquet: the text of every type by hand, and what a file that is not whole or does not fit is told as."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from readiness_pipelines.sources.parquet import ParquetReader
from readiness_pipelines.sources.reader import PARSE_PROBLEM, RAW, RECORD_NUMBER

MOMENT = datetime.datetime(2025, 1, 2, 3, 4, 5, 600_000)


def write(tmp_path: Path, table: pa.Table, **options: Any) -> Path:
    path = tmp_path / "file"
    pq.write_table(table, path, **options)
    return path


def read(path: Path, columns: list[str], extra_columns: str = "hold") -> tuple[ParquetReader, list[dict[str, Any]]]:
    reader = ParquetReader(path, name="x.parquet", columns=columns, extra_columns=extra_columns)  # type: ignore[arg-type]
    return reader, pa.Table.from_batches(reader.batches(), schema=reader.schema).sort_by(RECORD_NUMBER).to_pylist()


@pytest.mark.parametrize(
    ("type_", "value", "text"),
    [
        *((pa.int8(), -5, "-5"), (pa.uint64(), 2**64 - 1, "18446744073709551615"), (pa.bool_(), True, "true")),
        *((pa.float64(), 10.0, "10"), (pa.float64(), 0.1, "0.1"), (pa.float64(), 1e22, "10000000000000000000000")),
        *((pa.float64(), 1.5e-7, "0.00000015"), (pa.float64(), -2.5e17, "-250000000000000000"), (pa.float32(), 0.1, "0.1")),
        *((pa.float64(), float("nan"), "nan"), (pa.float64(), float("-inf"), "-inf")),
        *((pa.decimal128(20, 7), Decimal("0.0000001"), "0.0000001"), (pa.decimal128(5, 2), Decimal("1.50"), "1.5")),
        *((pa.date32(), MOMENT.date(), "2025-01-02"), (pa.time64("us"), MOMENT.time(), "03:04:05.600000")),
        *(
            (pa.timestamp("s"), MOMENT.replace(microsecond=0), "2025-01-02 03:04:05.000"),
            (pa.timestamp("ms"), MOMENT, "2025-01-02 03:04:05.600"),
        ),
        *(
            (pa.timestamp("ns"), MOMENT, "2025-01-02 03:04:05.600000"),
            (pa.timestamp("us", "UTC"), MOMENT, "2025-01-02 03:04:05.600000Z"),
        ),
        (pa.timestamp("us", "Europe/Berlin"), MOMENT.replace(tzinfo=datetime.UTC), "2025-01-02 03:04:05.600000Z"),
        *((pa.string(), "é", "é"), (pa.string(), "", ""), (pa.large_string(), "x", "x"), (pa.binary(), "é".encode(), "é")),
        (pa.dictionary(pa.int32(), pa.string()), "x", "x"),
    ],
)
def test_a_value_is_the_text_of_its_type_and_null_is_null(tmp_path: Path, type_: pa.DataType, value: Any, text: str) -> None:
    plain = type_.value_type if pa.types.is_dictionary(type_) else type_
    column = pa.array([value, None], plain)
    column = column.dictionary_encode() if plain is not type_ else column
    reader, rows = read(write(tmp_path, pa.table({"a": column})), ["a"])
    assert [row["a"] for row in rows] == [text, None]
    assert (reader.records, reader.problems) == (2, ())


def test_a_nanosecond_that_counts_is_kept_for_the_cast_to_refuse(tmp_path: Path) -> None:
    column = pa.array([1], pa.int64()).cast(pa.timestamp("ns"))
    _, rows = read(write(tmp_path, pa.table({"a": column})), ["a"])
    assert rows[0]["a"] == "1970-01-01 00:00:00.000000001"


def test_columns_are_read_by_name_and_a_column_of_nulls_is_one(tmp_path: Path) -> None:
    _, rows = read(write(tmp_path, pa.table({"b": [1], "a": pa.nulls(1)})), ["a", "b"])
    assert [(row["a"], row["b"]) for row in rows] == [(None, "1")]


def test_a_record_whose_text_is_none_or_holds_a_nul_is_a_reject_with_its_values(tmp_path: Path) -> None:
    values = pa.array([b"ok", b"x\xff", None, b"y\0z", b"last"], pa.binary())
    text = pa.array(["1", "2", "3", "4", "5"])
    reader, rows = read(write(tmp_path, pa.table({"a": values, "b": text})), ["a", "b"])
    assert [(r[RECORD_NUMBER], r[PARSE_PROBLEM], r[RAW]) for r in rows if r[PARSE_PROBLEM]] == [
        (2, "not_utf8", '{"a": "x\\\\xff", "b": "2"}'),
        (4, "nul_byte", '{"a": "y\\\\x00z", "b": "4"}'),
    ]
    assert [(r[RECORD_NUMBER], r["a"], r["b"]) for r in rows if not r[PARSE_PROBLEM]] == [
        (1, "ok", "1"),
        (3, None, "3"),
        (5, "last", "5"),
    ]
    assert dict(reader.rejects) == {"not_utf8": 1, "nul_byte": 1}


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (pa.table({"a": [1]}), "columns missing: 'b'"),
        (pa.table({"a": [1], "B": [1]}), "columns missing: 'b'"),
        (pa.table({"a": [1], "b": [1], "c": [1]}), "columns the contract does not know: 'c'"),
        (pa.table({"a": [1], "b": [1], "A": [1]}), "columns named twice (case apart): 'a', 'A'"),
        (pa.table({"a": [[1]], "b": [1]}), "columns that are no plain values: 'a is list<"),
        (pa.table({"a": [{"x": 1}], "b": [1]}), "columns that are no plain values: 'a is struct<x: int64>'"),
        (pa.table({"a": pa.array([1], pa.duration("s")), "b": [1]}), "columns that are no plain values: 'a is duration[s]'"),
        (pa.table({"a": pa.array([], pa.int64()), "b": pa.array([], pa.int64())}), "has no record"),
    ],
)
def test_a_file_that_does_not_fit_is_a_problem_in_one_line_and_gives_no_record(tmp_path: Path, table: pa.Table, told: str) -> None:
    reader, rows = read(write(tmp_path, table), ["a", "b"])
    assert rows == [] and reader.records == table.num_rows
    assert told in reader.problems[0]
    assert all("\n" not in problem and "expected" in problem for problem in reader.problems)


def test_a_column_that_the_contract_does_not_know_is_left_out_where_that_is_declared_nested_or_not(tmp_path: Path) -> None:
    reader, rows = read(write(tmp_path, pa.table({"a": [1], "c": [[1]]})), ["a"], "ignore")
    assert [row["a"] for row in rows] == ["1"] and reader.problems == ()
    assert "left out columns that the contract does not know: 'c'" in reader.notes[0]


@pytest.mark.parametrize("harm", ["empty", "cut", "its end lost", "text", "a page damaged"])
def test_a_file_that_is_not_whole_is_a_problem_in_one_line(tmp_path: Path, harm: str) -> None:
    path = write(
        tmp_path,
        pa.table({"a": [f"{n}" for n in range(10_000)]}),
        write_page_checksum=True,
        compression="none",
        use_dictionary=False,
    )
    data = path.read_bytes()
    middle = bytearray(data)
    middle[len(data) // 3] ^= 1
    path.write_bytes(
        {
            "empty": b"",
            "cut": data[: len(data) // 2],
            "its end lost": data[:-1],
            "text": b"a\n1\n",
            "a page damaged": bytes(middle),
        }[harm]
    )
    reader, _ = read(path, ["a"])
    assert len(reader.problems) == 1
    assert "x.parquet: cannot be read as Parquet" in reader.problems[0] and "\n" not in reader.problems[0]


def test_a_large_file_comes_in_batches_with_their_numbers(tmp_path: Path) -> None:
    path = write(tmp_path, pa.table({"a": list(range(100_000))}), row_group_size=70_000)
    reader = ParquetReader(path, name="x.parquet", columns=["a"])
    sizes = [batch.num_rows for batch in reader.batches()]
    assert sum(sizes) == reader.records == 100_000 and max(sizes) <= 20_000
    _, rows = read(path, ["a"])
    assert all(row["a"] == str(row[RECORD_NUMBER] - 1) for row in rows)
