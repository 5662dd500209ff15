"""What a person takes back stays taken back, and nothing but that: deliveries, newer candidates and later versions stay as they are."""

from __future__ import annotations

from tests.layers.test_corrections import key, nothing_moves, run, values_of, withdraw
from tests.shop import Shop


def deliver(shop: Shop, *names: str) -> list[str]:
    """Land and run one delivery after another for the first day; return the key of each version of bronze."""
    found = []
    for name in names:
        shop.land(1, [f"{i},{name}{i},10,2025-01-01" for i in range(5)], suffix=f"_{name}")
        run(shop)
        found.append(key(shop, "raw_orders"))
    return found


def delivered(shop: Shop, name: str) -> list[str]:
    return sorted({str(customer)[0] for (customer,) in values_of(shop, name, columns="customer")})


def test_bronze_withdrawn_by_several_versions_stays_and_leaves_no_delivery_out_later(shop: Shop) -> None:
    first, _, third = deliver(shop, *"abc")
    withdraw(shop, first, "raw_orders")
    run(shop)
    for _ in range(2):
        assert (key(shop, "raw_orders"), delivered(shop, "orders")) == (first, ["a"])
        nothing_moves(shop)
    withdraw(shop, third, "raw_orders")
    run(shop)
    assert (key(shop, "raw_orders"), delivered(shop, "raw_orders")) == (third, ["a", "b", "c"])
    withdraw(shop, first, "raw_orders")
    run(shop)
    deliver(shop, "d")
    assert (delivered(shop, "raw_orders"), delivered(shop, "orders")) == (["a", "b", "c", "d"], ["d"])
    nothing_moves(shop)
