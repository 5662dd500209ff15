"""The doctor names each disagreement once, with what to do, mends what is safe to mend, and loses nothing doing it."""

from __future__ import annotations

import gc
import hashlib
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from readiness_pipelines.errors import CatalogBehindLedger, ReadinessError, ServiceUnreachable
from readiness_pipelines.flow import Delivery, GateVerdict, Outcome, TableVersion
from readiness_pipelines.lakehouse import Lakehouse, file_list, publish, relation, steps, write_quarantine
from readiness_pipelines.lakehouse.doctor import databases, examine, mend
from readiness_pipelines.lakehouse.maintenance import compact, maintain
from readiness_pipelines.lakehouse.pins import pin
from readiness_pipelines.lakehouse.snapshots import expire_snapshots, settle
from readiness_pipelines.settings import Settings
from tests.lakehouse.publisher import Place, T, admitted, put, staged
from tests.lakehouse.test_maintenance import append, rows

A, B = "2025-01-01", "2025-01-02"


@pytest.fixture
def lake(local_lake: Lakehouse) -> Lakehouse:
    """All in one folder, so that its files can be looked at and harmed."""
    return local_lake


class Stopped(Exception):
    """A process that ends here."""


def told(lake: Lakehouse) -> list[str]:
    return [str(finding) for finding in examine(lake.settings).findings]


def again(lake: Lakehouse) -> Lakehouse:
    return Place(lake.settings.state.parent).open()


@pytest.fixture
def full(lake: Lakehouse) -> Lakehouse:
    """Two partitions, one replaced and one of two files, quarantined rows, a held candidate, an archived delivery."""
    put(lake, A, [1], key="k1")
    put(lake, A, [2], key="k2", expected="k1")
    append(lake, B, [4], key="k2", before=append(lake, B, [3], key="k1", before=None))
    with lake.connect() as con:
        bad = "SELECT 'r' AS row_id, ['bad'] AS reasons, '{}' AS row_values, NULL AS delivery_sha256, 1 AS record_number"
        write_quarantine(lake, con, T, bad, partition=A, version_key="k2")
    files = staged(lake, A, [9], key="k9")
    counts = admitted(A, files, key="k9").counts
    lake.ledger.record_verdict(GateVerdict(T, A, "k9", Outcome.HELD, counts, files=files, held_because=("bad",)))
    sha256 = hashlib.sha256(b"a,b\n").hexdigest()
    kept = lake.settings.archive / sha256[:2] / sha256
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"a,b\n")
    at = "2025-01-01T00:00:00.000+00:00"
    lake.ledger.record_arrival(Delivery("shop.bronze.raw", A, "a.csv", sha256, 4, f"{sha256[:2]}/{sha256}", at))
    return lake


def readable(lake: Lakehouse) -> list[list[int]]:
    fresh = again(lake)
    versions = fresh.ledger.current_versions(T)
    return [rows(fresh, versions[A]), rows(fresh, versions[B])]


def test_where_everything_agrees_nothing_is_told_and_nothing_is_changed(full: Lakehouse) -> None:
    before = {path: path.stat().st_mtime_ns for path in Path(full.settings.warehouse).rglob("*") if path.is_file()}
    assert told(full) == []
    assert mend(full.settings)[0] == []
    assert {path: path.stat().st_mtime_ns for path in Path(full.settings.warehouse).rglob("*") if path.is_file()} == before


def test_a_place_that_holds_nothing_is_named_and_nothing_is_made_there(tmp_path: Path) -> None:
    """A mistyped folder, and one in which another command has made a ledger already."""
    mistyped = Settings.from_environment({"READINESS_STATE": str(tmp_path / "stat")})
    with pytest.raises(ReadinessError, match=r"found nothing in .*/stat \(no such folder\), expected the state folder of an inst"):
        examine(mistyped)
    assert not mistyped.state.exists()
    new = Place(tmp_path).open()
    assert new.ledger.upkeep.tables() == []
    with pytest.raises(ReadinessError, match=r"found nothing in .*/state \(no table and no delivery\)"):
        mend(new.settings)
    assert not new.settings.catalog_file.exists()


