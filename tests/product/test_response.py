"""The drift sensor asks for one run per event that waits; the job lets it take effect once, and says what became of it."""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData

from readiness_pipelines.flow import Severity
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.ledger import Ledger
from readiness_pipelines.product import definitions_of
from readiness_pipelines.product.resources import READINESS
from readiness_pipelines.product.vital import DEAD_SECONDS, at_work, is_over
from tests.drifted import judged, measured, put
from tests.monitored import declare_monitors
from tests.product.test_vital import killed_run, started
from tests.rested import let_pass
from tests.shop import Shop

LOW, MEDIUM, HIGH = Severity.LOW, Severity.MEDIUM, Severity.HIGH
STARTED, FAILURE = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.FAILURE


@dataclass
class Station:
    """The watched shop in a real Dagster instance."""

    shop: Shop
    ledger: Ledger
    instance: dg.DagsterInstance
    defs: dg.Definitions

    def tick(self, cursor: str | None = None) -> SensorExecutionData:
        """Evaluate the sensor once, as the daemon does."""
        (sensor,) = (each for each in self.defs.sensors or () if each.name == "shop_drift")
        context = dg.build_sensor_context(
            instance=self.instance, cursor=cursor, definitions=self.defs, resources={"readiness": READINESS}
        )
        return sensor.evaluate_tick(context)

    def asked(self, cursor: str | None = None) -> list[str]:
        return [request.tags["readiness/event"] for request in self.tick(cursor).run_requests or []]

    def run(self, event: str, **tags: str) -> dg.ExecuteInProcessResult:
        config = {"ops": {"respond_shop": {"config": {"event": event}}}}
        job = self.defs.resolve_job_def("shop_response")
        return job.execute_in_process(instance=self.instance, run_config=config, tags=tags, raise_on_error=False)

    def add_run(self, event: str, status: dg.DagsterRunStatus) -> dg.DagsterRun:
        job = self.defs.resolve_job_def("shop_response")
        config = {"ops": {"respond_shop": {"config": {"event": event}}}}
        return self.instance.create_run_for_job(job, run_config=config, status=status, tags={"readiness/event": event})

    def decisions(self) -> list[tuple[str, str]]:
        return [(said.event, said.decided_by) for _, said in self.ledger.drift.decisions("shop")]


@pytest.fixture
def station(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Station]:
    for name, value in shop.environment.items():
        monkeypatch.setenv(name, value)
    declare_monitors(shop)
    home = shop.root / "dagster"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        yield Station(shop, Lakehouse.open(shop.settings).ledger, instance, definitions_of(shop.product))


def days(ledger: Ledger, first: int, last: int, severity: Severity = LOW) -> list[str]:
    return [put(ledger, measured(f"2025-01-{day:02}"), severity) for day in range(first, last + 1)]


# the sensor


def test_an_event_is_one_request_however_many_columns_drifted(station: Station) -> None:
    event = put(station.ledger, measured("2025-01-08", first="2025-01-02", columns=[f"c{n}" for n in range(12)]), HIGH)
    (request,) = station.tick().run_requests or []
    assert request.run_key == f"{event}:1"
    assert request.tags["dagster/priority"] == "3", "it does not wait behind the runs of a backfill"
    assert request.run_config == {"ops": {"respond_shop": {"config": {"event": event}}}}
    ours = {name.removeprefix("readiness/"): value for name, value in request.tags.items() if name.startswith("readiness/")}
    assert ours == {
        "event": event,
        "severity": "high",
        "monitor": "paid_orders",
        "window": "2025-01-02...2025-01-08",
        "columns": "c0,c1,c2,c3,c4 +7",
    }


def test_what_does_not_alarm_or_is_not_watched_any_more_is_not_asked_for(station: Station) -> None:
    put(station.ledger, measured("2025-01-08"), Severity.NONE)
    put(station.ledger, measured("2025-01-09", monitor="orders", table="silver.orders"), HIGH)
    result = station.tick()
    assert not result.run_requests
    assert result.skip_message == "2 events judged since the last look, 0 wait, 0 asked for"


