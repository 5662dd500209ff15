"""One product as one `multi_asset`: its tables, their quarantine, its drift, and their checks.

One process and one import bill per run; downstream tables go on for the partitions that were admitted. Dagster records
as materialised exactly what is published: events are written by hand, per partition, because a yielded
`MaterializeResult` stamps every partition of a range run alike.
"""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import dagster as dg

from readiness_pipelines.declarations import Bronze, Gold, Product, TableDeclaration
from readiness_pipelines.declarations.words import Last
from readiness_pipelines.errors import NotAdmitted, PublishConflict, ReadinessError
from readiness_pipelines.flow import Sighting
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import StepResult, run_step
from readiness_pipelines.models.scoring import scorer_of
from readiness_pipelines.product import definition, drift, events
from readiness_pipelines.product.keys import asset_key, champion_key, drift_key, quarantine_key
from readiness_pipelines.product.resources import Readiness
from readiness_pipelines.product.summary import summary
from readiness_pipelines.product.vital import at_work
from readiness_pipelines.settings import Settings
from readiness_pipelines.sources import SourceUnreadable

GATE = "gate"
TOLD_BY_PARTITION = "readiness/partitions_to_look_at"  # on a failure: nothing went wrong but these, each an incident of its own
SUMMARY = "readiness/summary"
_MEASURED = " drift"  # how the place ends where measuring failed
_NAMED = 20  # partitions a failed run names; the rest are counted


def partitions_of(product: Product) -> dg.TimeWindowPartitionsDefinition:
    """Return the product's calendar; it ends where the last feed's last due day ends."""
    partitions, end = product.declaration.partitions, product.last_due
    until = end + datetime.timedelta(days=1) if end else None
    if partitions.every == "day":
        return dg.DailyPartitionsDefinition(start_date=str(partitions.start), end_date=str(until) if until else None)
    return dg.HourlyPartitionsDefinition(start_date=f"{partitions.start}-00:00", end_date=f"{until}-00:00" if until else None)


def build_assets(product: Product) -> dg.AssetsDefinition:
    """Return the product's assets and checks."""
    calendar = partitions_of(product)
    specs = [spec for table in product.tables for spec in _specs(product, table)]
    checks = [spec for table in product.tables for spec in _check_specs(table, calendar)]
    specs += drift.specs(product, definition.owners_of(product))
    checks += drift.check_specs(product, calendar)

    @dg.multi_asset(
        name=product.name,
        specs=specs,
        check_specs=checks,
        partitions_def=calendar,
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=product.name,  # at most one run of it at a time, where the instance sets a limit: a day may read the day before
    )
    def materialise(context: dg.AssetExecutionContext, readiness: Readiness) -> Iterator[object]:
        settings = readiness.settings()
        try:
            with at_work(settings.state, context.run.run_id):
                lake = Lakehouse.open(settings)
                lake.require_catalog()
                yield from _Run(context, product, lake, settings).go()
        except ReadinessError as error:  # one line for whoever reads the run; what broke is its cause
            raise dg.Failure(str(error)) from error

    return materialise


def _specs(product: Product, table: TableDeclaration) -> Iterator[dg.AssetSpec]:
    deps = [_dep(product, table, name) for name in table.upstream]
    if isinstance(table, Gold) and table.is_scored:
        deps.append(dg.AssetDep(champion_key(product)))
    owners = definition.owners_of(product)
    yield dg.AssetSpec(
        asset_key(table),
        deps=deps,
        freshness_policy=_freshness(table),
        description=definition.describe(product, table),
        kinds={table.layer, "iceberg", "duckdb"},
        code_version=table.fingerprint[:12],
        metadata=definition.static_metadata(product, table),
        group_name=product.name,
        owners=owners,
        skippable=True,
    )
    yield dg.AssetSpec(
        quarantine_key(table),
        deps=deps,
        description=f"Every row that {table.name} did not admit, with all its reasons; `readiness quarantine list` shows them.",
        kinds={"quarantine", "iceberg"},
        group_name=product.name,
        owners=owners,
        skippable=True,
    )


def _freshness(table: TableDeclaration) -> dg.FreshnessPolicy | None:
    """Late is what the contract calls late: the longest gap between two deliveries that are both in time.

    On bronze alone, where data comes in, and not on a feed that has an end: it would be stale for ever.
    """
    if not isinstance(table, Bronze) or table.feed.last_due is not None:
        return None
    return dg.FreshnessPolicy.time_window(fail_window=table.table.service_level.longest_gap)


