"""What the landed-file sensor asks for: exactly what waits, once, whatever happens in between."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import run_step
from readiness_pipelines.layers.waiting import GRACE, LONGEST_PAUSE, MAX_OPEN, SETTLING, RunState, Waiting, find_waiting
from tests.shop import Shop, build_shop

LANDED = datetime.datetime(2025, 3, 1, 12)
LATER = LANDED + datetime.timedelta(minutes=1)


class Desk:
    """Stands where Dagster stands: it knows which runs were launched, and how they stand."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.lake = shop, Lakehouse.open(shop.settings)
        self.runs: dict[str, RunState] = {}
        self.asked: list[tuple[str, ...]] = []

    def land(self, *days: int, suffix: str = "", at: datetime.datetime = LANDED) -> None:
        for day in days:
            path = self.shop.land(day, suffix=suffix)
            os.utime(path, (at.replace(tzinfo=datetime.UTC).timestamp(),) * 2)

    def look(self, *, now: datetime.datetime = LATER, launch: bool = True) -> Waiting:
        waiting = find_waiting(self.shop.product, self.lake, now=now, state_of=lambda key: self.runs.get(key, "unknown"))
        if launch:
            self.runs |= {run.run_key: "going" for run in waiting.runs}
        self.asked += [run.partitions for run in waiting.runs]
        return waiting

    def take_in(self, partitions: Iterable[str]) -> None:
        for partition in partitions:
            step = run_step(self.lake, self.shop.settings, self.shop.product, "raw_orders", partition)
            self.lake.ledger.record_sightings(step.files)

    def end_all(self) -> None:
        self.runs = dict.fromkeys(self.runs, "over")


@pytest.fixture
def desk(shop: Shop) -> Desk:
    return Desk(shop)


def days(shop: Shop, *numbers: int) -> tuple[str, ...]:
    return tuple(shop.day(n) for n in numbers)


def test_partitions_that_follow_each_other_are_one_run_and_a_gap_makes_another(desk: Desk) -> None:
    desk.land(1, 2, 3, 6)
    waiting = desk.look()
    assert [run.partitions for run in waiting.runs] == [days(desk.shop, 1, 2, 3), days(desk.shop, 6)]
    assert (waiting.files, waiting.partitions, waiting.oldest) == (4, 4, LANDED)
    assert waiting.told(now=LATER) == "4 files wait in 4 partitions, the oldest for 60 s; 2 runs asked for"


def test_nothing_is_asked_for_twice_while_its_run_is_going(desk: Desk) -> None:
    desk.land(1, 2)
    desk.look()
    again = desk.look()
    assert (again.runs, again.files) == ((), 2)


def test_what_was_taken_in_is_not_asked_for_again_whoever_ran_it(desk: Desk) -> None:
    desk.land(1, 2)
    desk.take_in(days(desk.shop, 1, 2))  # somebody's own run
    assert desk.look() == Waiting()
    assert desk.look().told(now=LATER) == "nothing waits: every landed file is taken in"


def test_a_corrected_file_is_asked_for_under_its_own_name_and_under_the_old_one(desk: Desk) -> None:
    desk.land(1, 2)
    desk.take_in(days(desk.shop, 1, 2))
    desk.land(1, suffix="_corrected")
    desk.land(2, at=LANDED + datetime.timedelta(seconds=7))
    assert [run.partitions for run in desk.look().runs] == [days(desk.shop, 1, 2)]


def test_a_file_that_lands_during_the_run_of_its_day_is_asked_for_after_it(desk: Desk) -> None:
    desk.land(1)
    desk.look()
    desk.take_in(days(desk.shop, 1))
    desk.land(1, suffix="_more")
    assert desk.look().runs == ()
    desk.end_all()
    assert [run.partitions for run in desk.look().runs] == [days(desk.shop, 1)]


def test_a_request_that_was_never_launched_is_repeated_under_the_same_key_after_a_grace(desk: Desk) -> None:
    desk.land(1, 2)
    lost = desk.look(launch=False).runs
    clock = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    assert desk.look(now=clock + GRACE / 2).runs == ()
    assert desk.look(now=clock + GRACE * 2).runs == lost


