"""What breaks under a step: main stays right, one line says what broke, and a re-run ends as if nothing had happened."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from readiness_pipelines.errors import ModelFailed, ReadinessError, ServiceUnreachable, StorageFailed
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import run_step
from readiness_pipelines.settings import Settings
from tests.layers.days import SPAWN, TOLD, Rows, child, land, rows_of, run_told, unadmitted_files
from tests.shop import Shop

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    root = tmp_path_factory.mktemp("undisturbed")
    shop = land(root)
    assert child(shop) == 0
    return rows_of(shop)


def fails(shop: Shop, *, largest_file: int | None = None) -> str:
    """Run it all in a process of its own, which must end with an error raised on purpose, and return what it says."""
    said = shop.root / "said.txt"
    said.write_text("")
    said.chmod(0o666)
    process = SPAWN.Process(target=run_told, args=(shop, said, largest_file))
    process.start()
    process.join()
    assert process.exitcode == TOLD, f"ended with {process.exitcode}: {said.read_text()}"
    line = said.read_text()
    assert "\n" not in line and len(line) < 700
    return line


def ends_as_if_undisturbed(shop: Shop, undisturbed: Rows) -> None:
    assert unadmitted_files(shop) == set()
    assert child(shop) == 0
    assert rows_of(shop) == undisturbed


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[None]:
    """Mount a file system of that size; skip the test where this user may not."""
    folder.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k,mode=777", "tmpfs", folder], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("this user may not mount a file system of a given size")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("kilobytes", [100, 300, 700, 1000, 1300])
def test_a_full_disk_stops_the_run_and_a_larger_one_lets_it_end(tmp_path: Path, undisturbed: Rows, kilobytes: int) -> None:
    shop = land(tmp_path)
    with small_disk(shop.settings.state, kilobytes):
        line = fails(shop)
        assert any(word in line for word in ("free disk space", "disk is full", "I/O error", "state folder")), line
        subprocess.run(["mount", "-o", "remount,size=200m", shop.settings.state], check=True)
        ends_as_if_undisturbed(shop, undisturbed)


@pytest.mark.parametrize("largest_file", [0, 4_000, 20_000, 60_000, 110_000])
def test_a_write_that_fails_halfway_stops_the_run_and_a_re_run_ends_it(
    tmp_path: Path, undisturbed: Rows, largest_file: int
) -> None:
    shop = land(tmp_path)
    assert "again" in fails(shop, largest_file=largest_file)
    ends_as_if_undisturbed(shop, undisturbed)


@pytest.mark.parametrize("part", ["warehouse", "archive"])
def test_a_folder_that_became_read_only_is_named(tmp_path: Path, undisturbed: Rows, part: str) -> None:
    shop = land(tmp_path)
    folder = {"warehouse": shop.settings.state / "warehouse", "archive": shop.settings.archive}[part]
    with small_disk(folder, 200_000):
        lake = Lakehouse.open(shop.settings)
        run_step(lake, shop.settings, shop.product, "raw_orders", shop.day(1))
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        line = fails(shop)
        assert "Read-only file system" in line and part in line, line
        subprocess.run(["mount", "-o", "remount,rw", folder], check=True)
        ends_as_if_undisturbed(shop, undisturbed)


@contextmanager
def locked(database: Path, *, seconds: float) -> Iterator[None]:
    """Hold a SQLite file's lock from another thread, for so long."""
    held, enough = threading.Event(), threading.Event()

    def hold() -> None:
        connection = sqlite3.connect(database, isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
        held.set()
        enough.wait(seconds)
        connection.execute("ROLLBACK")
        connection.close()

    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    try:
        yield
    finally:
        enough.set()
        other.join()


@pytest.mark.parametrize("database", ["catalog.db", "ledger.db"])
def test_a_database_locked_by_another_program_is_waited_for(tmp_path: Path, undisturbed: Rows, database: str) -> None:
    shop = land(tmp_path)
    lake = Lakehouse.open(shop.settings)
    run_step(lake, shop.settings, shop.product, "raw_orders", shop.day(1))
    started = time.monotonic()
    with locked(shop.settings.state / database, seconds=1):
        run_step(lake, shop.settings, shop.product, "raw_orders", shop.day(2))
        assert time.monotonic() - started >= 0.9
    ends_as_if_undisturbed(shop, undisturbed)


def test_a_catalog_that_stays_locked_is_named(tmp_path: Path, undisturbed: Rows) -> None:
    shop = land(tmp_path)
    lake = Lakehouse.open(shop.settings)
    run_step(lake, shop.settings, shop.product, "raw_orders", shop.day(1))
    with locked(shop.settings.state / "catalog.db", seconds=60), pytest.raises(ServiceUnreachable, match=r"catalog\.db.* locked"):
        run_step(lake, shop.settings, shop.product, "raw_orders", shop.day(2))
    ends_as_if_undisturbed(shop, undisturbed)


def test_a_clock_that_jumps_back_changes_neither_what_is_newest_nor_what_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = land(tmp_path)
    lake, product, day = Lakehouse.open(shop.settings), shop.product, shop.day(1)
    run_step(lake, shop.settings, product, "raw_orders", day)
    run_step(lake, shop.settings, product, "orders", day)
    first = lake.ledger.current_version("shop.silver.orders", day)
    corrected = shop.land(1, [f"{i},c,10,{day}" for i in range(30)])
    os.utime(corrected, (0, 0))  # written, by the clock of its writer, in 1970
    monkeypatch.setattr("readiness_pipelines.ledger.database.now", lambda: "2001-01-01T00:00:00.000+00:00")
    for module in ("ledger", "requests", "incidents"):
        monkeypatch.setattr(f"readiness_pipelines.ledger.{module}.now", lambda: "2001-01-01T00:00:00.000+00:00", raising=False)
    for name in ("raw_orders", "orders"):
        assert run_step(lake, shop.settings, product, name, day).kind == "admitted"
        assert run_step(lake, shop.settings, product, name, day).kind == "unchanged"
    second = lake.ledger.current_version("shop.silver.orders", day)
    verdict = lake.ledger.latest_verdict("shop.silver.orders", day)
    assert second is not None and second != first
    assert verdict is not None and (verdict.version_key, verdict.counts.rows_in) == (second.version_key, 30)


def test_memory_that_does_not_suffice_is_told(tmp_path: Path) -> None:
    shop = land(tmp_path)
    settings = replace(shop.settings, duckdb_memory="1MB")
    with pytest.raises(StorageFailed, match="raise READINESS_MEMORY"):
        for name in ("raw_orders", "orders"):
            run_step(Lakehouse.open(settings), settings, shop.product, name, shop.day(1))
    ended = Lakehouse.open(shop.settings)
    assert run_step(ended, shop.settings, shop.product, "raw_orders", shop.day(1)).is_published


@pytest.mark.parametrize(
    ("model", "drop_where"),
    [
        ("SELECT CAST(replace(customer, 'c', 'x') AS INTEGER) AS order_id, customer, amount, ordered_on FROM raw_orders", ""),
        ("", "CAST(customer AS INTEGER) > 5"),
        ("SELECT order_id, customer, CAST(amount AS BIGINT) * 9223372036854775807 AS amount, ordered_on FROM raw_orders", ""),
    ],
)
def test_sql_that_cannot_be_computed_for_a_row_is_named_and_the_row_is_not(tmp_path: Path, model: str, drop_where: str) -> None:
    shop = land(tmp_path)
    defs = shop.folder / "defs.yaml"
    if model:
        (shop.folder / "silver" / "orders.sql").write_text(model)
    else:
        kept = "      deduplicate: {by: [order_id], keep: last}\n"
        defs.write_text(defs.read_text().replace(kept, f'{kept}      drop_where: [{{reason: z, sql: "{drop_where}"}}]\n'))
    lake, product = Lakehouse.open(shop.settings), shop.product
    run_step(lake, shop.settings, product, "raw_orders", shop.day(1))
    with pytest.raises(ModelFailed, match=r"2025-01-01 silver orders: orders\.sql .*cannot be computed for some row") as raised:
        run_step(lake, shop.settings, product, "orders", shop.day(1))
    assert "c1" not in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize("harm", ["cut", "overwritten"])
def test_a_harmed_file_above_is_told_as_that_and_not_as_bad_sql(tmp_path: Path, undisturbed: Rows, harm: str) -> None:
    shop = land(tmp_path)
    lake, product = Lakehouse.open(shop.settings), shop.product
    verdict = run_step(lake, shop.settings, product, "raw_orders", shop.day(1)).verdict
    assert verdict is not None
    file = Path(verdict.files[0].path)
    whole = file.read_bytes()
    file.write_bytes(whole[:-100] if harm == "cut" else whole[:40] + b"\0" * (len(whole) // 2) + whole[40 + len(whole) // 2 :])
    line = fails(shop)
    assert "2025-01-01 silver orders" in line and "`readiness doctor` names the files that are harmed" in line
    file.write_bytes(whole)
    ends_as_if_undisturbed(shop, undisturbed)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("READINESS_MEMORY", "lots"),
        ("READINESS_WAREHOUSE", "s3:/bucket/w"),
        ("READINESS_WAREHOUSE", "s3://"),
        ("READINESS_WAREHOUSE", " s3://bucket/w"),
        ("READINESS_WAREHOUSE", "s3://bucket//w"),
        ("READINESS_LEDGER", "sqlite://"),
    ],
)
def test_a_setting_that_would_be_misread_is_refused_by_its_name(tmp_path: Path, variable: str, value: str) -> None:
    settings = Settings.from_environment({"READINESS_STATE": str(tmp_path), variable: value})
    with pytest.raises(ReadinessError, match=variable):
        Lakehouse.open(settings)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    empty = dict.fromkeys(("READINESS_STATE", "READINESS_LANDING", "READINESS_MEMORY", "READINESS_WAREHOUSE"), "")
    assert Settings.from_environment(empty) == Settings.from_environment({})
