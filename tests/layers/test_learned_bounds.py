"""Rules that learn from the table's own past: what they learn from, when they judge, and what a correction changes."""

from __future__ import annotations

from pathlib import Path

from readiness_pipelines.flow import Status
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers.decisions import Signed, admit, withdraw
from tests.layers.across import land, ruling, run, suite
from tests.shop import Shop, build_shop

VOLUME = (
    "type: expect_table_row_count_to_be_between, kwargs: {}, "
    "meta: {name: volume, bounds_from: {history: {partitions: 4, minimum: 3}}}"
)


def landed(shop: Shop, *counts: int) -> Shop:
    """Land days of so many orders each, from day 1 on, and let bronze learn its volume."""
    suite(shop, "bronze_raw_orders", [VOLUME])
    for number, n in enumerate(counts, start=1):
        land(shop, number, [("ann", 1)] * n)
    return shop


def test_a_day_is_judged_by_the_days_before_it_once_there_are_enough(shop: Shop) -> None:
    landed(shop, 10, 11, 10, 10, 40, 10)
    results = [run(shop, "raw_orders", day=n) for n in range(1, 7)]
    found = [ruling(r, "volume") for r in results]
    assert [f.status for f in found] == [*[Status.LEARNING] * 3, Status.PASSED, Status.FAILED, Status.PASSED]
    assert [r.kind for r in results] == [*["admitted"] * 4, "held", "admitted"]
    assert (found[3].kwargs["min_value"], found[3].kwargs["max_value"]) == (9.0, 11.0)
    assert found[4].rests_on == tuple(str(r.version) for r in results[:4])
    assert found[5].rests_on == tuple(str(r.version) for r in results[1:4])  # day 2 to 5, of which day 5 is held
    assert results[4].why == "volume failed: observed 40, expected min_value 9, max_value 11"


def test_the_same_days_run_twice_say_the_same_of_each_day(tmp_path: Path) -> None:
    said = []
    for name in ("one", "two"):
        shop = landed(build_shop(tmp_path / name), 10, 12, 9, 10, 40)
        found = [ruling(run(shop, "raw_orders", day=n), "volume") for n in range(1, 6)]
        said.append([(f.status, f.kwargs, f.rests_on and f.rests_on[0].split("@")[0]) for f in found])
    assert said[0] == said[1]


def test_a_correction_of_a_day_leaves_the_later_ones_as_they_are(shop: Shop) -> None:
    landed(shop, 10, 10, 10, 10)
    before = [run(shop, "raw_orders", day=n).version for n in range(1, 5)]
    land(shop, 1, [("ann", 1)] * 30, suffix="_corrected")
    assert run(shop, "raw_orders", day=1).version != before[0]
    later = [run(shop, "raw_orders", day=n) for n in range(2, 5)]
    assert [(r.kind, r.version) for r in later] == [("unchanged", v) for v in before[1:]]


def test_only_the_rows_that_count_are_learned_from(shop: Shop) -> None:
    landed(shop, 10, 10, 10)
    run(shop, "raw_orders", day=1)
    land(shop, 1, [("ann", 1)] * 12, suffix="_corrected")  # bronze keeps the 10 of the first file
    for number in (1, 2, 3):
        run(shop, "raw_orders", day=number)
    land(shop, 4, [("ann", 1)] * 10)
    assert ruling(run(shop, "raw_orders", day=4), "volume").kwargs["max_value"] == 11.0  # of 12, 10, 10; not of 22, 10, 10


def test_a_held_candidate_is_judged_again_when_its_past_is_another_and_not_before(shop: Shop) -> None:
    landed(shop, 10, 10, 10, 30)
    for number in (1, 2, 3):
        run(shop, "raw_orders", day=number)
    assert run(shop, "raw_orders", day=4).kind == "held"
    lake = Lakehouse.open(shop.settings)
    place = ("shop.bronze.raw_orders", shop.day(4))
    assert run(shop, "raw_orders", day=4).kind == "held" and len(lake.ledger.verdicts(*place)) == 1
    for number in (2, 3):  # they were cut short, it turns out: 30 is as ever
        land(shop, number, [("ann", 1)] * 30, suffix="_corrected")
        run(shop, "raw_orders", day=number)
    result = run(shop, "raw_orders", day=4)
    assert result.kind == "admitted" and len(lake.ledger.verdicts(*place)) == 2
    assert result.verdict is not None
    assert [v.version_key for _, v in lake.ledger.verdicts(*place)] == [result.verdict.version_key] * 2


def test_what_was_withdrawn_teaches_nothing(shop: Shop) -> None:
    landed(shop, 10, 10, 10, 10)
    for number in (1, 2, 3):
        run(shop, "raw_orders", day=number)
    lake = Lakehouse.open(shop.settings)
    signed = Signed("a wrong file", "ann")
    withdraw(lake, shop.product.by_name["raw_orders"], shop.day(2), to="nothing", signed=signed)
    run(shop, "raw_orders", day=2)
    found = ruling(run(shop, "raw_orders", day=4), "volume")
    assert (found.status, found.note[:17]) == (Status.LEARNING, "learned from 2 of")
    assert [v.partition("@")[0][-1] for v in found.rests_on] == ["1", "3"]


def test_silver_learns_its_null_rate_and_its_words(shop: Shop) -> None:
    history = "{partitions: 3, minimum: 2}"
    suite(
        shop,
        "silver_orders",
        [
            "type: expect_column_proportion_of_non_null_values_to_be_between, kwargs: {column: customer}, "
            f"meta: {{name: known, bounds_from: {{history: {history}}}}}",
            "type: expect_column_distinct_values_to_be_in_set, kwargs: {column: customer}, "
            f"meta: {{name: usual, on_fail: warn, value_set_from: {{history: {history}}}}}",
        ],
    )
    land(shop, 1, [("ann", 1)] * 9 + [("?", 1)])
    land(shop, 2, [("bob", 1)] * 9 + [("?", 1)])
    land(shop, 3, [("bob", 1)] * 5 + [("eve", 1)] * 4 + [("?", 1)])
    land(shop, 4, [("bob", 1)] * 5 + [("?", 1)] * 5)
    results = [run(shop, "raw_orders", "orders", day=n) for n in range(1, 5)]
    third, fourth = results[2:]
    assert [ruling(r, "known").status for r in results[:3]] == [Status.LEARNING, Status.LEARNING, Status.PASSED]
    assert (third.kind, ruling(third, "usual").status) == ("admitted", Status.FAILED)
    assert ruling(third, "usual").note == "1 value is not in the set"
    assert (fourth.kind, ruling(fourth, "usual").status) == ("held", Status.PASSED)
    assert ruling(fourth, "known").kwargs["min_value"] == 0.89  # 0.9 on each day before, less the floor of 0.01


def test_a_person_may_admit_what_is_unlike_the_past_and_it_teaches_from_then_on(shop: Shop) -> None:
    landed(shop, 10, 10, 10, 40, 10)
    for number in (1, 2, 3, 4):
        run(shop, "raw_orders", day=number)
    lake = Lakehouse.open(shop.settings)
    admit(lake, shop.product.by_name["raw_orders"], shop.day(4), signed=Signed("a sale", "ann"))
    admitted = run(shop, "raw_orders", day=4)
    found = ruling(admitted, "volume")
    assert (admitted.kind, found.status, found.on_fail) == ("admitted", Status.FAILED, "waived")
    assert str(admitted.version) in ruling(run(shop, "raw_orders", day=5), "volume").rests_on
