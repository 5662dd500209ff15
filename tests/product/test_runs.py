"""Every run leaves Dagster saying exactly what is published: the product's shape over ten days with one held day."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg
import pytest
from dagster import AssetKey, DagsterInstance

from readiness_pipelines.lakehouse import Lakehouse, relation
from readiness_pipelines.product import definitions_of
from tests.shop import HEADER, Shop

TABLES = ("bronze/raw_orders", "silver/orders", "gold/paid_orders", "gold/daily_revenue")


@dataclass(frozen=True)
class Station:
    """The shop in a real Dagster instance."""

    shop: Shop
    instance: DagsterInstance
    defs: dg.Definitions

    def run(self, first: int, last: int | None = None, *, only: list[str] | None = None) -> dg.ExecuteInProcessResult:
        """Run the shop's job for the days `first` to `last` in one run."""
        job = self.defs.resolve_job_def("shop_job")
        selection = [_key(name) for name in only] if only else None
        if last is None:
            day = self.shop.day(first)
            return job.execute_in_process(
                instance=self.instance, partition_key=day, asset_selection=selection, raise_on_error=False
            )
        tags = _range(self.shop, first, last)
        return job.execute_in_process(instance=self.instance, tags=tags, asset_selection=selection, raise_on_error=False)

    def materialised(self, name: str) -> list[int]:
        """Return the days that Dagster holds as materialised."""
        found = self.instance.get_materialized_partitions(_key(name))
        return [n for n in range(1, 11) if self.shop.day(n) in found]

    def published(self, name: str) -> list[int]:
        """Return the days that are on `main`."""
        current = self.lake.ledger.current_versions(_table(name))
        return [n for n in range(1, 11) if self.shop.day(n) in current]

    def rows(self, name: str, day: int) -> int:
        version = self.lake.ledger.current_version(_table(name), self.shop.day(day))
        if version is None:
            return 0
        with self.lake.connect() as con:
            found = con.execute(f"SELECT count(*) FROM {relation(self.lake, [version])}").fetchone()
            return int(found[0]) if found else 0

    def events(self, name: str, day: int) -> list[dg.AssetMaterialization]:
        """Return the day's materialisations, newest first."""
        filters = dg.AssetRecordsFilter(asset_key=_key(name), asset_partitions=[self.shop.day(day)])
        records = self.instance.fetch_materializations(filters, limit=20).records
        return [r.asset_materialization for r in records if r.asset_materialization]

    def snapshots(self, name: str) -> int:
        return self.lake.load(_table(name)).metadata.last_sequence_number

    @property
    def lake(self) -> Lakehouse:
        return Lakehouse.open(self.shop.settings)


def _key(name: str) -> AssetKey:
    return AssetKey(["shop", *name.split("/")])


def _table(name: str) -> str:
    return f"shop.{name.replace('/', '.')}"


def _range(shop: Shop, first: int, last: int) -> dict[str, str]:
    return {"dagster/asset_partition_range_start": shop.day(first), "dagster/asset_partition_range_end": shop.day(last)}


def _failure(result: dg.ExecuteInProcessResult) -> str:
    (event,) = [e for e in result.all_events if e.is_step_failure]
    failure = event.step_failure_data.user_failure_data
    assert failure is not None and failure.description is not None
    return failure.description


@pytest.fixture
def station(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Station]:
    for name, value in shop.environment.items():
        monkeypatch.setenv(name, value)
    home = shop.root / "dagster"
    home.mkdir()
    with DagsterInstance.local_temp(str(home)) as instance:
        yield Station(shop, instance, definitions_of(shop.product))


def test_a_range_run_publishes_the_good_days_and_ends_failed_naming_the_bad_one(station: Station) -> None:
    for day in range(1, 11):
        station.shop.land(day)
    station.shop.land_broken(4)
    result = station.run(1, 10)
    assert not result.success
    assert "2025-01-04 silver orders: held: 10 of 20 rows are bad (50.00%)" in _failure(result)
    good = [1, 2, 3, 5, 6, 7, 8, 9, 10]
    assert station.materialised("bronze/raw_orders") == list(range(1, 11))
    for name in ("silver/orders", "gold/paid_orders", "gold/daily_revenue"):
        assert station.materialised(name) == station.published(name) == good
    assert station.materialised("silver/orders_quarantine") == list(range(1, 11))
    assert station.rows("silver/orders", 4) == 0