def test_the_cursor_is_the_newest_judgement_and_nothing_depends_on_it(station: Station) -> None:
    event = put(station.ledger, measured(), LOW)
    number, _ = station.ledger.drift.judged_after("shop", 0)
    assert station.tick().cursor == str(number)
    for cursor in (None, "0", str(number), "999999", "of another sensor"):
        assert station.asked(cursor) == [event]
    assert station.run(event).success
    for cursor in (None, "0", str(number), "of another sensor"):
        assert station.asked(cursor) == []


def test_the_newest_windows_are_asked_for_first_and_ten_are_open_at_most(station: Station) -> None:
    events = days(station.ledger, 1, 14)
    assert station.asked() == events[:3:-1]
    for event in events[4:8]:
        station.add_run(event, STARTED)
    assert station.asked() == [*events[:7:-1], *events[3::-1]][:6]


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, STARTED])
def test_an_event_that_a_run_is_at_is_not_asked_for(station: Station, status: dg.DagsterRunStatus) -> None:
    first, second = days(station.ledger, 1, 2)
    station.add_run(first, status)
    assert station.asked() == [second]


def test_an_event_whose_runs_broke_is_asked_for_again_after_1_10_and_60_minutes(station: Station) -> None:
    (event,) = days(station.ledger, 1, 1)
    for attempt, minutes in enumerate((1, 10, 60), start=1):
        assert [request.run_key for request in station.tick().run_requests or []] == [f"{event}:{attempt}"]
        station.add_run(event, FAILURE)
        let_pass(station.instance, minutes - 1)
        assert station.asked() == []
        let_pass(station.instance, 1)
    assert [request.run_key for request in station.tick().run_requests or []] == [f"{event}:4"]
    station.add_run(event, FAILURE)
    let_pass(station.instance, 100_000)
    assert station.asked() == [], "somebody has to look"


def test_one_event_whose_run_broke_keeps_no_other_waiting(station: Station) -> None:
    first, second = days(station.ledger, 1, 2)
    station.add_run(second, FAILURE)
    assert station.asked() == [first]


def test_runs_that_ended_well_without_an_effect_do_not_use_up_the_attempts(station: Station) -> None:
    (event,) = days(station.ledger, 1, 1)
    for _ in range(4):
        station.add_run(event, dg.DagsterRunStatus.SUCCESS)  # superseded then, say, and the newest again now
    assert [request.run_key for request in station.tick().run_requests or []] == [f"{event}:5"]


