"""What closes the loop in Dagster: a sensor that asks for what is due, jobs in which people decide, a schedule.

They only carry. The ledger knows which retrain is due, what was decided and which model is champion, and lets nothing through
that was not decided: whoever launches a job, in whatever order, however often. Dagster is told last, so that what it was told
says whether a promotion was carried out to its end.
"""

import datetime
from collections.abc import Iterator
from typing import NamedTuple

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition  # public in its use

from readiness_pipelines.declarations import ModelSpec, Product
from readiness_pipelines.flow import POLICY, SCHEDULE, digest
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.models.overview import Standing, standing
from readiness_pipelines.product.asking import ATTEMPTS, broken, is_busy, to_ask
from readiness_pipelines.product.events import target_of
from readiness_pipelines.product.keys import champion_key
from readiness_pipelines.product.model import RETRAIN_TAG, config_of, tag_of
from readiness_pipelines.product.model_checks import nothing_waits
from readiness_pipelines.product.model_events import champion_version, told_champion, told_of_what_waits
from readiness_pipelines.product.resources import Readiness
from readiness_pipelines.product.vital import bury
from readiness_pipelines.response import due, give_up

PROMOTION_TAG = "readiness/promotion"
_SECONDS = 10  # between two ticks


class _Wanted(NamedTuple):
    """A promotion that a run is to carry out, and since when it is decided (UTC)."""

    number: int
    reason: str
    decided: datetime.datetime


def loop_sensor(product: Product, retrain: UnresolvedAssetJobDefinition, promotion: dg.JobDefinition) -> dg.SensorDefinition:
    """Return the sensor that asks for a run of the retrain that is due, and of each promotion that is decided and not made.

    When others wait for a person than before, it tells Dagster: whoever trained or decided, and wherever.
    """

    @dg.sensor(
        name=f"{product.name}_loop",
        jobs=[retrain, promotion],
        minimum_interval_seconds=_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            f"Asks for {retrain.name} when a retrain is due, and for {promotion.name} when a model's promotion is decided; its "
            "cursor names what waits for a person."
        ),
    )
    def loop(context: dg.SensorEvaluationContext, readiness: Readiness) -> dg.SensorResult:
        lake, instance = Lakehouse.open(readiness.settings()), context.instance
        bury(instance, lake.settings.state)
        found = standing(product, lake, now=datetime.datetime.now(datetime.UTC))
        requests = [
            *_retrains(product, lake, instance, retrain.name),
            *_promotions(product, lake, instance, promotion.name, found),
        ]
        waits, news = _what_waits(found), told_of_what_waits(product, lake, found, instance=instance)
        if waits != (context.cursor or ""):
            news.append(nothing_waits(product, found, target_of(instance, champion_key(product))))
        told = _told(found, requests)
        context.log.info(told)
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else told,
            cursor=waits,
            asset_events=news,
        )

    return loop


def retrain_schedule(product: Product, spec: ModelSpec, retrain: UnresolvedAssetJobDefinition) -> Iterator[dg.ScheduleDefinition]:
    """Yield the schedule that asks for a retrain now and then, if one is declared."""
    every = spec.words.retraining.every
    if every is None:
        return

    @dg.schedule(
        name=f"{product.name}_retrain_schedule",
        job=retrain,
        cron_schedule=every,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Asks for a retrain of {product.name} by the clock, whether anything drifted or not.",
    )
    def by_the_clock(context: dg.ScheduleEvaluationContext, readiness: Readiness) -> dg.RunRequest | dg.SkipReason:
        paused = Lakehouse.open(readiness.settings()).ledger.retrains.paused(product.name)
        if paused is not None:
            return dg.SkipReason(f"paused by {paused.by}: {paused.reason}; `readiness resume {product.name}` lets it go on")
        tick = context.scheduled_execution_time.isoformat()
        return dg.RunRequest(run_key=tick, run_config=config_of(product, by=SCHEDULE, reason=f"by the clock ({every}), {tick}"))

    yield by_the_clock


