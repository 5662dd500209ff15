"""Maintenance takes away what nothing keeps, and nothing else."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import pytest

from readiness_pipelines.errors import BrokenInvariant, ReadinessError, VersionExpired, VersionNotFound
from readiness_pipelines.flow import GateVerdict, Outcome, StagedFile, TableVersion
from readiness_pipelines.lakehouse import Lakehouse, ensure_table, file_list, files_on_main, pin, publish, relation, unpin
from readiness_pipelines.lakehouse.doctor import examine
from readiness_pipelines.lakehouse.maintenance import Maintained, maintain
from tests.lakehouse.publisher import SPEC, Place, T, admitted, put, staged

A, B = "2025-01-01", "2025-01-02"


@pytest.fixture
def lake(local_lake: Lakehouse) -> Lakehouse:
    """All in one folder, so that its files can be looked at and harmed."""
    return local_lake


@pytest.fixture
def anywhere(tmp_path: Path, near_and_far: dict[str, str]) -> Lakehouse:
    """Once all local, once nothing local."""
    made = Place(tmp_path, near_and_far).open()
    ensure_table(made, SPEC)
    return made


def rows(lake: Lakehouse, version: TableVersion) -> list[int]:
    with lake.connect() as con:
        return [r[0] for r in con.execute(f"SELECT amount FROM {relation(lake, [version])} ORDER BY ALL").fetchall()]


def upkeep(lake: Lakehouse, *, days: float = 0.0, keep_days: float = 0.0, hours: float = 24, dry_run: bool = False) -> Maintained:
    """Maintain the table as if `days` had passed since now."""
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + datetime.timedelta(days=days)
    return maintain(lake, T, keep_days=keep_days, older_than_hours=hours, now=now, dry_run=dry_run)


def data_files(lake: Lakehouse) -> set[str]:
    return {str(path) for path in Path(lake.settings.staging).rglob("*.parquet")}


def append(lake: Lakehouse, partition: str, amounts: list[int], *, key: str, before: TableVersion | None) -> TableVersion:
    """Publish a version that keeps the files of the one before, as bronze does."""
    kept = files_on_main(lake, before) if before else ()
    verdict = admitted(partition, [*kept, *staged(lake, partition, amounts, key=key)], key=key)
    lake.ledger.record_verdict(verdict)
    return publish(lake, verdict, expected=before.version_key if before else None)


def test_a_superseded_version_is_kept_for_keep_days_and_then_expires_with_a_clear_error(lake: Lakehouse) -> None:
    old, new, other = put(lake, A, [1], key="k1"), put(lake, A, [2], key="k2", expected="k1"), put(lake, B, [5], key="k1")
    (path,) = file_list(lake, old)
    done = upkeep(lake, days=29, keep_days=30)
    assert (done.expired, done.files, rows(lake, old)) == (0, 0, [1])
    done = upkeep(lake, days=31, keep_days=30)
    assert (done.expired, done.files) == (1, 1)
    assert not Path(path).exists()
    with pytest.raises(VersionExpired, match=r"@k1 expired on 20\d\d-.* UTC: it was superseded.* current version, .*@k2"):
        relation(lake, [old])
    with pytest.raises(VersionExpired):
        file_list(lake, old)
    assert (rows(lake, new), rows(lake, other)) == ([2], [5])
    assert upkeep(lake, days=31, keep_days=30).expired == 0


def test_a_version_is_read_from_its_files_whatever_became_of_its_snapshot(anywhere: Lakehouse) -> None:
    old = put(anywhere, A, [1], key="k1")
    new = put(anywhere, A, [2], key="k2", expected="k1")
    assert upkeep(anywhere, keep_days=30).snapshots == 2
    assert len(anywhere.load(T).metadata.snapshots) == 1
    assert (rows(anywhere, old), rows(anywhere, new)) == ([1], [2])


def test_a_pinned_version_stays_readable_until_it_is_unpinned(anywhere: Lakehouse) -> None:
    old = put(anywhere, A, [1], key="k1")
    pin(anywhere, [old], name="training-1")
    pin(anywhere, [old], name="training-1")
    assert set(anywhere.load(T).refs()) == {"main", "pin-training-1"}
    put(anywhere, A, [2], key="k2", expected="k1")
    pin(anywhere, [old], name="training-1")
    assert upkeep(anywhere, days=99).expired == 0
    assert rows(anywhere, old) == [1]
    unpin(anywhere, T, name="training-1")
    unpin(anywhere, T, name="training-1")
    assert upkeep(anywhere, days=99).expired == 1
    with pytest.raises(VersionExpired):
        relation(anywhere, [old])


def test_what_was_superseded_or_never_was_cannot_be_pinned_and_a_name_is_not_taken_twice(lake: Lakehouse) -> None:
    old = put(lake, A, [1], key="k1")
    new = put(lake, A, [2], key="k2", expected="k1")
    with pytest.raises(VersionNotFound, match="cannot be pinned: the current version is .*@k2"):
        pin(lake, [old], name="x")
    pin(lake, [new], name="x")
    other = put(lake, B, [3], key="k1")
    with pytest.raises(ReadinessError, match="has a pin 'x' of other versions"):
        pin(lake, [other], name="x")


def test_a_tag_that_somebody_else_made_keeps_what_it_names(lake: Lakehouse) -> None:
    old = put(lake, A, [1], key="k1")
    lake.load(T).manage_snapshots().create_tag(old.snapshot_id, "audit-2025").commit()
    put(lake, A, [2], key="k2", expected="k1")
    assert upkeep(lake, days=99).expired == 0
    assert rows(lake, old) == [1]


def test_a_version_that_was_left_and_came_back_is_current_and_stays(lake: Lakehouse) -> None:
    first = put(lake, A, [1], key="k1")
    put(lake, A, [2], key="k2", expected="k1")
    third = put(lake, A, [1], key="k1", expected="k2", attempt="b")
    assert upkeep(lake, days=99).expired == 1
    assert (rows(lake, first), rows(lake, third)) == ([1], [1])
    fourth = put(lake, A, [2], key="k2", expected="k1", attempt="c")
    assert rows(lake, fourth) == [2]
    assert upkeep(lake, days=99).expired == 1
    with pytest.raises(VersionExpired):
        relation(lake, [first])
    assert rows(lake, fourth) == [2]


def hold(lake: Lakehouse, files: tuple[StagedFile, ...], key: str) -> None:
    verdict = admitted(A, files, key=key)
    held = GateVerdict(T, A, key, Outcome.HELD, verdict.counts, files=files, held_because=("bad",))
    lake.ledger.record_verdict(held)


def age(*files: StagedFile, hours: float) -> None:
    for file in files:
        long_ago = datetime.datetime.now(datetime.UTC).timestamp() - hours * 3600
        os.utime(file.path, (long_ago, long_ago))


def test_files_of_a_held_candidate_stay_while_it_is_the_newest_and_go_when_it_is_not(lake: Lakehouse) -> None:
    put(lake, A, [1], key="k1")
    files = staged(lake, A, [2], key="k2")
    hold(lake, files, "k2")
    age(*files, hours=1000)
    assert upkeep(lake).orphans == 0 and Path(files[0].path).exists()
    hold(lake, staged(lake, A, [3], key="k3"), "k3")
    assert upkeep(lake).orphans == 1
    assert not Path(files[0].path).exists()


def test_an_orphan_goes_when_it_is_old_enough_and_not_before(lake: Lakehouse) -> None:
    current = put(lake, A, [1], key="k1")
    files = staged(lake, A, [7], key="k7")
    age(*files, hours=3)
    kept = upkeep(lake, hours=4)
    assert kept.orphans == 0 and kept.young > 0
    assert upkeep(lake, hours=2, dry_run=True).orphans == 1
    assert Path(files[0].path).exists()
    gone = upkeep(lake, hours=2)
    assert (gone.orphans, gone.bytes) == (1, files[0].bytes)
    assert not Path(files[0].path).parent.exists()
    assert rows(lake, current) == [1]


def test_less_than_an_hour_is_refused(lake: Lakehouse) -> None:
    with pytest.raises(ReadinessError, match=r"found 0.5 hours, expected at least 1: longer than the longest run"):
        upkeep(lake, hours=0.5)


def test_a_dry_run_names_what_a_run_then_does_and_changes_nothing(lake: Lakehouse) -> None:
    first = append(lake, A, [1], key="k1", before=None)
    second = append(lake, A, [2], key="k2", before=first)
    put(lake, B, [5], key="k1")
    put(lake, B, [6], key="k2", expected="k1")
    location, before = lake.load(T).metadata_location, data_files(lake)
    told = upkeep(lake, days=2, dry_run=True)
    assert (told.compacted, told.expired) == (1, 2)
    assert (lake.load(T).metadata_location, data_files(lake)) == (location, before)
    assert not lake.ledger.upkeep.expired(T)
    done = upkeep(lake, days=2)
    assert (done.compacted, done.expired, rows(lake, second)) == (1, 2, [1, 2])


def test_compaction_leaves_the_version_and_its_rows_as_they_are(anywhere: Lakehouse) -> None:
    first = append(anywhere, A, [1, 2], key="k1", before=None)
    second = append(anywhere, A, [3], key="k2", before=first)
    third = append(anywhere, A, [4], key="k3", before=second)
    other = put(anywhere, B, [9], key="k1")
    assert upkeep(anywhere, keep_days=30).compacted == 1
    assert anywhere.ledger.current_version(T, A) == third
    assert len(file_list(anywhere, third)) == 1
    assert (rows(anywhere, third), rows(anywhere, second), rows(anywhere, first), rows(anywhere, other)) == (
        [1, 2, 3, 4],
        [1, 2, 3],
        [1, 2],
        [9],
    )
    assert upkeep(anywhere, keep_days=30).compacted == 0
    fourth = append(anywhere, A, [5], key="k4", before=third)
    assert rows(anywhere, fourth) == [1, 2, 3, 4, 5]
    assert rows(anywhere, third) == [1, 2, 3, 4]


def test_files_that_compaction_replaced_go_when_nobody_can_be_using_them_any_more(lake: Lakehouse) -> None:
    first = append(lake, A, [1], key="k1", before=None)
    second = append(lake, A, [2], key="k2", before=first)
    three = data_files(lake)
    upkeep(lake, keep_days=30)
    assert len(data_files(lake)) == 3 and three < data_files(lake)
    upkeep(lake, days=31, keep_days=30)
    assert data_files(lake) == set(file_list(lake, second))
    assert rows(lake, second) == [1, 2]


def test_a_compaction_that_gives_other_rows_is_not_committed(lake: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    from readiness_pipelines.lakehouse.maintenance import compaction

    first = append(lake, A, [1], key="k1", before=None)
    second = append(lake, A, [2], key="k2", before=first)
    head, right = lake.load(T).metadata.refs["main"].snapshot_id, compaction.stage

    def losing(con: object, lake: object, table: object, sql: str, **given: object) -> object:
        return right(con, lake, table, f"{sql} LIMIT 1", **given)  # type: ignore[arg-type]

    monkeypatch.setattr(compaction, "stage", losing)
    with pytest.raises(BrokenInvariant, match="2 rows in 2 files, 1 in the one"):
        upkeep(lake)
    assert lake.load(T).metadata.refs["main"].snapshot_id == head
    assert rows(lake, second) == [1, 2]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("(1, 'a'), (2, 'b')", "(2, 'b'), (1, 'a')", True),
        ("(1, 'a'), (2, 'b')", "(1, 'b'), (2, 'a')", False),
        ("(1, 'a'), (1, 'a')", "(1, 'a')", False),
        ("(1, NULL)", "(1, 'a')", False),
        ("(1, NULL), (NULL, 'a')", "(NULL, NULL), (1, 'a')", False),
        ("(1, 'a'), (1, 'a')", "(2, 'b'), (2, 'b')", False),
    ],
)
def test_two_sets_of_rows_have_one_proof_when_they_are_equal_in_whatever_order(one: str, other: str, same: bool) -> None:
    import duckdb

    from readiness_pipelines.lakehouse.maintenance.compaction import proof

    with duckdb.connect() as con:
        first, second = (proof(con, f"(SELECT * FROM (VALUES {rows}) AS v(a, b))") for rows in (one, other))
    assert (first == second) is same


def test_a_stale_handle_can_publish_while_snapshots_go(tmp_path: Path, lake: Lakehouse) -> None:
    other = Place(lake.settings.state.parent).open()
    put(lake, A, [1], key="k1")
    other.load(T)
    put(lake, A, [2], key="k2", expected="k1")
    upkeep(lake)
    put(other, B, [3], key="k1")
    third = put(other, A, [4], key="k3", expected="k2")
    assert rows(lake, third) == [4]


def test_an_orphan_and_the_files_of_an_expired_version_go_wherever_the_warehouse_lies(anywhere: Lakehouse) -> None:
    old = put(anywhere, A, [1], key="k1")
    (path,) = file_list(anywhere, old)
    new = put(anywhere, A, [2], key="k2", expected="k1")
    orphan = staged(anywhere, A, [3], key="k3")[0].path
    assert upkeep(anywhere, days=2).expired == 1
    assert [anywhere.storage.size(each) for each in (path, orphan)] == [None, None]
    assert rows(anywhere, new) == [2]


def slip_in(lake: Lakehouse, amount: int) -> None:
    """Append a row to the first day as another engine, or somebody in a notebook, would: past every gate."""
    import pyarrow as pa

    table = lake.load(T)
    row = table.scan(row_filter=f"partition_key == '{A}'").to_arrow().slice(0, 1)
    number = row.schema.get_field_index("amount")
    table.append(row.set_column(number, row.schema.field(number), pa.array([amount], row.schema.field(number).type)))


def test_rows_that_no_gate_has_admitted_are_not_compacted_in_among_the_others(lake: Lakehouse) -> None:
    from readiness_pipelines.lakehouse.maintenance import compact
    from readiness_pipelines.lakehouse.maintenance.compaction import complete

    first = append(lake, A, [1], key="k1", before=None)
    second = append(lake, A, [2], key="k2", before=first)
    slip_in(lake, -999)
    files = set(file_list(lake, second))
    assert compact(lake, second) is None
    assert complete(lake, T) == 0
    assert upkeep(lake, days=40, keep_days=1).compacted == 0
    assert (set(file_list(lake, second)), rows(lake, second)) == (files, [-999, 1, 2])
    assert not [said for said in lake.ledger.upkeep.listings(T, A) if said.by == "compacted"]
    assert any("-999" not in str(f) and A in str(f) for f in examine(lake.settings).findings)


def test_a_row_that_repeats_another_is_no_compaction_that_was_cut_short(lake: Lakehouse) -> None:
    from readiness_pipelines.lakehouse.maintenance.compaction import complete

    put(lake, A, [5], key="k1")
    slip_in(lake, 5)  # the new file by itself has exactly the version's rows
    assert complete(lake, T) == 0


def test_a_version_that_was_pinned_after_a_compaction_without_its_record_stays(
    lake: Lakehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    from readiness_pipelines.lakehouse import steps
    from readiness_pipelines.lakehouse.maintenance import compact

    class Killed(BaseException):
        pass

    def die(name: str) -> None:
        if name == "compacted":
            raise Killed

    first = append(lake, A, [1], key="k1", before=None)
    second = append(lake, A, [2], key="k2", before=first)
    monkeypatch.setattr(steps, "on_reached", die)
    with pytest.raises(Killed):
        compact(lake, second)
    monkeypatch.setattr(steps, "on_reached", None)
    pin(lake, [second], name="training")
    put(lake, A, [7], key="k3", expected="k2")
    upkeep(lake, days=99)
    assert rows(lake, second) == [1, 2]
    unpin(lake, T, name="training")
    assert upkeep(lake, days=99).expired == 2


def test_what_the_ledger_says_is_on_the_disk_before_a_file_goes(lake: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    from readiness_pipelines.lakehouse import steps

    seen: list[str] = []
    waits = os.fsync

    def fsync(number: int) -> None:
        seen.append(Path(os.readlink(f"/proc/self/fd/{number}")).name)
        waits(number)

    put(lake, A, [1], key="k1")
    put(lake, A, [2], key="k2", expected="k1")
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(steps, "on_reached", seen.append)
    assert upkeep(lake, days=2).expired == 1
    assert seen.index("expiry_recorded") < seen.index("ledger.db-wal") < seen.index("file_deleted")


def test_a_publication_goes_on_when_maintenance_drops_the_snapshots_that_it_was_about_to_drop(
    lake: Lakehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    from readiness_pipelines.lakehouse import steps
    from readiness_pipelines.lakehouse.snapshots import MOST, expire_snapshots

    dropped = []

    def interfere(name: str) -> None:
        if name == "intent_recorded" and len(lake.load(T).metadata.snapshots) == MOST and not dropped:
            dropped.append(expire_snapshots(Place(lake.settings.state.parent).open(), T))

    version = put(lake, A, [0], key="k0")
    monkeypatch.setattr(steps, "on_reached", interfere)
    for n in range(1, MOST + 1):
        version = put(lake, A, [n], key=f"k{n}", expected=version.version_key)
    assert dropped and dropped[0] > 1 and rows(lake, version) == [MOST]