def _dep(product: Product, table: TableDeclaration, name: str) -> dg.AssetDep:
    given, key = table.upstream[name], asset_key(product.by_name[name])
    if given.unavailable == "ignore":
        return dg.AssetDep(key)  # told of a window, a backfill would leave out every day with a held one in its window
    read = given.read
    if isinstance(read, Last):
        return dg.AssetDep(key, partition_mapping=dg.TimeWindowPartitionMapping(start_offset=1 - read.last))
    return dg.AssetDep(key, partition_mapping=dg.AllPartitionMapping() if read == "all_until" else None)


def _check_specs(table: TableDeclaration, calendar: dg.PartitionsDefinition) -> Iterator[dg.AssetCheckSpec]:
    key = asset_key(table)
    yield dg.AssetCheckSpec(
        GATE,
        asset=key,
        blocking=True,
        partitions_def=calendar,
        description="The verdict on the candidate. While it fails, nothing of the candidate is readable.",
    )
    for rule in table.suite.rules:
        yield dg.AssetCheckSpec(rule.name, asset=key, description=definition.describe_rule(rule), blocking=False)


class _Run:
    """One run of the product's op over its partitions: table by table, partition by partition."""

    def __init__(self, context: dg.AssetExecutionContext, product: Product, lake: Lakehouse, settings: Settings) -> None:
        self.context, self.product, self.lake, self.settings = context, product, lake, settings
        self.scorer = scorer_of(product, settings)
        self.partitions: Sequence[str] = list(context.partition_keys)
        self.assets = set(context.selected_asset_keys)
        self.checks = set(context.op_execution_context.selected_asset_check_keys)
        self.is_range = len(self.partitions) > 1
        self.bad: dict[str, str] = {}  # what failed -> why, in the order it was met
        self.refused: dict[str, str] = {}  # of these, what has no verdict to show for it: the run itself is what went wrong

    def go(self) -> Iterator[object]:
        files: list[Sighting] = []
        told: dict[str, list[StepResult]] = {}
        for table in self.product.tables:
            wanted = {asset_key(table), quarantine_key(table)} & self.assets
            checked = [key for key in self.checks if key.asset_key == asset_key(table)]
            if not wanted and not checked:
                continue
            run_it = asset_key(table) in wanted
            results = list(self._results(table)) if run_it else list(self._recorded(table))
            yield from self._events(table, results)
            if run_it:
                told[table.name] = results
                self._log(table, results)
                files += [file for result in results for file in result.files]
        halfway = {place.partition(" ")[0] for place in self.refused}
        yield from self._drift()
        if {asset_key(table) for table in self.product.tables} <= self.assets:
            # Only now, and only where every table was run: what was killed or refused halfway is asked for again.
            self.lake.ledger.record_sightings(file for file in files if file.partition not in halfway)
        self._end(told)

    def _end(self, told: Mapping[str, Sequence[StepResult]]) -> None:
        """Say what the run did: an observation of its last table, or the failure that names what is to be looked at."""
        page = dg.MetadataValue.md(summary(self.product, self.lake, told, self.refused)) if told else None
        if not self.bad:
            if page is not None:
                last = asset_key(self.product.by_name[list(told)[-1]])
                seen = dg.AssetObservation(
                    last, description="summary of this run", partition=self.partitions[-1], metadata={SUMMARY: page}
                )
                self.context.log_event(seen)
            return
        metadata: dict[str, Any] = {} if self.refused else {TOLD_BY_PARTITION: list(self.bad)[:_NAMED]}
        if page is not None:
            metadata[SUMMARY] = page
        raise dg.Failure(self._message(), metadata=metadata, allow_retries=False)

    def _results(self, table: TableDeclaration) -> Iterator[StepResult]:
        for partition in self.partitions:
            place = f"{partition} {table.layer} {table.name}"
            try:
                result = run_step(self.lake, self.settings, self.product, table.name, partition, scorer=self.scorer)
            except (NotAdmitted, PublishConflict, SourceUnreadable) as refusal:
                self.bad[place] = self.refused[place] = str(refusal)
                continue
            if result.kind == "blocked":
                self.bad.setdefault(f"{place} blocked", f"not run, because {result.why}")
            elif result.is_bad:
                self.bad[place] = f"{result.kind}: {result.why}"
            yield result

    def _recorded(self, table: TableDeclaration) -> Iterator[StepResult]:
        """The table itself is not selected: report the newest recorded verdicts, run nothing."""
        for partition in self.partitions:
            result = self._standing_verdict(table, partition)
            if result is None:
                place = f"{partition} {table.layer} {table.name}"
                self.bad[place] = self.refused[place] = "has no verdict to report; select the table to run it"
                continue
            yield result

    def _standing_verdict(self, table: TableDeclaration, partition: str) -> StepResult | None:
        verdict = self.lake.ledger.latest_verdict(table.full_name, partition)
        if verdict is None:
            return None
        version = self.lake.ledger.current_version(table.full_name, partition)
        kind: Literal["unchanged", "held"] = "unchanged" if verdict.outcome.is_admitted else "held"
        return StepResult(table.full_name, partition, kind, verdict, version, why="; ".join(verdict.held_because))

    def _newest_verdict(self, table: TableDeclaration) -> list[StepResult]:
        judged = self.lake.ledger.latest_outcomes(table.full_name)
        newest = self._standing_verdict(table, max(judged)) if judged else None
        return [newest] if newest else []

    def _events(self, table: TableDeclaration, results: Sequence[StepResult]) -> Iterator[object]:
        key, seen = asset_key(table), [r for r in results if r.verdict is not None]
        if key in self.assets:
            for result in seen:
                if result.is_published:
                    yield events.materialisation(self.lake, self.product, table, key, result)
        if quarantine_key(table) in self.assets:
            for result in seen:
                yield events.quarantine_materialisation(table, quarantine_key(table), result)
        selected = {check.name for check in self.checks if check.asset_key == key}
        judged, is_range = seen, self.is_range
        if results and all(r.kind == "not_due" for r in results):
            # Nothing was due, so nothing was judged; but Dagster would show every planned check as skipped, and the
            # table as not passing. The newest verdict still stands: it is said again, of its own partition.
            judged, is_range = self._newest_verdict(table), False
        for evaluation in events.evaluations(self.context.instance, self.product, table, key, judged, selected, is_range=is_range):
            self.context.log_event(evaluation)
        if len([r for r in seen if r.is_published]) == len(self.partitions):
            for done in {key, quarantine_key(table)} & self.assets:
                yield dg.Output(None, self.context.assets_def.get_output_name_for_asset_key(done), metadata=events.SILENT)

    def _drift(self) -> Iterator[object]:
        """Measure what is due, also where some partition is held, and tell it. What goes wrong is told at the end of the run."""
        key = drift_key(self.product)
        selected = {check.name for check in self.checks if check.asset_key == key}
        if key not in self.assets and not selected:
            return
        is_asset, instance = key in self.assets, self.context.instance
        try:
            news = drift.measure_due(self.product, self.lake, self.context, self.partitions) if is_asset else set()
            given = (self.product, self.lake, self.partitions, news)
            for event in drift.told(*given, instance=instance, is_asset=is_asset, checks=selected):
                self.context.log_event(event)
            if is_asset:
                yield dg.Output(None, self.context.assets_def.get_output_name_for_asset_key(key), metadata=events.SILENT)
        except ReadinessError as error:
            place = f"{self.partitions[-1]}{_MEASURED}"
            self.bad[place] = self.refused[place] = str(error)

    def _log(self, table: TableDeclaration, results: Sequence[StepResult]) -> None:
        kinds = [r.kind for r in results]
        told = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
        self.context.log.info(f"{table.layer} {table.name}: {told or 'nothing to do'}")

    def _message(self) -> str:
        blocked = [place for place in self.bad if place.endswith(" blocked")]
        roots = {place: why for place, why in self.bad.items() if place not in blocked}
        if not roots:  # tables selected without what stopped them: say what stopped them
            roots = {place.removesuffix(" blocked"): self.bad[place] for place in blocked}
            blocked = []
        lines = [f"{place}: {why}" for place, why in list(roots.items())[:_NAMED]]
        if len(roots) > _NAMED:
            lines.append(f"and {len(roots) - _NAMED} more; `readiness status {self.product.name}` lists them")
        if blocked:
            lines.append(f"{len(blocked)} partitions downstream of these were not run")
        is_of_gate = any(not place.endswith(_MEASURED) for place in roots)
        return ("gate failed for " if is_of_gate else "could not be measured: ") + "\n".join(lines)
