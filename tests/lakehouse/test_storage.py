"""The warehouse's files are the same in a folder and on S3: measured, listed, deleted, and there only when complete."""

from __future__ import annotations

import datetime
import hashlib
import sys
import threading
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from readiness_pipelines.errors import ServiceUnreachable
from readiness_pipelines.lakehouse import Lakehouse, ensure_table, stage
from readiness_pipelines.lakehouse.duckfiles import ReadableTogether
from readiness_pipelines.lakehouse.storage import Storage
from tests.lakehouse.publisher import SPEC, Place, T, put, rows_sql, staged

A = "2025-01-01"


def names(lake: Lakehouse, folder: str) -> set[str]:
    return {file.path for file in lake.storage.listed(folder)}


def test_a_staged_file_is_measured_as_it_lies(lake: Lakehouse) -> None:
    (file,) = staged(lake, A, [1, 2], key="k1")
    with lake.storage.open(file.path) as opened:
        content = opened.read()
    assert (file.bytes, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert lake.storage.size(file.path) == len(content)
    assert lake.storage.footer(file.path).num_rows == 2


def test_what_is_not_there_has_no_size_and_cannot_be_read(lake: Lakehouse) -> None:
    nothing = f"{lake.settings.staging}/no/such/file"
    assert lake.storage.size(nothing) is None and lake.storage.size(lake.settings.staging) is None
    for read in (lake.storage.open, lake.storage.sha256, lake.storage.footer):
        with pytest.raises(FileNotFoundError):
            read(nothing)
    lake.storage.delete(nothing)


def test_files_are_listed_at_any_depth_with_sizes_and_times(lake: Lakehouse) -> None:
    before = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=2)  # S3's times are whole seconds
    (one,), (two,) = staged(lake, A, [1], key="k1"), staged(lake, "2025-01-02", [1, 2], key="k2")
    found = {file.path: file for file in lake.storage.listed(lake.settings.staging)}
    assert {path: file.bytes for path, file in found.items()} == {one.path: one.bytes, two.path: two.bytes}
    assert all(before <= file.changed_at <= before + datetime.timedelta(minutes=5) for file in found.values())
    assert names(lake, f"{lake.settings.staging}/{T}/{A}") == {one.path}
    assert names(lake, f"{lake.settings.warehouse}/nowhere") == set()


def test_a_deleted_file_is_gone_and_the_others_stay(lake: Lakehouse) -> None:
    (one,), (two,) = staged(lake, A, [1], key="k1"), staged(lake, A, [2], key="k2")
    lake.storage.delete(one.path)
    assert names(lake, lake.settings.staging) == {two.path}


def test_a_deleted_attempt_leaves_no_folder_behind(lake: Lakehouse) -> None:
    import pyarrow.fs as pafs

    (one,), (two,) = staged(lake, A, [1], key="k1"), staged(lake, A, [2], key="k2")
    lake.storage.delete(one.path)
    lake.storage.delete(one.path)
    system = pafs.LocalFileSystem() if lake.storage.is_local else lake.storage.s3
    folder = f"{lake.settings.staging}/{T}/{A}".removeprefix("s3://")
    left = [found.base_name for found in system.get_file_info(pafs.FileSelector(folder))]
    assert [name[:2] for name in left] == ["k2"]
    assert names(lake, lake.settings.staging) == {two.path}


def test_no_rows_and_broken_rows_leave_no_file(lake: Lakehouse) -> None:
    assert staged(lake, A, [], key="k1") == ()
    breaks = rows_sql(A, range(50_000)).replace("amount,", "CASE WHEN n = 49999 THEN error('no') ELSE amount END AS amount,")
    with lake.connect() as con, pytest.raises(duckdb.Error, match="no"):
        stage(con, lake, T, breaks, partition=A, version_key="k2", attempt="a")
    assert names(lake, lake.settings.staging) == set()


