"""A release that leaves a row out says which."""

from __future__ import annotations

from readiness_pipelines.layers.left_out import left_out
from tests.layers.test_corrections import BAD, good, lake_of, open_rows, release, row, run, waive
from tests.shop import Shop


def lines(shop: Shop, changed: dict[str, str | None]) -> list[str]:
    """Release the bad row with these values, run the day, and return what is said of rows that were left out."""
    lake = lake_of(shop)
    before = lake.ledger.current_version("shop.silver.orders", shop.day(1))
    release(shop, {row(shop, "amount_in_range"): changed})
    run(shop)
    return left_out(lake, lake.ledger.corrections.of("shop.silver.orders")[-1], before)


def test_a_row_whose_place_a_released_one_takes_is_named(shop: Shop) -> None:
    shop.land(1, [*good(19), BAD])  # of duplicates the last stays, and the bad row is the last
    run(shop)
    bad = row(shop, "amount_in_range")
    first = lake_of(shop).ledger.current_version("shop.silver.orders", shop.day(1))
    assert first is not None
    good_one = f"{bad.rpartition(':')[0]}:1"
    assert lines(shop, {"amount": "7", "order_id": "1000"}) == [
        f"1 row was admitted before, and left out now as a duplicate or by a declared filter: {good_one}; "
        f"`readiness withdraw shop.silver.orders 2025-01-01 --to {first.version_key[:12]}` takes the release back"
    ]


def test_a_released_row_that_repeats_a_later_one_is_named(shop: Shop) -> None:
    shop.land(1, [BAD, *good(19)])
    run(shop)
    bad = row(shop, "amount_in_range")
    said = "released, and left out as a duplicate or by a declared filter"
    assert lines(shop, {"amount": "7", "order_id": "1000"}) == [f"1 row was {said}: {bad}"]


def test_nothing_is_said_where_all_are_admitted_or_fail_again_or_another_delivery_came(shop: Shop) -> None:
    shop.land(1, [*good(18), BAD, "102,c,88888,2025-01-01"])
    run(shop)
    lake = lake_of(shop)
    before = lake.ledger.current_version("shop.silver.orders", shop.day(1))
    first, second = sorted(open_rows(shop))
    release(shop, {first: {"amount": "7"}, second: {"amount": "77777"}})
    run(shop)
    said = lake.ledger.corrections.of("shop.silver.orders")[-1]
    assert left_out(lake, said, before) == []
    waive(shop, [second], ["amount_in_range"])
    shop.land(1, good(3), suffix="_b")
    run(shop)
    said = lake.ledger.corrections.of("shop.silver.orders")[-1]
    assert [line for line in left_out(lake, said, before) if "admitted before" in line] == []
