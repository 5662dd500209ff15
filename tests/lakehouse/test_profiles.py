"""Profiles are kept once per table, version and layout, whoever writes them at the same time and whatever is killed."""

from __future__ import annotations

import datetime
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from readiness_pipelines.lakehouse import Lakehouse, profiles, steps
from readiness_pipelines.lakehouse.doctor import examine, mend
from readiness_pipelines.lakehouse.files import planned
from readiness_pipelines.lakehouse.maintenance import maintain
from readiness_pipelines.lakehouse.profiles import Key, profiles_table, read_layout, read_profiles, write_profiles
from tests.lakehouse.publisher import Place, T, processes, run_together

NAME = profiles_table("shop")
LAYOUT, OTHER = "l" * 64, "m" * 64
DAYS: list[Key] = [(f"2025-01-{day:02d}", f"k{day}") for day in range(1, 31)]


def row(n: int, column: str = "amount") -> dict[str, Any]:
    return {
        "column_name": column, "row_count": n + 1, "n": n, "nulls": 1, "infinities": 0, "mean": 0.1, "m2": None,
        "low": -1.5, "high": None, "counts": [n, 0], "other": 0, "unseen": None,
    }  # fmt: skip


def write(lake: Lakehouse, keys: list[Key], *, layout: str = LAYOUT, table: str = T, n: int = 3) -> int:
    given = {key: [row(n), row(n, "state")] for key in keys}
    return write_profiles(lake, "shop", table, given, layout=layout, definition=f'["{layout[0]}"]')


def kept(lake: Lakehouse, keys: list[Key] = DAYS, *, layout: str = LAYOUT, table: str = T) -> dict[Key, list[dict[str, Any]]]:
    return read_profiles(lake, "shop", table, keys, layout=layout)


def commits(lake: Lakehouse) -> int:
    return sum(s.sequence_number or 0 for s in lake.load(NAME).metadata.snapshots[-1:])


def test_a_profile_comes_back_as_it_was_written(lake: Lakehouse) -> None:
    assert write(lake, DAYS[:2]) == 2
    found = kept(lake)
    assert found.keys() == set(DAYS[:2])
    assert sorted(found[DAYS[0]], key=lambda each: str(each["column_name"])) == [row(3), row(3, "state")]
    assert read_layout(lake, "shop", LAYOUT) == '["l"]'


def test_many_partitions_are_one_commit(lake: Lakehouse) -> None:
    write(lake, DAYS[:1])
    before = commits(lake)
    assert write(lake, DAYS) == 29
    assert commits(lake) == before + 1
    assert len(planned(lake.load(NAME))) == 2


def test_what_is_kept_already_is_left_as_it_is(lake: Lakehouse) -> None:
    write(lake, DAYS[:2])
    before = commits(lake)
    assert write(lake, DAYS[:2], n=99) == 0
    assert commits(lake) == before
    assert write(lake, DAYS[:3], n=99) == 1
    assert [kept(lake)[day][0]["n"] for day in DAYS[:3]] == [3, 3, 99]


def test_table_version_and_layout_tell_profiles_apart(lake: Lakehouse) -> None:
    partition = DAYS[0][0]
    write(lake, [(partition, "k1")], n=1)
    write(lake, [(partition, "k2")], n=2)
    write(lake, [(partition, "k1")], n=3, layout=OTHER)
    write(lake, [(partition, "k1")], n=4, table="shop.gold.kpi")
    assert kept(lake, [(partition, "k1")])[partition, "k1"][0]["n"] == 1
    assert kept(lake, [(partition, "k2")])[partition, "k2"][0]["n"] == 2
    assert kept(lake, [(partition, "k1")], layout=OTHER)[partition, "k1"][0]["n"] == 3
    assert kept(lake, [(partition, "k1")], table="shop.gold.kpi")[partition, "k1"][0]["n"] == 4
    assert [read_layout(lake, "shop", layout) for layout in (LAYOUT, OTHER, "n" * 64)] == ['["l"]', '["m"]', None]


