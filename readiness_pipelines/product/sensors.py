"""Two of the product's sensors: files that have landed are run; what is held, missing, drifted or failed, or waits, is told.

Dagster only carries; the ledger decides what was asked for and what was told. What drift leads to is `response.py`'s.
"""

import datetime
from collections.abc import Iterator, Sequence

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster._core.execution.plan.objects import StepFailureData  # both are public in their use, private in their place

from readiness_pipelines.declarations import Product
from readiness_pipelines.incidents import reconcile, send
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.layers.waiting import RunState, WantedRun, find_waiting
from readiness_pipelines.ledger import Incident, Ledger
from readiness_pipelines.product.assets import TOLD_BY_PARTITION
from readiness_pipelines.product.loop import PROMOTION_TAG
from readiness_pipelines.product.resources import Readiness
from readiness_pipelines.product.response import EVENT_TAG
from readiness_pipelines.product.vital import bury

REQUEST_TAG = "readiness/request"
_RANGE_START, _RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
_LANDED_SECONDS, _INCIDENTS_SECONDS = 30, 60
_OVERLAP = datetime.timedelta(minutes=5)  # runs are looked at again for so long: the ledger knows which were told


def landed_sensor(product: Product, job: UnresolvedAssetJobDefinition) -> dg.SensorDefinition:
    """Return the sensor that asks for exactly the partitions with files no run has taken in."""

    @dg.sensor(
        name=f"{product.name}_landed",
        job=job,
        minimum_interval_seconds=_LANDED_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Runs the partitions of {product.name} for which files have landed; its cursor tells what waits.",
    )
    def landed(context: dg.SensorEvaluationContext, readiness: Readiness) -> dg.SensorResult | dg.SkipReason:
        now, settings = clock(), readiness.settings()
        lake = Lakehouse.open(settings)
        bury(context.instance, settings.state)
        _make_pool_known(context.instance, product)
        lake.require_catalog()
        waiting = find_waiting(product, lake, now=now, state_of=lambda key: _state_of(context.instance, key))
        told = waiting.told(now=now)
        if waiting.failing:
            context.log.error(told)
        if not waiting.runs:
            return dg.SkipReason(told)
        context.log.info(told)
        return dg.SensorResult(run_requests=[_request(run) for run in waiting.runs], cursor=told)

    return landed


def _request(run: WantedRun) -> dg.RunRequest:
    tags = {REQUEST_TAG: run.run_key}
    if len(run.partitions) == 1:
        return dg.RunRequest(run_key=run.run_key, partition_key=run.partitions[0], tags=tags)
    span = {_RANGE_START: run.partitions[0], _RANGE_END: run.partitions[-1]}
    return dg.RunRequest(run_key=run.run_key, tags={**tags, **span})


def _state_of(instance: dg.DagsterInstance, run_key: str) -> RunState:
    runs = instance.get_runs(dg.RunsFilter(tags={REQUEST_TAG: run_key}), limit=20)
    if not runs:
        return "unknown"
    return "over" if all(run.is_finished for run in runs) else "going"


def incidents_sensor(product: Product) -> dg.SensorDefinition:
    """Return the sensor that opens, tells and resolves the product's incidents. It launches nothing."""

    @dg.sensor(
        name=f"{product.name}_incidents",
        minimum_interval_seconds=_INCIDENTS_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            f"Tells the owner of {product.name} what is held, missing or drifted, which runs failed and which models wait for a "
            "person; launches nothing."
        ),
    )
    def incidents(context: dg.SensorEvaluationContext, readiness: Readiness) -> dg.SensorResult:
        started = datetime.datetime.now(datetime.UTC)
        since = datetime.datetime.fromisoformat(context.cursor) if context.cursor else started - datetime.timedelta(days=1)
        settings = readiness.settings()
        lake = Lakehouse.open(settings)
        bury(context.instance, settings.state)
        _make_pool_known(context.instance, product)
        lake.require_catalog()
        ended = _ended(context.instance, product, since - _OVERLAP)
        failed = [run for run in ended if run.status is dg.DagsterRunStatus.FAILURE]
        open_runs = [i for i in lake.ledger.incidents.newest(product.name).values() if i.kind == "run_failed" and i.is_open]
        changes = reconcile(
            product,
            lake,
            now=clock(),
            failed_runs=_told_once([i for run in failed for i in _failure(context.instance, product, run)], open_runs),
            recovered_runs=[i.subject for i in open_runs if _is_made_good(context.instance, lake.ledger, i, ended)],
        )
        delivered = send(product, lake, changes.resolved, log=context.log)
        reason = f"{len(changes.opened)} opened, {len(changes.resolved)} resolved, {delivered} messages delivered"
        return dg.SensorResult(skip_reason=reason, cursor=started.isoformat())

    return incidents


