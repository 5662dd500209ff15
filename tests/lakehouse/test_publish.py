"""Publishing makes a partition hold exactly the files of an admission, once, or changes nothing."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from readiness_pipelines.errors import BrokenInvariant, PublishConflict
from readiness_pipelines.flow import Outcome, StagedFile
from readiness_pipelines.lakehouse import Lakehouse, file_list, publish, recover, relation, steps
from tests.lakehouse.publisher import T, admitted, put, staged

A, B = "2025-01-01", "2025-01-02"


def amounts(lake: Lakehouse, partition: str) -> list[int]:
    version = lake.ledger.current_version(T, partition)
    assert version is not None
    with lake.connect() as con:
        return [row[0] for row in con.execute(f"SELECT amount FROM {relation(lake, [version])} ORDER BY 1").fetchall()]


def snapshots(lake: Lakehouse) -> int:
    return len(lake.load(T).metadata.snapshots)


def files_on_main(lake: Lakehouse) -> set[str]:
    return {task.file.file_path.removeprefix("file://") for task in lake.load(T).scan().plan_files()}


def test_a_publication_is_readable_and_in_ledger_and_iceberg(lake: Lakehouse) -> None:
    version = put(lake, A, [1, 2, 3], key="k1")
    assert amounts(lake, A) == [1, 2, 3]
    assert lake.ledger.current_version(T, A) == version
    head = lake.load(T).current_snapshot()
    assert head is not None and head.snapshot_id == version.snapshot_id
    assert head.summary is not None
    assert head.summary.additional_properties["readiness.partition"] == A
    assert head.summary.additional_properties["readiness.version-key"] == "k1"
    assert [(p.version_key, p.state) for p in lake.ledger.publications(T, A)] == [("k1", "intent"), ("k1", "done")]


def test_replacing_a_partition_leaves_the_others_and_is_one_snapshot(lake: Lakehouse) -> None:
    put(lake, A, [1, 2], key="k1")
    put(lake, B, [10], key="k1")
    before = snapshots(lake)
    put(lake, A, [3], key="k2", expected="k1")
    assert snapshots(lake) == before + 1
    assert (amounts(lake, A), amounts(lake, B)) == ([3], [10])


def test_files_that_the_verdict_names_again_stay_and_the_new_ones_come(lake: Lakehouse) -> None:
    first = staged(lake, A, [1, 2], key="k1")
    publish(lake, admitted(A, first, key="k1"), expected=None)
    second = staged(lake, A, [3], key="k2")
    publish(lake, admitted(A, [*first, *second], key="k2"), expected="k1")
    assert amounts(lake, A) == [1, 2, 3]
    assert files_on_main(lake) == {first[0].path, second[0].path}
    publish(lake, admitted(A, second, key="k3"), expected="k2")
    assert files_on_main(lake) == {second[0].path}


def test_an_empty_candidate_removes_the_partition(lake: Lakehouse) -> None:
    put(lake, A, [1, 2], key="k1")
    put(lake, B, [10], key="k1")
    put(lake, A, [], key="k2", expected="k1")
    assert (amounts(lake, A), amounts(lake, B)) == ([], [10])
    assert put(lake, A, [5], key="k3", expected="k2").version_key == "k3"


def test_an_empty_candidate_can_be_the_first(lake: Lakehouse) -> None:
    version = put(lake, A, [], key="k1")
    assert amounts(lake, A) == []
    assert file_list(lake, version) == ()


def test_what_is_published_already_is_returned_without_a_new_snapshot(lake: Lakehouse) -> None:
    version = put(lake, A, [1], key="k1")
    before = snapshots(lake)
    assert put(lake, A, [1], key="k1", attempt="b") == version
    assert snapshots(lake) == before


def test_a_version_that_was_left_and_comes_back_is_published_anew(lake: Lakehouse) -> None:
    first = put(lake, A, [1], key="k1")
    put(lake, A, [2], key="k2", expected="k1")
    third = put(lake, A, [1], key="k1", expected="k2", attempt="b")
    assert third.snapshot_id != first.snapshot_id
    assert amounts(lake, A) == [1]


@pytest.mark.parametrize("expected", [None, "k0"])
def test_a_candidate_computed_against_another_version_is_a_conflict(lake: Lakehouse, expected: str | None) -> None:
    put(lake, A, [1], key="k1")
    before = snapshots(lake)
    with pytest.raises(PublishConflict, match="main holds version k1, the candidate was computed against"):
        put(lake, A, [2], key="k2", expected=expected)
    assert (amounts(lake, A), snapshots(lake)) == ([1], before)
    assert lake.ledger.open_intent(T, A) is None


def test_expecting_a_version_where_nothing_is_published_is_a_conflict(lake: Lakehouse) -> None:
    with pytest.raises(PublishConflict, match="main holds no version"):
        put(lake, A, [2], key="k2", expected="k1")


@pytest.mark.parametrize("outcome", [Outcome.HELD, Outcome.UNDECIDED])
def test_only_an_admission_is_published(lake: Lakehouse, outcome: Outcome) -> None:
    verdict = dataclasses.replace(admitted(A, staged(lake, A, [1], key="k1"), key="k1"), outcome=outcome)
    with pytest.raises(BrokenInvariant, match="only an admission"):
        publish(lake, verdict, expected=None)
    assert files_on_main(lake) == set()


def overwrite(lake: Lakehouse, path: str, content: bytes) -> None:
    """Put other bytes where a file of the warehouse lies."""
    if lake.storage.is_local:
        Path(path).write_bytes(content)
        return
    with lake.storage.s3.open_output_stream(path.removeprefix("s3://")) as sink:
        sink.write(content)


def rows_in(lake: Lakehouse, file: StagedFile) -> pa.Table:
    with lake.storage.open(file.path) as opened, pq.ParquetFile(opened) as parquet:
        return parquet.read()


def forged(lake: Lakehouse, file: StagedFile, table: pa.Table) -> StagedFile:
    """Put another table where the staged file lies, and describe it truly: only its inside is wrong."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    overwrite(lake, file.path, sink.getvalue().to_pybytes())
    return StagedFile(file.path, table.num_rows, lake.storage.size(file.path) or 0, lake.storage.sha256(file.path))


