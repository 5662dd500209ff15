"""Drift is measured in the product's own run, also past a held day, and Dagster is told of each window where it ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from readiness_pipelines.flow import DriftReport, Mode, Severity
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.product import definitions_of
from readiness_pipelines.product.drift import told
from readiness_pipelines.product.keys import data_asset_keys, drift_key
from tests.drift.scene import MONITOR, TABLE, Scene, build_scene, rows_of
from tests.drifted import measured, put
from tests.monitored import ORDERS, PAID_ORDERS, declare_monitors
from tests.shop import Shop

pytestmark = pytest.mark.slow

DAILY = """\
    - {name: daily, table: readings, window: {days: 1}, reference: {from: 2025-01-01, to: 2025-01-04}, features: [size], min_rows: 50}
"""
NOTHING = "nothing-measured"


@dataclass
class Station:
    """The scene in a real Dagster instance."""

    scene: Scene
    instance: dg.DagsterInstance

    def run(self, first: int, last: int | None = None, *, only: list[dg.AssetKey] | None = None) -> dg.ExecuteInProcessResult:
        job = definitions_of(self.scene.product).resolve_job_def("metrics_job")
        given: dict[str, Any] = {"partition_key": self.scene.day(first)}
        if last is not None:
            ends = ("dagster/asset_partition_range_start", first), ("dagster/asset_partition_range_end", last)
            given = {"tags": {name: self.scene.day(day) for name, day in ends}}
        settings = self.scene.settings
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("READINESS_STATE", str(settings.state))
            patch.setenv("READINESS_LANDING", str(settings.landing))
            return job.execute_in_process(instance=self.instance, asset_selection=only, raise_on_error=False, **given)

    @property
    def key(self) -> dg.AssetKey:
        return drift_key(self.scene.product)

    def events(self, day: int) -> list[dg.AssetMaterialization]:
        """Return the day's events, oldest first."""
        wanted = dg.AssetRecordsFilter(asset_key=self.key, asset_partitions=[self.scene.day(day)])
        records = self.instance.fetch_materializations(wanted, limit=20).records
        return [r.asset_materialization for r in reversed(records) if r.asset_materialization]

    def versions(self, day: int) -> list[str]:
        return [(event.tags or {})["dagster/data_version"] for event in self.events(day)]

    def report(self, first: int, last: int, monitor: str = "readings") -> DriftReport:
        """Return the newest report of a window of these days."""
        found = {str(r.measured.window): r for r in self.scene.lake.ledger.drift.reports("metrics", monitor)}
        return found[self.scene.day(first) if first == last else f"{self.scene.day(first)}...{self.scene.day(last)}"]


def station_at(root: Path, monitors: str = MONITOR) -> Iterator[Station]:
    scene = build_scene(root, monitors=monitors)
    home = root / "dagster"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        yield Station(scene, instance)


def land(scene: Scene, days: range, *, size_by: float = 0.0, lost: float = 0.02) -> None:
    for day in days:
        scene.land(day, rows_of(day, size_by=size_by, lost=lost))


def broken(day: int) -> dict[str, Any]:
    """Rows of which half are refused: the gate holds the day."""
    rows = rows_of(day)
    rows["size"][::2] = 1000.0
    return rows


def checks(result: dg.ExecuteInProcessResult, key: dg.AssetKey) -> dict[tuple[str, str], bool]:
    """Return (partition, severity) -> passed of the drift asset's checks, in the order in which they were told."""
    told = [e.asset_check_evaluation_data for e in result.all_events if e.event_type_value == "ASSET_CHECK_EVALUATION"]
    return {(str(each.partition), each.check_name): each.passed for each in told if each.asset_key == key}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Station, dg.ExecuteInProcessResult]]:
    """Ten days in one run: from the ninth on size drifts, and the seventh is held."""
    for station in station_at(tmp_path_factory.mktemp("ran")):
        land(station.scene, range(1, 9))
        land(station.scene, range(9, 11), size_by=0.6)
        station.scene.land(7, broken(7))
        yield station, station.run(1, 10)


Ran = tuple[Station, dg.ExecuteInProcessResult]


