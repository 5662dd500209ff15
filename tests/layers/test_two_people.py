"""Two people decide about the same rows: the second is told of the first, and undoes nothing unseen."""

from __future__ import annotations

import pytest

from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.layers import decisions
from readiness_pipelines.layers.quarantine import Signed
from readiness_pipelines.ledger import Correction
from readiness_pipelines.ledger.corrections import Corrections
from tests.layers.test_corrections import BAD, discard, good, key, lake_of, open_rows, release, row, run, values_of, waive, withdraw
from tests.shop import Shop

BOB = Signed("bob", "sent twice")


def bob_discards(shop: Shop, rows: list[str]) -> bool:
    return decisions.discard(lake_of(shop), shop.product.by_name["orders"], shop.day(1), rows, signed=BOB)[1]


def bob_releases(shop: Shop, rows: dict[str, dict[str, str | None]]) -> bool:
    return decisions.release_values(lake_of(shop), shop.product.by_name["orders"], shop.day(1), rows, signed=BOB)[1]


def decided(shop: Shop) -> list[tuple[str, str]]:
    return [(each.kind, each.by) for each in lake_of(shop).ledger.corrections.of("shop.silver.orders")]


@pytest.fixture
def bad(shop: Shop) -> str:
    shop.land(1, [*good(19), BAD])
    run(shop)
    return row(shop, "amount_in_range")


@pytest.mark.parametrize("is_run", [False, True])
def test_who_decides_between_the_check_and_the_record_of_another_is_not_undone(
    shop: Shop, bad: str, is_run: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = Corrections.record

    def after_ann(self: Corrections, said: Correction, *, seen: int | None = None) -> tuple[Correction, bool]:
        monkeypatch.setattr(Corrections, "record", record)
        release(shop, {bad: {"amount": "7"}})
        if is_run:
            run(shop)
        return record(self, said, seen=seen)

    monkeypatch.setattr(Corrections, "record", after_ann)
    with pytest.raises(ReadinessError, match=r"1 .*were released with corrected values by ann on .* \(typed wrongly\)"):
        bob_discards(shop, [bad])
    run(shop)
    assert decided(shop) == [("release", "ann")]
    assert (101, 7) in values_of(shop)


def test_what_another_decided_and_nobody_ran_is_not_overruled_unseen(shop: Shop, bad: str) -> None:
    discard(shop, [bad])
    with pytest.raises(ReadinessError, match=r"1 of 1 rows were discarded by ann on .*; nobody has run that yet. Run it first: "):
        bob_releases(shop, {bad: {"amount": "7"}})
    run(shop)
    assert bob_releases(shop, {bad: {"amount": "7"}})  # now he sees it discarded, and takes it back
    run(shop)
    assert decided(shop) == [("discard", "ann"), ("release", "bob")]
    assert (101, 7) in values_of(shop)


def test_one_person_may_think_again_before_the_run(shop: Shop, bad: str) -> None:
    discard(shop, [bad])
    release(shop, {bad: {"amount": "7"}})
    run(shop)
    assert (101, 7) in values_of(shop)


def test_a_row_that_failed_again_can_be_decided_about_by_anybody(shop: Shop, bad: str) -> None:
    release(shop, {bad: {"amount": "88888"}})
    with pytest.raises(ReadinessError, match="nobody has run that yet"):
        bob_discards(shop, [bad])
    run(shop)
    assert bob_discards(shop, [bad])


def test_what_a_withdrawal_took_back_can_be_decided_about_by_anybody(shop: Shop, bad: str) -> None:
    before = key(shop)
    waive(shop, [bad], ["amount_in_range"])
    run(shop)
    withdraw(shop, before)
    run(shop)
    assert list(open_rows(shop)) == [bad]
    assert bob_discards(shop, [bad])
    run(shop)
    assert open_rows(shop) == {}


def test_a_waiver_goes_beside_what_another_released(shop: Shop, bad: str) -> None:
    release(shop, {bad: {"amount": "5000"}})
    table = shop.product.by_name["orders"]
    assert decisions.release_waived(lake_of(shop), table, shop.day(1), [bad], ["amount_in_range"], signed=BOB)[1]
    run(shop)
    assert (101, 5000) in values_of(shop)