def _retrains(product: Product, lake: Lakehouse, instance: dg.DagsterInstance, job: str) -> Iterator[dg.RunRequest]:
    """Yield the request for the retrain that is due; one whose runs have all broken is given up, so that others get their turn."""
    wanted = due(product, lake.ledger, now=clock())
    if wanted is None:
        return
    tag, state = tag_of(wanted), lake.settings.state
    for _, attempt in to_ask(instance, state, job=job, tag=RETRAIN_TAG, waiting=[tag]):
        yield dg.RunRequest(
            job_name=job,
            run_key=f"{tag}:{attempt}",
            run_config=config_of(product, retrain=wanted.id),
            tags={
                RETRAIN_TAG: tag,
                "readiness/severity": wanted.severity.value,
                "dagster/priority": str(wanted.severity.rank),  # never behind the runs of a backfill
            },
        )
    if broken(instance, RETRAIN_TAG, tag) >= ATTEMPTS and not is_busy(instance, state, job=job, tag=RETRAIN_TAG, name=tag):
        give_up(product, lake.ledger, wanted.id, why=f"{ATTEMPTS} runs of it broke: look at the newest failed run of {job}")


def _promotions(
    product: Product, lake: Lakehouse, instance: dg.DagsterInstance, job: str, found: Standing
) -> Iterator[dg.RunRequest]:
    """Yield a request for each model that is decided, and for the champion where Dagster was not told of its promotion.

    The latter only while no run is to promote another: that tells of whoever is the champion then. Neither is ever given up: what
    was decided stands for as long as an outage lasts.
    """
    wanted: dict[str, _Wanted] = {}
    for each in found.approved if found.pause is None else ():
        if each.case is not None and (review := each.case.review) is not None:
            said = f"approved by {review.by}: {review.reason}"
            wanted[review.evidence] = _Wanted(each.model.number, said, datetime.datetime.fromisoformat(review.decided_at))
    asked = list(_asked(product, lake, instance, job, wanted))
    at_work = (is_busy(instance, lake.settings.state, job=job, tag=PROMOTION_TAG, name=each) for each in wanted)
    if not asked and not any(at_work):
        asked = list(_asked(product, lake, instance, job, _untold(product, lake, instance, found)))
    yield from asked


def _asked(
    product: Product, lake: Lakehouse, instance: dg.DagsterInstance, job: str, wanted: dict[str, _Wanted]
) -> Iterator[dg.RunRequest]:
    decided = {tag: each.decided for tag, each in wanted.items()}
    for tag, attempt in to_ask(instance, lake.settings.state, job=job, tag=PROMOTION_TAG, waiting=list(wanted), decided=decided):
        each = wanted[tag]
        config = {"model": each.number, "by": POLICY, "reason": each.reason}
        yield dg.RunRequest(
            job_name=job,
            run_key=f"{tag}:{attempt}",
            run_config={"ops": {f"promote_{product.name}": {"config": config}}},
            tags={PROMOTION_TAG: tag, "readiness/model": str(each.number)},
        )


def _untold(product: Product, lake: Lakehouse, instance: dg.DagsterInstance, found: Standing) -> dict[str, _Wanted]:
    """Return the newest promotion, if whoever made it did not come to tell Dagster of it, and nobody is about to."""
    if not found.promotions or (found.retrain is not None and found.retrain.state == "started"):
        return {}
    newest, champion = found.promotions[-1], found.champion
    version = champion_version(newest, champion) if champion is not None else ""
    if not version or version == told_champion(instance, product):
        return {}
    return {version: _Wanted(newest.number, newest.reason, datetime.datetime.fromisoformat(newest.promoted_at))}


def _what_waits(found: Standing) -> str:
    """Name all that a person has to look at: another name is told to Dagster."""
    evidence = [each.case.judgement.evidence.digest for each in found.waiting if each.case]
    return ",".join([*evidence, *([digest(found.champion_doubts)] if found.champion_doubts else [])])


def _told(found: Standing, requests: list[dg.RunRequest]) -> str:
    stopped = f"; paused by {found.pause.by}: {found.pause.reason}" if found.pause is not None else ""
    return f"{len(requests)} runs asked for, {len(found.waiting)} models wait for a person{stopped}"