def test_a_held_day_fails_the_run_and_the_good_ones_are_measured_before_that(ran: Ran) -> None:
    station, result = ran
    assert not result.success
    assert station.report(7, 8).measured.absent == (station.scene.day(7),)
    assert station.report(9, 10).severity is Severity.CRITICAL
    assert [run.status.value for run in station.instance.get_runs()] == ["FAILURE"]


def test_a_window_is_recorded_at_its_last_day_under_its_event(ran: Ran) -> None:
    station, _ = ran
    for first in (5, 7, 9):
        assert station.versions(first + 1) == [station.report(first, first + 1).event]
    (event,) = station.events(10)
    assert event.description == "readings in 2025-01-09...2025-01-10: critical drift in size"
    told: dict[str, Any] = {name.removeprefix("readiness/"): value.value for name, value in event.metadata.items()}
    assert told["severity"] == "critical" and told["mode"] == "decided" and told["drift_severity"] == 4
    assert (told["window"], told["rows"], told["columns"]) == ("2025-01-09...2025-01-10", 1000, "size")
    assert told["reference"] == "2025-01-01...2025-01-04 (2,000 rows)"
    assert told["drift_over_threshold"] > 1 and 0.2 < told["drift_worst_effect"] < 0.4
    header, _, worst, *rest = told["findings"].splitlines()
    assert header == "| column | test | severity | effect | threshold | corrected p | note |"
    assert worst.startswith("| size | ") and " | critical | " in worst
    assert len(rest) < 25
    for picture in ("worst_columns", "over_time"):
        assert told[picture].startswith("![") and "data:image/svg+xml;base64," in told[picture]
        assert len(told[picture]) < 20_000
    assert "readiness/over_time" not in station.events(8)[0].metadata, "only with the newest window of a run"


def test_a_day_with_which_no_window_ends_is_recorded_where_it_is_admitted(ran: Ran) -> None:
    """A backfill of Dagster's is failed as long as any partition of any asset is not recorded."""
    station, _ = ran
    assert {day: station.versions(day) for day in (1, 2, 3, 4, 5, 9)} == dict.fromkeys((1, 2, 3, 4, 5, 9), [NOTHING])
    assert station.versions(7) == [], "it is held"
    assert "no window ends with this partition" in str(station.events(5)[0].description)


def test_a_check_per_severity_warns_and_passes_only_what_is_ruled_out(ran: Ran) -> None:
    station, result = ran
    found = checks(result, station.key)
    severities = ["low", "medium", "high", "critical"]
    passed = {6: ("high", "critical"), 8: ("high", "critical"), 10: ()}  # so few rows could hide a medium effect, and no high one
    assert found == {(station.scene.day(day), each): each in passed[day] for day in (6, 8, 10) for each in severities}
    told = [e.asset_check_evaluation_data for e in result.all_events if e.event_type_value == "ASSET_CHECK_EVALUATION"]
    of_drift = [each for each in told if each.asset_key == station.key]
    assert {(each.severity, each.blocking) for each in of_drift} == {(dg.AssetCheckSeverity.WARN, False)}
    undecided = next(each for each in of_drift if each.partition == station.scene.day(6))
    assert undecided.description == "readings: too few rows to have seen low drift"
    assert undecided.metadata["readiness/mode"].value == "insufficient sample"
    assert undecided.target_materialization_data is not None


def test_a_run_again_records_the_same_data_version_and_judges_nothing_anew(ran: Ran) -> None:
    station, _ = ran
    drift = station.scene.lake.ledger.drift
    before, known = drift.judged_after("metrics", 0)[0], station.versions(10)
    assert station.run(10).success
    assert station.versions(10) == known * 2
    assert drift.judged_after("metrics", before) == (before, [])


def test_the_asset_alone_measures_what_its_tables_published_since_without_it(tmp_path: Path) -> None:
    for station in station_at(tmp_path):
        land(station.scene, range(1, 7))
        tables = [key for key in data_asset_keys(station.scene.product) if key != station.key]
        assert station.run(1, 6, only=tables).success
        assert station.scene.lake.ledger.drift.reports("metrics", "readings") == []
        assert station.run(6, only=[station.key]).success
        first = station.report(5, 6)
        land(station.scene, range(5, 6), lost=0.5)
        assert station.run(5, only=tables).success
        assert station.run(1, only=[station.key]).success, "another day, which no window rests on"
        assert station.versions(6) == [first.event, station.report(5, 6).event] and first.event != station.report(5, 6).event
        assert station.report(5, 6).superseded == first.event
        assert station.events(6)[1].metadata["readiness/supersedes"].value == first.event


