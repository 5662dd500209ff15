"""Under a real daemon a drifted day leads to a better champion without anybody's hand, also when the run that trains it is killed."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.models.registry import Registry
from readiness_pipelines.product import definitions_of
from readiness_pipelines.product.model import RETRAIN_TAG
from readiness_pipelines.product.model_events import told_champion
from readiness_pipelines.response import request as ask
from tests.conftest import TABLES_TO_SHOW
from tests.launches import span
from tests.modelled import WATCHED, Parcels, build_parcels
from tests.product.test_loop_closes import SHORT, TURNED
from tests.served import Served, location, wait_for
from tests.services import variables

pytestmark = [pytest.mark.slow, pytest.mark.daemon, pytest.mark.timeout(1200)]  # five processes of runs, one after the other

KILLER = """
import os, signal
from readiness_pipelines.lakehouse import steps

def kill(name: str) -> None:
    order = Path(__file__).parent / "kill"
    if name == "model_numbered" and order.exists():
        order.unlink()
        os.kill(os.getpid(), signal.SIGKILL)

steps.on_reached = kill
"""


def land(parcels: Parcels, first: int, last: int, **how: float) -> float:
    """Let the files of these days be there all at once, as after a rename; return when."""
    parcels.land(range(first, last + 1), **how)
    for file in parcels.settings.landing.rglob("*.csv"):
        os.utime(file, (time.time() - 60,) * 2)  # the sensor leaves alone what may still be written
    return time.time()


def bring_in(parcels: Parcels, served: Served, first: int, last: int) -> None:
    """Run these days here, on the instance that is to be served."""
    with pytest.MonkeyPatch.context() as patch, served.instance as instance:
        for name, value in variables(parcels.root, {}).items():
            patch.setenv(name, value)
        tags = span(parcels.day(first), parcels.day(last))
        assert (
            definitions_of(parcels.product).resolve_job_def("parcels_job").execute_in_process(instance=instance, tags=tags).success
        )


def champion(parcels: Parcels) -> int:
    found = parcels.lake.ledger.models.champion("parcels")
    return found.number if found is not None else 0


def retrains(served: Served) -> list[dg.RunRecord]:
    """Return the runs that retrained, oldest first."""
    with served.instance as instance:
        records = instance.get_run_records(dg.RunsFilter(job_name="parcels_retrain"), ascending=True)
        return [record for record in records if RETRAIN_TAG in record.dagster_run.tags]


def times(served: Served, landed: float) -> Iterator[str]:
    """Yield how long after the landing each run was asked for and ended."""
    with served.instance as instance:
        for record in instance.get_run_records(ascending=True):
            asked, ended = record.create_timestamp.timestamp() - landed, (record.end_time or time.time()) - landed
            run = record.dagster_run
            if asked > 0:
                yield f"{run.job_name}: launched {asked:.1f} s after the landing, {run.status.value} after {ended:.1f} s"


def test_a_drifted_day_leads_to_a_better_champion_also_past_a_kill(
    mlflow_database: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    parcels = build_parcels(tmp_path, model=SHORT, watched=WATCHED.replace("days: 2, step: 2", "days: 4, step: 4"))
    parcels.settings.state.mkdir(parents=True, exist_ok=True)
    shutil.copy(mlflow_database, parcels.settings.state / "mlflow.db")
    (tmp_path / "location.py").write_text(location([parcels.folder], sensors=True) + KILLER)
    served = Served.over(tmp_path, variables(tmp_path, {}), ["-f", "location.py"])
    config = tmp_path / "home" / "dagster.yaml"  # three starts that a busy machine is late with would give the retrain up
    config.write_text(config.read_text().replace("start_timeout_seconds: 30", "start_timeout_seconds: 180"))
    land(parcels, 1, 9)
    bring_in(parcels, served, 1, 9)
    ask(parcels.product, parcels.lake, by="ann", reason="the first", now=clock())
    models = parcels.lake.ledger.models
    try:
        served.start()
        wait_for(lambda: champion(parcels) == 1, seconds=600, what="the first champion")
        (tmp_path / "kill").touch()
        landed = land(parcels, 10, 17, **TURNED)
        wait_for(lambda: not (tmp_path / "kill").exists(), seconds=600, what="the run that is killed when its model is on record")
        assert champion(parcels) == 1
        wait_for(lambda: champion(parcels) == 2, seconds=600, what="the champion that was trained after the drift")
        wait_for(lambda: all(r.dagster_run.is_finished for r in retrains(served)), seconds=60, what="the end of its run")
        request.config.stash.setdefault(TABLES_TO_SHOW, {})["the loop, with default intervals"] = list(times(served, landed))
        with served.instance as instance:
            assert told_champion(instance, parcels.product).endswith("#2")
    finally:
        served.stop()
    assert [each.dagster_run.status.value for each in retrains(served)] == ["SUCCESS", "FAILURE", "SUCCESS"]
    assert [(each.number, each.by) for each in models.promotions("parcels")] == [(1, "policy"), (2, "policy")]
    assert len(models.models("parcels")) == 2, "what the killed run had trained was judged and promoted, not trained again"
    outcomes = [(each.id, each.outcome) for each in parcels.lake.ledger.retrains.retrains("parcels")]
    assert outcomes == [(1, "promoted"), (2, "promoted")]
    assert Registry.open(parcels.settings).aliases("parcels") == {"champion": 2, "previous": 1}
    (monitor,) = parcels.product.monitors
    reference = parcels.lake.ledger.drift.reference("parcels", monitor.name)
    trained_on = models.training_set("parcels", models.models("parcels")[-1].training_set)
    assert reference is not None and trained_on is not None
    assert {each.partition for each in reference.reference.versions} == set(trained_on.trained_on)