def _make_pool_known(instance: dg.DagsterInstance, product: Product) -> None:
    """Give the product's pool its limit before its first runs are queued.

    Dagster itself does so when it first meets a run of the pool, and lets all go that are queued at that moment.
    """
    storage = instance.event_log_storage
    if storage.supports_global_concurrency_limits and product.name not in storage.get_concurrency_keys():
        storage.initialize_concurrency_limit_to_default(product.name)


def _ended(instance: dg.DagsterInstance, product: Product, since: datetime.datetime) -> list[dg.DagsterRun]:
    """Return the product's runs that ended since then, well or badly, oldest first."""
    wanted = dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE], updated_after=since)
    records = instance.get_run_records(wanted, order_by="update_timestamp", ascending=True)
    return [record.dagster_run for record in records if _is_of(record.dagster_run, product)]


def _is_of(run: dg.DagsterRun, product: Product) -> bool:
    if run.asset_selection:
        return any(key.path[0] == product.name for key in run.asset_selection)
    return run.job_name in [*(f"{product.name}_{job}" for job in ("job", "maintenance", "response")), *_loop_jobs(product)]


def _loop_jobs(product: Product) -> list[str]:
    """Return the jobs that the loop's sensor asks for, and asks for again when one broke."""
    return [f"{product.name}_retrain", f"{product.name}_promotion"]


def _failure(instance: dg.DagsterInstance, product: Product, run: dg.DagsterRun) -> Iterator[Incident]:
    """Yield the run's incident, unless it failed for held or missing partitions alone: those are told one by one."""
    if _ended_at_the_gate(instance, run):
        return
    told = [t for d in _step_failures(instance, run) if (t := (d.error.message if d.error else "").strip())]
    ends = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE).records
    told = told or [e.event_log_entry.user_message for e in ends if e.event_log_entry.user_message]
    first, last = _span(run)
    yield Incident(
        product=product.name,
        kind="run_failed",
        subject=run.run_id,
        why=("; ".join(told) or "it ended before any step could say why")[:1000],
        details={
            "owner": product.contract.owner,
            "partition": first if first == last else f"{first}...{last}",
            "event": run.tags.get(EVENT_TAG, ""),
            "job": run.job_name if run.job_name in _loop_jobs(product) else "",
            "of": run.tags.get(PROMOTION_TAG, ""),
        },
    )


def _told_once(failed: Sequence[Incident], open_runs: Sequence[Incident]) -> list[Incident]:
    """Leave out failed runs of a promotion whose earlier run is told of and not made good: it is asked for every hour."""
    told = {incident.details.get("of", "") for incident in open_runs} - {""}
    return [incident for incident in failed if incident.details["of"] not in told]


def _ended_at_the_gate(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    said = [d.user_failure_data for d in _step_failures(instance, run)]
    return bool(said) and all(s is not None and TOLD_BY_PARTITION in s.metadata for s in said)


def _step_failures(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[StepFailureData]:
    records = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
    return [record.event_log_entry.get_dagster_event().step_failure_data for record in records]


def _span(run: dg.DagsterRun) -> tuple[str, str]:
    """Return the first and last partition of a run; empty where it has none."""
    one = run.tags.get("dagster/partition", "")
    return run.tags.get(_RANGE_START, one), run.tags.get(_RANGE_END, one)


def _is_made_good(instance: dg.DagsterInstance, ledger: Ledger, incident: Incident, ended: Sequence[dg.DagsterRun]) -> bool:
    """Return whether a later run covered the failed one's partitions and ended well, or at the gate alone.

    What a failed response was for is made good when nothing of it waits any more, whoever saw to that.
    """
    if event := incident.details.get("event", ""):
        return event not in {each.event for each in ledger.drift.waiting(incident.product)}
    failed = instance.get_run_record_by_id(incident.subject)
    if failed is None:
        return True  # its record was purged: nothing is left to look at
    first, last = _span(failed.dagster_run)
    for run in ended:
        record = instance.get_run_record_by_id(run.run_id)
        if record is None or record.create_timestamp <= failed.create_timestamp:
            continue
        start, end = _span(run)
        if not first and run.job_name != failed.dagster_run.job_name:
            continue  # neither has partitions: only the same work makes it good
        well = run.status is dg.DagsterRunStatus.SUCCESS or _ended_at_the_gate(instance, run)
        if well and start <= first and last <= end:
            return True
    return False
