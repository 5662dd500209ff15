"""From a drifted day to a better champion, by the product's own sensors; to a person's desk where it must; and back by hand."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from readiness_pipelines.declarations import Product
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.ledger import Ledger
from readiness_pipelines.models.registry import Registry
from readiness_pipelines.product import definitions_of
from readiness_pipelines.product.keys import champion_key
from readiness_pipelines.product.model_events import told_champion
from readiness_pipelines.product.ticks import Ran, until_quiet
from readiness_pipelines.response import request
from tests.modelled import MODEL, WATCHED, Parcels, build_parcels

pytestmark = pytest.mark.slow

SHORT = MODEL.replace("holdout_days: 3", "holdout_days: 3\n    train_days: 4\n    retraining: {cooldown_days: 0}")
TURNED = {"turned": 1.0, "dearer": 0.24}  # the cheap ones are sent back now; amounts rise by .4 deviations: PSI .16, medium drift


@dataclass
class Station:
    """The parcels in a real Dagster instance, their sensors evaluated here."""

    parcels: Parcels
    product: Product
    instance: dg.DagsterInstance
    defs: dg.Definitions

    @property
    def ledger(self) -> Ledger:
        return self.parcels.lake.ledger

    def land(self, first: int, last: int, **how: float) -> None:
        self.parcels.land(range(first, last + 1), **how)
        for file in self.parcels.settings.landing.rglob("*.csv"):
            os.utime(file, (time.time() - 60,) * 2)  # the sensor leaves alone what may still be written

    def until_quiet(self) -> Counter[str]:
        """Let the sensors do what they do, and return how often each job ran, all well."""
        ran: list[Ran] = list(until_quiet(self.product, self.defs, self.instance))
        assert all(each.succeeded for each in ran), ran
        return Counter(each.job for each in ran)

    def decide(self, job: str, **config: Any) -> None:
        op = {"parcels_review": "review_parcels", "parcels_roll_back": "roll_back_parcels"}[job]
        given = {"ops": {op: {"config": {"by": "ann", "reason": "it was looked at", **config}}}}
        assert self.defs.resolve_job_def(job).execute_in_process(instance=self.instance, run_config=given).success

    def champions(self) -> list[tuple[int, str, str]]:
        return [(each.number, each.kind, each.by) for each in self.ledger.models.promotions("parcels")]

    def aliases(self) -> dict[str, int]:
        return Registry.open(self.parcels.settings).aliases("parcels")

    def check(self) -> tuple[bool, str]:
        """Return whether nothing waits, as Dagster was told last, and what is to be done."""
        key = dg.AssetCheckKey(champion_key(self.product), "nothing_waits")
        evaluation = self.instance.event_log_storage.get_asset_check_execution_history(key, limit=1)[0].evaluation
        assert evaluation is not None
        return evaluation.passed, str(evaluation.metadata["readiness/what_to_do"].value)


@pytest.fixture
def station(
    mlflow_database: Path, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Station]:
    """The product, of the risk tier that a test asks for, with nine days of files landed."""
    tier = getattr(request, "param", "low")
    parcels = build_parcels(tmp_path, model=SHORT.replace("risk_tier: low", f"risk_tier: {tier}"), watched=WATCHED)
    parcels.settings.state.mkdir(parents=True, exist_ok=True)
    shutil.copy(mlflow_database, parcels.settings.state / "mlflow.db")
    monkeypatch.setenv("READINESS_STATE", str(parcels.settings.state))
    monkeypatch.setenv("READINESS_LANDING", str(parcels.settings.landing))
    with dg.DagsterInstance.ephemeral() as instance:
        made = Station(parcels, parcels.product, instance, definitions_of(parcels.product))
        made.land(1, 9)
        yield made


def first_champion(station: Station) -> Counter[str]:
    assert station.until_quiet() == {"parcels_job": 1}
    request(station.product, station.parcels.lake, by="ann", reason="the first", now=clock())
    return station.until_quiet()


def test_drift_leads_to_a_better_champion_without_anybodys_hand_and_back_by_one(station: Station) -> None:
    assert first_champion(station) == {"parcels_retrain": 1}
    assert station.champions() == [(1, "promoted", "policy")]
    assert station.until_quiet() == {}

    station.land(10, 17, **TURNED)
    ran = station.until_quiet()
    assert ran["parcels_job"] == 1 and ran["parcels_retrain"] == 1, "several windows drifted, and one challenger was trained"
    assert ran["parcels_response"] == len(station.ledger.drift.decisions("parcels")) > 1
    assert set(ran) == {"parcels_job", "parcels_response", "parcels_retrain"}
    assert station.champions() == [(1, "promoted", "policy"), (2, "promoted", "policy")]
    judgement = station.ledger.models.judgement("parcels", 2)
    assert judgement is not None
    better = next(each for each in judgement.verdict.judged if each.rule == "better")
    assert better.low is not None and better.low > 0.2, "a champion that has it the wrong way round"
    assert station.aliases() == {"champion": 2, "previous": 1}

    station.decide("parcels_roll_back")
    assert station.champions()[-1] == (1, "rolled_back", "ann")
    station.decide("parcels_roll_back")
    assert len(station.champions()) == 3, "executed again, it goes no further back"
    assert station.until_quiet() == {}, "what was rolled back from is not promoted again on the same evidence"
    assert station.aliases() == {"champion": 1}
    model = station.ledger.models.model("parcels", 1)
    assert model is not None and told_champion(station.instance, station.product) == f"{model.name}#3"

    request(station.product, station.parcels.lake, by="ann", reason="the same rows again", now=clock())
    assert station.until_quiet() == {"parcels_retrain": 1}
    found = station.ledger.retrains.retrains("parcels")[-1]
    assert (found.outcome, found.number) == ("waits", 2) and "it was rolled back from" in found.why
    assert len(station.champions()) == 3, "on whatever evidence, the policy does not undo what a person did"
    assert not station.check()[0]


@pytest.mark.parametrize("station", ["medium"], indirect=True)
def test_at_a_higher_risk_a_person_decides_and_the_sensor_promotes_once(station: Station) -> None:
    assert first_champion(station) == {"parcels_retrain": 1}
    assert station.champions() == []
    is_quiet, page = station.check()
    evidence = station.ledger.models.judgements("parcels")[0].evidence.digest[:12]
    assert not is_quiet and f"readiness review approve parcels 1 --evidence {evidence} --by NAME --reason WHY" in page
    told = [(each.kind, each.subject, each.state) for each in station.ledger.incidents.history("parcels") if each.kind == "waits"]
    assert told == [("waits", f"parcels/1 on evidence {evidence}", state) for state in ("opened", "notified")]
    station.decide("parcels_review", model=1, decision="APPROVE", evidence=evidence)
    assert station.champions() == [], "the decision is a row; the sensor promotes"
    assert station.until_quiet() == {"parcels_promotion": 1}
    assert station.champions() == [(1, "promoted", "policy")]
    (promotion,) = station.ledger.models.promotions("parcels")
    assert promotion.reason == "approved by ann: it was looked at"
    assert station.check()[0]
    assert station.until_quiet() == {}