def test_two_that_look_at_once_ask_for_it_once(desk: Desk) -> None:
    desk.land(1, 2, 3)
    other = Desk(desk.shop)
    assert len(desk.look(launch=False).runs) + len(other.look(launch=False).runs) == 1


def test_files_that_no_run_takes_in_are_tried_again_after_pauses_that_double(desk: Desk) -> None:
    desk.land(1)
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    pauses = []
    for _ in range(4):  # minute by minute, until it is asked for; a claim carries the time of the clock, not of the look
        minutes = next(n for n in range(100) if desk.look(now=now + datetime.timedelta(minutes=n, seconds=5)).runs)
        pauses.append(minutes)
        desk.end_all()
    assert pauses == [0, 0, 2, 4]
    waiting = desk.look(now=now)
    assert (waiting.runs, waiting.failing) == ((), days(desk.shop, 1))
    assert "no run takes in 2025-01-01: tried again after a pause" in waiting.told(now=LATER)
    desk.land(1, at=LANDED + datetime.timedelta(seconds=1))
    assert [run.partitions for run in desk.look(now=now).runs] == [days(desk.shop, 1)]  # it changed: at once
    assert datetime.timedelta(hours=1) == LONGEST_PAUSE


def test_a_file_that_changed_just_now_is_left_until_it_has_settled(desk: Desk) -> None:
    desk.land(1)
    desk.land(1, suffix="_second", at=LATER)
    assert (desk.look().runs, desk.look().settling) == ((), 1)
    settled = desk.look(now=LATER + SETTLING)
    assert (len(settled.runs), settled.settling) == (1, 0)


def test_a_file_of_a_day_that_has_not_ended_or_is_not_in_the_calendar_waits_outside(desk: Desk) -> None:
    desk.land(1, 2)
    waiting = desk.look(now=datetime.datetime(2025, 1, 2, 12))
    assert ([run.partitions for run in waiting.runs], waiting.outside) == ([days(desk.shop, 1)], 1)
    desk.land(0, 11, 12)  # before the first partition, after the last due day
    assert desk.look(now=LATER).outside == 3


def test_a_flood_is_asked_for_in_bounded_portions_oldest_first(desk: Desk) -> None:
    calendar = desk.shop.folder / "defs.yaml"
    calendar.write_text(calendar.read_text().replace("last_due: 2025-01-10", "last_due: 2025-12-31"))
    every_other_day = range(1, 60, 2)
    desk.land(*every_other_day)
    asked = []
    for _ in range(4):
        runs = desk.look().runs
        assert len(runs) <= MAX_OPEN
        asked += [run.partitions[0] for run in runs]
        desk.take_in(partition for run in runs for partition in run.partitions)
        desk.end_all()
    assert asked == [desk.shop.day(n) for n in every_other_day]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["land", "look", "lose", "run", "end"]), st.integers(1, 6)), max_size=25))
def test_whatever_the_order_of_events_every_file_is_taken_in_and_no_partition_is_in_two_open_runs(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[str, int]]
) -> None:
    desk = Desk(build_shop(tmp_path_factory.mktemp("shop")))
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + GRACE
    open_runs: dict[str, tuple[str, ...]] = {}
    for n, (event, day) in enumerate([*events, *[("look", 1), ("run", 1), ("end", 1)] * 3]):
        now += LONGEST_PAUSE * 2
        match event:
            case "land":
                desk.land(day, suffix=f"_{n}")
            case "look" | "lose":
                for run in desk.look(now=now, launch=event == "look").runs:
                    if event == "look":
                        assert not set(run.partitions) & {p for key, ps in open_runs.items() for p in ps if key != run.run_key}
                        open_runs[run.run_key] = run.partitions
            case "run":
                for partitions in open_runs.values():
                    desk.take_in(partitions)
            case "end":
                desk.end_all()
                open_runs.clear()
    assert desk.look(now=now + GRACE * 2).files == 0
