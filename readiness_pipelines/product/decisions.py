"""What people decide, as jobs with typed config: each writes the decision into the ledger and runs its partition.

The partition is run through the table and all that is made from it, and Dagster is told as a run of the product would tell it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from readiness_pipelines.declarations import Bronze, Gold, Product, Silver
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.lakehouse.quarantine import quarantine_table
from readiness_pipelines.layers import StepResult, decisions, exported, run_step
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.layers.effect import why_not_in_effect
from readiness_pipelines.layers.left_out import left_out
from readiness_pipelines.layers.quarantine import Signed, purge
from readiness_pipelines.ledger import Correction
from readiness_pipelines.models.scoring import scorer_of
from readiness_pipelines.product import events
from readiness_pipelines.product.assets import GATE
from readiness_pipelines.product.keys import asset_key, quarantine_key
from readiness_pipelines.product.resources import Readiness
from readiness_pipelines.product.vital import at_work

Table = Bronze | Silver | Gold


class Decision(dg.Config):
    """What every decision says: of which partition of which table, by whom, why."""

    table: str = Field(description="Leaf name of the table.")
    partition: str = Field(description="Key of the partition.")
    by: str = Field(description="Who decides; kept with the decision.")
    reason: str = Field(description="Why; kept with the decision.")


class Release(Decision):
    """Corrected values, or rules waived for rows."""

    values: str | None = Field(default=None, description="Path of the corrected csv of an export, on the host that runs the job.")
    waive: list[str] = Field(default=[], description="Rules to waive for the rows.")
    rows: list[str] = Field(default=[], description="Row ids, with `waive`.")


class Discard(Decision):
    """Rows to set aside."""

    rows: list[str] = Field(description="Row ids.")


class Admit(Decision):
    """A held candidate to let through."""

    rules: list[str] = Field(default=[], description="Failed rules to waive; none: all that hold it.")


class Withdraw(Decision):
    """A version to take back."""

    to: str = Field(description="Version to put in its place: at least six characters of its key, or `nothing`.")


class Purge(dg.Config):
    """Old rows of all quarantines of the product."""

    older_than_days: float = Field(description="Days since a row was refused.")
    by: str = Field(description="Who decides; kept with the decision.")
    reason: str = Field(description="Why; kept with the decision.")


def decision_jobs(product: Product) -> list[dg.JobDefinition]:
    """Return the jobs `<product>_release`, `_discard`, `_admit`, `_withdraw` and `_purge`."""
    pool = product.name  # that of its runs: where the instance sets a limit, they never go side by side

    @dg.op(name=f"release_{product.name}", pool=pool)
    def release(context: dg.OpExecutionContext, config: Release, readiness: Readiness) -> None:
        _decide(context, product, readiness, config)

    @dg.op(name=f"discard_{product.name}", pool=pool)
    def discard(context: dg.OpExecutionContext, config: Discard, readiness: Readiness) -> None:
        _decide(context, product, readiness, config)

    @dg.op(name=f"admit_{product.name}", pool=pool)
    def admit(context: dg.OpExecutionContext, config: Admit, readiness: Readiness) -> None:
        _decide(context, product, readiness, config)

    @dg.op(name=f"withdraw_{product.name}", pool=pool)
    def withdraw(context: dg.OpExecutionContext, config: Withdraw, readiness: Readiness) -> None:
        _decide(context, product, readiness, config)

    @dg.op(name=f"purge_{product.name}", pool=pool)
    def purge_(context: dg.OpExecutionContext, config: Purge, readiness: Readiness) -> None:
        _purge(context, product, readiness, config)

    told = {  # a repository takes no job and op of one name
        release: "Let quarantined rows pass the gate again, with corrected values or with rules waived.",
        discard: "Set quarantined rows aside for good: counted as dropped, named `discarded`.",
        admit: "Waive failed rules for one held candidate.",
        withdraw: "Put an earlier version of a partition back, or nothing.",
        purge_: "Take old rows out of quarantine that nobody can need.",
    }
    return [_job(product, op, f"{words} Who and why are kept in the ledger.") for op, words in told.items()]


def _job(product: Product, op: dg.OpDefinition, description: str) -> dg.JobDefinition:
    @dg.job(
        name=f"{product.name}_{op.name.removesuffix(f'_{product.name}')}",
        description=description,
        executor_def=dg.in_process_executor,
    )
    def job() -> None:
        op()

    return job


def _decide(context: dg.OpExecutionContext, product: Product, readiness: Readiness, config: Decision) -> None:
    settings = readiness.settings()
    try:
        with at_work(settings.state, context.run.run_id):
            lake = Lakehouse.open(settings)
            lake.require_catalog()
            table = product.by_name.get(config.table)
            if table is None:
                raise ReadinessError(f"found no table {config.table!r}, expected one of: {', '.join(product.by_name)}")
            before = lake.ledger.current_version(table.full_name, config.partition)
            said, is_news = _record(lake, table, config)
            context.log.info(f"{'recorded' if is_news else 'known already'}: {said.kind} of {len(said.subjects)} by {said.by}")
            results = list(_run(context, product, lake, table, config.partition))
            for line in left_out(lake, said, before):
                context.log.warning(line)
            why = why_not_in_effect(lake, product, table, said)
    except ReadinessError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    _end(context, said, results, why)


def _record(lake: Lakehouse, table: Table, config: Decision) -> tuple[Correction, bool]:
    place, signed = (lake, table, config.partition), Signed(config.by, config.reason)
    match config:
        case Release(values=str() as path, waive=[], rows=[]):
            return decisions.release_values(*place, exported.read(Path(path)), signed=signed)
        case Release(values=None):
            return decisions.release_waived(*place, config.rows, config.waive, signed=signed)
        case Discard():
            return decisions.discard(*place, config.rows, signed=signed)
        case Admit():
            return decisions.admit(*place, rules=config.rules, signed=signed)[:2]
        case Withdraw():
            return decisions.withdraw(*place, to=config.to, signed=signed)
    raise ReadinessError("found values beside waive or rows, expected either values, or waive with rows")


def _run(context: dg.OpExecutionContext, product: Product, lake: Lakehouse, first: Table, partition: str) -> Iterator[StepResult]:
    """Run the partition of the table and of all that is made from it, and tell Dagster of each."""
    names, scorer = {first.name}, scorer_of(product, lake.settings)
    for table in product.tables:
        if table.name not in names and names.isdisjoint(table.upstream):
            continue
        names.add(table.name)
        result = run_step(lake, lake.settings, product, table.name, partition, scorer=scorer)
        for event in _events(context, product, lake, table, result) if result.verdict is not None else ():
            context.log_event(event)
        yield result


def _events(context: dg.OpExecutionContext, product: Product, lake: Lakehouse, table: Table, result: StepResult) -> Iterator[Any]:
    key = asset_key(table)
    if result.is_published:
        yield events.materialisation(lake, product, table, key, result)
    yield events.quarantine_materialisation(table, quarantine_key(table), result)
    checks = {GATE, *(rule.name for rule in table.suite.rules)}
    yield from events.evaluations(context.instance, product, table, key, [result], checks, is_range=False)


def _end(context: dg.OpExecutionContext, said: Correction, results: list[StepResult], why: str) -> None:
    """Tell what became of each table; fail where the decision is not in effect, and where one is held without having been
    withdrawn."""
    told = {f"readiness/{r.table.rpartition('.')[2]}": r.kind for r in results}
    if why:
        raise dg.Failure(why, metadata=told, allow_retries=False)
    bad = [f"{r.table}/{r.partition} {r.kind}: {r.why}" for r in results if r.is_bad]
    if bad and said.kind != "withdraw":
        raise dg.Failure("recorded and in effect, and held all the same: " + "\n".join(bad), metadata=told, allow_retries=False)
    context.add_output_metadata(told)


def _purge(context: dg.OpExecutionContext, product: Product, readiness: Readiness, config: Purge) -> None:
    settings = readiness.settings()
    try:
        with at_work(settings.state, context.run.run_id):
            lake = Lakehouse.open(settings)
            lake.require_catalog()
            signed = Signed(config.by, config.reason)
            done = [
                said
                for table in product.tables
                if lake.find(quarantine_table(table.full_name)) is not None
                for said in purge(lake, table.full_name, older_than_days=config.older_than_days, now=clock(), signed=signed)
            ]
    except ReadinessError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    context.add_output_metadata({"readiness/rows_purged": sum(said.payload["rows"] for said in done)})
