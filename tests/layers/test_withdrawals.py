"""What a person takes back stays taken back, and nothing but that: deliveries, newer candidates and later versions stay as they are."""

from __future__ import annotations

import datetime
import re

import pytest

from readiness_pipelines.errors import VersionExpired, VersionNotFound
from readiness_pipelines.flow import NOTHING
from readiness_pipelines.layers import StandingKind, Standings
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.layers.upkeep import maintain_product
from tests.layers.test_corrections import NOW, good, key, lake_of, nothing_moves, open_rows, run, values_of, withdraw
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


def with_highest(shop: Shop, amount: int) -> None:
    """Let the suite of the orders allow amounts up to this."""
    path = shop.root / "quality_suites" / "shop" / "silver_orders.yaml"
    path.write_text(re.sub(r"max_value: \d+", f"max_value: {amount}", path.read_text()))


def two_suites(shop: Shop) -> tuple[str, str]:
    """Publish the first day's orders under two suites, and return the keys of the versions."""
    shop.land(1)
    found = []
    for highest in (1000, 2000):
        with_highest(shop, highest)
        run(shop)
        found.append(key(shop))
    return found[0], found[1]


def standing(shop: Shop, name: str = "orders") -> StandingKind:
    return Standings(shop.product, lake_of(shop), now=NOW).of(name, shop.day(1)).kind


@pytest.mark.parametrize("to_nothing", [False, True])
def test_a_newer_candidate_that_is_held_stays_so_when_main_is_taken_back_and_when_that_is_lifted(
    shop: Shop, to_nothing: bool
) -> None:
    first, second = two_suites(shop)
    shop.land(1, [f"{i},c,99999,2025-01-01" for i in range(20)], suffix="_bad")
    assert run(shop)["orders", 1].kind == "held"
    for to in (NOTHING if to_nothing else first, second):
        assert withdraw(shop, "nothing" if to == NOTHING else to)
        assert run(shop)["orders", 1].kind == "held"
        assert (key(shop), standing(shop), len(open_rows(shop))) == (to, StandingKind.HELD, 20)
        nothing_moves(shop)
    shop.land(1, good(20), suffix="_better")
    assert run(shop)["orders", 1].kind == "admitted"


def test_a_withdrawal_takes_effect_while_what_it_reads_is_held(shop: Shop) -> None:
    first, second = two_suites(shop)
    shop.land(1, ["1,2"], header="a,b\n", suffix="_bad")
    assert run(shop)["orders", 1].kind == "blocked"
    withdraw(shop, "nothing")
    result = run(shop)["orders", 1]
    assert (result.kind, key(shop), values_of(shop, columns="count(*)")) == ("held", NOTHING, [(0,)])
    withdraw(shop, first)
    assert (run(shop)["orders", 1].kind, key(shop)) == ("admitted", first)
    assert (run(shop)["orders", 1].kind, key(shop)) == ("blocked", first)
    shop.land(1, good(20), suffix="_better")
    assert run(shop)["orders", 1].kind == "admitted"
    assert key(shop) not in (first, second)


def test_lifting_a_withdrawal_withdraws_nothing(shop: Shop) -> None:
    first, second = two_suites(shop)
    for to in (first, second):
        withdraw(shop, to)
        assert (run(shop)["orders", 1].kind, key(shop)) == ("admitted", to)
    for highest, expected in ((1000, first), (2000, second), (1000, first)):
        with_highest(shop, highest)
        run(shop)
        assert key(shop) == expected
        nothing_moves(shop)


def test_a_withdrawal_that_was_not_run_is_taken_back_by_the_version_on_main(shop: Shop) -> None:
    first, second = two_suites(shop)
    assert withdraw(shop, first)
    assert withdraw(shop, second)
    assert not withdraw(shop, second)
    assert (run(shop)["orders", 1].kind, key(shop)) == ("unchanged", second)
    assert withdraw(shop, first)
    run(shop)
    assert key(shop) == first


@pytest.mark.parametrize("to", ["nothing", "on_main", "withdrawn"])
def test_a_withdrawal_to_a_version_that_has_expired_since_is_decided_anew(shop: Shop, to: str) -> None:
    first, second = two_suites(shop)
    withdraw(shop, first)
    run(shop)
    with_highest(shop, 3000)
    run(shop)
    third = key(shop)
    later = clock() + datetime.timedelta(days=2)
    assert sum(done.expired for done in maintain_product(shop.product, lake_of(shop), now=later, keep_days=0)) >= 2
    with_highest(shop, 2000)
    with pytest.raises(VersionExpired, match=rf"--to` the version that was withdrawn lifts it \({second[:12]}\)"):
        run(shop)
    with pytest.raises(VersionNotFound, match=f"{first[:12]} has expired"):
        withdraw(shop, first)
    named, expected = {"nothing": ("nothing", NOTHING), "on_main": (third, third), "withdrawn": (second, second)}[to]
    assert withdraw(shop, named)
    run(shop)
    assert key(shop) == expected
    nothing_moves(shop)
    assert not withdraw(shop, named)
    with_highest(shop, 1000)
    run(shop)
    assert key(shop) == first
