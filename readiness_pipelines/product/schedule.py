"""The product's schedule: each partition is run when it has ended, and none after the last."""

import datetime

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition  # public in its use

from readiness_pipelines.declarations import Product
from readiness_pipelines.layers.calendar import STEPS, key_of
from readiness_pipelines.product.assets import partitions_of


def partition_schedule(product: Product, job: UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """Return the schedule that asks for the partition that ended at or just before the tick.

    Before the calendar's first partition has ended, and after the step that follows its last, it asks for nothing:
    Dagster's own schedule of a partitioned job would run the last partition again at every tick, for ever.
    """

    @dg.schedule(
        name=f"{product.name}_job_schedule",
        job=job,
        cron_schedule=partitions_of(product).get_cron_schedule(),
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Runs each partition of {product.name} when it has ended.",
    )
    def ended(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        partitions, tick = product.declaration.partitions, context.scheduled_execution_time
        moment = tick.astimezone(datetime.UTC).replace(tzinfo=None) - STEPS[partitions.every]
        if not partitions.start <= moment.date() <= (product.last_due or datetime.date.max):
            return dg.SkipReason(f"the calendar of {product.name} runs from {partitions.start} to {product.last_due or 'no end'}")
        key = key_of(product, moment)
        return dg.RunRequest(run_key=key, partition_key=key)

    return ended
