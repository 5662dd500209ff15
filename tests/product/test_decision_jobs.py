"""Decisions as Dagster jobs: typed config in, a row in the ledger, the partition run, and Dagster told of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import run_step
from readiness_pipelines.layers.exported import write
from readiness_pipelines.layers.quarantine import exportable, rows_of
from readiness_pipelines.product import definitions_of
from readiness_pipelines.product.resources import Readiness
from tests.shop import Shop

ORDERS = "shop.silver.orders"
SIGNED = {"by": "ann", "reason": "typed wrongly"}


@pytest.fixture
def bad(shop: Shop) -> Shop:
    """A day with two bad rows in silver."""
    day = shop.day(1)
    shop.land(1, [*[f"{i},c{i},10,{day}" for i in range(18)], f"101,c,99999,{day}", f"102,c,ten,{day}"])
    for table in shop.product.tables:
        run_step(Lakehouse.open(shop.settings), shop.settings, shop.product, table.name, shop.day(1))
    return shop


def run(shop: Shop, job: str, instance: dg.DagsterInstance, **config: Any) -> dg.ExecuteInProcessResult:
    op = "_".join(reversed(job.split("_")))
    resources = {"readiness": Readiness(state=str(shop.settings.state), landing=str(shop.settings.landing))}
    return (
        definitions_of(shop.product)
        .resolve_job_def(job)
        .execute_in_process(
            instance=instance, resources=resources, run_config={"ops": {op: {"config": config | SIGNED}}}, raise_on_error=False
        )
    )


def here(shop: Shop) -> dict[str, str]:
    return {"table": "orders", "partition": shop.day(1)}


def test_every_decision_runs_the_partition_and_dagster_is_told(bad: Shop, tmp_path: Path) -> None:
    lake = Lakehouse.open(bad.settings)
    rows = rows_of(lake, ORDERS, bad.day(1))
    path = tmp_path / "bad.csv"
    with path.open("w") as file:
        write(file, list(exportable(lake, ORDERS, bad.day(1), rows)))
    path.write_text(path.read_text().replace(",99999,", ",999,"))
    with dg.DagsterInstance.ephemeral() as instance:
        assert run(bad, "shop_release", instance, **here(bad), values=str(path)).success
        record = instance.get_latest_materialization_event(dg.AssetKey(["shop", "silver", "orders"]))
        assert record is not None and record.asset_materialization is not None
        version = lake.ledger.current_version(ORDERS, bad.day(1))
        assert version is not None
        assert record.asset_materialization.tags is not None
        assert record.asset_materialization.tags["dagster/data_version"] == version.version_key
        (left,) = rows_of(lake, ORDERS, bad.day(1))
        assert run(bad, "shop_discard", instance, **here(bad), rows=[left.row_id]).success
        assert run(bad, "shop_withdraw", instance, **here(bad), to=version.version_key[:12]).success
        assert run(bad, "shop_purge", instance, older_than_days=0).success
    assert [each.kind for each in lake.ledger.corrections.of(ORDERS)] == ["release", "discard", "withdraw"]
    now = lake.ledger.current_version(ORDERS, bad.day(1))
    assert now is not None and now.version_key == version.version_key


def test_a_decision_that_cannot_be_taken_fails_the_run_in_one_line(bad: Shop) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        for config, said in (
            ({"rows": ["x:1"]}, "1 of 1 rows are not in quarantine now: x:1"),
            ({"rows": ["x:1"], "table": "nonsense"}, "found no table 'nonsense', expected one of: raw_orders, orders"),
        ):
            result = run(bad, "shop_discard", instance, **(here(bad) | config))
            (failure,) = [e for e in result.all_events if e.event_type_value == "STEP_FAILURE"]
            assert failure.step_failure_data.user_failure_data is not None
            assert said in str(failure.step_failure_data.user_failure_data.description)


def test_admit_publishes_a_held_day_and_says_so_where_it_stays_held(shop: Shop) -> None:
    shop.land_broken(1)
    lake = Lakehouse.open(shop.settings)
    for name in ("raw_orders", "orders"):
        run_step(lake, shop.settings, shop.product, name, shop.day(1))
    suite = shop.root / "quality_suites" / "shop" / "silver_orders.yaml"
    rule = "  - {type: expect_table_row_count_to_be_between, kwargs: {min_value: 15}, meta: {name: enough}}\n"
    suite.write_text(suite.read_text() + rule)
    run_step(lake, shop.settings, shop.product, "orders", shop.day(1))
    with dg.DagsterInstance.ephemeral() as instance:
        assert not run(shop, "shop_admit", instance, **here(shop), rules=["enough"]).success
        assert run(shop, "shop_admit", instance, **here(shop)).success
    gold = lake.ledger.current_version("shop.gold.daily_revenue", shop.day(1))
    assert gold is not None


def failure(result: dg.ExecuteInProcessResult) -> str:
    (found,) = [e for e in result.all_events if e.event_type_value == "STEP_FAILURE"]
    assert found.step_failure_data.user_failure_data is not None
    return str(found.step_failure_data.user_failure_data.description)


def test_a_decision_that_takes_no_effect_fails_its_run_and_stays_recorded(bad: Shop, tmp_path: Path) -> None:
    lake = Lakehouse.open(bad.settings)
    (row,) = [r.row_id for r in rows_of(lake, ORDERS, bad.day(1)) if r.reasons == ("amount_in_range",)]
    path = tmp_path / "values.csv"
    path.write_text(f"row_id,reasons,amount\n{row},x,88888\n")
    with dg.DagsterInstance.ephemeral() as instance:
        said = failure(run(bad, "shop_release", instance, **here(bad), values=str(path)))
        assert "recorded, and not in effect: 1 of 1 rows are still in quarantine" in said
        bad.land(1, ["1,2"], header="a,b\n", suffix="_2")
        run_step(lake, bad.settings, bad.product, "raw_orders", bad.day(1))
        assert "bronze raw_orders is held" in failure(run(bad, "shop_discard", instance, **here(bad), rows=[row]))
        assert "found -5 days" in failure(run(bad, "shop_purge", instance, older_than_days=-5))
        assert "found nan days" in failure(run(bad, "shop_purge", instance, older_than_days=float("nan")))
    assert [each.kind for each in lake.ledger.corrections.of(ORDERS)] == ["release", "discard"]


def test_a_code_location_takes_them_all(shop: Shop) -> None:
    jobs = {job.name for job in definitions_of(shop.product).get_repository_def().get_all_jobs()}
    assert {f"shop_{verb}" for verb in ("release", "discard", "admit", "withdraw", "purge", "maintenance")} <= jobs