def refuse(lake: Lakehouse, file: StagedFile, match: str) -> None:
    before = snapshots(lake)
    with pytest.raises(BrokenInvariant, match=match):
        publish(lake, admitted(A, [file], key="k1"), expected=None)
    assert snapshots(lake) == before
    assert lake.ledger.publications(T, A) == []


def test_a_file_changed_after_the_verdict_is_refused(lake: Lakehouse) -> None:
    (file,) = staged(lake, A, [1, 2], key="k1")
    with lake.storage.open(file.path) as there:
        raw = bytearray(there.read())
    raw[10] ^= 1
    overwrite(lake, file.path, bytes(raw))
    refuse(lake, file, "has other bytes than its verdict examined")


def test_a_file_that_is_gone_is_refused(lake: Lakehouse) -> None:
    (file,) = staged(lake, A, [1, 2], key="k1")
    lake.storage.delete(file.path)
    refuse(lake, file, "is gone")


def test_a_file_with_other_rows_than_the_verdict_says_is_refused(lake: Lakehouse) -> None:
    (file,) = staged(lake, A, [1, 2], key="k1")
    refuse(lake, dataclasses.replace(file, rows=3), "2 rows, expected 3")


def test_absent_field_ids_are_refused(lake: Lakehouse) -> None:
    (file,) = staged(lake, A, [1, 2], key="k1")
    table = rows_in(lake, file)
    bare = pa.schema([pa.field(f.name, f.type) for f in table.schema])
    refuse(lake, forged(lake, file, table.cast(bare)), "row_id has field id none, the table says 1")


def test_swapped_field_ids_are_refused(lake: Lakehouse) -> None:
    (file,) = staged(lake, A, [1, 2], key="k1")
    table = rows_in(lake, file)
    fields = list(table.schema)
    swapped = [fields[0].with_metadata(fields[1].metadata), fields[1].with_metadata(fields[0].metadata), *fields[2:]]
    refuse(lake, forged(lake, file, table.cast(pa.schema(swapped))), "row_id has field id 2, the table says 1")


