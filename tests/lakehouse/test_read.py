"""A relation gives exactly the rows of exactly the versions that were asked for."""

from __future__ import annotations

import pytest

from readiness_pipelines.errors import BrokenInvariant, ReadinessError, VersionNotFound
from readiness_pipelines.flow import Counts, GateVerdict, Outcome, TableVersion
from readiness_pipelines.lakehouse import (
    ColumnSpec,
    Lakehouse,
    TableSpec,
    ensure_table,
    file_list,
    publish,
    relation,
    stage,
)
from tests.lakehouse.publisher import SPEC, T, put, staged

A, B = "2025-01-01", "2025-01-02"


def read(lake: Lakehouse, *versions: TableVersion, columns: str = "partition_key, amount") -> list[tuple[object, ...]]:
    with lake.connect() as con:
        return con.execute(f"SELECT {columns} FROM {relation(lake, versions)} ORDER BY ALL").fetchall()


def test_only_the_versions_asked_for_are_read(lake: Lakehouse) -> None:
    a = put(lake, A, [1, 2], key="k1")
    put(lake, B, [3], key="k1")
    assert read(lake, a) == [(A, 1), (A, 2)]


def test_a_staged_candidate_is_in_no_relation(lake: Lakehouse) -> None:
    a = put(lake, A, [1], key="k1")
    staged(lake, A, [9], key="k2")
    assert read(lake, a) == [(A, 1)]


def test_a_superseded_version_is_read_at_its_own_snapshot(lake: Lakehouse) -> None:
    old = put(lake, A, [1], key="k1")
    new = put(lake, A, [2], key="k2", expected="k1")
    assert read(lake, old) == [(A, 1)]
    assert read(lake, new) == [(A, 2)]


def test_partitions_at_different_ages_are_read_together(lake: Lakehouse) -> None:
    old = put(lake, A, [1], key="k1")
    b = put(lake, B, [5], key="k1")
    put(lake, A, [2], key="k2", expected="k1")
    assert read(lake, old, b) == [(A, 1), (B, 5)]


def test_a_version_whose_snapshot_is_expired_is_read_from_the_files_that_the_ledger_names(lake: Lakehouse) -> None:
    old = put(lake, A, [1], key="k1")
    new = put(lake, A, [2], key="k2", expected="k1")
    put(lake, B, [5], key="k1")
    table = lake.load(T)
    table.maintenance.expire_snapshots().by_ids([old.snapshot_id, new.snapshot_id]).commit()
    assert (read(lake, new), read(lake, old)) == ([(A, 2)], [(A, 1)])
    never = TableVersion(T, A, "k1", new.snapshot_id)
    with pytest.raises(VersionNotFound, match="the current version is shop.silver.orders/2025-01-01@k2"):
        relation(lake, [never])


def test_a_version_that_never_was_is_not_found(lake: Lakehouse) -> None:
    a = put(lake, A, [1], key="k1")
    with pytest.raises(VersionNotFound, match="that partition was never published"):
        relation(lake, [TableVersion(T, B, "k9", a.snapshot_id)])
    with pytest.raises(VersionNotFound, match="no such table was ever made"):
        relation(lake, [TableVersion("shop.gold.none", B, "k9", 1)])


def test_columns_can_be_chosen_and_ordered(lake: Lakehouse) -> None:
    a = put(lake, A, [1], key="k1")
    with lake.connect() as con:
        described = con.execute(f"DESCRIBE SELECT * FROM {relation(lake, [a], columns=['tags', 'amount'])}").fetchall()
    assert [(row[0], row[1]) for row in described] == [("tags", "VARCHAR[]"), ("amount", "BIGINT")]
    with pytest.raises(ReadinessError, match="has no column nope; it has row_id, partition_key, amount, tags"):
        relation(lake, [a], columns=["nope"])


def test_a_version_without_rows_has_the_tables_columns_and_types(lake: Lakehouse) -> None:
    empty = put(lake, A, [], key="k1")
    with lake.connect() as con:
        described = con.execute(f"DESCRIBE SELECT * FROM {relation(lake, [empty])}").fetchall()
    assert [(row[0], row[1]) for row in described] == [
        ("row_id", "VARCHAR"),
        ("partition_key", "VARCHAR"),
        ("amount", "BIGINT"),
        ("tags", "VARCHAR[]"),
    ]
    assert read(lake, empty) == []


def test_two_tables_two_versions_of_a_partition_or_none_are_refused(lake: Lakehouse) -> None:
    a = put(lake, A, [1], key="k1")
    with pytest.raises(ReadinessError, match="found shop.gold.x, shop.silver.orders"):
        relation(lake, [a, TableVersion("shop.gold.x", A, "k", 1)])
    with pytest.raises(ReadinessError, match="no version at all"):
        relation(lake, [])
    with pytest.raises(ReadinessError, match="found one of them twice"):
        relation(lake, [a, TableVersion(T, A, "k0", 1)])


def test_the_files_of_a_version_are_those_of_its_verdict(lake: Lakehouse) -> None:
    version = put(lake, A, [1], key="k1")
    verdict = lake.ledger.verdict_of(T, A, "k1")
    assert verdict is not None
    assert file_list(lake, version) == tuple(f.path for f in verdict.files)


def test_rows_written_before_a_column_was_renamed_added_or_widened_are_read_by_field_id(lake: Lakehouse) -> None:
    """A name that was dropped and comes back is another column: its old values must not."""
    name = "shop.silver.changing"
    system = SPEC.columns[:2]
    first = TableSpec(name, (*system, ColumnSpec("old_name", "int"), ColumnSpec("secret", "string")))
    ensure_table(lake, first)
    version = _publish(lake, name, "SELECT 'r' AS row_id, '2025-01-01' AS partition_key, 7 AS old_name, 'x' AS secret")
    table = lake.load(name)
    with table.update_schema() as update:
        update.rename_column("old_name", "new_name")
        update.delete_column("secret")
    with table.update_schema() as update:
        update.add_column("secret", table.schema().find_type("row_id"))
    ensure_table(lake, TableSpec(name, (*system, ColumnSpec("new_name", "long"), ColumnSpec("secret", "string"))))
    with lake.connect() as con:
        source = relation(lake, [version])
        found = con.execute(f"SELECT new_name, typeof(new_name), secret FROM {source}").fetchall()
    assert found == [(7, "BIGINT", None)]


def test_files_whose_rows_another_engine_deleted_are_refused(lake: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyIceberg writes no delete files, so one is put into its plan."""
    from pyiceberg.table import DataScan, FileScanTask

    a = put(lake, A, [1], key="k1")
    (task,) = lake.load(T).scan().plan_files()
    marked = FileScanTask(task.file, delete_files={task.file})
    monkeypatch.setattr(DataScan, "plan_files", lambda self: [marked])
    with pytest.raises(BrokenInvariant, match="1 files have delete files"):
        relation(lake, [a])


def _publish(lake: Lakehouse, name: str, sql: str) -> TableVersion:
    with lake.connect() as con:
        files = stage(con, lake, name, sql, partition=A, version_key="k1", attempt="a")
    return publish(lake, GateVerdict(name, A, "k1", Outcome.ADMITTED, Counts(1, 1), files=files), expected=None)
