"""A product's model in Dagster: three assets that one run makes, told as the ledger has them; no data run trains or promotes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import dagster as dg
import pytest

from readiness_pipelines.declarations import Product
from readiness_pipelines.models.train import refusal
from readiness_pipelines.product import definitions_of
from readiness_pipelines.product.keys import challenger_key, champion_key, data_asset_keys, model_asset_keys, training_set_key
from readiness_pipelines.product.model import LEAKS
from tests import challenged
from tests.modelled import WATCHED, Parcels, build_parcels
from tests.shop import Shop

MODEL_KEYS = {f"parcels/model/parcels_{name}" for name in ("training_set", "challenger", "champion")}


@dataclass
class Station:
    """The parcels in a real Dagster instance."""

    parcels: Parcels
    product: Product
    defs: dg.Definitions
    instance: dg.DagsterInstance

    def run(self, job: str, **config: Any) -> dg.ExecuteInProcessResult:
        """Run the job with this config of the op that makes the model."""
        given = {"ops": {"parcels_model": {"config": config}}} if config else {}
        return self.defs.resolve_job_def(job).execute_in_process(instance=self.instance, run_config=given, raise_on_error=False)

    def told(self, key: dg.AssetKey) -> dg.AssetMaterialization | None:
        found = self.instance.fetch_materializations(dg.AssetRecordsFilter(asset_key=key), limit=1).records
        return found[0].asset_materialization if found else None


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Parcels, Product, dg.Definitions]:
    """The product, watched and with a scored table; no test here changes it, or lands anything for it."""
    parcels = build_parcels(tmp_path_factory.mktemp("declared"), watched=WATCHED, scored=True)
    return parcels, parcels.product, definitions_of(parcels.product)


@pytest.fixture
def station(
    declared: tuple[Parcels, Product, dg.Definitions], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Station]:
    shutil.copytree(declared[0].root, tmp_path, dirs_exist_ok=True)
    parcels = Parcels(tmp_path)
    monkeypatch.setenv("READINESS_STATE", str(parcels.settings.state))
    monkeypatch.setenv("READINESS_LANDING", str(parcels.settings.landing))
    with dg.DagsterInstance.ephemeral() as instance:
        yield Station(parcels, *declared[1:], instance)


def names(defs: dg.Definitions) -> dict[str, set[str]]:
    repository = defs.get_repository_def()
    return {
        "jobs": {job.name for job in repository.get_all_jobs() if not job.name.startswith("__")},
        "sensors": {sensor.name for sensor in repository.sensor_defs},
        "schedules": {schedule.name for schedule in repository.schedule_defs},
        "groups": {node.group_name for node in repository.asset_graph.asset_nodes if node.group_name},
    }


def selected(defs: dg.Definitions, selection: dg.AssetSelection) -> set[str]:
    return {key.to_user_string() for key in selection.resolve(defs.resolve_asset_graph())}


# what there is


def test_a_product_without_a_model_has_what_it_had(shop: Shop) -> None:
    decisions = {f"shop_{verb}" for verb in ("release", "discard", "admit", "withdraw", "purge")}
    assert names(definitions_of(shop.product)) == {
        "jobs": {"shop_job", "shop_maintenance", *decisions},
        "sensors": {"shop_landed", "shop_incidents"},
        "schedules": {"shop_job_schedule", "shop_maintenance_schedule"},
        "groups": {"shop"},
    }


def test_a_model_adds_a_group_of_three_assets_a_sensor_and_four_jobs(station: Station) -> None:
    without = build_parcels(station.parcels.root / "without", model="", watched=WATCHED.replace("training_set", "previous_window"))
    before, now = names(definitions_of(without.product)), names(station.defs)
    added = {what: now[what] - before[what] for what in now}
    assert added == {
        "jobs": {f"parcels_{name}" for name in ("retrain", "promotion", "review", "roll_back")},
        "sensors": {"parcels_loop"},
        "schedules": set(),
        "groups": {"parcels_model"},
    }
    assert selected(station.defs, dg.AssetSelection.groups("parcels_model")) == MODEL_KEYS


def test_a_retrain_now_and_then_is_a_schedule_only_where_it_is_declared(station: Station) -> None:
    station.parcels.declare("risk_tier: low", 'risk_tier: low\n    retraining: {every: "0 4 * * 1"}')
    defs = definitions_of(station.parcels.product)
    (schedule,) = [each for each in defs.schedules or () if each.name == "parcels_retrain_schedule"]
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 4 * * 1", "UTC")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING


def test_no_data_job_and_no_group_of_the_data_holds_a_part_of_the_model(station: Station) -> None:
    defs = station.defs
    graph = defs.resolve_asset_graph()
    data = {key.to_user_string() for key in data_asset_keys(station.product)}
    assert selected(defs, dg.AssetSelection.groups("parcels")) == data
    job = {key.to_user_string() for key in defs.resolve_job_def("parcels_job").asset_layer.selected_asset_keys}
    assert job == data and not data & MODEL_KEYS
    retrain = {key.to_user_string() for key in defs.resolve_job_def("parcels_retrain").asset_layer.selected_asset_keys}
    assert retrain == MODEL_KEYS
    assert all(graph.get(key).partitions_def is None for key in model_asset_keys(station.product))


def test_the_graph_goes_from_the_tables_through_the_champion_to_what_it_scores(station: Station) -> None:
    graph, product = station.defs.resolve_asset_graph(), station.product
    parents = {
        key.to_user_string(): {each.to_user_string() for each in graph.get(key).parent_keys} for key in graph.get_all_asset_keys()
    }
    assert parents[training_set_key(product).to_user_string()] == {"parcels/silver/orders", "parcels/silver/returns"}
    assert parents[challenger_key(product).to_user_string()] == {training_set_key(product).to_user_string()}
    assert parents[champion_key(product).to_user_string()] == {challenger_key(product).to_user_string()}
    assert parents["parcels/gold/order_scores"] == {"parcels/silver/orders", champion_key(product).to_user_string()}


def test_each_asset_says_what_it_is_in_words_and_has_its_checks(station: Station) -> None:
    graph, product = station.defs.resolve_asset_graph(), station.product
    said = {key: graph.get(key).description or "" for key in model_asset_keys(product)}
    assert "held out: the newest 3 days of `ordered_at`" in said[training_set_key(product)]
    assert "positive is `True`, matched by `order_id`" in said[training_set_key(product)]
    assert "on no `region` worse by more than 0.05" in said[challenger_key(product)]
    assert "fair by `age_band`" in said[challenger_key(product)]
    assert "Risk tier of its use: low" in said[champion_key(product)]
    checks = {(each.asset_key.path[-1], each.name) for each in graph.asset_check_keys if "model" in each.asset_key.path}
    assert {
        ("parcels_training_set", "no_leakage"),
        ("parcels_challenger", "verdict"),
        ("parcels_challenger", "better"),
        ("parcels_champion", "nothing_waits"),
    } <= checks


# what a run of them does


def test_a_run_of_everything_by_its_prefix_trains_nothing_and_brings_the_data_through(station: Station) -> None:
    station.parcels.land(range(1, 4))
    everything = dg.AssetSelection.key_prefixes("parcels").resolve(station.defs.resolve_asset_graph())
    job = station.defs.resolve_implicit_global_asset_job_def()
    day = station.parcels.day(1)
    result = job.execute_in_process(
        instance=station.instance, asset_selection=list(everything), partition_key=day, raise_on_error=False
    )
    assert result.success, [event.message for event in result.all_events if event.is_failure]
    ledger = station.parcels.lake.ledger
    assert ledger.current_version("parcels.silver.orders", day) is not None
    assert ledger.models.models("parcels") == [] and ledger.retrains.retrains("parcels") == []
    assert all(station.told(key) is None for key in model_asset_keys(station.product))


def test_who_asks_without_a_reason_is_told_what_is_missing(station: Station) -> None:
    result = station.run("parcels_retrain", by="ann")
    assert not result.success
    assert "found by='ann' and reason='', expected both" in failure(result)
    assert station.parcels.lake.ledger.retrains.retrains("parcels") == []


def test_nobody_asks_in_the_name_of_the_schedule(station: Station) -> None:
    assert "found 'schedule' as who decides, expected a person" in failure(
        station.run("parcels_retrain", by="schedule", reason="now")
    )
    assert station.parcels.lake.ledger.retrains.retrains("parcels") == []


def test_a_retrain_that_nobody_asked_for_fails_its_run(station: Station) -> None:
    assert "found no retrain 7 of parcels" in failure(station.run("parcels_retrain", retrain=7))


@pytest.mark.parametrize(
    ("outcome", "why", "is_well"),
    [
        ("refused", "found 60 rows to train on, expected at least 200", True),
        ("refused", "leaks: amount tells the label alone", False),
        ("broken", "4 runs began it, and none of them ended it", False),
        ("waits", "leaks: is what a person would call its name", True),
    ],
)
def test_a_run_fails_where_somebody_has_to_mend_something_and_too_few_rows_are_a_result(
    outcome: Literal["refused", "broken", "waits"], why: str, is_well: bool, station: Station
) -> None:
    retrains = station.parcels.lake.ledger.retrains
    retrains.request(challenged.retrain("e1", product="parcels"))
    started = retrains.start("parcels", 1, "another run", is_over=lambda _: False)
    assert started is not None and retrains.end(replace(started, outcome=outcome, why=why))
    result = station.run("parcels_retrain", retrain=1)
    assert result.success is is_well
    assert said(result) == {(outcome, why)}
    assert is_well or failure(result) == f"retrain 1 of parcels: {outcome}: {why}"


def test_what_a_leak_is_refused_for_begins_with_the_word_that_fails_the_run(station: Station) -> None:
    spec = station.product.model
    assert spec is not None
    why = refusal(spec, replace(challenged.training_set(product="parcels"), rows_train=1, leaks=("amount: alone it tells",)))
    assert why.startswith(LEAKS) and "found 1 rows to train on" in why


def test_a_run_that_nothing_was_asked_of_ends_well_and_says_so(station: Station) -> None:
    result = station.run("parcels_retrain")
    assert result.success
    assert said(result) == {("nothing was asked for", "nothing was asked for, so nothing is trained")}
    assert station.parcels.lake.ledger.retrains.retrains("parcels") == []


@pytest.mark.slow
def test_a_first_champion_is_trained_judged_promoted_and_told_for_anyone_to_read(station: Station, mlflow_database: Path) -> None:
    product, ledger = station.product, station.parcels.lake.ledger
    station.parcels.settings.state.mkdir(parents=True, exist_ok=True)
    shutil.copy(mlflow_database, station.parcels.settings.state / "mlflow.db")
    station.parcels.fill(range(1, 10))
    result = station.run("parcels_retrain", by="ann", reason="the first")
    assert result.success, failure(result)
    (model,) = ledger.models.models("parcels")
    (promotion,) = ledger.models.promotions("parcels")
    assert promotion.number == model.number == 1
    (training_set,) = ledger.models.training_sets("parcels")
    events = {key.path[-1]: station.told(key) for key in model_asset_keys(product)}
    versions = {name: (event.tags or {})["dagster/data_version"] for name, event in events.items() if event is not None}
    assert versions == {
        "parcels_training_set": training_set.id,
        "parcels_challenger": model.artifact,
        "parcels_champion": f"{model.name}#1",
    }
    verdict = text(events["parcels_challenger"], "readiness/verdict")
    assert verdict.startswith("**Model 1 against the declared baseline") and "| better |" in verdict
    rows = text(events["parcels_training_set"], "readiness/rows")
    assert f"| **looked at** | {training_set.rows:,} |" in rows and "left out: no label yet" in rows
    assert "| promoted |" in text(events["parcels_champion"], "readiness/history")
    card = Path(text(events["parcels_champion"], "readiness/card")).read_text()
    assert model.artifact in card and "policy" in card
    assert checks(station, product) == {"no_leakage": True, "verdict": True, "better": True, "nothing_waits": True}


def checks(station: Station, product: Any) -> dict[str, bool]:
    """Return whether each of four checks passed last."""
    storage, found = station.instance.event_log_storage, {}
    for key, name in (
        (training_set_key(product), "no_leakage"),
        (challenger_key(product), "verdict"),
        (challenger_key(product), "better"),
        (champion_key(product), "nothing_waits"),
    ):
        history = storage.get_asset_check_execution_history(dg.AssetCheckKey(key, name), limit=1)
        evaluation = history[0].evaluation if history else None
        assert evaluation is not None, name
        found[name] = evaluation.passed
    return found


def said(result: dg.ExecuteInProcessResult) -> set[tuple[object, object]]:
    """Return outcome and reason as the outputs of the run tell them."""
    outputs = [event.step_output_data for event in result.all_events if event.is_successful_output]
    return {(each.metadata["readiness/outcome"].value, each.metadata["readiness/why"].value) for each in outputs}


def text(event: dg.AssetMaterialization | None, name: str) -> str:
    assert event is not None
    return str(event.metadata[name].value)


def failure(result: dg.ExecuteInProcessResult) -> str:
    (found,) = [event for event in result.all_events if event.is_step_failure]
    said = found.step_failure_data.user_failure_data
    return str(said.description) if said is not None else str(found.step_failure_data.error)
