"""Refused rows are kept once per candidate, with all their reasons."""

from __future__ import annotations

from pathlib import Path

import pytest

from readiness_pipelines.errors import CatalogBehindLedger
from readiness_pipelines.lakehouse import Lakehouse, quarantined, write_quarantine
from tests.lakehouse.publisher import Place, T

A, B = "2025-01-01", "2025-01-02"


def refused(n: int) -> str:
    return (
        "SELECT 'r' || n AS row_id, ['cast:amount', 'in_range'] AS reasons, '{\"amount\": \"x\"}' AS row_values, "
        f"'abc' AS delivery_sha256, n + 1 AS record_number FROM range({n}) AS r(n)"
    )


def write(lake: Lakehouse, n: int, *, partition: str = A, key: str = "k1") -> int:
    with lake.connect() as con:
        return write_quarantine(lake, con, T, refused(n), partition=partition, version_key=key)


def kept(lake: Lakehouse, partition: str | None = None) -> list[tuple[str, str, str]]:
    with lake.connect() as con:
        source = quarantined(lake, T, partition=partition)
        return con.execute(f"SELECT partition_key, version_key, row_id FROM {source} ORDER BY ALL").fetchall()


def commits(lake: Lakehouse) -> int:
    return len(lake.load(f"{T}_quarantine").metadata.snapshots)


def test_rows_are_kept_with_reasons_values_and_origin(lake: Lakehouse) -> None:
    assert write(lake, 1) == 1
    with lake.connect() as con:
        (row,) = con.execute(f"SELECT * FROM {quarantined(lake, T)}").fetchall()
    assert row[:7] == ("r0", A, "k1", ["cast:amount", "in_range"], '{"amount": "x"}', "abc", 1)
    assert row[7].endswith("+00:00")


def test_the_same_candidate_is_written_once(lake: Lakehouse) -> None:
    assert [write(lake, 2), write(lake, 2)] == [2, 2]
    assert commits(lake) == 2  # the root, and the rows
    assert kept(lake) == [(A, "k1", "r0"), (A, "k1", "r1")]


def test_another_candidate_of_the_partition_is_kept_beside_the_older_one(lake: Lakehouse) -> None:
    write(lake, 1)
    write(lake, 1, key="k2")
    write(lake, 1, partition=B)
    assert kept(lake) == [(A, "k1", "r0"), (A, "k2", "r0"), (B, "k1", "r0")]
    assert kept(lake, B) == [(B, "k1", "r0")]


def test_a_candidate_that_gives_other_rows_now_is_replaced(lake: Lakehouse) -> None:
    write(lake, 2)
    assert write(lake, 3) == 3
    assert [row[2] for row in kept(lake)] == ["r0", "r1", "r2"]
    assert write(lake, 0) == 0
    assert kept(lake) == []


def test_a_candidate_that_gives_other_reasons_for_the_same_rows_is_replaced(lake: Lakehouse) -> None:
    write(lake, 2)
    again = refused(2).replace("'in_range'", "'in_range', 'judged_at_last'")
    with lake.connect() as con:
        assert write_quarantine(lake, con, T, again, partition=A, version_key="k1") == 2
        rows = con.execute(f"SELECT row_id, reasons FROM {quarantined(lake, T)} ORDER BY ALL").fetchall()
    assert rows == [(row, ["cast:amount", "in_range", "judged_at_last"]) for row in ("r0", "r1")]
    with lake.connect() as con:
        write_quarantine(lake, con, T, again, partition=A, version_key="k1")
    assert commits(lake) == 3  # the root, the rows, the rows anew: not once more


def test_nothing_refused_makes_no_table_and_no_commit(lake: Lakehouse) -> None:
    assert write(lake, 0) == 0
    assert lake.find(f"{T}_quarantine") is None
    write(lake, 1)
    before = commits(lake)
    assert write(lake, 0, partition=B) == 0
    assert commits(lake) == before


def test_an_empty_quarantine_is_a_relation_with_the_right_columns(lake: Lakehouse) -> None:
    with lake.connect() as con:
        described = con.execute(f"DESCRIBE SELECT * FROM {quarantined(lake, T)}").fetchall()
    assert [(row[0], row[1]) for row in described] == [
        ("row_id", "VARCHAR"),
        ("partition_key", "VARCHAR"),
        ("version_key", "VARCHAR"),
        ("reasons", "VARCHAR[]"),
        ("row_values", "VARCHAR"),
        ("delivery_sha256", "VARCHAR"),
        ("record_number", "BIGINT"),
        ("quarantined_at", "VARCHAR"),
    ]


def test_a_quarantine_that_the_catalog_lost_is_not_begun_anew(tmp_path: Path) -> None:
    lake = Place(tmp_path).open()
    write(lake, 1)
    lake.settings.catalog_file.unlink()
    with pytest.raises(CatalogBehindLedger):
        write(Place(tmp_path).open(), 1, partition=B)
