"""The loop's sensor asks for what is due and decided; people decide in jobs; nothing is promoted that was not decided."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.definitions.sensor_definition import SensorExecutionData

from readiness_pipelines.declarations import Product
from readiness_pipelines.flow import Evidence, Promotion, Severity, Status
from readiness_pipelines.incidents.alert import message
from readiness_pipelines.ledger import Ledger
from readiness_pipelines.models.evidence import evidence_of
from readiness_pipelines.product import definitions_of
from readiness_pipelines.product.asking import ATTEMPTS
from readiness_pipelines.product.keys import challenger_key, champion_key
from readiness_pipelines.product.resources import READINESS
from readiness_pipelines.product.vital import at_work
from readiness_pipelines.response import retrain
from tests import challenged
from tests.modelled import Parcels, build_parcels
from tests.rested import let_be_older, let_pass

STARTED, FAILURE, SUCCESS = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS
RETRAIN, PROMOTION = "parcels_retrain", "parcels_promotion"
SIGNED = {"by": "ann", "reason": "it was looked at"}


@dataclass
class Station:
    """The parcels in a real Dagster instance."""

    parcels: Parcels
    product: Product
    defs: dg.Definitions
    instance: dg.DagsterInstance

    @property
    def ledger(self) -> Ledger:
        return self.parcels.lake.ledger

    def tick(self, cursor: str | None = None) -> SensorExecutionData:
        """Evaluate the sensor once, as the daemon does."""
        (sensor,) = [each for each in self.defs.sensors or () if each.name == "parcels_loop"]
        context = dg.build_sensor_context(
            instance=self.instance, cursor=cursor, definitions=self.defs, resources={"readiness": READINESS}
        )
        return sensor.evaluate_tick(context)

    def asked(self) -> list[tuple[str | None, str]]:
        """Return job and run key of each request, without the time at which a retrain was asked for."""
        return [(each.job_name, _untimed(each.run_key or "")) for each in self.tick().run_requests or []]

    def add_run(self, request: dg.RunRequest, status: dg.DagsterRunStatus) -> dg.DagsterRun:
        """Let the instance know a run that was asked for so."""
        assert request.job_name is not None
        job = self.defs.resolve_job_def(request.job_name)
        return self.instance.create_run_for_job(job, run_config=request.run_config, status=status, tags=request.tags)

    def run(self, name: str, **config: Any) -> dg.ExecuteInProcessResult:
        """Run one of the jobs in which people decide."""
        op = {"promotion": "promote_parcels", "review": "review_parcels", "roll_back": "roll_back_parcels"}[name]
        job = self.defs.resolve_job_def(f"parcels_{name}")
        return job.execute_in_process(
            instance=self.instance, run_config={"ops": {op: {"config": config | SIGNED}}}, raise_on_error=False
        )

    def judged(self, artifact: str = "a1", *, status: Status = Status.PASSED, severity: Severity = Severity.NONE) -> Evidence:
        """Put a model with a verdict on record, as a retrain does; nothing of it was trained."""
        assert self.product.model is not None
        used = challenged.asked_as_declared(self.product, challenged.training_set(product="parcels"))
        self.ledger.models.record_training_set(used)
        made = self.ledger.models.record_model(challenged.model(artifact, product="parcels", of=used))
        champion = self.ledger.models.champion("parcels")
        said = replace(challenged.verdict(made, status=status, against=champion), demands=self.product.model.demands)
        about = evidence_of(self.product, made, said, severity=severity)
        self.ledger.models.record_verdict(said, about)
        return about

    def promoted(self, artifact: str) -> Promotion:
        """Put a promotion on record, as the command line does; Dagster hears nothing of it."""
        about = self.judged(artifact)
        self.ledger.models.record_review(challenged.review(about))
        made = self.ledger.models.promote(challenged.promotion(about), after=0, check=lambda _: None)
        assert made is not None
        return made

    def report(self, result: SensorExecutionData) -> None:
        """Let the instance know what the sensor has told, as the daemon does."""
        for event in result.asset_events:
            self.instance.report_runless_asset_event(event)

    def challengers(self) -> list[dg.AssetMaterialization]:
        """Return the challengers that Dagster was told of, the newest first."""
        wanted = dg.AssetRecordsFilter(asset_key=challenger_key(self.product))
        found = [each.asset_materialization for each in self.instance.fetch_materializations(wanted, limit=10).records]
        return [each for each in found if each is not None]

    def waits_check(self) -> tuple[bool, str]:
        """Return whether the newest `nothing_waits` passed, and what it said."""
        history = self.instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(champion_key(self.product), "nothing_waits"), limit=1
        )
        evaluation = history[0].evaluation
        assert evaluation is not None
        return evaluation.passed, str(evaluation.metadata["readiness/what_to_do"].value)


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Product, dg.Definitions]:
    """The product at risk tier medium, as no test here changes it."""
    parcels = build_parcels(tmp_path_factory.mktemp("declared"))
    parcels.declare("risk_tier: low", 'risk_tier: medium\n    retraining: {every: "0 4 * * 1"}')
    return parcels.product, definitions_of(parcels.product)


@pytest.fixture
def station(declared: tuple[Product, dg.Definitions], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Station]:
    parcels = Parcels(tmp_path)  # its ledger and lakehouse, with nothing in them
    monkeypatch.setenv("READINESS_STATE", str(parcels.settings.state))
    monkeypatch.setenv("READINESS_LANDING", str(parcels.settings.landing))
    with dg.DagsterInstance.ephemeral() as instance:
        yield Station(parcels, *declared, instance)


def _untimed(key: str) -> str:
    before, _, rest = key.partition(" of ")
    return f"{before}:{rest.rpartition(':')[2]}" if rest else key


# retrains


def test_with_nothing_to_do_it_says_so(station: Station) -> None:
    result = station.tick()
    assert not result.run_requests and not result.asset_events
    assert result.skip_message == "0 runs asked for, 0 models wait for a person"


def test_a_retrain_that_is_due_is_one_run_ahead_of_a_backfill(station: Station) -> None:
    ask(station, "e1", "e2", severity=Severity.HIGH)
    (request,) = station.tick().run_requests or []
    assert request.job_name == RETRAIN
    assert request.run_config == {"ops": {"parcels_model": {"config": {"retrain": 1}}}}
    assert (request.tags["dagster/priority"], request.tags["readiness/severity"]) == ("3", "high")
    station.add_run(request, STARTED)
    assert station.asked() == [], "a run is at it"


def test_a_retrain_is_not_asked_for_before_its_time(station: Station) -> None:
    ask(station, "e1", not_before=(datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)).isoformat())
    assert station.asked() == []


def test_a_paused_loop_asks_for_nothing_and_says_who_paused_it(station: Station) -> None:
    ask(station, "e1")
    approve(station, station.judged())
    station.ledger.retrains.pause("parcels", by="ann", reason="the labels are late")
    result = station.tick()
    assert not result.run_requests
    assert result.skip_message == "0 runs asked for, 0 models wait for a person; paused by ann: the labels are late"
    station.ledger.retrains.resume("parcels", by="ann", reason="they came")
    assert [job for job, _ in station.asked()] == [RETRAIN, PROMOTION]


def test_a_retrain_whose_runs_break_is_asked_for_after_1_10_and_60_minutes_and_then_given_up(station: Station) -> None:
    ask(station, "e1")
    keys = []
    for minutes in (1, 10, 60, 0):
        keys += station.asked()
        (request,) = station.tick().run_requests or []
        station.add_run(request, FAILURE)
        if minutes:
            assert station.asked() == []
            assert station.ledger.retrains.in_flight("parcels") is not None
        let_pass(station.instance, minutes)
    assert keys == [(RETRAIN, f"parcels/1:{attempt}") for attempt in (1, 2, 3, 4)]
    assert station.asked() == []
    found = station.ledger.retrains.retrain("parcels", 1)
    assert found is not None and (found.state, found.outcome) == ("ended", "broken")
    assert "4 runs of it broke" in found.why
    ask(station, "e2")
    assert station.asked() == [(RETRAIN, "parcels/2:1")], "the next one does not wait behind it for ever"


def test_a_retrain_is_not_given_up_while_its_last_run_works(station: Station) -> None:
    ask(station, "e1")
    (request,) = station.tick().run_requests or []
    for _ in range(ATTEMPTS):
        station.add_run(request, FAILURE)
    run = station.add_run(request, STARTED)  # launched by hand
    with at_work(station.parcels.settings.state, run.run_id):
        assert station.asked() == []
    found = station.ledger.retrains.in_flight("parcels")
    assert found is not None and found.state == "requested"


# what waits, and what is decided


def test_what_waits_for_a_person_is_told_once_with_the_command(station: Station) -> None:
    about = station.judged(severity=Severity.CRITICAL)
    first = station.tick()
    station.report(first)
    event = first.asset_events[-1]
    assert isinstance(event, dg.AssetCheckEvaluation)
    assert (event.check_name, event.passed, event.severity) == ("nothing_waits", False, dg.AssetCheckSeverity.WARN)
    page = str(event.metadata["readiness/what_to_do"].value)
    assert "**Model 1 waits for a person**" in page and "risk tier medium, asked for by critical drift" in page
    assert f"readiness review approve parcels 1 --evidence {about.digest[:12]} --by NAME --reason WHY" in page
    assert station.tick(first.cursor).asset_events == []
    approve(station, about, is_approved=False)
    (event,) = station.tick(first.cursor).asset_events
    assert isinstance(event, dg.AssetCheckEvaluation) and event.passed


def test_a_model_that_waits_is_the_challenger_that_dagster_shows_though_no_run_has_trained_it(station: Station) -> None:
    about = station.judged(status=Status.UNDECIDED)
    first = station.tick()
    assert [each.check_name for each in first.asset_events if isinstance(each, dg.AssetCheckEvaluation)] == [
        "verdict",
        "better",
        "nothing_waits",
    ]
    station.report(first)
    (told,) = station.challengers()
    assert (told.tags or {})["dagster/data_version"] == "a1"
    assert told.metadata["readiness/evidence"].value == about.digest
    assert str(told.metadata["readiness/verdict"].value).startswith("**Model 1 against the declared baseline: undecided.**")
    assert told.metadata["readiness/card"].value == "card.html beside the artifact of MLflow's run run-a1"
    (record,) = station.instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(challenger_key(station.product), "verdict"), limit=5
    )
    assert record.evaluation is not None and not record.evaluation.passed
    assert station.tick(first.cursor).asset_events == []
    station.judged("a2", status=Status.FAILED)
    assert station.tick(first.cursor).asset_events == [], "the first still waits, and was told"


def test_the_same_model_on_other_evidence_is_told_again(station: Station) -> None:
    station.judged()
    station.report(station.tick())
    assert station.product.model is not None
    made = station.ledger.models.models("parcels")[0]
    challenged.challenge(station.product, station.ledger, made=made, severity=Severity.CRITICAL)
    station.report(station.tick())
    digests = [each.metadata["readiness/evidence"].value for each in station.challengers()]
    assert digests == [each.evidence.digest for each in reversed(station.ledger.models.judgements("parcels"))]


def test_a_retrain_at_work_tells_of_its_own_challenger_and_if_it_did_not_the_sensor_does(station: Station) -> None:
    ask(station, "e1")
    started = station.ledger.retrains.start("parcels", 1, "some run", is_over=lambda _: False)
    assert started is not None
    station.judged()
    first = station.tick()
    station.report(first)
    assert len(first.asset_events) == 1 and station.challengers() == []
    station.ledger.retrains.end(replace(started, outcome="waits", why="a person decides", number=1))
    station.report(station.tick(first.cursor))
    (told,) = station.challengers()
    assert (told.metadata["readiness/retrain"].value, told.metadata["readiness/asked_because"].value) == (1, "it drifted")


def test_a_champion_that_has_learned_from_what_was_erased_since_is_told_once_with_what_to_do(station: Station) -> None:
    station.promoted("a1")
    before = station.tick()
    assert before.asset_events == []
    (used,) = station.ledger.models.training_sets("parcels")
    station.ledger.upkeep.record_expired(used.versions)
    told = station.tick(before.cursor)
    (event,) = told.asset_events
    assert isinstance(event, dg.AssetCheckEvaluation)
    assert (event.check_name, event.passed) == ("nothing_waits", False)
    assert f"it was trained on {used.versions[0]} (not kept any more: somebody in it was erased)" in (event.description or "")
    page = str(event.metadata["readiness/what_to_do"].value)
    assert "**The champion, model 1**" in page and "`readiness retrain parcels`" in page
    assert station.tick(told.cursor).asset_events == []


def test_what_is_approved_is_promoted_once_by_a_run_that_names_who_decided(station: Station) -> None:
    about = station.judged()
    assert station.asked() == []
    approve(station, about)
    (request,) = station.tick().run_requests or []
    assert request.job_name == PROMOTION and request.run_key == f"{about.digest}:1"
    config = request.run_config["ops"]["promote_parcels"]["config"]
    assert config == {"model": 1, "by": "policy", "reason": "approved by ann: it was looked at"}
    station.add_run(request, STARTED)
    assert station.asked() == []


def test_what_is_approved_is_asked_for_after_1_10_and_60_minutes_and_every_hour_as_long_as_it_stands(station: Station) -> None:
    about = station.judged()
    approve(station, about)
    for attempt, minutes in enumerate((1, 10, 60, 60, 60), start=1):
        (request,) = station.tick().run_requests or []
        assert request.run_key == f"{about.digest}:{attempt}"
        station.add_run(request, FAILURE)
        let_pass(station.instance, minutes - 1)
        assert station.asked() == []
        let_pass(station.instance, 1)
    approve(station, about, is_approved=False)
    assert station.asked() == [], "it does not stand any more"


def test_runs_that_broke_before_the_newest_decision_do_not_count(station: Station) -> None:
    about = station.judged()
    approve(station, about)
    (request,) = station.tick().run_requests or []
    for _ in range(3):
        station.add_run(request, FAILURE)
    assert station.asked() == []
    let_be_older(station.instance, 1)
    approve(station, about)
    assert station.asked() == [(PROMOTION, f"{about.digest}:4")], "at once, under a key of its own"


def test_an_approval_that_was_taken_back_or_has_expired_asks_for_nothing(station: Station) -> None:
    first = station.judged("a1")
    approve(station, first)
    approve(station, first, is_approved=False)
    second = station.judged("a2")
    station.ledger.models.record_review(challenged.review(second, for_=datetime.timedelta(seconds=-1)))
    assert station.asked() == []


def test_a_promotion_that_dagster_was_not_told_of_is_carried_to_its_end(station: Station) -> None:
    made = station.promoted("a1")
    (request,) = station.tick().run_requests or []
    assert (request.job_name, request.run_key) == (PROMOTION, "parcels/1@a1#1:1")
    assert request.run_config["ops"]["promote_parcels"]["config"]["model"] == made.number
    tell(station, "parcels/1@a1#1")
    assert station.asked() == []


@pytest.mark.slow
def test_a_promotion_that_breaks_again_and_again_is_one_incident(station: Station) -> None:
    approve(station, station.judged())
    (sensor,) = [each for each in station.defs.sensors or () if each.name == "parcels_incidents"]
    for _ in range(2):
        (request,) = station.tick().run_requests or []
        station.instance.report_run_failed(station.add_run(request, STARTED))
        context = dg.build_sensor_context(instance=station.instance, definitions=station.defs, resources={"readiness": READINESS})
        sensor.evaluate_tick(context)
        let_pass(station.instance, 10)
    (incident,) = [each for each in station.ledger.incidents.newest("parcels").values() if each.kind == "run_failed"]
    assert incident.is_open and "after 1, 10 and 60 minutes, then every hour" in message(station.product, incident)[1]


def test_what_dagster_was_not_told_of_is_not_kept_waiting_by_an_approved_model_that_cannot_be_promoted(station: Station) -> None:
    station.promoted("a1")
    approve(station, station.judged("a2"))
    (request,) = station.tick().run_requests or []
    assert request.run_config["ops"]["promote_parcels"]["config"]["model"] == 2, "its run tells of the champion then"
    run = station.add_run(request, STARTED)
    assert station.asked() == []
    station.instance.report_run_failed(run)
    assert station.asked() == [(PROMOTION, "parcels/1@a1#1:1")]
    let_pass(station.instance, 1)
    assert [each.run_config["ops"]["promote_parcels"]["config"]["model"] for each in station.tick().run_requests or []] == [2]


def test_a_run_begins_a_retrain_as_often_as_it_is_asked_for() -> None:
    assert retrain.ATTEMPTS == ATTEMPTS


def test_a_retrain_at_work_tells_of_its_own_promotion(station: Station) -> None:
    station.promoted("a1")
    ask(station, "e1")
    assert station.ledger.retrains.start("parcels", 1, "some run", is_over=lambda _: False) is not None
    assert PROMOTION not in [job for job, _ in station.asked()]


# the jobs


def test_a_person_decides_in_a_job_and_the_check_says_so(station: Station) -> None:
    about = station.judged()
    result = station.run("review", model=1, decision="APPROVE", evidence=about.digest[:12], days=3)
    assert result.success
    (review,) = station.ledger.models.reviews(about.digest)
    until = datetime.datetime.fromisoformat(review.expires_at) - datetime.datetime.now(datetime.UTC)
    assert (review.decision, review.by) == ("approved", "ann") and 2.9 < until / datetime.timedelta(days=1) <= 3
    assert station.waits_check()[0]
    assert station.run("review", model=1, decision="REJECT").success
    assert station.ledger.models.reviews(about.digest)[-1].decision == "rejected"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"model": 2, "decision": "APPROVE", "evidence": "0123456789"}, "found no model 2"),
        (
            {"model": 1, "decision": "APPROVE", "evidence": ""},
            "found no evidence, expected the first 12 digits of what was looked at",
        ),
        ({"model": 1, "decision": "APPROVE", "evidence": "0123456789"}, "found evidence '0123456789'"),
        ({"model": 1, "decision": "APPROVE", "days": 4000}, "found 4000 days"),
    ],
)
def test_a_decision_that_cannot_be_taken_fails_its_run_in_one_line(station: Station, config: dict[str, Any], said: str) -> None:
    about = station.judged()
    assert said in failure(station.run("review", **{"evidence": about.digest[:12], **config}))
    assert station.ledger.models.reviews(about.digest) == []


def test_the_config_that_the_check_tells_decides_about_what_it_told(station: Station) -> None:
    about = station.judged()
    station.report(station.tick())
    _, page = station.waits_check()
    (told,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    config = yaml.safe_load(told)
    assert station.defs.resolve_job_def("parcels_review").execute_in_process(instance=station.instance, run_config=config).success
    (review,) = station.ledger.models.reviews(about.digest)
    assert (review.decision, review.by, review.reason) == ("approved", "NAME", "WHY")


def test_the_job_says_which_config_it_wants_and_when_the_model_is_promoted(station: Station) -> None:
    said = station.defs.resolve_job_def("parcels_review").description or ""
    assert 'evidence: "5d1c0e7ab394"' in said and "`readiness review show parcels 3`" in said
    assert "promoted within a minute, unless the loop is paused or something stands against it" in said


def test_no_run_promotes_what_nobody_decided(station: Station) -> None:
    station.judged()
    assert "no decision about this evidence" in failure(station.run("promotion", model=1))
    assert "found no champion" in failure(station.run("roll_back"))
    assert station.ledger.models.promotions("parcels") == []


# the schedule


def test_the_schedule_asks_in_its_own_name_and_not_while_the_loop_is_paused(station: Station) -> None:
    defs = station.defs
    (schedule,) = [each for each in defs.schedules or () if each.name == "parcels_retrain_schedule"]
    assert isinstance(schedule, dg.ScheduleDefinition)
    tick = datetime.datetime(2025, 1, 20, 4, tzinfo=datetime.UTC)
    context = dg.build_schedule_context(
        instance=station.instance,
        scheduled_execution_time=tick,
        resources={"readiness": READINESS},
        repository_def=defs.get_repository_def(),
    )
    (request,) = schedule.evaluate_tick(context).run_requests or []
    config = request.run_config["ops"]["parcels_model"]["config"]
    assert config["by"] == "schedule" and "0 4 * * 1" in config["reason"]
    station.ledger.retrains.pause("parcels", by="ann", reason="the labels are late")
    skipped = schedule.evaluate_tick(context)
    assert not skipped.run_requests and "paused by ann: the labels are late" in (skipped.skip_message or "")


def ask(station: Station, *events: str, severity: Severity = Severity.MEDIUM, not_before: str = "") -> None:
    wanted = challenged.retrain(*events, product="parcels", severity=severity)
    station.ledger.retrains.request(replace(wanted, not_before=not_before))


def approve(station: Station, about: Evidence, *, is_approved: bool = True) -> None:
    station.ledger.models.record_review(challenged.review(about, approve=is_approved))


def tell(station: Station, version: str) -> None:
    """Tell Dagster of a champion, as the end of a run does."""
    station.instance.report_runless_asset_event(
        dg.AssetMaterialization(champion_key(station.product), tags={"dagster/data_version": version})
    )


def failure(result: dg.ExecuteInProcessResult) -> str:
    assert not result.success
    (found,) = [event for event in result.all_events if event.is_step_failure]
    assert found.step_failure_data.user_failure_data is not None
    return str(found.step_failure_data.user_failure_data.description)
