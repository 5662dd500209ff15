"""Databases and stores that are named wrongly, go away or come back: one clear line, no password, nothing half done."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from readiness_pipelines.errors import ReadinessError, ServiceUnreachable
from readiness_pipelines.lakehouse import Lakehouse, ensure_table, publish, relation
from readiness_pipelines.layers import run_step
from readiness_pipelines.ledger import Ledger, server
from readiness_pipelines.settings import Settings
from tests.lakehouse.publisher import SPEC, Place, T, admitted, put, staged
from tests.services import KEY, PASSWORD, Postgres, free_port, running_postgres, variables
from tests.shop import Shop

pytestmark = [pytest.mark.services, pytest.mark.slow]
A, B = "2025-01-01", "2025-01-02"


@pytest.fixture(scope="module")
def mortal() -> Iterator[Postgres]:
    """A PostgreSQL server that a test may stop and start."""
    with running_postgres() as started:
        yield started


def _run(shop: Shop, services: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    (shop.root / "dg.toml").write_text('directory_type = "project"\n[project]\nroot_module = "x"\ndefs_module = "defs"\n')
    environment = {**os.environ, **variables(shop.root, services)}
    arguments = [sys.executable, "-c", "from readiness_pipelines.cli import main; main()", *command]
    return subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=120, cwd=shop.root)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            f"postgresql://owner:{PASSWORD}@127.0.0.1/x",
            "names the database or driver 'postgresql', expected postgresql+psycopg2://",
        ),
        (f"postgresql+asyncpg://owner:{PASSWORD}@127.0.0.1/x", "names the database or driver 'postgresql+asyncpg', expected"),
        (f"mysql://owner:{PASSWORD}@127.0.0.1/x", "names the database or driver 'mysql', expected"),
        (f"//owner:{PASSWORD}@127.0.0.1", "is no URL, expected postgresql"),
    ],
)
@pytest.mark.parametrize("variable", ["READINESS_LEDGER", "READINESS_CATALOG"])
def test_another_database_or_driver_is_one_line_that_shows_no_password(tmp_path: Path, variable: str, url: str, said: str) -> None:
    with pytest.raises(ReadinessError) as caught:
        Lakehouse.open(Settings.from_environment({**variables(tmp_path, {}), variable: url}))
    assert f"{variable} {said}" in str(caught.value)
    assert PASSWORD not in "".join(traceback.format_exception(caught.value)) and "\n" not in str(caught.value)


def test_a_driver_that_is_not_installed_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ReadinessError, match=r"psycopg2 is not installed: pip install 'readiness-pipelines\[postgres\]'"):
        server.url_of("postgresql+psycopg2://h/d", variable="READINESS_LEDGER")


@pytest.mark.parametrize("uri", ["gs://bucket/x", "file:///tmp/x", "s3a://bucket"])
def test_another_store_is_refused(tmp_path: Path, uri: str) -> None:
    with pytest.raises(ReadinessError, match=f"READINESS_WAREHOUSE is '{uri}', expected a folder, or s3://bucket/prefix"):
        Lakehouse.open(Settings.from_environment({**variables(tmp_path, {}), "READINESS_WAREHOUSE": uri}))


def test_a_warehouse_in_another_folder_is_used(tmp_path: Path) -> None:
    lake = Place(tmp_path, {"READINESS_WAREHOUSE": str(tmp_path / "big disk")}).open()
    ensure_table(lake, SPEC)
    put(lake, A, [1], key="k1")
    assert list((tmp_path / "big disk").rglob("*.parquet")) and not (tmp_path / "state" / "warehouse").exists()


@pytest.mark.parametrize("variable", ["READINESS_LEDGER", "READINESS_CATALOG"])
def test_a_command_says_in_one_line_what_it_could_not_reach(shop: Shop, variable: str) -> None:
    port = free_port()
    shop.land(1)
    url = f"postgresql+psycopg2://owner:{PASSWORD}@127.0.0.1:{port}/gone"
    what = variable.removeprefix("READINESS_").lower()
    done = _run(shop, {variable: url}, "quarantine", "show", "shop.silver.orders", shop.day(1))
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"readiness: {what} unreachable at 127.0.0.1:{port}/gone: ")
    assert "Connection refused" in done.stderr and done.stderr.count("\n") == 1
    assert PASSWORD not in done.stdout + done.stderr


def test_a_command_works_with_nothing_local(shop: Shop, postgres: Postgres, s3: dict[str, str]) -> None:
    url = postgres.new_place()
    services = {**s3, "READINESS_LEDGER": url, "READINESS_CATALOG": url, "READINESS_WAREHOUSE": "s3://warehouse/command"}
    shop = replace(shop, services=services)
    shop.land(1, [f"{n},c,{'ten' if n == 7 else 10},{shop.day(1)}" for n in range(20)])
    lake = Lakehouse.open(shop.settings)
    assert [run_step(lake, shop.settings, shop.product, name, shop.day(1)).kind for name in ("raw_orders", "orders")] == [
        "admitted",
        "admitted",
    ]
    done = _run(shop, services, "quarantine", "show", "orders", shop.day(1))
    assert (done.returncode, done.stderr) == (0, "")
    assert "cast:amount" in done.stdout and '"amount":"ten"' in done.stdout


def test_a_wrong_password_is_one_line_without_it(tmp_path: Path, postgres: Postgres) -> None:
    with pytest.raises(ServiceUnreachable, match="password authentication failed") as caught:
        Ledger(postgres.new_place().replace(PASSWORD, "wrong-guess"))
    assert "wrong-guess" not in str(caught.value)


def test_a_server_that_was_restarted_is_used_again_and_one_that_is_down_is_told(tmp_path: Path, mortal: Postgres) -> None:
    url = mortal.new_place()
    lake = Place(tmp_path, {"READINESS_LEDGER": url, "READINESS_CATALOG": url}).open()
    ensure_table(lake, SPEC)
    put(lake, A, [1], key="k1")
    mortal.stop()
    with pytest.raises(ServiceUnreachable, match=rf"ledger unreachable at 127.0.0.1:{mortal.port}/t[0-9a-f]+: .*refused"):
        put(lake, A, [2], key="k2", expected="k1")
    mortal.start()
    put(lake, A, [3], key="k3", expected="k1")
    with lake.connect() as con:
        version = lake.ledger.current_version(T, A)
        assert version is not None
        assert con.execute(f"SELECT amount FROM {relation(lake, [version])}").fetchall() == [(3,)]


def test_a_commit_waits_for_a_catalog_that_comes_back(tmp_path: Path, mortal: Postgres) -> None:
    lake = Place(tmp_path, {"READINESS_CATALOG": mortal.new_place()}).open()
    ensure_table(lake, SPEC)
    put(lake, A, [1], key="k1")
    verdict = admitted(A, staged(lake, A, [2], key="k2"), key="k2")
    mortal.stop()
    with pytest.raises(ServiceUnreachable, match="catalog unreachable at"):
        lake.load(T)  # a look does not wait
    back = threading.Timer(2.0, mortal.start)
    back.start()
    assert publish(lake, verdict, expected="k1").version_key == "k2"
    back.join()
    assert len(lake.load(T).metadata.snapshots) == 3


def test_connections_cut_in_the_middle_of_publishing_lose_and_double_nothing(tmp_path: Path, postgres: Postgres) -> None:
    """Sessions are ended again and again by the server's owner; whoever is hit says so, and is run again."""
    url = postgres.new_place()
    place = Place(tmp_path, {"READINESS_LEDGER": url, "READINESS_CATALOG": url})
    lake = place.open()
    ensure_table(lake, SPEC)
    over = threading.Event()

    def cut() -> None:
        while not over.wait(0.15):
            postgres.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'readiness %'")

    cutter = threading.Thread(target=cut)
    cutter.start()
    hit, keys = 0, [f"k{n}" for n in range(25)]
    try:
        for before, key in zip([None, *keys[:-1]], keys, strict=True):
            for attempt in range(100):
                try:
                    put(lake, A, [int(key[1:])], key=key, expected=before, attempt=str(attempt))
                    break
                except ServiceUnreachable as error:
                    assert PASSWORD not in str(error) and "\n" not in str(error)
                    hit += 1
    finally:
        over.set()
        cutter.join()
    assert [p.version_key for p in lake.ledger.publications(T, A) if p.state == "done"] == keys
    found = [s.summary.additional_properties.get("readiness.version-key") for s in lake.load(T).metadata.snapshots if s.summary]
    kept = [key for key in found if key]  # few snapshots are kept: of these none is doubled or out of its turn
    assert kept == keys[-len(kept) :]
    assert hit > 0


def test_no_password_or_key_is_in_any_file_message_or_picture_of_an_object(
    tmp_path: Path, postgres: Postgres, s3: dict[str, str]
) -> None:
    url = postgres.new_place()
    services = {**s3, "READINESS_LEDGER": url, "READINESS_CATALOG": url, "READINESS_WAREHOUSE": "s3://warehouse/secrets"}
    lake = Place(tmp_path, services).open()
    table = ensure_table(lake, SPEC)
    version = put(lake, A, [1], key="k1")
    shown = [repr(o) for o in (lake, lake.settings, lake.storage, lake.catalog, table, table.io, lake.ledger, version)]
    shown += [repr(lake.ledger._database.engine), str(lake.catalog)]
    with pytest.raises(ReadinessError) as caught:
        put(lake, A, [1], key="k2", expected="other")
    shown.append("".join(traceback.format_exception(caught.value)))
    for file in lake.storage.listed(lake.settings.warehouse):
        with lake.storage.open(file.path) as opened:
            shown.append(opened.read().decode("latin-1"))
    shown += [path.read_text("latin-1") for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert len(shown) > 12
    assert not [text for text in shown if PASSWORD in text or KEY in text]
