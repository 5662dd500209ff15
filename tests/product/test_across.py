"""What Dagster is told of rules that look at other tables and other days."""

from __future__ import annotations

import dagster as dg
import pytest
from dagster import AssetKey, DagsterInstance

from readiness_pipelines.product import definitions_of
from readiness_pipelines.product.assets import build_assets
from tests.layers.across import CHECKED, land, suite, with_customers
from tests.shop import Shop


def test_a_reference_is_a_dependency_like_an_input(shop: Shop) -> None:
    with_customers(shop, CHECKED.replace("read: same", "read: {last: 3}"))
    specs = {spec.key: spec for spec in build_assets(shop.product).specs}
    deps = {dep.asset_key.path[-1]: dep.partition_mapping for dep in specs[AssetKey(["shop", "silver", "orders"])].deps}
    assert deps == {"raw_orders": None, "customers": dg.TimeWindowPartitionMapping(start_offset=-2)}


def test_a_rule_that_learns_is_shown_and_neither_passed_nor_holds(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in shop.environment.items():
        monkeypatch.setenv(name, value)
    volume = (
        "type: expect_table_row_count_to_be_between, kwargs: {}, "
        "meta: {name: volume, bounds_from: {history: {partitions: 3, minimum: 2}}}"
    )
    suite(shop, "bronze_raw_orders", [volume])
    for number in (1, 2, 3):
        land(shop, number, [("ann", 1)] * 10)
    key = AssetKey(["shop", "bronze", "raw_orders"])
    ends = {"dagster/asset_partition_range_start": shop.day(1), "dagster/asset_partition_range_end": shop.day(2)}
    with DagsterInstance.local_temp(str(shop.root)) as instance:
        job = definitions_of(shop.product).resolve_job_def("shop_job")

        def volume_of(**given: object) -> list[dg.AssetCheckEvaluation]:
            result = job.execute_in_process(instance=instance, asset_selection=[key], **given)
            assert result.success
            events = [e for e in result.all_events if e.event_type_value == "ASSET_CHECK_EVALUATION"]
            return [e.asset_check_evaluation_data for e in events if e.asset_check_evaluation_data.check_name == "volume"]

        (summary,) = volume_of(tags=ends)
        assert (summary.passed, summary.metadata["readiness/partitions_learning"].value) == (False, 2)
        (learning,) = volume_of(partition_key=shop.day(2))
        assert (learning.passed, learning.severity) == (False, dg.AssetCheckSeverity.WARN)
        assert learning.metadata["readiness/status"].value == "learning"
        (judged,) = volume_of(partition_key=shop.day(3))
        assert judged.passed
        assert len(judged.metadata["readiness/rests_on"].value) == 2
