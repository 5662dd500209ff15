"""Maintenance in Dagster: a job of its own in the product's pool, asked for daily, with counts in its metadata."""

from __future__ import annotations

import dagster as dg
import pytest

from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import run_step
from readiness_pipelines.layers.upkeep import keep_days_of
from readiness_pipelines.product import definitions_of
from readiness_pipelines.product.resources import Readiness
from tests.shop import Shop


def run(shop: Shop, *, raises: bool = True) -> dg.ExecuteInProcessResult:
    defs = definitions_of(shop.product)
    resources = {"readiness": Readiness(state=str(shop.settings.state), landing=str(shop.settings.landing))}
    job = defs.resolve_job_def("shop_maintenance")
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(instance=instance, resources=resources, raise_on_error=raises)


def retained(shop: Shop, value: str) -> None:
    path = shop.folder / "contract.yaml"
    frequency = "  - {property: frequency, value: daily}\n"
    path.write_text(path.read_text().replace(frequency, f"{frequency}  - {{property: retention, {value}}}\n"))


@pytest.mark.parametrize(("value", "days"), [("value: 0, unit: d", 0), ("value: 90, unit: d", 90), ("value: 2, unit: y", 730)])
def test_the_contracts_retention_says_how_long_a_version_is_kept(shop: Shop, value: str, days: int) -> None:
    assert keep_days_of(shop.product) == 30
    retained(shop, value)
    assert keep_days_of(shop.product) == days


def test_the_job_maintains_every_table_and_tells_counts(shop: Shop) -> None:
    retained(shop, "value: 0, unit: d")
    for suffix in ("", "_b"):
        shop.land(1, suffix=suffix, rows=[f"{i}{suffix.strip('_b')},c{i},1{len(suffix)},{shop.day(1)}" for i in range(9)])
        for table in ("raw_orders", "orders"):
            run_step(Lakehouse.open(shop.settings), shop.settings, shop.product, table, shop.day(1))
    result = run(shop)
    (output,) = [e for e in result.all_events if e.event_type_value == "STEP_OUTPUT"]
    metadata = output.step_output_data.metadata
    assert metadata["readiness/partitions_compacted"].value == 1
    assert metadata["readiness/versions_expired"].value == 2
    assert "| shop.bronze.raw_orders | 1 | 1 |" in str(metadata["readiness/maintenance"].value)


def test_it_is_asked_for_daily_from_the_start_and_shares_the_pool_of_the_products_runs(shop: Shop) -> None:
    defs = definitions_of(shop.product)
    schedule = defs.resolve_schedule_def("shop_maintenance_schedule")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert schedule.cron_schedule == "30 3 * * *"
    (node,) = defs.resolve_job_def("shop_maintenance").graph.node_defs
    assert isinstance(node, dg.OpDefinition)
    assert node.pool == "shop"


def test_a_run_and_maintenance_stop_where_the_catalog_is_gone(shop: Shop) -> None:
    shop.land(1)
    run_step(Lakehouse.open(shop.settings), shop.settings, shop.product, "raw_orders", shop.day(1))
    shop.settings.catalog_file.unlink()
    result = run(shop, raises=False)
    assert not result.success
    (failure,) = [e for e in result.all_events if e.event_type_value == "STEP_FAILURE"]
    error = failure.step_failure_data.error
    assert error is not None and "`readiness doctor`" in str(error.to_string())
    assert not shop.settings.catalog_file.exists()
