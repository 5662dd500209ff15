"""What follows from drift, in Dagster: a sensor that asks for each event that waits, and a job in which it takes effect.

Both only carry. The ledger knows which events wait, and lets one run take each: a sensor may ask twice, under another name
or with a lost cursor, and a run may die and be asked for again.
"""

import datetime
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg
from pydantic import Field

from readiness_pipelines.declarations import Product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import DriftReport
from readiness_pipelines.incidents import reconcile_drift, send
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.ledger import Waiting
from readiness_pipelines.product.resources import Readiness
from readiness_pipelines.product.vital import at_work, bury, is_at_work, is_over
from readiness_pipelines.response import Effect, take_effect

EVENT_TAG = "readiness/event"
ATTEMPTS = 3  # runs of one event that broke; after that, the failed run's own incident is what somebody looks at
_SECONDS, _AT_ONCE = 10, 10  # between two ticks; runs that are open at a time
_COLUMNS = 5  # that a tag names
_PATIENCE = datetime.timedelta(minutes=10)  # a run that has not begun to work by then never will
_NOT_ENDED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_BROKEN = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


class Event(dg.Config):
    """The event that is to take effect."""

    event: str = Field(description="Digest of the event, whole: `readiness drift show` and the drift asset name it.")


def response_job(product: Product) -> dg.JobDefinition:
    """Return the job that lets one event take effect, and tells what became of it."""

    @dg.op(name=f"respond_{product.name}", description="Claim the event, decide, record: once, whoever runs it again.")
    def respond(context: dg.OpExecutionContext, config: Event, readiness: Readiness) -> None:
        settings, instance, run_id = readiness.settings(), context.instance, context.run.run_id
        if EVENT_TAG not in context.run.tags:  # it was launched by hand, and the sensor looks for it
            instance.add_run_tags(run_id, {EVENT_TAG: config.event})
        try:
            with at_work(settings.state, run_id):
                lake = Lakehouse.open(settings)
                ended = functools.partial(is_over, instance, settings.state)
                effect = take_effect(product, lake.ledger, config.event, run_id, is_over=ended)
                send(product, lake, reconcile_drift(product, lake.ledger).resolved, log=context.log)
        except ReadinessError as error:
            raise dg.Failure(str(error)) from error
        _end(context, effect)

    @dg.job(
        name=f"{product.name}_response",
        description=f"Decide what follows from one event of drift in {product.name}, and record it: exactly once.",
        executor_def=dg.in_process_executor,
    )
    def job() -> None:
        respond()

    return job


def _end(context: dg.OpExecutionContext, effect: Effect) -> None:
    if effect.state == "unknown":
        raise dg.Failure(str(effect), allow_retries=False)
    context.log.info(str(effect))
    told = {"readiness/effect": effect.state, "readiness/what": str(effect)}
    if effect.decision is not None:
        told |= {"readiness/action": effect.decision.action, "readiness/severity": effect.decision.severity.value}
    context.add_output_metadata(told)


def drift_sensor(product: Product, job: dg.JobDefinition) -> dg.SensorDefinition:
    """Return the sensor that asks for a run of the response job per event that waits, those of the newest windows first."""

    @dg.sensor(
        name=f"{product.name}_drift",
        job=job,
        minimum_interval_seconds=_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Asks for {job.name} once per event of drift; its cursor is the number of the newest judgement it has seen.",
    )
    def drifted(context: dg.SensorEvaluationContext, readiness: Readiness) -> dg.SensorResult:
        settings = readiness.settings()
        ledger = Lakehouse.open(settings).ledger
        bury(context.instance, settings.state)
        cursor = context.cursor or ""
        seen = int(cursor) if cursor.isdecimal() else 0
        newest, judged = ledger.drift.judged_after(product.name, seen)
        monitors = {monitor.name for monitor in product.monitors}
        waiting = [each for each in ledger.drift.waiting(product.name) if each.monitor in monitors]
        requests = []
        for each, attempt in _due(context.instance, settings.state, job.name, waiting):
            report = ledger.drift.report_of(each.event)
            requests += [_request(report, attempt)] if report is not None else []
        told = f"{len(judged)} events judged since the last look, {len(waiting)} wait, {len(requests)} asked for"
        context.log.info(told)
        return dg.SensorResult(run_requests=requests, skip_reason=None if requests else told, cursor=str(newest))

    return drifted


def _due(instance: dg.DagsterInstance, state: Path, job: str, waiting: Sequence[Waiting]) -> Iterator[tuple[Waiting, int]]:
    """Yield what waits and nobody is at, with the number of the attempt; as many as may be open beside those that are."""
    records = instance.get_run_records(dg.RunsFilter(job_name=job, statuses=_NOT_ENDED))
    open_ = [record.dagster_run for record in records if _is_open(record, state)]
    busy, room = {run.tags.get(EVENT_TAG) for run in open_}, _AT_ONCE - len(open_)
    for each in reversed(waiting):
        if room <= 0:
            return
        if each.event in busy:
            continue
        tags = {EVENT_TAG: each.event}
        if instance.get_runs_count(dg.RunsFilter(tags=tags, statuses=_BROKEN)) < ATTEMPTS:
            room -= 1
            yield each, instance.get_runs_count(dg.RunsFilter(tags=tags)) + 1


def _is_open(record: dg.RunRecord, state: Path) -> bool:
    """Return whether a run that has not ended may still do something: one killed before it took its lock never ends."""
    if record.dagster_run.status is dg.DagsterRunStatus.QUEUED:
        return True
    age = datetime.datetime.now(datetime.UTC) - record.create_timestamp
    return age < _PATIENCE or is_at_work(state, record.dagster_run.run_id)


def _request(report: DriftReport, attempt: int) -> dg.RunRequest:
    measured, columns = report.measured, report.columns
    more = f" +{len(columns) - _COLUMNS}" if len(columns) > _COLUMNS else ""
    return dg.RunRequest(
        run_key=f"{report.event}:{attempt}",
        run_config={"ops": {f"respond_{measured.product}": {"config": {"event": report.event}}}},
        tags={
            EVENT_TAG: report.event,
            "readiness/severity": report.severity.value,
            "readiness/monitor": measured.monitor,
            "readiness/window": str(measured.window),
            "readiness/columns": ",".join(columns[:_COLUMNS]) + more,
            "dagster/priority": str(report.severity.rank),  # never behind the runs of a backfill
        },
    )
