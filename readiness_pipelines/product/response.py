"""What follows from drift, in Dagster: a sensor that asks for each event that waits, and a job in which it takes effect.

Both only carry. The ledger knows which events wait, and lets one run take each: a sensor may ask twice, under another name
or with a lost cursor, and a run may die and be asked for again.
"""

import functools

import dagster as dg
from pydantic import Field

from readiness_pipelines.declarations import Product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import DriftReport
from readiness_pipelines.incidents import reconcile_drift, send
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.product.asking import to_ask
from readiness_pipelines.product.model_events import tell_champion
from readiness_pipelines.product.resources import Readiness
from readiness_pipelines.product.vital import at_work, bury, is_over
from readiness_pipelines.response import Action, Effect, take_effect

EVENT_TAG = "readiness/event"
_SECONDS = 10  # between two ticks
_COLUMNS = 5  # that a tag names


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
                effect = take_effect(product, lake, config.event, run_id, is_over=ended, now=clock())
                send(product, lake, reconcile_drift(product, lake.ledger).resolved, log=context.log)
                if effect.decision is not None and effect.decision.action == Action.ROLL_BACK:
                    tell_champion(context, product, lake)
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
        told |= {"readiness/retrain": str(effect.decision.retrain)} if effect.decision.retrain else {}
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
        events = [each.event for each in reversed(waiting)]
        for event, attempt in to_ask(context.instance, settings.state, job=job.name, tag=EVENT_TAG, waiting=events):
            report = ledger.drift.report_of(event)
            requests += [_request(report, attempt)] if report is not None else []
        told = f"{len(judged)} events judged since the last look, {len(waiting)} wait, {len(requests)} asked for"
        context.log.info(told)
        return dg.SensorResult(run_requests=requests, skip_reason=None if requests else told, cursor=str(newest))

    return drifted


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
