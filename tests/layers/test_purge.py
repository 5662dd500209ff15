"""What a purge takes is written again where its candidate is proposed again, and ages are days from 0 up, however many."""

from __future__ import annotations

import datetime

import pytest

from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.layers.quarantine import purge, waiting
from tests.layers.test_corrections import SIGNED, lake_of, nothing_moves, open_rows, run
from tests.layers.test_withdrawals import with_highest
from tests.shop import Shop


def purged(shop: Shop, days: float) -> int:
    now = clock() + datetime.timedelta(days=1)
    done = purge(lake_of(shop), "shop.silver.orders", older_than_days=days, now=now, signed=SIGNED)
    return sum(said.payload["rows"] for said in done)


def test_a_held_candidate_that_comes_back_after_a_purge_has_its_rows_in_quarantine_again(shop: Shop) -> None:
    shop.land(1, [f"{i},c,9999,2025-01-01" for i in range(5)])
    run(shop)
    rows = open_rows(shop)
    with_highest(shop, 5000)
    run(shop)
    assert purged(shop, 0) == 5
    with_highest(shop, 1000)
    assert run(shop)["orders", 1].kind == "held"
    assert (open_rows(shop), len(rows)) == (rows, 5)
    nothing_moves(shop)


def test_no_age_is_too_great_and_none_is_negative(shop: Shop) -> None:
    shop.land(1, [f"{i},c,9999,2025-01-01" for i in range(5)])
    run(shop)
    orders = shop.product.by_name["orders"]
    assert [w.rows for w in waiting(lake_of(shop), orders, older_than_days=0, now=clock())] == [5]
    assert waiting(lake_of(shop), orders, older_than_days=1e9, now=clock()) == []
    with_highest(shop, 5000)
    run(shop)
    assert purged(shop, 1e9) == 0
    for days in (-1.0, float("nan")):
        with pytest.raises(ReadinessError, match="expected 0 or more"):
            purged(shop, days)
    assert purged(shop, 0) == 5
