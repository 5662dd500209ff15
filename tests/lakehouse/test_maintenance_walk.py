"""Whatever is done in whatever order, and wherever maintenance is killed: nothing that is kept is lost, all that goes is told."""

from __future__ import annotations

import datetime
import os
import random
import signal
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from readiness_pipelines.errors import VersionExpired
from readiness_pipelines.flow import GateVerdict, Outcome, TableVersion
from readiness_pipelines.lakehouse import Lakehouse, ensure_table, files_on_main, pin, publish, steps, unpin
from readiness_pipelines.lakehouse.doctor import examine, mend
from readiness_pipelines.lakehouse.maintenance import Maintained, maintain
from tests.lakehouse.publisher import SPEC, Place, T, admitted, processes, put, staged
from tests.lakehouse.test_maintenance import append, rows

DAYS = ("2025-01-01", "2025-01-02", "2025-01-03")
WALKS, STEPS = 4, 40


@dataclass
class Walk:
    """A lakehouse, and beside it what each version must hold, by a model that knows no files."""

    lake: Lakehouse
    chance: random.Random
    rows: dict[TableVersion, list[int]] = field(default_factory=dict)
    current: dict[str, TableVersion] = field(default_factory=dict)
    pins: dict[str, TableVersion] = field(default_factory=dict)
    number: int = 0

    def publish(self) -> None:
        day, before = self._day()
        self.number += 1
        amounts = [self.number * 100 + n for n in range(self.chance.randint(0, 4))]
        version = put(self.lake, day, amounts, key=f"k{self.number}", expected=before.version_key if before else None)
        self._is_current(version, amounts)

    def append(self) -> None:
        day, before = self._day()
        self.number += 1
        version = append(self.lake, day, [self.number], key=f"k{self.number}", before=before)
        self._is_current(version, [*(self.rows[before] if before else []), self.number])

    def come_back(self) -> None:
        """An older version's inputs are proposed again: the same key, computed anew."""
        old = [v for v in self.rows if v not in self.current.values()]
        if not old:
            return
        wanted = self.chance.choice(old)
        before, self.number = self.current[wanted.partition], self.number + 1
        if before.version_key != wanted.version_key:
            given = {"key": wanted.version_key, "expected": before.version_key, "attempt": str(self.number)}
            self._is_current(put(self.lake, wanted.partition, self.rows[wanted], **given), self.rows[wanted])

    def hold(self) -> None:
        day, before = self._day()
        self.number += 1
        kept = files_on_main(self.lake, before) if before and self.chance.random() < 0.5 else ()
        files = (*kept, *staged(self.lake, day, [self.number], key=f"k{self.number}"))
        counts = admitted(day, files, key=f"k{self.number}").counts
        self.lake.ledger.record_verdict(GateVerdict(T, day, f"k{self.number}", Outcome.HELD, counts, files=files))

    def pin(self) -> None:
        if self.current:
            self.number += 1
            version = self.chance.choice(sorted(self.current.values(), key=str))
            pin(self.lake, [version], name=f"p{self.number}")
            self.pins[f"p{self.number}"] = version

    def unpin(self) -> None:
        if self.pins:
            name = self.chance.choice(sorted(self.pins))
            unpin(self.lake, T, name=name)
            del self.pins[name]

    def maintain(self) -> None:
        late = datetime.timedelta(days=self.chance.choice([0, 1, 40]))
        upkeep(self.lake, keep_days=self.chance.choice([0, 1, 30]), late=late)

    def doctor(self) -> None:
        assert [str(f) for f in mend(self.lake.settings)[1].findings] == []

    def reopen(self) -> None:
        self.lake = Place(self.lake.settings.state.parent).open()

    def check(self) -> None:
        kept = {*self.current.values(), *self.pins.values()}
        for version, expected in self.rows.items():
            try:
                found = rows(self.lake, version)
            except VersionExpired:
                assert version not in kept
                continue
            assert found == sorted(expected), version

    def _day(self) -> tuple[str, TableVersion | None]:
        day = self.chance.choice(DAYS)
        return day, self.current.get(day)

    def _is_current(self, version: TableVersion, amounts: list[int]) -> None:
        self.rows[version], self.current[version.partition] = list(amounts), version


def upkeep(lake: Lakehouse, *, keep_days: float, late: datetime.timedelta) -> Maintained:
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + late
    return maintain(lake, T, keep_days=keep_days, older_than_hours=1, now=now)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(WALKS))
