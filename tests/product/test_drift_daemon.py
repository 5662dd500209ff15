"""Under a real daemon a drifted day is answered within the minute, and every event takes effect once, whatever is killed."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from readiness_pipelines.flow import Measured, Severity
from readiness_pipelines.ledger import Ledger
from readiness_pipelines.product import definitions_of
from readiness_pipelines.product.sensors import REQUEST_TAG
from tests.conftest import TABLES_TO_SHOW
from tests.drift.scene import Scene, build_scene, rows_of
from tests.drifted import measured, put
from tests.served import Served, wait_for
from tests.services import variables
from tests.shops_project import write_project

pytestmark = [pytest.mark.slow, pytest.mark.daemon]

KILLER = """
import os, signal
from readiness_pipelines.lakehouse import steps

def kill(name: str) -> None:
    order = Path(__file__).parent.parent / "kill"
    if name == "event_claimed" and order.exists():
        order.unlink()
        os.kill(os.getpid(), signal.SIGKILL)

steps.on_reached = kill
"""
_RESET = """\
mutation ($selector: SensorSelector!) { setSensorCursor(sensorSelector: $selector, cursor: "0") { __typename } }
"""
JOB, EVENT = "metrics_response", "readiness/event"


def land(scene: Scene, first: int, last: int, *, size_by: float = 0.0) -> float:
    """Let the files of these days be there all at once, as after a rename; return when."""
    for day in range(first, last + 1):
        scene.land(day, rows_of(day, size_by=size_by))
    for file in scene.settings.landing.rglob("*.csv"):
        os.utime(file, (time.time() - 60,) * 2)  # the sensor leaves alone what may still be written
    return time.time()


def bring_in(scene: Scene, served: Served, first: int, last: int) -> None:
    """Run these days here, on the instance that is to be served."""
    tags = {"dagster/asset_partition_range_start": scene.day(first), "dagster/asset_partition_range_end": scene.day(last)}
    with pytest.MonkeyPatch.context() as patch, served.instance as instance:
        for name, value in variables(scene.root, {}).items():
            patch.setenv(name, value)
        assert definitions_of(scene.product).resolve_job_def("metrics_job").execute_in_process(instance=instance, tags=tags).success


def runs(served: Served, event: str) -> list[dg.RunRecord]:
    with served.instance as instance:
        return list(instance.get_run_records(dg.RunsFilter(job_name=JOB, tags={EVENT: event})))


def times(served: Served, event: str, landed: float) -> Iterator[str]:
    """Yield how long after the landing each run was asked for and ended."""
    with served.instance as instance:
        taken_in = [r for r in instance.get_run_records() if REQUEST_TAG in r.dagster_run.tags]
    for what, record in (("the run that takes it in", taken_in[0]), ("the run that responds", runs(served, event)[0])):
        asked, ended = record.create_timestamp.timestamp() - landed, (record.end_time or time.time()) - landed
        yield f"{what}: launched {asked:.1f} s after the landing, ended after {ended:.1f} s"


def decided(ledger: Ledger) -> Counter[str]:
    return Counter(said.event for _, said in ledger.drift.decisions("metrics"))


def made_up(version: str) -> Measured:
    """Return what was measured of a later window: no row is behind it."""
    of = measured("2025-01-12", first="2025-01-11", versions=[version], monitor="readings", product="metrics")
    return replace(of, table="metrics.silver.readings")


def test_every_event_takes_effect_once_and_soon(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    scene = build_scene(tmp_path)
    ledger = scene.lake.ledger
    write_project(tmp_path, sensors=True, theirs=False)
    with (tmp_path / "shops" / "definitions.py").open("a") as file:
        file.write(KILLER)
    first = Served.over(tmp_path, variables(tmp_path, {}), ["-m", "shops.definitions"])
    second = Served(
        tmp_path, first.environment, program=[str(Path(sys.executable).parent / "dg"), "dev"], arguments=[], log="dg.log"
    )
    land(scene, 1, 8)
    bring_in(scene, first, 1, 8)
    assert ledger.drift.waiting("metrics") == []
    try:
        first.start()
        landed = land(scene, 9, 10, size_by=0.6)
        wait_for(lambda: bool(decided(ledger)), seconds=240, what="the decision about the drifted days")
        (event,) = decided(ledger)
        request.config.stash.setdefault(TABLES_TO_SHOW, {})["drift, with default intervals"] = list(times(first, event, landed))

        (tmp_path / "kill").touch()
        killed = put(ledger, made_up("v1"), Severity.HIGH)
        wait_for(lambda: not (tmp_path / "kill").exists(), seconds=120, what="the run that is killed between claim and effect")
        first.kill()
        assert decided(ledger) == {event: 1}
        late = put(ledger, made_up("v2"), Severity.HIGH)  # no worse: the claim that was left must not be lost for it

        second.start()
        wait_for(lambda: killed in decided(ledger), seconds=240, what="the effect of what was claimed by a run that was killed")
        selector = {"repositoryLocationName": "shops", "repositoryName": "__repository__", "sensorName": "metrics_drift"}
        assert second.ask(_RESET, {"selector": selector})["setSensorCursor"]["__typename"] == "Sensor"
        worse = put(ledger, made_up("v3"), Severity.CRITICAL)
        wait_for(lambda: worse in decided(ledger), seconds=120, what="the effect of late data that is worse")
        wait_for(lambda: all(r.dagster_run.is_finished for r in runs(second, worse)), seconds=60, what="its run's end")
    finally:
        for served in (first, second):
            served.stop()
    assert decided(ledger) == {event: 1, killed: 1, worse: 1}
    asked = {each: [r.dagster_run.status.value for r in runs(second, each)] for each in (event, killed, worse, late)}
    assert asked == {event: ["SUCCESS"], killed: ["SUCCESS", "FAILURE"], worse: ["SUCCESS"], late: []}
    told = [i.details["severity"] for i in ledger.incidents.history("metrics") if (i.kind, i.state) == ("drift", "notified")]
    assert told == ["critical", "high", "critical"], "of the drifted days, of the window after them, and of its late data"