def test_a_corrected_file_is_admitted_and_flows_downstream(station: Station) -> None:
    for day in (1, 2, 3):
        station.shop.land(day)
    station.shop.land_broken(2)
    station.run(1, 3)
    station.shop.land(2)
    assert station.run(2).success
    for name in TABLES:
        assert station.materialised(name) == station.published(name) == [1, 2, 3]
    assert station.rows("bronze/raw_orders", 2) == 40, "the broken delivery stays in bronze beside the corrected one"
    assert station.rows("silver/orders", 2) == 20


def test_a_run_again_writes_no_new_version_and_records_the_same_data_version(station: Station) -> None:
    station.shop.land(1)
    assert station.run(1).success
    snapshots = {name: station.snapshots(name) for name in TABLES}
    assert station.run(1).success
    for name in TABLES:
        newest, first = station.events(name, 1)
        assert newest.tags == first.tags
        assert newest.metadata["readiness/state"].value == "unchanged"
        assert station.snapshots(name) == snapshots[name]


def test_a_day_without_a_file_is_missing_and_blocks_downstream(station: Station) -> None:
    station.shop.land(1)
    station.shop.land(3)
    result = station.run(1, 3)
    assert not result.success
    assert "2025-01-02 bronze raw_orders: missing: " in _failure(result)
    for name in TABLES:
        assert station.materialised(name) == station.published(name) == [1, 3]


def test_a_table_selected_alone_refuses_what_is_not_admitted_upstream(station: Station) -> None:
    station.shop.land_broken(1)
    assert not station.run(1).success
    result = station.run(1, only=["gold/paid_orders"])
    assert not result.success
    assert "2025-01-01 silver orders is held" in _failure(result)
    assert station.materialised("gold/paid_orders") == station.published("gold/paid_orders") == []


def test_a_table_selected_before_its_input_was_run_says_so(station: Station) -> None:
    station.shop.land(1)
    result = station.run(1, only=["silver/orders"])
    assert not result.success
    assert "shop.bronze.raw_orders" in _failure(result)


def test_a_held_candidate_leaves_the_version_admitted_before_and_stops_downstream(station: Station) -> None:
    station.shop.land(1)
    assert station.run(1).success
    station.shop.land_broken(1)
    assert not station.run(1).success
    assert station.materialised("silver/orders") == station.published("silver/orders") == [1]
    assert station.rows("silver/orders", 1) == 20
    assert len(station.events("gold/paid_orders", 1)) == 1, "downstream does not run again while the candidate is held"
    assert not station.run(1, only=["gold/paid_orders"]).success
    station.shop.land(1)
    assert station.run(1).success, "the first bytes again: what was admitted before is the newest candidate again"


def test_a_delivery_with_a_renamed_column_is_held_in_bronze(station: Station) -> None:
    station.shop.land(1, header=HEADER.replace("amount", "price"))
    result = station.run(1)
    assert not result.success
    assert "columns missing: 'amount'" in _failure(result)
    for name in TABLES:
        assert station.materialised(name) == station.published(name) == []


def test_checks_belong_to_their_partition_also_in_a_range_run(station: Station) -> None:
    for day in (1, 2, 3):
        station.shop.land(day)
    station.shop.land_broken(2)
    result = station.run(1, 3)
    evaluations = [e.asset_check_evaluation_data for e in result.all_events if e.event_type_value == "ASSET_CHECK_EVALUATION"]
    gates = {(e.partition, e.passed) for e in evaluations if e.check_name == "gate" and e.asset_key == _key("silver/orders")}
    assert gates == {("2025-01-01", True), ("2025-01-02", False), ("2025-01-03", True)}


def test_each_rule_is_a_check_with_up_to_five_failing_row_ids(station: Station) -> None:
    day = station.shop.day(1)
    station.shop.land(1, [f"{i},c{i},{5000 if i < 3 else 10},{day}" for i in range(20)])
    result = station.run(1)
    assert result.success
    evaluations = [e.asset_check_evaluation_data for e in result.all_events if e.event_type_value == "ASSET_CHECK_EVALUATION"]
    (rule,) = [e for e in evaluations if e.check_name == "amount_in_range"]
    assert not rule.passed and rule.partition == day
    assert rule.metadata["readiness/rows_failing"].value == 3
    assert len(rule.metadata["readiness/failing_row_ids"].value) == 3  # type: ignore[arg-type]
    assert station.rows("silver/orders", 1) == 17