def test_any_sequence_keeps_current_and_pinned_versions_and_loses_no_row(seed: int, tmp_path: Path) -> None:
    walk = Walk(Place(tmp_path).open(), random.Random(seed))
    ensure_table(walk.lake, SPEC)
    usual = [walk.publish, walk.publish, walk.append, walk.append, walk.come_back, walk.hold, walk.pin, walk.unpin]
    for _ in range(STEPS):
        walk.chance.choice([*usual, walk.maintain, walk.maintain, walk.doctor, walk.reopen])()
        walk.check()
    walk.maintain()
    walk.doctor()
    walk.check()
    assert len(walk.lake.load(T).metadata.snapshots) <= 12 + len(walk.pins)


def build(state: Path) -> None:
    """Two partitions replaced, two of several files, orphans, a pin: something for every step of maintenance."""
    lake = Place(state.parent).open()
    ensure_table(lake, SPEC)
    for day in DAYS[:2]:
        put(lake, day, [1], key="k1")
        put(lake, day, [2], key="k2", expected="k1")
        put(lake, day, [3], key="k3", expected="k2")
        current = lake.ledger.current_version(T, day)
        append(lake, day, [4], key="k4", before=current)
    pin(lake, [put(lake, DAYS[2], [8], key="k1")], name="reference")
    put(lake, DAYS[2], [9], key="k2", expected="k1")
    for n in range(3):
        for file in staged(lake, DAYS[0], [n], key=f"orphan{n}"):
            os.utime(file.path, (0, 0))


def maintained(state: Path, kill_at: str | None = None, kill_on: int = 1) -> None:
    seen = 0

    def die(name: str) -> None:
        nonlocal seen
        seen += name == kill_at
        if name == kill_at and seen == kill_on:
            os.kill(os.getpid(), signal.SIGKILL)

    steps.on_reached = die if kill_at else None
    upkeep(Place(state.parent).open(), keep_days=30, late=datetime.timedelta(days=40))


def child(state: Path, *given: object) -> int | None:
    process = processes().Process(target=maintained, args=(state, *given))
    process.start()
    process.join(60)
    return process.exitcode


def assert_kept(state: Path) -> None:
    lake = Place(state.parent).open()
    current = lake.ledger.current_versions(T)
    assert [rows(lake, current[day]) for day in DAYS] == [[3, 4], [3, 4], [9]]
    pinned = next(s.version for s in lake.ledger.upkeep.superseded(T) if s.version.partition == DAYS[2])
    assert rows(lake, pinned) == [8]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), [*((name, 1) for name in steps.UPKEEP_NAMES), ("compacted", 2), ("file_deleted", 4)])
def test_maintenance_that_is_killed_loses_nothing_and_a_re_run_completes_it(name: str, count: int, tmp_path: Path) -> None:
    state = tmp_path / "state"
    build(state)
    assert child(state, name, count) == -signal.SIGKILL, f"{name} was never reached"
    assert_kept(state)
    assert child(state) == 0
    assert child(state) == 0  # what the killed one had rewritten and not committed is an orphan by now
    assert_kept(state)
    lake = Place(state.parent).open()
    assert examine(lake.settings).findings == ()
    assert {v.version_key for v in lake.ledger.upkeep.expired(T)} == {"k1", "k2", "k3"}
    there = {str(path) for path in Path(lake.settings.staging).rglob("*.parquet") if path.stat().st_mtime == 0}
    assert there == set()
    left = {str(path) for path in Path(lake.settings.staging).rglob("*.parquet")}
    assert len(left) == 3 + 5, "a file per partition, and the five that the tag holds"


def publish_often(state: Path, worker: int, rounds: int) -> None:
    lake, day = Place(state.parent).open(), f"w{worker}"
    before: TableVersion | None = None
    for n in range(rounds):
        kept = files_on_main(lake, before) if before and n % 3 else ()
        verdict = admitted(day, [*kept, *staged(lake, day, [n], key=f"k{n}")], key=f"k{n}")
        lake.ledger.record_verdict(verdict)
        before = publish(lake, verdict, expected=before.version_key if before else None)


def maintain_often(state: Path, rounds: int) -> None:
    for _ in range(rounds):
        upkeep(Place(state.parent).open(), keep_days=0, late=datetime.timedelta())


@pytest.mark.slow
def test_maintenance_beside_publishing_processes_loses_and_doubles_nothing(tmp_path: Path) -> None:
    state = tmp_path / "state"
    ensure_table(Place(state.parent).open(), SPEC)
    writers = [processes().Process(target=publish_often, args=(state, w, 15)) for w in range(3)]
    keeper = processes().Process(target=maintain_often, args=(state, 6))
    for process in (*writers, keeper):
        process.start()
    for process in (*writers, keeper):
        process.join(240)
        assert process.exitcode == 0
    lake = Place(state.parent).open()
    found = {v.partition: rows(lake, v) for v in lake.ledger.current_versions(T).values()}
    assert found == {f"w{w}": [12, 13, 14] for w in range(3)}
    assert examine(lake.settings).findings == ()