def test_a_deleted_folder_does_not_take_what_is_left_in_it(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    for name in ("a", "b"):
        (tmp_path / "folder" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "folder" / name).touch()
    storage.delete(str(tmp_path / "folder" / "a"))
    assert [p.name for p in (tmp_path / "folder").iterdir()] == ["b"]
    storage.delete(str(tmp_path / "folder" / "b"))
    assert not (tmp_path / "folder").exists()


@pytest.mark.services
@pytest.mark.slow
def test_on_s3_no_extension_is_fetched_and_nothing_lies_on_the_disk(tmp_path: Path, s3: dict[str, str]) -> None:
    lake = Place(tmp_path, {**s3, "READINESS_WAREHOUSE": "s3://warehouse/extensions/"}).open()
    ensure_table(lake, SPEC)
    put(lake, A, [1], key="k1")
    with lake.connect() as con:
        found = con.execute("SELECT extension_name FROM duckdb_extensions() WHERE loaded AND install_mode <> 'STATICALLY_LINKED'")
        assert found.fetchall() == []
        assert con.execute("SELECT current_setting('autoinstall_known_extensions')").fetchone() == (False,)
    assert not list((tmp_path / "state").rglob("*.parquet"))
    assert {path.split("/")[3] for path in names(lake, lake.settings.warehouse)} == {"extensions"}


@pytest.mark.services
@pytest.mark.slow
def test_an_upload_that_was_not_finished_is_no_file(tmp_path: Path, s3: dict[str, str]) -> None:
    lake = Place(tmp_path, {**s3, "READINESS_WAREHOUSE": "s3://warehouse/unfinished"}).open()
    sink = lake.storage.s3.open_output_stream("warehouse/unfinished/half")
    sink.write(b"x" * 20_000_000)
    assert lake.storage.size("s3://warehouse/unfinished/half") is None
    sink.close()
    assert lake.storage.size("s3://warehouse/unfinished/half") == 20_000_000


@pytest.mark.services
@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"READINESS_WAREHOUSE": "s3://no-such-bucket/x"}, "there is no such bucket"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "[Cc]onnect"),
    ],
)
def test_a_store_that_is_not_there_is_one_line(tmp_path: Path, s3: dict[str, str], changed: dict[str, str], said: str) -> None:
    lake = Place(tmp_path, {**s3, "READINESS_WAREHOUSE": "s3://warehouse/x", **changed}).open()
    with pytest.raises(ServiceUnreachable, match=f"warehouse unreachable at s3://[a-z-]+/x: .*{said}") as caught:
        ensure_table(lake, SPEC)
    assert "\n" not in str(caught.value)


def test_a_large_candidate_is_one_whole_file(lake: Lakehouse) -> None:
    """Larger than a part of an upload."""
    large = (
        f"SELECT '{A}:' || n AS row_id, '{A}' AS partition_key, (hash(n) >> 1)::BIGINT AS amount, "
        "[hash(n + 1)::VARCHAR || hash(n + 2)::VARCHAR] AS tags FROM range(500000) AS r(n)"
    )
    with lake.connect() as con:
        (file,) = stage(con, lake, T, large, partition=A, version_key="k1", attempt="a")
        assert file.bytes > 10_000_000
        sums = "SELECT count(*), sum(amount), max(tags[1]) FROM"
        assert con.execute(f"{sums} read_parquet('{file.path}')").fetchall() == con.execute(f"{sums} ({large})").fetchall()


@pytest.mark.services
@pytest.mark.slow
def test_threads_that_read_one_file_on_s3_get_what_they_sought(tmp_path: Path, s3: dict[str, str]) -> None:
    """With one position for all threads a read in ten failed here."""
    lake = Place(tmp_path, {**s3, "READINESS_WAREHOUSE": "s3://warehouse/together"}).open()
    path, rows = (
        "s3://warehouse/together/rows.parquet",
        "SELECT n, hash(n)::VARCHAR || hash(n + 1)::VARCHAR AS t FROM range(300000) AS r(n)",
    )
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with lake.connect() as con:
            con.execute("SET threads = 8")
            con.execute("SET enable_external_file_cache = false")
            con.execute(f"COPY ({rows}) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 20000, COMPRESSION zstd)")
            sums = "SELECT count(*), sum(n), sum(hash(t)) FROM"
            expected = con.execute(f"{sums} ({rows})").fetchall()
            for _ in range(20):
                assert con.execute(f"{sums} '{path}'").fetchall() == expected
    finally:
        sys.setswitchinterval(before)


def test_each_thread_has_its_own_place_in_an_open_file() -> None:
    file = ReadableTogether(pa.BufferReader(b"0123456789"))
    file.seek(7)
    other: list[bytes] = []
    thread = threading.Thread(target=lambda: (file.seek(2), other.append(file.read(2))))
    thread.start()
    thread.join()
    assert (other, file.read(2)) == ([b"23"], b"78")
    assert (file.read(), file.read()) == (b"9", b"")
    assert (file.seek(-3, 2), file.tell(), file.read(1), file.tell(), file.seek(1, 1), file.size()) == (7, 7, b"7", 8, 9, 10)
    file.close()
