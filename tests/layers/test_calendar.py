"""When a delivery is due: literal days, by the calendar on the wall."""

from __future__ import annotations

import datetime

import pytest

from readiness_pipelines.declarations import load_product
from readiness_pipelines.layers.calendar import due_at, end_of, is_due, is_expected, key_of, last_key, partitions_read
from tests.shop import Shop


def promised(shop: Shop, line: str, *, last_due: str = "2025-12-31", first_due: str = "2025-01-01", every: str = "day") -> Shop:
    """Write the shop's contract with other service levels, and its calendar with other ends."""
    contract = shop.folder / "contract.yaml"
    contract.write_text(contract.read_text().replace("  - {property: frequency, value: daily}", line))
    defs = shop.folder / "defs.yaml"
    text = defs.read_text().replace("every: day", f"every: {every}").replace("last_due: 2025-01-10", f"last_due: {last_due}")
    if every == "hour":
        text = text.replace("%Y-%m-%d", "%Y-%m-%d-%H")
    defs.write_text(text.replace("first_due: 2025-01-01", f"first_due: {first_due}"))
    return shop


def expected_days(shop: Shop, first: str, days: int) -> list[str]:
    product = load_product(shop.folder)
    start = datetime.date.fromisoformat(first)
    keys = [str(start + datetime.timedelta(days=n)) for n in range(days)]
    return [key for key in keys if is_expected(product, product.by_name["raw_orders"], key)]  # type: ignore[arg-type]


def test_a_daily_feed_is_expected_every_day_from_first_to_last_due_inclusive(shop: Shop) -> None:
    promised(shop, "  - {property: frequency, value: daily}", first_due="2025-01-03", last_due="2025-01-05")
    assert expected_days(shop, "2025-01-01", 7) == ["2025-01-03", "2025-01-04", "2025-01-05"]


def test_a_weekday_feed_is_not_expected_on_saturday_and_sunday(shop: Shop) -> None:
    promised(shop, "  - {property: frequency, value: weekdays}")
    assert expected_days(shop, "2025-01-03", 5) == ["2025-01-03", "2025-01-06", "2025-01-07"]  # the 3rd was a Friday


def test_a_weekly_feed_is_expected_on_the_weekday_of_its_first_day(shop: Shop) -> None:
    promised(shop, "  - {property: frequency, value: weekly}")
    assert expected_days(shop, "2025-01-01", 20) == ["2025-01-01", "2025-01-08", "2025-01-15"]


def test_a_monthly_feed_of_the_31st_comes_on_the_last_day_of_a_shorter_month(shop: Shop) -> None:
    promised(shop, "  - {property: frequency, value: monthly}", first_due="2025-01-31")
    assert expected_days(shop, "2025-01-01", 120) == ["2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30"]


def test_a_monthly_feed_of_the_15th_comes_on_the_15th_only(shop: Shop) -> None:
    promised(shop, "  - {property: frequency, value: monthly}", first_due="2025-01-15")
    assert expected_days(shop, "2025-01-01", 90) == ["2025-01-15", "2025-02-15", "2025-03-15"]


@pytest.mark.parametrize(
    ("latency", "due"),
    [
        ("", "2025-01-03 00:00"),
        ("  - {property: latency, value: 90, unit: m}", "2025-01-03 01:30"),
        ("  - {property: latency, value: 6, unit: h}", "2025-01-03 06:00"),
        ("  - {property: latency, value: 1, unit: d}", "2025-01-04 00:00"),
    ],
)
def test_a_delivery_is_due_when_its_day_has_ended_and_the_latency_has_passed(shop: Shop, latency: str, due: str) -> None:
    promised(shop, f"  - {{property: frequency, value: daily}}\n{latency}")
    product = load_product(shop.folder)
    table, moment = product.by_name["raw_orders"], datetime.datetime.fromisoformat(due)
    assert due_at(product, table, "2025-01-02") == moment  # type: ignore[arg-type]
    assert is_due(product, table, "2025-01-02", now=moment)  # type: ignore[arg-type]
    assert not is_due(product, table, "2025-01-02", now=moment - datetime.timedelta(seconds=1))  # type: ignore[arg-type]


def test_a_table_named_as_element_has_a_service_level_of_its_own(shop: Shop) -> None:
    promised(
        shop,
        "  - {property: frequency, value: daily}\n"
        "  - {property: frequency, value: weekly, element: raw_orders}\n"
        "  - {property: latency, value: 2, unit: h, element: 'orders, raw_orders.order_id'}",
    )
    tables = load_product(shop.folder).contract.tables
    assert (tables["raw_orders"].service_level.frequency, tables["orders"].service_level.frequency) == ("weekly", "daily")
    assert tables["raw_orders"].service_level.latency == tables["orders"].service_level.latency == datetime.timedelta(hours=2)
    assert tables["paid_orders"].service_level.latency == datetime.timedelta()
    assert tables["raw_orders"].service_level.longest_gap == datetime.timedelta(days=7, hours=2)


def test_an_hour_ends_an_hour_later_and_the_last_key_is_the_newest_that_has_ended(shop: Shop) -> None:
    promised(shop, "  - {property: frequency, value: hourly}", every="hour")
    product = load_product(shop.folder)
    assert end_of(product, "2025-01-02-23:00") == datetime.datetime(2025, 1, 3)
    assert key_of(product, datetime.datetime(2025, 1, 2, 5, 59, 59)) == "2025-01-02-05:00"
    assert last_key(product, now=datetime.datetime(2025, 1, 2, 6)) == "2025-01-02-05:00"
    assert last_key(product, now=datetime.datetime(2025, 1, 2, 5, 59)) == "2025-01-02-04:00"
    assert last_key(product, now=datetime.datetime(2027, 1, 1)) == "2025-12-31-23:00"
    assert is_expected(product, product.by_name["raw_orders"], "2025-01-02-07:00")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("number", "last", "days"),
    [(5, 3, [3, 4, 5]), (5, 1, [5]), (2, 3, [1, 2]), (3, 3, [1, 2, 3]), (5, 10**12, [1, 2, 3, 4, 5])],
)
def test_the_last_partitions_end_with_this_one_and_begin_with_the_calendar(
    shop: Shop, number: int, last: int, days: list[int]
) -> None:
    defs = shop.folder / "defs.yaml"
    defs.write_text(defs.read_text().replace("{last: 3}", f"{{last: {last}}}"))
    product = load_product(shop.folder)
    given = product.by_name["daily_revenue"].upstream["paid_orders"]
    assert partitions_read(product, given, shop.day(number)) == [shop.day(day) for day in days]