def test_a_materialisation_names_version_inputs_columns_and_lineage(station: Station) -> None:
    station.shop.land(1)
    station.run(1)
    event = station.events("silver/orders", 1)[0]
    version = station.lake.ledger.current_version("shop.silver.orders", station.shop.day(1))
    assert version is not None
    assert event.tags is not None and event.tags["dagster/data_version"] == version.version_key
    assert event.metadata["readiness/version"].value == str(version)
    assert str(event.metadata["readiness/inputs"].value).startswith("['shop.bronze.raw_orders/2025-01-01@")
    lineage = event.metadata["dagster/column_lineage"].value
    assert isinstance(lineage, dg.TableColumnLineage)
    assert list(lineage.deps_by_column["customer"]) == [
        dg.TableColumnDep(asset_key=_key("bronze/raw_orders"), column_name="customer")
    ]
    schema = event.metadata["dagster/column_schema"].value
    assert isinstance(schema, dg.TableSchema)
    assert [c.name for c in schema.columns] == ["order_id", "customer", "amount", "ordered_on"]


def test_an_asset_of_another_op_runs_after_a_good_range_and_our_events_are_not_doubled(station: Station) -> None:
    calendar = dg.DailyPartitionsDefinition("2025-01-01", end_date="2025-01-11")

    @dg.asset(deps=[_key("gold/paid_orders")], partitions_def=calendar, backfill_policy=dg.BackfillPolicy.single_run())
    def theirs() -> None: ...

    everything = dg.define_asset_job("everything", selection="*")
    defs = dg.Definitions.merge(
        definitions_of(station.shop.product), dg.Definitions(assets=[theirs], jobs=[everything], executor=dg.in_process_executor)
    )

    def run(last: int) -> bool:
        job = defs.resolve_job_def("everything")
        tags = _range(station.shop, 1, last)
        return job.execute_in_process(instance=station.instance, tags=tags, raise_on_error=False).success

    for day in (1, 2):
        station.shop.land(day)
    assert run(2)
    assert station.instance.get_materialized_partitions(AssetKey("theirs")) == {station.shop.day(1), station.shop.day(2)}
    assert len(station.events("gold/paid_orders", 1)) == 1, "the private key that keeps outputs silent lost its meaning"
    station.shop.land_broken(3)
    assert not run(3)
    assert station.shop.day(3) not in station.instance.get_materialized_partitions(AssetKey("theirs"))


def test_eager_automation_never_asks_for_the_downstream_of_a_held_day(station: Station) -> None:
    calendar = dg.DailyPartitionsDefinition("2025-01-01", end_date="2025-01-11")
    condition = dg.AutomationCondition.eager().without(dg.AutomationCondition.in_latest_time_window())

    @dg.asset(deps=[_key("silver/orders")], partitions_def=calendar, automation_condition=condition)
    def theirs() -> None: ...

    defs = dg.Definitions.merge(definitions_of(station.shop.product), dg.Definitions(assets=[theirs]))
    first = dg.evaluate_automation_conditions(defs=defs, instance=station.instance)
    assert first.total_requested == 0
    station.shop.land(1)
    station.shop.land_broken(2)
    station.run(1, 2)
    second = dg.evaluate_automation_conditions(defs=defs, instance=station.instance, cursor=first.cursor)
    assert second.get_requested_partitions(AssetKey("theirs")) == {station.shop.day(1)}


def test_files_of_a_day_that_was_refused_halfway_are_not_taken_in_and_those_of_a_held_day_are(station: Station) -> None:
    def taken_in() -> set[str]:
        return {s.partition for s in station.lake.ledger.sightings("shop.bronze.raw_orders").values()}

    for day in (1, 2, 3):
        station.shop.land(day)
    station.shop.land_broken(4)
    assert not station.run(3, 3).success  # the revenue of day 3 reads days 1 and 2, which nobody has run
    assert taken_in() == set()
    assert not station.run(1, 4).success  # day 4 is held
    assert taken_in() == {station.shop.day(n) for n in (1, 2, 3, 4)}


def test_a_folder_a_pipe_and_a_dead_link_among_the_files_of_a_range_hold_their_days_and_no_other(station: Station) -> None:
    for day in range(1, 6):
        station.shop.land(day)
    folder, pipe, link = (station.shop.land(day) for day in (2, 3, 4))
    for path in (folder, pipe, link):
        path.unlink()
    folder.mkdir()
    os.mkfifo(pipe)
    link.symlink_to("nowhere")
    told = _failure(station.run(1, 5))
    assert "2025-01-02 bronze raw_orders: held: orders/orders_2025-01-02.csv: is a folder, expected a file" in told
    assert "2025-01-03 bronze raw_orders: held: orders/orders_2025-01-03.csv: is a named pipe" in told
    assert "2025-01-04 bronze raw_orders: held: orders/orders_2025-01-04.csv: is a link to nothing" in told
    assert "Traceback" not in told and "downstream of these were not run" in told
    for name in TABLES:
        assert station.materialised(name) == station.published(name) == [1, 5]
