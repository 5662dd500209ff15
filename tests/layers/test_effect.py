"""A decision is recorded first, and in effect only when a candidate that was made with it was admitted."""

from __future__ import annotations

from readiness_pipelines.layers import decisions
from readiness_pipelines.layers.effect import why_not_in_effect
from readiness_pipelines.ledger import Correction
from tests.layers.test_corrections import BAD, SIGNED, admit, discard, good, key, lake_of, release, row, run, waive, withdraw
from tests.shop import Shop


def newest(shop: Shop) -> Correction:
    return lake_of(shop).ledger.corrections.of("shop.silver.orders", shop.day(1))[-1]


def why(shop: Shop, said: Correction | None = None) -> str:
    return why_not_in_effect(lake_of(shop), shop.product, shop.product.by_name["orders"], said or newest(shop))


def test_a_decision_takes_effect_when_its_partition_is_run(shop: Shop) -> None:
    shop.land(1, [*good(19), BAD])
    run(shop)
    before, bad = key(shop), row(shop, "amount_in_range")
    discard(shop, [bad])
    assert "shop.silver.orders/2025-01-01 was not judged with it; `readiness status shop` says what is held" in why(shop)
    run(shop)
    assert why(shop) == ""
    run(shop)
    assert why(shop) == ""
    waive(shop, [bad], ["amount_in_range"])
    assert "was not judged with it" in why(shop)  # though the row is open in no candidate
    run(shop)
    assert why(shop) == ""
    withdraw(shop, before)
    assert "holds another version" in why(shop)
    run(shop)
    assert why(shop) == ""


def test_what_is_blocked_names_what_blocks_it(shop: Shop) -> None:
    shop.land(1, [*good(19), BAD])
    run(shop)
    bad = row(shop, "amount_in_range")
    shop.land(1, ["1,2"], header="a,b\n", suffix="_2")
    run(shop)
    discard(shop, [bad])
    run(shop)
    assert "no candidate was made with it: 2025-01-01 bronze raw_orders is held; `readiness status shop`" in why(shop)
    assert "`readiness backfill shop --from 2025-01-01 --to 2025-01-01` carries it out" in why(shop)


def test_a_released_row_that_fails_again_is_named(shop: Shop) -> None:
    shop.land(1, [*good(19), BAD])
    run(shop)
    bad = row(shop, "amount_in_range")
    release(shop, {bad: {"amount": "88888"}})
    run(shop)
    assert f"1 of 1 rows are still in quarantine: {bad} (amount_in_range); correct them" in why(shop)


def test_who_decided_otherwise_meanwhile_is_named(shop: Shop) -> None:
    shop.land(1, [*good(19), BAD])
    run(shop)
    bad = row(shop, "amount_in_range")
    release(shop, {bad: {"amount": "88888"}})
    run(shop)
    released = newest(shop)
    table = shop.product.by_name["orders"]
    decisions.discard(lake_of(shop), table, shop.day(1), [bad], signed=decisions.Signed("bob", "sent twice"))
    run(shop)
    assert why(shop) == ""
    assert "1 of 1 rows were discarded by bob on" in why(shop, released)
    assert "sent twice" in why(shop, released)


def test_an_admit_is_in_effect_while_its_candidate_is_the_newest(shop: Shop) -> None:
    shop.land_broken(1)
    run(shop)
    admit(shop)
    admitted = newest(shop)
    assert "is held: " in why(shop)
    run(shop)
    assert why(shop) == ""
    shop.land(1, good(20))
    run(shop)
    assert "was not judged with it" in why(shop, admitted)


def test_a_candidate_that_is_held_all_the_same_is_told(shop: Shop) -> None:
    shop.land_broken(1)
    run(shop)
    table = shop.product.by_name["orders"]
    bad = decisions.rows_of(lake_of(shop), table.full_name, shop.day(1))[0].row_id
    said, _ = decisions.discard(lake_of(shop), table, shop.day(1), [bad], signed=SIGNED)
    run(shop)
    assert "is held: " in why(shop, said) and "`readiness held show orders 2025-01-01`" in why(shop, said)
