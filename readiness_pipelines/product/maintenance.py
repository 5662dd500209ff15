"""The product's maintenance in Dagster: one job of one op, asked for daily, never beside a run of the product."""

import dagster as dg

from readiness_pipelines.declarations import Product
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.lakehouse.maintenance import Maintained
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.layers.upkeep import in_words, keep_days_of, maintain_product
from readiness_pipelines.product.resources import Readiness
from readiness_pipelines.product.vital import at_work

_AT = "30 3 * * *"  # UTC: after the runs of the day that ended at midnight


def maintenance_job(product: Product) -> dg.JobDefinition:
    """Return the job that compacts, expires and sweeps the product's tables, and tells counts as metadata."""

    @dg.op(
        name=f"maintain_{product.name}",
        pool=product.name,  # that of its runs: where the instance sets a limit, the two never go side by side
        description=f"Superseded versions are kept for {keep_days_of(product):g} days; what is current, held or pinned stays.",
    )
    def maintain(context: dg.OpExecutionContext, readiness: Readiness) -> None:
        settings = readiness.settings()
        with at_work(settings.state, context.run.run_id):
            done = []
            for each in maintain_product(product, Lakehouse.open(settings), now=clock(), say=context.log.debug):
                context.log.info(_told(each))
                done.append(each)
        counts = {f"readiness/{name}": dg.MetadataValue.int(n) for name, n in in_words(done).items()}
        context.add_output_metadata({**counts, "readiness/maintenance": dg.MetadataValue.md(_page(done))})

    @dg.job(
        name=f"{product.name}_maintenance",
        description=f"Keep {product.name} small and quick: one file per partition, no version or file that nothing keeps.",
        executor_def=dg.in_process_executor,
    )
    def job() -> None:
        maintain()

    return job


def maintenance_schedule(product: Product, job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """Return the schedule that asks for maintenance once a day."""
    return dg.ScheduleDefinition(
        name=f"{product.name}_maintenance_schedule",
        job=job,
        cron_schedule=_AT,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Maintains the tables of {product.name} once a day.",
    )


def _told(done: Maintained) -> str:
    return (
        f"{done.table}: {done.compacted} partitions compacted, {done.expired} versions expired, "
        f"{done.snapshots} snapshots dropped, {done.files + done.orphans} files deleted ({done.bytes:,} bytes)"
    )


def _page(done: list[Maintained]) -> str:
    heads = ("table", "compacted", "expired", "snapshots", "files", "orphans", "bytes")
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for e in done:
        numbers = (e.compacted, e.expired, e.snapshots, e.files, e.orphans, e.bytes)
        lines.append(f"| {e.table} | " + " | ".join(f"{n:,}" for n in numbers) + " |")
    return "\n".join(lines)
