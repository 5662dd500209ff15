"""From a version to the decisions of people that are in it, and from a file to versions that were withdrawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.trace import Chain, Kind, deliveries_named, of_file, of_version
from tests.layers.test_corrections import BAD, admit, discard, good, key, lake_of, release, row, run, withdraw
from tests.modelled import Parcels, build_parcels, orders_of
from tests.shop import Shop

ORDERS = "shop.silver.orders"


def told(shop: Shop, version: str) -> dict[str, object]:
    chain = of_version(shop.product, lake_of(shop), ORDERS, shop.day(1), version)
    return dict(chain.facts[chain.subject].told)


def states(chain: Chain) -> dict[str, object]:
    """The state of each version, as verdicts name it."""
    return {fact.name: fact.told["state"] for fact in chain.facts.values() if fact.kind is Kind.VERSIONS}


def states_of_orders(shop: Shop, file: Path) -> dict[str, object]:
    """The state of each version of the orders that rests on the file, by the beginning of its key."""
    chain = of_file(shop.product, lake_of(shop), str(file.relative_to(shop.settings.landing)))
    return {name.partition("@")[2]: state for name, state in states(chain).items() if name.startswith(ORDERS)}


def test_a_version_tells_the_decisions_it_was_made_with_and_none_of_later(shop: Shop) -> None:
    shop.land(1, [*good(18), BAD, "102,c,ten,2025-01-01"])
    run(shop)
    versions = [key(shop)]
    discard(shop, [row(shop, "amount_in_range")])
    run(shop)
    versions.append(key(shop))
    release(shop, {row(shop, "cast:amount"): {"amount": "10"}})
    run(shop)
    versions.append(key(shop))
    assert len(set(versions)) == 3
    decided = [str(told(shop, version).get("decided by people", "")).split("; ") for version in versions]
    assert [[each.partition(" by ann on ")[0] for each in said] for said in decided] == [
        [""],
        ["discarded"],
        ["discarded", "released with corrected values"],
    ]
    assert all(each.endswith(": typed wrongly") for said in decided[1:] for each in said)


def test_a_waiver_is_told_of_the_version_that_it_admitted(shop: Shop) -> None:
    shop.land(1)
    run(shop)
    before = key(shop)
    shop.land(1, [*good(10), *[f"{n},c,ten,2025-01-01" for n in range(20)]], suffix="_later")
    run(shop)
    admit(shop)
    run(shop)
    assert "decided by people" not in told(shop, before)
    assert str(told(shop, key(shop))["decided by people"]).startswith("admitted waiving max_quarantine_fraction by ann on ")


def test_a_withdrawn_version_is_told_as_such_and_the_one_in_its_place_is_not(shop: Shop) -> None:
    file = shop.land(1, [*good(19), BAD])
    run(shop)
    first = key(shop)
    discard(shop, [row(shop, "amount_in_range")])
    run(shop)
    second = key(shop)
    assert states_of_orders(shop, file) == {first[:12]: "superseded", second[:12]: "current"}
    withdraw(shop, first)
    run(shop)
    assert key(shop) == first
    assert states_of_orders(shop, file) == {first[:12]: "current", second[:12]: "withdrawn"}
    assert str(told(shop, second)["withdrawn"]).startswith("by ann on ") and "withdrawn" not in told(shop, first)
    assert "decided by people" not in told(shop, first)


@pytest.fixture
def parcels(tmp_path: Path) -> Parcels:
    return build_parcels(tmp_path)


def test_the_same_bytes_delivered_twice_are_followed_from_both_by_sha256_and_from_one_by_name(parcels: Parcels) -> None:
    for number in (1, 2):
        parcels.land_orders(number, orders_of(1, rows=20))
    parcels.run([1, 2])
    first, second = (f"orders_{parcels.day(number)}.csv" for number in (1, 2))
    ((sha256, deliveries),) = deliveries_named(parcels.product, parcels.lake, first).items()
    assert [each.name for each in deliveries] == [first]
    both, one = (of_file(parcels.product, parcels.lake, named) for named in (sha256, second))
    orders, raw = "parcels.silver.orders", "parcels.bronze.raw_orders"
    for chain, days in ((both, (1, 2)), (one, (2,))):
        assert {name.partition("@")[0] for name in states(chain)} == {f"{t}/{parcels.day(n)}" for t in (raw, orders) for n in days}
    subject = both.facts[both.subject]
    assert subject.name == f"{first}, {second}"
    assert subject.told["deliveries"] == ", ".join(f"{name} for {raw}/{parcels.day(n)}" for n, name in ((1, first), (2, second)))
    assert "deliveries" not in one.facts[one.subject].told
    with pytest.raises(ReadinessError, match="found 0 deliveries"):
        of_file(parcels.product, parcels.lake, "f" * 64)