def test_where_nothing_is_kept_nothing_is_found(lake: Lakehouse) -> None:
    assert kept(lake) == {}
    assert read_layout(lake, "shop", LAYOUT) is None
    write(lake, DAYS[:1])
    assert kept(lake, []) == {}
    assert kept(lake, [DAYS[5]]) == {}


def test_a_layout_can_be_kept_before_the_first_profile_over_it(lake: Lakehouse) -> None:
    assert write(lake, []) == 0
    assert read_layout(lake, "shop", LAYOUT) == '["l"]'
    before = commits(lake)
    assert write(lake, []) == 0
    assert commits(lake) == before


def test_the_files_of_a_layout_stay_few(local_lake: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "_MOST_FILES", 4)
    for n, day in enumerate(DAYS[:10]):
        write(local_lake, [day], n=n)
        write(local_lake, [day], layout=OTHER) if n == 0 else None
        assert len(planned(local_lake.load(NAME))) <= 5
    assert [kept(local_lake)[day][0]["n"] for day in DAYS[:10]] == list(range(10))
    assert all(len(rows) == 2 for rows in kept(local_lake).values())
    assert examine(local_lake.settings).findings == ()


def test_maintenance_and_doctor_take_the_table_as_they_take_a_quarantine(lake: Lakehouse) -> None:
    for day in DAYS[:5]:
        write(lake, [day])
    assert examine(lake.settings).findings == ()
    later = datetime.datetime(2125, 1, 1)
    done = maintain(lake, NAME, keep_days=0, older_than_hours=1, now=later)
    assert (done.compacted, done.expired) == (0, 0)
    assert done.snapshots > 0
    assert len(kept(lake)) == 5
    assert examine(lake.settings).findings == ()
    assert examine(lake.settings).loose_files == 0


def test_a_file_of_profiles_that_is_gone_is_named(local_lake: Lakehouse) -> None:
    write(local_lake, DAYS[:1])
    (file,) = planned(local_lake.load(NAME))
    Path(file.file_path.removeprefix("file://")).unlink()
    assert any(NAME in str(finding) and "is gone" in str(finding) for finding in examine(local_lake.settings).findings)


def killed(place: Place, at: str) -> None:
    """Write ten profiles, and die when the step is reached."""
    steps.on_reached = lambda name: os.kill(os.getpid(), signal.SIGKILL) if name == at else None
    write(place.open(), DAYS[:10])


def write_some(place: Place, worker: int) -> None:
    """Write ten profiles, half of which the next worker writes too, five at a time."""
    lake = place.open()
    for start in (worker * 5, worker * 5 + 5):
        write(lake, DAYS[start : start + 5], n=7)


@pytest.mark.parametrize("at", steps.PROFILE_NAMES)
def test_a_writer_that_is_killed_leaves_all_or_nothing_and_the_next_completes_it(place: Place, at: str) -> None:
    process = processes().Process(target=killed, args=(place, at))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    lake = place.open()
    assert len(kept(lake)) == (10 if at == "profiles_committed" else 0)
    write(lake, DAYS[:12])
    assert len(kept(lake)) == 12
    assert all(len(rows) == 2 for rows in kept(lake).values())
    assert examine(lake.settings).findings == ()


def test_the_doctor_records_a_commit_that_the_ledger_was_not_told_of(tmp_path: Path) -> None:
    place = Place(tmp_path)
    process = processes().Process(target=killed, args=(place, "profiles_committed"))
    process.start()
    process.join(60)
    assert [finding.where for finding in examine(place.open().settings).findings] == [NAME]
    done, left = mend(place.open().settings)
    assert (len(done), left.findings) == (1, ())


def test_several_writers_at_once_keep_each_profile_once(place: Place) -> None:
    assert run_together(write_some, [(place, worker) for worker in range(4)], seconds=120) == [0, 0, 0, 0]
    lake = place.open()
    found = kept(lake)
    assert found.keys() == set(DAYS[:25])
    assert all(sorted(str(each["column_name"]) for each in rows) == ["amount", "state"] for rows in found.values())
    assert examine(lake.settings).findings == ()
