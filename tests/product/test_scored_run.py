"""A run of a product with a scored table, before there is a champion and after."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from readiness_pipelines.product.component import definitions_of
from tests.layers.scorers import Fitted, promote, step, train
from tests.modelled import Parcels, build_parcels
from tests.services import variables

SCORES = dg.AssetKey(["parcels", "gold", "order_scores"])


@pytest.fixture
def parcels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Parcels:
    for name, value in variables(tmp_path, {}).items():
        monkeypatch.setenv(name, value)
    made = build_parcels(tmp_path, scored=True)
    made.land([1, 2, 3])
    return made


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as made:
        yield made


def run(parcels: Parcels, instance: dg.DagsterInstance, day: int) -> dg.ExecuteInProcessResult:
    job = definitions_of(parcels.product).resolve_job_def("parcels_job")
    return job.execute_in_process(instance=instance, partition_key=parcels.day(day), raise_on_error=False)


def test_a_run_before_the_first_champion_succeeds_and_a_run_after_it_keeps_what_was_scored(
    parcels: Parcels, instance: dg.DagsterInstance
) -> None:
    assert run(parcels, instance, 3).success
    assert instance.get_latest_materialization_event(SCORES) is None
    assert instance.get_latest_materialization_event(dg.AssetKey(["parcels", "silver", "orders"])) is not None
    scorer = Fitted()
    model = train(parcels, scorer, [1, 2])
    promote(parcels.lake, model)
    published = step(parcels, "order_scores", 3, scorer).version
    assert published is not None
    assert run(parcels, instance, 3).success  # loads no model: what was scored stands
    event = instance.get_latest_materialization_event(SCORES)
    assert event is not None and event.asset_materialization is not None
    assert event.asset_materialization.metadata["readiness/model"].value == model.name
    assert event.asset_materialization.tags is not None
    assert event.asset_materialization.tags["dagster/data_version"] == published.version_key