def test_a_run_that_was_killed_before_it_could_begin_does_not_keep_its_event_for_ever(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    (event,) = days(station.ledger, 1, 1)
    run = station.add_run(event, STARTED)
    assert station.asked() == []
    monkeypatch.setattr("readiness_pipelines.product.asking._PATIENCE", datetime.timedelta(0))
    with at_work(station.shop.settings.state, run.run_id):
        assert station.asked() == []
    assert station.asked() == [event]


def test_late_data_that_is_no_worse_is_not_asked_for(station: Station) -> None:
    old = put(station.ledger, measured(), MEDIUM)
    assert station.run(old).success
    put(station.ledger, measured(versions=("v2",)), MEDIUM)
    assert station.asked() == []
    worse = put(station.ledger, measured(versions=("v3",)), HIGH)
    assert station.asked() == [worse]


def test_it_runs_from_the_start_every_ten_seconds(station: Station) -> None:
    (sensor,) = (each for each in station.defs.sensors or () if each.name == "shop_drift")
    assert isinstance(sensor, dg.SensorDefinition)
    assert (sensor.default_status, sensor.minimum_interval_seconds) == (dg.DefaultSensorStatus.RUNNING, 10)


# the job


def test_a_run_decides_and_the_next_one_ends_well_naming_it(station: Station) -> None:
    event = put(station.ledger, measured(), LOW)
    first, second = station.run(event), station.run(event)
    assert first.success and second.success
    assert station.decisions() == [(event, first.run_id)]
    told = [_metadata(result) for result in (first, second)]
    assert [each["effect"] for each in told] == ["decided", "decided_before"]
    assert told[0]["action"] == "observe" and told[0]["severity"] == "low"
    assert f"was decided by run {first.run_id}" in told[1]["what"]


def test_a_superseded_event_ends_well_naming_the_newer_one(station: Station) -> None:
    old = put(station.ledger, measured(), LOW)
    new = put(station.ledger, measured(versions=("v2",)), LOW)
    result = station.run(old)
    assert result.success and _metadata(result)["effect"] == "superseded"
    assert new[:12] in _metadata(result)["what"]
    assert station.decisions() == []


def test_an_event_that_never_was_fails_its_run_and_says_what_was_expected(station: Station) -> None:
    result = station.run("e0")
    assert not result.success
    (event,) = [e for e in result.all_events if e.is_step_failure]
    failure = event.step_failure_data.user_failure_data
    assert failure is not None
    assert failure.description == "found no event 'e0', expected one that was measured: `readiness drift show` names them"


def test_a_run_that_is_launched_by_hand_is_seen_by_the_sensor(station: Station) -> None:
    event = put(station.ledger, measured(), LOW)
    result = station.run(event)
    run = station.instance.get_run_by_id(result.run_id)
    assert run is not None and run.tags["readiness/event"] == event


def test_the_owner_is_told_at_once_from_medium_on_and_once(station: Station) -> None:
    events = [put(station.ledger, measured(f"2025-01-0{n}"), severity) for n, severity in enumerate([LOW, MEDIUM, MEDIUM], 1)]
    for event in events:
        assert station.run(event).success
        states = [i.state for i in station.ledger.incidents.history("shop") if i.kind == "drift"]
        assert states == ["opened", "notified"], "by the newest window, whichever event is decided"
    assert len(station.decisions()) == 3


def test_ticks_and_runs_side_by_side_decide_every_event_once(station: Station) -> None:
    events = days(station.ledger, 1, 6, MEDIUM)
    with ThreadPoolExecutor(4) as pool:
        asked = list(pool.map(lambda _: station.asked(), range(4)))
    assert all(each == events[::-1] for each in asked), "each daemon asks: the ledger decides"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(station.run, [event for some in asked[:2] for event in some]))
    assert sorted(event for event, _ in station.decisions()) == sorted(events)
    assert station.asked() == []


def test_a_decision_is_of_the_report_as_it_is_now(station: Station) -> None:
    event = put(station.ledger, measured(), LOW)
    station.ledger.drift.judge(judged(measured(), HIGH, rule="stricter"))
    assert station.run(event).success
    (said,) = [said for _, said in station.ledger.drift.decisions("shop")]
    assert said.severity is HIGH


# whether a run is over


def test_a_run_is_over_when_it_has_ended_or_died_and_its_lock_is_believed_first(station: Station) -> None:
    state, instance = station.shop.settings.state, station.instance
    alive, ended = started(instance), station.add_run("e", FAILURE).run_id
    assert not is_over(instance, state, alive)
    assert is_over(instance, state, ended)
    assert is_over(instance, state, "of another instance")
    for run_id in (alive, ended, "of another instance"):
        with at_work(state, run_id):
            assert not is_over(instance, state, run_id)


def test_a_run_whose_process_was_killed_is_over_after_a_grace(station: Station) -> None:
    state, run_id = station.shop.settings.state, started(station.instance)
    killed_run(state, run_id)
    assert not is_over(station.instance, state, run_id)
    long_ago = time.time() - DEAD_SECONDS - 1
    os.utime(state / "running" / f"{run_id}.dead", (long_ago, long_ago))
    assert is_over(station.instance, state, run_id)


def _metadata(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    (event,) = [e for e in result.all_events if e.event_type_value == "STEP_OUTPUT"]
    return {name.removeprefix("readiness/"): str(value.value) for name, value in event.step_output_data.metadata.items()}