def test_a_missing_column_is_refused(lake: Lakehouse) -> None:
    (file,) = staged(lake, A, [1, 2], key="k1")
    table = rows_in(lake, file)
    fewer = table.drop_columns(["amount"])
    refuse(lake, forged(lake, file, fewer), "columns are row_id, partition_key, tags; the table's are")


def test_a_row_of_another_partition_is_refused(lake: Lakehouse) -> None:
    (file,) = staged(lake, A, [1, 2], key="k1")
    table = rows_in(lake, file)
    mixed = table.set_column(1, table.schema.field(1), pa.array([A, B]))
    refuse(lake, forged(lake, file, mixed), f"rows outside partition_key = '{A}'")


def test_a_null_in_a_required_column_is_refused(lake: Lakehouse) -> None:
    (file,) = staged(lake, A, [1, 2], key="k1")
    table = rows_in(lake, file)
    holed = table.set_column(0, table.schema.field(0).with_nullable(True), pa.array(["r", None]))
    refuse(lake, forged(lake, file, holed), "required column row_id holds nulls")


class Stopped(Exception):
    """Stands for a crash at a named step."""


def crash_at(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def stop(name: str) -> None:
        if name == step:
            raise Stopped

    monkeypatch.setattr(steps, "on_reached", stop)


def test_recover_completes_the_ledger_when_the_commit_is_on_main(lake: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        crash_at(patch, "committed")
        with pytest.raises(Stopped):
            put(lake, A, [1], key="k1")
    assert lake.ledger.current_version(T, A) is None
    version = recover(lake, T, A)
    assert version is not None and version.version_key == "k1"
    assert lake.ledger.current_version(T, A) == version
    assert amounts(lake, A) == [1]


def test_an_intent_without_a_commit_stays_abandoned(lake: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    put(lake, A, [1], key="k1")
    with monkeypatch.context() as patch:
        crash_at(patch, "intent_recorded")
        with pytest.raises(Stopped):
            put(lake, A, [2], key="k2", expected="k1")
    recovered = recover(lake, T, A)
    assert recovered is not None and recovered.version_key == "k1"
    assert amounts(lake, A) == [1]
    put(lake, A, [3], key="k3", expected="k1")
    assert lake.ledger.open_intent(T, A) is None
    assert amounts(lake, A) == [3]


def test_another_runs_unfinished_publication_is_completed_before_ours_conflicts(
    lake: Lakehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        crash_at(patch, "committed")
        with pytest.raises(Stopped):
            put(lake, A, [1], key="k1")
    with pytest.raises(PublishConflict):
        put(lake, A, [2], key="k2")
    current = lake.ledger.current_version(T, A)
    assert current is not None and current.version_key == "k1"


def test_recover_does_nothing_where_no_intent_is_open(lake: Lakehouse) -> None:
    assert recover(lake, T, A) is None
    put(lake, A, [1], key="k1")
    assert recover(lake, T, A) is None


def test_publishing_through_two_handles_that_know_an_old_state_is_safe(lake: Lakehouse) -> None:
    other = Lakehouse.open(lake.settings)
    other.load(T)
    put(lake, A, [1], key="k1")
    put(other, B, [2], key="k1")
    assert (amounts(lake, A), amounts(lake, B)) == ([1], [2])


def test_forty_replacements_keep_every_other_partition(local_lake: Lakehouse) -> None:
    """More commits than one manifest takes before small ones are merged."""
    lake = local_lake
    days = [f"d{n:02d}" for n in range(20)]
    for n, day in enumerate(days):
        put(lake, day, [n], key="k1")
    for n, day in enumerate(days):
        put(lake, day, [n, n + 100], key="k2", expected="k1")
    versions = list(lake.ledger.current_versions(T).values())
    with lake.connect() as con:
        found = con.execute(f"SELECT partition_key, amount FROM {relation(lake, versions)} ORDER BY ALL").fetchall()
    assert found == [(day, a) for n, day in enumerate(days) for a in (n, n + 100)]
    assert len(files_on_main(lake)) == 20
