"""The shipped schedule takes the partition that has just ended, and nothing once the calendar is over."""

from __future__ import annotations

import datetime

import dagster as dg
import pytest

from readiness_pipelines.product import definitions_of
from tests.shop import Shop


def asked(shop: Shop, tick: str) -> list[str | None]:
    """Return the partitions that the schedule asks for at this time (UTC)."""
    defs = definitions_of(shop.product)
    moment = datetime.datetime.fromisoformat(tick).replace(tzinfo=datetime.UTC)
    context = dg.build_schedule_context(scheduled_execution_time=moment, repository_def=defs.get_repository_def())
    found = defs.resolve_schedule_def("shop_job_schedule").evaluate_tick(context)
    return [request.partition_key for request in found.run_requests or []]


@pytest.mark.parametrize(
    ("tick", "partitions"),
    [
        ("2025-01-01T00:00", []),
        ("2025-01-02T00:00", ["2025-01-01"]),
        ("2025-01-11T00:00", ["2025-01-10"]),
        ("2025-01-12T00:00", []),
        ("2026-01-01T00:00", []),
    ],
)
def test_a_tick_takes_the_day_that_ended_with_it(shop: Shop, tick: str, partitions: list[str]) -> None:
    assert asked(shop, tick) == partitions


def test_a_feed_without_an_end_is_asked_for_every_day(shop: Shop) -> None:
    path = shop.folder / "defs.yaml"
    path.write_text(path.read_text().replace(", last_due: 2025-01-10", ""))
    assert asked(shop, "2026-01-01T00:00") == ["2025-12-31"]


def test_an_hourly_product_takes_the_hour_that_ended_with_the_tick(shop: Shop) -> None:
    path = shop.folder / "defs.yaml"
    path.write_text(path.read_text().replace("every: day", "every: hour").replace("orders_%Y-%m-%d*", "orders_%Y-%m-%d-%H*"))
    assert asked(shop, "2025-01-01T01:00") == ["2025-01-01-00:00"]
    assert asked(shop, "2025-01-11T00:00") == ["2025-01-10-23:00"]
    assert asked(shop, "2025-01-11T01:00") == []


def test_dagster_is_told_of_a_window_only_where_a_held_day_in_it_holds(shop: Shop) -> None:
    def offset() -> int | None:
        (spec,) = [s for s in definitions_of(shop.product).resolve_all_asset_specs() if s.key.path[-1] == "daily_revenue"]
        (dep,) = [d for d in spec.deps if d.asset_key.path[-1] == "paid_orders"]
        mapping = dep.partition_mapping
        return mapping.start_offset if isinstance(mapping, dg.TimeWindowPartitionMapping) else None

    assert offset() is None
    path = shop.folder / "defs.yaml"
    path.write_text(path.read_text().replace("unavailable: ignore", "unavailable: hold"))
    assert offset() == -2