def test_a_place_with_deliveries_alone_is_in_order(lake: Lakehouse) -> None:
    (lake.settings.archive / "aa").mkdir(parents=True)
    (lake.settings.archive / "aa" / "a").write_bytes(b"a,b\n")
    sha256, at = hashlib.sha256(b"a,b\n").hexdigest(), "2025-01-01T00:00:00.000+00:00"
    lake.ledger.record_arrival(Delivery("shop.bronze.raw", A, "a.csv", sha256, 4, "aa/a", at))
    assert examine(lake.settings).findings == ()


def missing(file: Path) -> None:
    file.unlink()


def garbage(file: Path) -> None:
    file.write_bytes(b"no database " * 1000)


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:8192])


@pytest.mark.parametrize("damage", [missing, garbage, emptied, cut])
def test_a_damaged_catalog_stops_everything_and_is_made_anew_of_the_newest_metadata(
    full: Lakehouse, damage: Callable[[Path], None]
) -> None:
    file, before, head = full.settings.catalog_file, readable(full), full.load(T).metadata_location
    damage(file)
    with pytest.raises(CatalogBehindLedger, match="readiness doctor"):
        again(full).require_catalog()
    assert file.exists() is (damage is not missing), "no empty catalog is made in the place of the one that is gone"
    (line,) = told(full)
    assert line.startswith("catalog: ") and "readiness doctor --repair " in line
    repaired, left = mend(full.settings)
    assert len(repaired) == 3 and left.findings == ()  # the catalog's file, the table, its quarantine
    assert readable(full) == before == [[2], [3, 4]]
    assert again(full).load(T).metadata_location == head
    assert len(list(file.parent.glob("catalog.db.damaged-*"))) == (damage is not missing)
    put(again(full), A, [7], key="k3", expected="k2")
    assert readable(full) == [[7], [3, 4]]
    assert told(full) == []