def test_several_monitors_of_one_day_are_one_verdict_and_the_worst_is_shown(tmp_path: Path) -> None:
    for station in station_at(tmp_path, DAILY + DAILY.replace("daily", "weights").replace("size", "weight")):
        station.scene.declare("min_rows: 50", "min_rows: 50, false_alarm_rate: 0.001")
        land(station.scene, range(1, 5))
        land(station.scene, range(5, 6), size_by=1.0)
        result = station.run(1, 5)
        assert result.success
        assert [event.metadata["readiness/monitor"].value for event in station.events(5)] == ["weights", "daily"]
        assert "readiness/drift_worst_effect_daily" in station.events(5)[1].metadata
        found = checks(result, station.key)
        assert not any(found.values()) and len(found) == 4
        told = [e.asset_check_evaluation_data for e in result.all_events if e.event_type_value == "ASSET_CHECK_EVALUATION"]
        for check in (each for each in told if each.asset_key == station.key):
            assert check.description == "daily: critical drift in size; weights: too few rows to have seen low drift"
            assert (check.metadata["readiness/severity"].value, check.metadata["readiness/mode"].value) == ("critical", "decided")


def test_of_windows_without_an_alarm_the_one_that_was_not_decided_is_the_worst(shop: Shop) -> None:
    product, lake = declare_monitors(shop, [ORDERS, PAID_ORDERS]).product, Lakehouse.open(shop.settings)
    put(lake.ledger, measured(monitor="orders", table="silver.orders"), Severity.NONE, mode=Mode.INSUFFICIENT_SAMPLE)
    put(lake.ledger, measured(), Severity.NONE)
    with dg.DagsterInstance.ephemeral() as instance:
        (check,) = told(product, lake, ["2025-01-08"], set(), instance=instance, is_asset=False, checks={"low"})
    assert isinstance(check, dg.AssetCheckEvaluation) and not check.passed
    assert check.description == "orders: too few rows to have seen low drift; paid_orders: no drift found"
    assert check.metadata["readiness/mode"].value == "insufficient sample"


def test_what_cannot_be_measured_fails_the_run_after_all_else_was_done(tmp_path: Path) -> None:
    for station in station_at(tmp_path):
        land(station.scene, range(1, 7))
        assert station.run(1, 4).success
        version = station.scene.lake.ledger.current_version(TABLE, station.scene.day(2))
        assert version is not None
        for path in (station.scene.settings.state / "warehouse").rglob("*.parquet"):
            if "readings" in str(path) and station.scene.day(2) in str(path) and "quarantine" not in str(path):
                path.unlink()
        result = station.run(5, 6)
        assert not result.success
        (event,) = [e for e in result.all_events if e.is_step_failure]
        failure = event.step_failure_data.user_failure_data
        assert failure is not None and str(failure.description).startswith("could not be measured: 2025-01-06 drift: ")
        assert station.scene.lake.ledger.current_version("metrics.gold.sizes", station.scene.day(6)) is not None
        assert station.versions(6) == []


def test_a_product_that_is_not_watched_is_as_it_was(shop: Shop) -> None:
    for monitors, more in (([], 0), (None, 1)):
        product = (declare_monitors(shop, monitors) if monitors is not None else declare_monitors(shop)).product
        defs = definitions_of(product)
        found = [key for assets in defs.assets or () for key in assets.keys]  # type: ignore[union-attr]
        assert (drift_key(product) in found) == (drift_key(product) in data_asset_keys(product)) == bool(more)
        assert len([job for job in defs.jobs or () if "response" in job.name]) == more
        assert [sensor.name for sensor in defs.sensors or () if sensor.name == "shop_drift"] == ["shop_drift"] * more
        assert len(list(defs.sensors or ())) == 2 + more
