"""A staged file has exactly the table's columns, types and field ids, or it is not made."""

from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from readiness_pipelines.errors import BrokenInvariant, ReadinessError
from readiness_pipelines.flow import StagedFile
from readiness_pipelines.lakehouse import ColumnSpec, Lakehouse, TableSpec, ensure_table, stage
from tests.lakehouse.publisher import SPEC, T, staged

A = "2025-01-01"
NAME = "shop.silver.typed"


@pytest.fixture
def lake(local_lake: Lakehouse) -> Lakehouse:
    """What is tested here is the same wherever tables lie."""
    return local_lake


def stage_one(lake: Lakehouse, type_: str, value: str, *, partition: str = A) -> tuple[StagedFile, ...]:
    """Make a table with one column of `type_`, and stage one row with the SQL `value` in it."""
    ensure_table(lake, TableSpec(NAME, (*SPEC.columns[:2], ColumnSpec("value", type_))))
    sql = f"SELECT {value} AS value, 'r' AS row_id, '{partition}' AS partition_key"  # not in the table's order
    with lake.connect() as con:
        return stage(con, lake, NAME, sql, partition=partition, version_key="k" * 64, attempt="a1")


def test_the_file_is_described_as_it_is(lake: Lakehouse) -> None:
    (file,) = staged(lake, A, [1, 2], key="k1")
    path = Path(file.path)
    assert (file.rows, file.bytes, file.sha256) == (2, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
    assert path.is_absolute()
    assert pq.read_metadata(path).row_group(0).column(0).compression == "ZSTD"


def test_the_path_names_table_partition_version_and_attempt(lake: Lakehouse) -> None:
    (file,) = stage_one(lake, "long", "1")
    folder = Path(lake.settings.staging) / NAME / A / f"{'k' * 16}-a1"
    assert Path(file.path) == folder / "part-0.parquet"


def test_a_partition_that_is_no_folder_name_gets_one_of_its_own(lake: Lakehouse) -> None:
    (slash,) = stage_one(lake, "long", "1", partition="a/b")
    (under,) = stage_one(lake, "long", "1", partition="a_b")
    assert Path(slash.path).parent.parent.parent == Path(lake.settings.staging) / NAME
    assert slash.path != under.path


def test_field_ids_are_the_tables_also_inside_lists(lake: Lakehouse) -> None:
    (file,) = staged(lake, A, [1], key="k1")
    schema = pq.read_metadata(file.path).schema.to_arrow_schema()
    assert [f.metadata[b"PARQUET:field_id"] for f in schema] == [b"1", b"2", b"3", b"4"]
    assert schema.field("tags").type.value_field.metadata[b"PARQUET:field_id"] == b"5"


def test_no_rows_leave_no_file_behind(lake: Lakehouse) -> None:
    assert staged(lake, A, [], key="k1") == ()
    assert not list(Path(lake.settings.staging).rglob("*.parquet"))


@pytest.mark.parametrize(
    ("type_", "value", "arrow"),
    [
        ("string", "'x'", "string"),
        ("long", "1::HUGEINT", "int64"),
        ("long", "NULL", "int64"),
        ("int", "1::TINYINT", "int32"),
        ("double", "1", "double"),
        ("float", "1.5::FLOAT", "float"),
        ("boolean", "true", "bool"),
        ("date", "DATE '2025-01-01'", "date32[day]"),
        ("time", "TIME '10:00:00'", "time64[us]"),
        ("timestamp", "TIMESTAMP '2025-01-01 10:00:00'", "timestamp[us]"),
        ("timestamptz", "TIMESTAMPTZ '2025-01-01 10:00:00+02'", "timestamp[us, tz=UTC]"),
        ("decimal(9, 2)", "1.25::DECIMAL(9,2)", "decimal128(9, 2)"),
        ("decimal(9, 2)", "1", "decimal128(9, 2)"),
        ("binary", "'x'::BLOB", "binary"),
        ("list<long>", "[1, 2]", "list<element: int64>"),
        ("list<list<decimal(5, 1)>>", "[[1.5::DECIMAL(5,1)]]", "list<element: list<element: decimal128(5, 1)>>"),
        ("string", "uuid()", "string"),
        ("string", "'{}'::JSON", "string"),
    ],
)
def test_each_type_is_written_as_the_table_has_it(lake: Lakehouse, type_: str, value: str, arrow: str) -> None:
    (file,) = stage_one(lake, type_, value)
    assert str(pq.read_metadata(file.path).schema.to_arrow_schema().field("value").type) == arrow


@pytest.mark.parametrize(
    ("type_", "value", "match"),
    [
        ("long", "1.5", "value is DECIMAL.*which would be rounded to BIGINT"),
        ("long", "1.5::DOUBLE", "value is DOUBLE, which would be rounded to BIGINT"),
        ("decimal(9, 2)", "1.234::DECIMAL(9,3)", "which could be rounded to DECIMAL"),
        ("time", "TIMETZ '10:00:00+02'", "loses its offset"),
        ("binary", "'101'::BIT", "turns into bytes"),
    ],
)
def test_a_cast_that_changes_values_silently_is_refused(lake: Lakehouse, type_: str, value: str, match: str) -> None:
    with pytest.raises(ReadinessError, match=match):
        stage_one(lake, type_, value)


def test_a_value_that_cannot_be_cast_is_an_error_of_the_engine(lake: Lakehouse) -> None:
    with pytest.raises(duckdb.ConversionException):
        stage_one(lake, "long", "'many'")


def test_missing_and_extra_columns_are_named(lake: Lakehouse) -> None:
    sql = "SELECT 'r' AS row_id, '2025-01-01' AS partition_key, 1 AS amounts, ['t'] AS tags"
    with lake.connect() as con, pytest.raises(BrokenInvariant, match="missing amount; extra amounts"):
        stage(con, lake, T, sql, partition=A, version_key="k1", attempt="a")


def test_a_type_we_cannot_store_is_refused_when_the_table_is_declared(lake: Lakehouse) -> None:
    with pytest.raises(ReadinessError, match="found column type 'uuid'; expected one of string, int"):
        stage_one(lake, "uuid", "uuid()")


def test_names_with_blanks_quotes_and_dots_come_back(lake: Lakehouse) -> None:
    names = ["two words", 'a "quote"', "it's", "dotted.name", "select", "näme"]
    ensure_table(lake, TableSpec(NAME, (*SPEC.columns[:2], *(ColumnSpec(n, "long") for n in names))))
    columns = ", ".join(f'{n} AS "{name.replace(chr(34), chr(34) * 2)}"' for n, name in enumerate(names))
    sql = f"SELECT 'r' AS row_id, '{A}' AS partition_key, {columns}"
    with lake.connect() as con:
        (file,) = stage(con, lake, NAME, sql, partition=A, version_key="k1", attempt="a")
    assert pq.read_metadata(file.path).schema.to_arrow_schema().names[2:] == names