@pytest.mark.parametrize("damage", [missing, garbage, emptied, cut])
def test_a_damaged_catalog_that_a_url_places_elsewhere_is_repaired_there(
    full: Lakehouse, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    before, file = readable(full), tmp_path / "elsewhere" / "cat.db"
    file.parent.mkdir()
    shutil.copyfile(full.settings.catalog_file, file)
    full.settings.catalog_file.unlink()
    settings = replace(full.settings, catalog_url=f"sqlite:///{file}")
    assert examine(settings).findings == ()
    damage(file)
    (line,) = (str(finding) for finding in examine(settings).findings)
    assert line.startswith("catalog: ") and "cat.db" in line and "readiness doctor --repair " in line
    repaired, left = mend(settings)
    assert len(repaired) == 3 and left.findings == ()
    lake = Lakehouse.open(settings)
    versions = lake.ledger.current_versions(T)
    assert [rows(lake, versions[A]), rows(lake, versions[B])] == before
    assert len(list(file.parent.glob("cat.db.damaged-*"))) == (damage is not missing)
    assert not full.settings.catalog_file.exists()


@pytest.mark.parametrize("what", ["catalog", "ledger"])
def test_a_database_that_is_only_locked_is_nothing_to_repair(full: Lakehouse, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    settings, before = full.settings, readable(full)
    for pooled in pooled_engines():  # the connections of this process would keep the other from locking
        pooled.dispose()
    file = settings.catalog_file if what == "catalog" else settings.ledger_file
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")  # without it, the ledger's readers read beside a writer
    other.execute("BEGIN EXCLUSIVE")
    other.execute("CREATE TABLE theirs (a)")
    monkeypatch.setattr(databases, "_PATIENCE_S", 0.1)
    for look in (examine, mend):
        with pytest.raises(
            ServiceUnreachable, match=rf"^{what} unreachable at .*: database is locked; end the program that .*"
        ) as told:
            look(settings)
        assert told.value.is_locked and "\n" not in str(told.value)
    other.rollback()
    other.close()
    assert file.exists() and not list(settings.state.glob("*.damaged-*"))
    assert readable(full) == before


def pooled_engines() -> list[sa.Engine]:
    return [found for found in gc.get_objects() if isinstance(found, sa.Engine)]


def test_a_catalog_that_cannot_be_opened_is_nothing_to_repair(full: Lakehouse) -> None:
    full.settings.catalog_file.unlink()
    full.settings.catalog_file.mkdir()
    with pytest.raises(ServiceUnreachable, match="catalog unreachable at .*: .*; see that the file can be read"):
        mend(full.settings)
    assert full.settings.catalog_file.is_dir()


def test_an_older_copy_of_the_catalog_is_brought_up_to_the_newest_metadata(full: Lakehouse) -> None:
    copy = full.settings.state / "copy.db"
    with sqlite3.connect(full.settings.catalog_file) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    put(full, A, [5], key="k3", expected="k2")
    full.catalog.close() if hasattr(full.catalog, "close") else None
    for file in full.settings.state.glob("catalog.db*"):
        file.unlink()
    shutil.copyfile(copy, full.settings.catalog_file)
    (line,) = told(full)
    assert line.startswith(f"{T}: the catalog does not know snapshot ") and "--repair registers it at " in line
    assert mend(full.settings)[1].findings == ()
    assert readable(full) == [[5], [3, 4]]


def test_an_older_copy_from_before_a_compaction_is_behind_too(full: Lakehouse) -> None:
    copy = full.settings.catalog_file.read_bytes()
    version = full.ledger.current_version(T, B)
    assert version is not None and compact(full, version) is not None
    full.settings.catalog_file.write_bytes(copy)
    assert "does not know snapshot" in told(full)[0]
    assert mend(full.settings)[1].findings == ()
    assert len(file_list(again(full), version)) == 1


def test_a_commit_that_lost_is_not_taken_for_the_newest_metadata(full: Lakehouse) -> None:
    """Its metadata file can be the one written last, and know every publication; what it refers to is not there."""
    right = Path(full.load(T).metadata_location.removeprefix("file://"))
    other = Place(full.settings.state.parent).open()
    files = staged(other, A, [8], key="k8", attempt="lost")
    verdict = admitted(A, files, key="k8")
    put_aside = full.settings.catalog_file.read_bytes()
    publish(other, verdict, expected="k2")
    with sqlite3.connect(full.settings.ledger_file) as ledger:  # as if its process had died before it said done
        ledger.execute("DROP TRIGGER publications_refuses_delete")
        ledger.execute("DELETE FROM publications WHERE version_key = 'k8' AND state = 'done'")
        ledger.execute("DROP TRIGGER upkeep_refuses_delete")
    Path(files[0].path).unlink()
    full.settings.catalog_file.write_bytes(put_aside)
    full.settings.catalog_file.unlink()
    mend(full.settings)
    assert again(full).load(T).metadata_location.endswith(right.name)
    assert readable(full) == [[2], [3, 4]]


def forgotten(lake: Lakehouse) -> Path:
    """Publish k8, and forget it in ledger and catalog: the metadata file of a commit that never happened is left."""
    catalog = lake.settings.catalog_file.read_bytes()
    put(lake, A, [8], key="k8", expected="k2")
    left = Path(again(lake).load(T).metadata_location.removeprefix("file://"))
    with sqlite3.connect(lake.settings.ledger_file) as ledger:
        ledger.execute("DROP TRIGGER publications_refuses_delete")
        ledger.execute("DELETE FROM publications WHERE version_key = 'k8' AND state = 'done'")
    lake.settings.catalog_file.write_bytes(catalog)
    return left


def test_a_commit_that_never_happened_is_not_published_by_a_repair(full: Lakehouse) -> None:
    right = Path(full.load(T).metadata_location.removeprefix("file://"))
    assert forgotten(full).name > right.name
    full.settings.catalog_file.unlink()
    mend(full.settings)
    assert again(full).load(T).metadata_location.endswith(right.name)
    assert readable(full) == [[2], [3, 4]]
    current = full.ledger.current_version(T, A)
    assert current is not None and current.version_key == "k2"


def test_where_only_an_unknown_commit_is_left_it_is_told_and_not_repaired(full: Lakehouse) -> None:
    left = forgotten(full)
    for file in left.parent.glob("*.metadata.json"):
        if file != left:
            file.unlink()
    full.settings.catalog_file.unlink()
    repaired, found = mend(full.settings)
    assert [line.split(":")[0] for line in repaired] == ["catalog", f"{T}_quarantine"]
    (line,) = (str(finding) for finding in found.findings)
    assert f"the metadata that is left, {left.name}, is of a commit that the ledger does not know; put the catalog back" in line


def test_a_repair_keeps_pins_and_takes_the_table_without_the_snapshots_that_were_dropped(full: Lakehouse) -> None:
    """Pins and expiry commit no snapshot: metadata from before them knows as many publications, or more."""
    version = full.ledger.current_version(T, A)
    assert version is not None
    before = Path(full.load(T).metadata_location.removeprefix("file://"))
    assert expire_snapshots(full, T) > 0
    pin(full, [version], name="training")
    head = full.load(T).metadata_location
    full.settings.catalog_file.unlink()
    assert before.exists() and mend(full.settings)[1].findings == ()
    assert again(full).load(T).metadata_location == head
    assert "pin-training" in again(full).load(T).metadata.refs


def test_metadata_whose_manifest_lists_are_gone_is_not_taken_while_there_is_another(full: Lakehouse) -> None:
    iceberg = full.load(T)
    before = Path(iceberg.metadata_location.removeprefix("file://"))
    oldest = min(iceberg.metadata.snapshots, key=lambda s: s.sequence_number or 0)
    assert expire_snapshots(full, T) > 0
    head = full.load(T).metadata_location
    Path(oldest.manifest_list.removeprefix("file://")).unlink()  # as a sweep does, once the snapshot is dropped
    later = before.read_text().replace(f'"last-updated-ms":{iceberg.metadata.last_updated_ms}', '"last-updated-ms":99999999999999')
    assert "99999999999999" in later
    before.with_name("00099-0.metadata.json").write_text(later)
    full.settings.catalog_file.unlink()
    assert mend(full.settings)[1].findings == ()
    assert again(full).load(T).metadata_location == head


@pytest.mark.parametrize("of", ["main", "an older snapshot"])
def test_a_manifest_list_that_is_gone_is_named(full: Lakehouse, of: str) -> None:
    iceberg = full.load(T)
    head = iceberg.current_snapshot()
    other = min(iceberg.metadata.snapshots, key=lambda s: s.sequence_number or 0)
    assert head is not None and other != head
    path = (head if of == "main" else other).manifest_list.removeprefix("file://")
    Path(path).unlink()
    found = examine(full.settings)
    assert [str(f) for f in found.findings] == [
        f"{T}: {path}, the manifest list of {of}, is gone; put it back from the backup of the warehouse"
    ]
    assert found.loose_files == 0, "what is kept cannot be told"


@pytest.mark.parametrize(("damage", "wrong"), [("gone", "is gone"), ("grown", "has ")])
def test_a_manifest_that_is_gone_or_other_is_named(full: Lakehouse, damage: str, wrong: str) -> None:
    iceberg = full.load(T)
    head = iceberg.current_snapshot()
    assert head is not None
    path = head.manifests(iceberg.io)[0].manifest_path.removeprefix("file://")
    missing(Path(path)) if damage == "gone" else grow(Path(path))
    (line,) = (line for line in told(full) if path in line)
    assert f"{path}, a manifest of " in line and f", {wrong}" in line


@pytest.mark.parametrize("what", ["manifest list", "manifest"])
def test_a_manifest_of_other_bytes_is_told_and_not_raised(full: Lakehouse, what: str) -> None:
    iceberg = full.load(T)
    head = iceberg.current_snapshot()
    assert head is not None
    uri = head.manifest_list if what == "manifest list" else head.manifests(iceberg.io)[0].manifest_path
    path = Path(uri.removeprefix("file://"))
    path.write_bytes(b"?" * path.stat().st_size)
    assert any("cannot be read (" in line for line in told(full))


def test_a_commit_that_the_ledger_does_not_know_is_recorded(full: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(name: str) -> None:
        if name == "committed":
            raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(steps, "on_reached", stop)
        with pytest.raises(Stopped):
            put(full, A, [5], key="k3", expected="k2")
    (line,) = told(full)
    assert f"main holds {T}/{A}@k3, the ledger says {T}/{A}@k2" in line
    repaired, left = mend(full.settings)
    assert (len(repaired), left.findings) == (1, ())
    current = full.ledger.current_version(T, A)
    assert current is not None and current.version_key == "k3"


def begun(lake: Lakehouse, key: str) -> None:
    """A process that ended between its intent and its commit."""
    lake.ledger.record_verdict(admitted(A, staged(lake, A, [5], key=key), key=key))
    lake.ledger.record_intent(T, A, key)


def test_an_intent_without_a_commit_is_told_and_left_to_the_next_run(full: Lakehouse) -> None:
    begun(full, "k3")
    (line,) = told(full)
    assert "the publication of k3 was begun, and its commit is not on main; run the partition again" in line
    assert [str(f) for f in mend(full.settings)[1].findings] == [line]


@pytest.mark.parametrize("key", ["k3", "k4"])
def test_an_intent_is_over_once_the_partition_was_judged_anew_and_held(full: Lakehouse, key: str) -> None:
    """No run can publish it any more: what it would publish is not the newest candidate, or is not admitted now."""
    begun(full, "k3")
    files = staged(full, A, [6], key=key, attempt="b")
    counts = admitted(A, files, key=key).counts
    full.ledger.record_verdict(GateVerdict(T, A, key, Outcome.HELD, counts, files=files, held_because=("bad",)))
    assert told(full) == []


def test_a_compaction_that_was_cut_short_is_recorded_when_its_rows_are_equal(
    full: Lakehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = full.ledger.current_version(T, B)
    assert version is not None

    def stop(name: str) -> None:
        if name == "compacted":
            raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(steps, "on_reached", stop)
        with pytest.raises(Stopped):
            compact(full, version)
    assert readable(full) == [[2], [3, 4]]
    (line,) = told(full)
    assert "--repair records the compaction, if it is one: if the rows are equal" in line
    assert mend(full.settings)[1].findings == ()
    assert [f.path for f in full.ledger.upkeep.files_of(version) or ()] == list(file_list(again(full), version))


def change(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1] + b"?")


def grow(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"?")


@pytest.mark.parametrize(
    ("damage", "wrong"), [(missing, "is gone"), (grow, r"has \d+ bytes, expected \d+"), (change, "has other bytes than")]
)
def test_a_file_of_a_current_version_that_is_gone_or_other_is_named(
    full: Lakehouse, damage: Callable[[Path], None], wrong: str
) -> None:
    version = full.ledger.current_version(T, A)
    assert version is not None
    (path,) = file_list(full, version)
    damage(Path(path))
    found = examine(full.settings).findings
    assert len(found) == 1
    with pytest.raises(AssertionError, match=rf"{A}: {path}, a file of the current version, {wrong}"):
        raise AssertionError(str(found[0]))
    assert len(mend(full.settings)[1].findings) == 1


def test_files_of_superseded_and_of_held_candidates_that_are_gone_are_named(full: Lakehouse) -> None:
    old = full.ledger.upkeep.superseded(T)[0].version
    (path,) = file_list(full, old)
    held = full.ledger.latest_verdict(T, A)
    assert held is not None
    for each in (path, held.files[0].path):
        Path(each).unlink()
    first, second = told(full)
    assert f"{path}, a file of {old}, superseded and not expired, is gone" in first
    assert f"{held.files[0].path}, a file of the held candidate, is gone" in second


@pytest.mark.parametrize(("damage", "wrong"), [(missing, "is gone"), (change, "has other bytes")])
def test_an_archived_delivery_that_is_gone_or_other_is_named(full: Lakehouse, damage: Callable[[Path], None], wrong: str) -> None:
    (file,) = (path for path in full.settings.archive.rglob("*") if path.is_file())
    damage(file)
    (line,) = told(full)
    assert line.startswith("archive: ") and f"delivered as a.csv for {A}, {wrong}" in line


def test_rows_on_main_that_the_ledger_never_saw_are_named_and_not_touched(full: Lakehouse) -> None:
    full.settings.ledger_file.unlink()
    (line,) = told(full)
    assert (
        line
        == "ledger: there is a warehouse, and no ledger.db; put ledger.db back from its backup: nothing else knows what was admitted; then run the doctor again"
    )
    Place(full.settings.state.parent).open()
    lines = told(full)
    assert f"{T}: main holds 3 files, and the ledger knows no publication of this table" in " ".join(lines)


def copied(file: Path, target: Path) -> None:
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)


def put_back(lake: Lakehouse, copy: Path) -> Lakehouse:
    """Put an older copy of the ledger in its place, as an operator does while nothing runs."""
    for pooled in pooled_engines():
        pooled.dispose()
    for file in lake.settings.state.glob("ledger.db*"):
        file.unlink()
    shutil.copyfile(copy, lake.settings.ledger_file)
    return again(lake)


def test_a_ledger_that_was_lost_and_replaced_by_an_empty_one_is_told(full: Lakehouse, tmp_path: Path) -> None:
    """Also once maintenance has recorded in the new one what the snapshots on main tell."""
    new = Place(tmp_path / "new").open()
    assert new.ledger.upkeep.tables() == []
    copied(new.settings.ledger_file, tmp_path / "empty.db")
    fresh = put_back(full, tmp_path / "empty.db")
    settle(fresh, fresh.load(T), T)
    assert fresh.ledger.current_versions(T).keys() == {A, B}
    (line,) = (line for line in told(fresh) if line.startswith(f"{T}:"))
    assert line.startswith(f"{T}: main holds 2 versions that the ledger has no verdict about: {T}/")
    assert "; put the right ledger back: this is another or an older one" in line
    assert any("--repair" in str(f) for f in mend(fresh.settings)[1].findings) is False


def test_an_older_ledger_is_told_and_no_repair_hides_what_it_lacks(full: Lakehouse, tmp_path: Path) -> None:
    copied(full.settings.ledger_file, tmp_path / "older.db")
    put(full, A, [5], key="k3", expected="k2")
    older = put_back(full, tmp_path / "older.db")
    line = f"{T}: main holds 1 versions that the ledger has no verdict about: {T}/{A}@k3; put the right ledger back: "
    (before,) = told(older)
    repaired, left = mend(older.settings)
    assert before.startswith(line) and repaired == [] and [str(f) for f in left.findings] == [before]
    current = older.ledger.current_version(T, A)
    assert current is not None and current.version_key == "k2"


@pytest.mark.parametrize("damage", [garbage, cut, emptied])
def test_a_damaged_ledger_is_told_and_nothing_else_is_judged(full: Lakehouse, damage: Callable[[Path], None]) -> None:
    for file in full.settings.state.glob("ledger.db-*"):
        file.unlink()
    damage(full.settings.ledger_file)
    (line,) = told(full)
    assert line.startswith("ledger: ledger.db ") and "put ledger.db back from its backup" in line


def test_files_that_nothing_refers_to_are_counted_and_are_no_disagreement(full: Lakehouse) -> None:
    before = examine(full.settings)
    files = staged(full, A, [1, 2, 3], key="k77")
    after = examine(full.settings)
    assert after.findings == ()
    assert (after.loose_files - before.loose_files, after.loose_bytes - before.loose_bytes) == (1, files[0].bytes)


def test_what_maintenance_leaves_is_in_order(full: Lakehouse) -> None:
    import datetime

    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + datetime.timedelta(days=99)
    for table in (T, f"{T}_quarantine"):
        maintain(full, table, keep_days=1, older_than_hours=2, now=now)
    assert told(full) == []
    assert readable(full) == [[2], [3, 4]]
    versions: list[TableVersion] = list(full.ledger.current_versions(T).values())
    with full.connect() as con:
        assert con.execute(f"SELECT count(*) FROM {relation(full, versions)}").fetchone() == (3,)
