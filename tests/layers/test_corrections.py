"""What people decide about rows and candidates is an input of the step: it takes effect once, and no re-run undoes it."""

from __future__ import annotations

import datetime
import io
from collections import Counter
from pathlib import Path

import pytest

from readiness_pipelines.errors import ReadinessError, VersionNotFound
from readiness_pipelines.flow import NOTHING
from readiness_pipelines.lakehouse import Lakehouse, relation
from readiness_pipelines.lakehouse.doctor import examine
from readiness_pipelines.layers import StandingKind, Standings, StepResult, decisions, exported, run_step
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.layers.downstream import readers
from readiness_pipelines.layers.quarantine import Signed, exportable, purge, rows_of
from readiness_pipelines.layers.upkeep import maintain_product
from tests.shop import Shop

NOW = datetime.datetime(2025, 3, 1)
SIGNED = Signed("ann", "typed wrongly")
BAD = "101,c,99999,2025-01-01"


def lake_of(shop: Shop) -> Lakehouse:
    return Lakehouse.open(shop.settings)


def run(shop: Shop, *days: int, gold: bool = False) -> dict[tuple[str, int], StepResult]:
    """Run bronze and silver, with `gold` all tables, over the days (the first by default)."""
    product, lake = shop.product, lake_of(shop)
    found = {
        (t.name, day): run_step(lake, shop.settings, product, t.name, shop.day(day))
        for t in product.tables
        if gold or t.layer != "gold"
        for day in days or (1,)
    }
    for result in found.values():
        assert result.verdict is None or result.verdict.counts.conserved
    return found


def counts(result: StepResult) -> tuple[int, int, int, int, dict[str, int]]:
    """Return rows in, admitted, quarantined, held, dropped."""
    assert result.verdict is not None
    c = result.verdict.counts
    return c.rows_in, c.admitted, c.quarantined, c.held, dict(c.dropped)


def good(n: int, day: int = 1) -> list[str]:
    return [f"{day * 1000 + i},c{i},10,2025-01-{day:02}" for i in range(n)]


def open_rows(shop: Shop, name: str = "orders", day: int = 1) -> dict[str, tuple[str, ...]]:
    table = shop.product.by_name[name].full_name
    return {row.row_id: row.reasons for row in rows_of(lake_of(shop), table, shop.day(day))}


def row(shop: Shop, reason: str, name: str = "orders", day: int = 1) -> str:
    (found,) = [row_id for row_id, reasons in open_rows(shop, name, day).items() if reason in reasons]
    return found


def values_of(shop: Shop, name: str = "orders", day: int = 1, columns: str = "order_id, amount") -> list[tuple[object, ...]]:
    lake, table = lake_of(shop), shop.product.by_name[name].full_name
    version = lake.ledger.current_version(table, shop.day(day))
    assert version is not None
    with lake.connect() as con:
        return con.execute(f"SELECT {columns} FROM {relation(lake, [version])} ORDER BY ALL").fetchall()


def release(shop: Shop, rows: dict[str, dict[str, str | None]], day: int = 1) -> bool:
    return decisions.release_values(lake_of(shop), shop.product.by_name["orders"], shop.day(day), rows, signed=SIGNED)[1]


def waive(shop: Shop, rows: list[str], rules: list[str], name: str = "orders") -> bool:
    return decisions.release_waived(lake_of(shop), shop.product.by_name[name], shop.day(1), rows, rules, signed=SIGNED)[1]


def discard(shop: Shop, rows: list[str], name: str = "orders") -> bool:
    return decisions.discard(lake_of(shop), shop.product.by_name[name], shop.day(1), rows, signed=SIGNED)[1]


def admit(shop: Shop, name: str = "orders", rules: tuple[str, ...] = ()) -> tuple[str, ...]:
    return decisions.admit(lake_of(shop), shop.product.by_name[name], shop.day(1), rules=rules, signed=SIGNED)[2]


def withdraw(shop: Shop, to: str, name: str = "orders", day: int = 1) -> bool:
    return decisions.withdraw(lake_of(shop), shop.product.by_name[name], shop.day(day), to=to, signed=SIGNED)[1]


def key(shop: Shop, name: str = "orders", day: int = 1) -> str:
    version = lake_of(shop).ledger.current_version(shop.product.by_name[name].full_name, shop.day(day))
    assert version is not None
    return version.version_key


def nothing_moves(shop: Shop, *days: int, gold: bool = False) -> None:
    kinds = Counter(result.kind for result in run(shop, *days, gold=gold).values())
    assert set(kinds) <= {"unchanged", "held", "blocked"}, kinds


def test_corrected_values_pass_the_gate_and_are_admitted_rows(shop: Shop) -> None:
    shop.land(1, [*good(18), BAD, "102,c,ten,2025-01-01"])
    shop.land(2)
    before = run(shop, 1, 2, gold=True)
    assert counts(before["orders", 1]) == (20, 18, 2, 0, {})
    assert release(shop, {row(shop, "amount_in_range"): {"amount": "999"}, row(shop, "cast:amount"): {"amount": "10"}})
    after = run(shop, 1, 2, gold=True)
    assert counts(after["orders", 1]) == (20, 20, 0, 0, {})
    assert values_of(shop)[:2] == [(101, 999), (102, 10)]
    assert (after["raw_orders", 1].kind, after["orders", 2].kind) == ("unchanged", "unchanged")
    assert after["daily_revenue", 2].kind == "admitted"  # it reads the first day too
    assert after["orders", 1].verdict is not None and after["orders", 1].verdict.notes == ("ann released 2 rows: typed wrongly",)
    nothing_moves(shop, 1, 2, gold=True)


def test_a_row_that_fails_again_stays_with_its_new_reasons(shop: Shop) -> None:
    shop.land(1, [*good(19), BAD])
    run(shop)
    bad = row(shop, "amount_in_range")
    release(shop, {bad: {"amount": "much", "customer": None}})
    assert counts(run(shop)["orders", 1])[:3] == (20, 19, 1)
    assert open_rows(shop) == {bad: ("cast:amount",)}
    release(shop, {bad: {"amount": "7"}})
    assert counts(run(shop)["orders", 1])[:3] == (20, 20, 0)
    assert values_of(shop, columns="amount, customer")[0] == (7, "c")  # new values take the place of all the older ones


def test_an_export_comes_back_as_a_release(shop: Shop, tmp_path: Path) -> None:
    shop.land(1, [*good(18), '101,"c ""x"", y",99999,2025-01-01', "102,\\N,99999,2025-01-01"])
    run(shop)
    lake = lake_of(shop)
    sink = io.StringIO()
    rows = rows_of(lake, "shop.silver.orders", shop.day(1))
    exported.write(sink, list(exportable(lake, "shop.silver.orders", shop.day(1), rows)))
    path = tmp_path / "export.csv"
    path.write_text(sink.getvalue())
    given = exported.read(path)
    assert sorted((cells["customer"], cells["amount"]) for cells in given.values()) == [("\\N", "99999"), ('c "x", y', "99999")]
    with pytest.raises(ReadinessError, match="no cell differs"):
        release(shop, given)
    path.write_text(sink.getvalue().replace("99999", "9"))
    release(shop, exported.read(path))
    run(shop)
    assert values_of(shop, columns="customer, amount")[:2] == [("\\N", 9), ('c "x", y', 9)]


def test_a_waived_rule_lets_exactly_the_named_rows_pass(shop: Shop) -> None:
    shop.land(1, [*good(18), BAD, "102,c,88888,2025-01-01"])
    run(shop)
    first, second = sorted(open_rows(shop))
    waive(shop, [first], ["amount_in_range"])
    result = run(shop)["orders", 1]
    assert counts(result)[:3] == (20, 19, 1)
    assert open_rows(shop) == {second: ("amount_in_range",)}
    assert result.verdict is not None and result.verdict.rules[0].unexpected_count == 2  # it was broken by both all the same
    nothing_moves(shop)


def test_a_waiver_is_no_value_for_a_cell_that_could_not_be_cast(shop: Shop) -> None:
    shop.land(1, [*good(19), "101,c,ten,2025-01-01"])
    run(shop)
    bad = row(shop, "cast:amount")
    with pytest.raises(ReadinessError, match="no value to admit"):
        waive(shop, [bad], ["cast:amount"])
    with pytest.raises(
        ReadinessError, match="found the rules amount_in_range, expected some that these rows are in quarantine for"
    ):
        waive(shop, [bad], ["amount_in_range"])
    assert counts(run(shop)["orders", 1])[:3] == (20, 19, 1)


def test_discarded_rows_are_counted_and_named_and_can_be_taken_back(shop: Shop) -> None:
    shop.land(1, [*good(19), BAD])
    run(shop)
    bad = row(shop, "amount_in_range")
    discard(shop, [bad])
    assert counts(run(shop)["orders", 1]) == (20, 19, 0, 0, {"discarded": 1})
    (found,) = rows_of(lake_of(shop), "shop.silver.orders", shop.day(1), everything=True)
    assert (found.row_id, found.state) == (bad, "discarded")
    nothing_moves(shop)
    waive(shop, [bad], ["amount_in_range"])
    assert counts(run(shop)["orders", 1]) == (20, 20, 0, 0, {})


def test_a_record_that_cannot_be_read_is_discarded_or_delivered_anew_and_never_released(shop: Shop) -> None:
    shop.land(1, [*good(39), "one,field"])
    assert counts(run(shop)["raw_orders", 1])[:3] == (40, 39, 1)
    ((bad, reasons),) = open_rows(shop, "raw_orders").items()
    with pytest.raises(ReadinessError, match="could not be read, so there are no values"):
        waive_in_bronze(shop, bad)
    with pytest.raises(ReadinessError, match="values are corrected in silver alone"):
        decisions.release_values(lake_of(shop), shop.product.by_name["raw_orders"], shop.day(1), {bad: {"raw": "x"}}, signed=SIGNED)
    discard(shop, [bad], "raw_orders")
    result = run(shop)
    assert counts(result["raw_orders", 1]) == (40, 39, 0, 0, {"discarded": 1})
    nothing_moves(shop)
    shop.land(1, good(40), suffix="_corrected")
    assert counts(run(shop)["raw_orders", 1]) == (80, 79, 0, 0, {"discarded": 1})
    assert len(values_of(shop)) == 40


def waive_in_bronze(shop: Shop, bad: str) -> None:
    suite = shop.root / "quality_suites" / "shop" / "bronze_raw_orders.yaml"
    text = suite.read_text()
    suite.write_text(
        f"{text}  - {{type: expect_column_values_to_not_be_null, kwargs: {{column: order_id}}, meta: {{name: there}}}}\n"
    )
    try:
        waive(shop, [bad], ["there"], "raw_orders")
    finally:
        suite.write_text(text)


def test_a_later_delivery_needs_decisions_of_its_own(shop: Shop) -> None:
    shop.land(1, [*good(19), BAD])
    run(shop)
    waive(shop, [row(shop, "amount_in_range")], ["amount_in_range"])
    assert counts(run(shop)["orders", 1])[:3] == (20, 20, 0)
    shop.land(1, [*good(18), BAD], suffix="_corrected")
    assert counts(run(shop)["orders", 1])[:3] == (19, 18, 1)


def test_a_changed_suite_judges_corrected_rows_like_any_other(shop: Shop) -> None:
    shop.land(1, [*good(19), BAD])
    run(shop)
    release(shop, {row(shop, "amount_in_range"): {"amount": "999"}})
    run(shop)
    suite = shop.root / "quality_suites" / "shop" / "silver_orders.yaml"
    suite.write_text(suite.read_text().replace("max_value: 1000", "max_value: 500"))
    assert counts(run(shop)["orders", 1])[:3] == (20, 19, 1)


def test_a_gold_row_is_waived_or_discarded_only_while_it_has_the_values_it_was_decided_on(shop: Shop) -> None:
    suite = shop.root / "quality_suites" / "shop" / "gold_paid_orders.yaml"
    rule = "  - {type: expect_column_values_to_be_between, kwargs: {column: amount, max_value: 50}, meta: {name: small}}\n"
    suite.write_text(suite.read_text().replace("expectations:", "meta: {max_quarantine_fraction: 0.5}\nexpectations:") + rule)
    shop.land(1, [*good(8), "1,c,60,2025-01-01", "2,c,70,2025-01-01"])
    assert counts(run(shop, gold=True)["paid_orders", 1])[:3] == (10, 8, 2)
    by_amount = {r.row_id: r.row_values for r in rows_of(lake_of(shop), "shop.gold.paid_orders", shop.day(1))}
    sixty, seventy = sorted(by_amount, key=lambda row_id: "70" in by_amount[row_id])
    waive(shop, [sixty], ["small"], "paid_orders")
    discard(shop, [seventy], "paid_orders")
    assert counts(run(shop, gold=True)["paid_orders", 1]) == (10, 9, 0, 0, {"discarded": 1})
    nothing_moves(shop, gold=True)
    shop.land(1, [*good(8), "1,c,61,2025-01-01", "2,c,70,2025-01-01"])
    assert counts(run(shop, gold=True)["paid_orders", 1]) == (10, 8, 1, 0, {"discarded": 1})


def test_the_same_decision_again_is_no_news_and_another_row_is_refused(shop: Shop) -> None:
    shop.land(1, [*good(19), BAD])
    run(shop)
    bad = row(shop, "amount_in_range")
    assert waive(shop, [bad], ["amount_in_range"])
    assert not waive(shop, [bad], ["amount_in_range"])
    run(shop)
    assert not waive(shop, [bad], ["amount_in_range"])
    with pytest.raises(ReadinessError, match="1 of 1 rows are not in quarantine now"):
        discard(shop, [bad])
    with pytest.raises(ReadinessError, match="found the rules nonsense, expected row rules"):
        waive(shop, [bad], ["nonsense"])
    with pytest.raises(ReadinessError, match="found an empty reason"):
        Signed("ann", " ")


def test_admit_waives_the_named_rules_for_this_candidate_only(shop: Shop) -> None:
    shop.land_broken(1)
    held = run(shop, gold=True)["orders", 1]
    assert counts(held) == (20, 0, 10, 10, {})
    assert admit(shop) == ()
    result = run(shop, gold=True)
    assert counts(result["orders", 1]) == (20, 10, 10, 0, {})
    assert result["daily_revenue", 1].kind == "admitted"
    nothing_moves(shop, gold=True)
    shop.land(1, [*good(9), *["7,c,ten,2025-01-01"] * 9])
    assert counts(run(shop, gold=True)["orders", 1]) == (18, 0, 9, 9, {})


def test_admit_says_what_holds_the_candidate_still(shop: Shop) -> None:
    suite = shop.root / "quality_suites" / "shop" / "silver_orders.yaml"
    rule = "  - {type: expect_table_row_count_to_be_between, kwargs: {min_value: 15}, meta: {name: enough}}\n"
    suite.write_text(suite.read_text() + rule)
    shop.land_broken(1)
    run(shop)
    with pytest.raises(ReadinessError, match="expected some of those that hold shop.silver.orders/2025-01-01: enough, max_quar"):
        admit(shop, rules=("customer_known",))
    assert admit(shop, rules=("enough",)) == ("max_quarantine_fraction",)
    assert run(shop)["orders", 1].kind == "held"
    assert admit(shop, rules=("max_quarantine_fraction",)) == ()
    result = run(shop)["orders", 1]
    assert result.kind == "admitted" and result.verdict is not None
    (enough,) = [r for r in result.verdict.rules if r.rule == "enough"]
    assert (enough.status, enough.on_fail) == ("failed", "waived")
    assert "waived by ann" in enough.note


def test_what_no_rule_holds_cannot_be_admitted(shop: Shop) -> None:
    shop.land(1, header="order_id,who,amount,ordered_on\n")
    run(shop)
    with pytest.raises(ReadinessError, match="nothing that holds it can be waived: .*columns missing: 'customer'"):
        admit(shop, "raw_orders")
    with pytest.raises(ReadinessError, match="has no candidate that is held"):
        admit(shop)


def versions(shop: Shop) -> tuple[str, str]:
    """Publish two versions of the first day's orders, and return their keys."""
    shop.land(1, good(20))
    run(shop, gold=True)
    first = key(shop)
    shop.land(1, [*good(19), "5,c,40,2025-01-01"], suffix="_corrected")
    run(shop, gold=True)
    return first, key(shop)


def test_withdraw_puts_the_earlier_version_back_and_holds_until_inputs_change(shop: Shop) -> None:
    first, second = versions(shop)
    assert withdraw(shop, first[:12])
    result = run(shop, gold=True)
    assert (result["orders", 1].kind, key(shop)) == ("admitted", first)
    assert values_of(shop, "daily_revenue", columns="revenue") == [(200,)]
    nothing_moves(shop, gold=True)
    assert not withdraw(shop, first)
    shop.land(1, good(3), suffix="_d")
    run(shop, gold=True)
    assert key(shop) not in (first, second)
    assert len(values_of(shop)) == 3


def test_withdrawing_to_what_was_withdrawn_lifts_it(shop: Shop) -> None:
    first, second = versions(shop)
    for to in (first, second, first, second):
        assert withdraw(shop, to)
        run(shop)
        assert key(shop) == to
        nothing_moves(shop)


@pytest.mark.parametrize("name", ["raw_orders", "orders"])
def test_a_version_withdrawn_to_nothing_blocks_what_reads_it(shop: Shop, name: str) -> None:
    first, second = versions(shop)
    withdraw(shop, "nothing", name)
    result = run(shop, gold=True)
    assert (result[name, 1].kind, key(shop, name)) == ("held", NOTHING)
    assert "was withdrawn by ann" in result[name, 1].why
    assert result["paid_orders", 1].kind == "blocked"
    assert values_of(shop, name, columns="count(*)") == [(0,)]
    nothing_moves(shop, gold=True)
    standings = Standings(shop.product, lake_of(shop), now=NOW, everything=True)
    assert (standings.of(name, shop.day(1)).kind, standings.of(name, shop.day(1)).version) == (StandingKind.HELD, None)
    assert [str(found) for found in examine(shop.settings).findings] == []
    shop.land(1, good(5), suffix="_e")
    run(shop, gold=True)
    assert len(values_of(shop)) == 5
    if name == "orders":
        withdraw(shop, second)
        run(shop, gold=True)
        assert (key(shop), len(values_of(shop))) == (second, 20)


def test_only_what_was_published_and_is_kept_can_be_put_back(shop: Shop) -> None:
    with pytest.raises(ReadinessError, match="nothing was ever published"):
        withdraw(shop, "nothing")
    first, second = versions(shop)
    with pytest.raises(VersionNotFound, match=f"expected one of: {first[:12]}, {second[:12]}; or nothing"):
        withdraw(shop, "abcdef")
    with pytest.raises(ReadinessError, match="is on main already"):
        withdraw(shop, second)


def kinds(shop: Shop, day: int) -> dict[str, StandingKind]:
    standings = Standings(shop.product, lake_of(shop), now=NOW, everything=True)
    return {table.name: standings.of(table.name, shop.day(day)).kind for table in shop.product.tables}


def test_what_was_made_from_a_withdrawn_version_is_stale_until_it_is_run_again(shop: Shop) -> None:
    for day in (1, 2, 3):
        shop.land(day)
    run(shop, 1, 2, 3, gold=True)
    first = key(shop)
    shop.land(1, [*good(19), "5,c,40,2025-01-01"], suffix="_corrected")
    run(shop, 1, 2, 3, gold=True)
    withdraw(shop, first)
    assert kinds(shop, 1)["paid_orders"] is StandingKind.STALE
    run(shop, 1, gold=True)
    assert set(kinds(shop, 1).values()) == {StandingKind.ADMITTED}
    assert kinds(shop, 2) == {
        "raw_orders": StandingKind.ADMITTED,
        "orders": StandingKind.ADMITTED,
        "paid_orders": StandingKind.ADMITTED,
        "daily_revenue": StandingKind.STALE,  # its window reaches back to the first day, through paid_orders
    }
    assert readers(shop.product, lake_of(shop), "orders", shop.day(1)) == {
        "paid_orders": [shop.day(1)],
        "daily_revenue": [shop.day(1), shop.day(2), shop.day(3)],
    }
    run(shop, 2, 3, gold=True)
    assert set(kinds(shop, 2).values()) == {StandingKind.ADMITTED}


def test_a_purge_takes_what_nobody_can_need_and_leaves_what_waits_or_could_be_put_back(shop: Shop) -> None:
    shop.land(1, [*good(18), BAD, "102,c,88888,2025-01-01"])
    run(shop)
    first, second = sorted(open_rows(shop))
    waive(shop, [first], ["amount_in_range"])
    run(shop)
    lake, later = lake_of(shop), clock() + datetime.timedelta(days=60)

    def purged(days: float) -> int:
        done = purge(lake, "shop.silver.orders", older_than_days=days, now=later, signed=SIGNED)
        return sum(said.payload["rows"] for said in done)

    def states() -> list[tuple[str, str]]:
        return [(r.row_id, r.state) for r in rows_of(lake, "shop.silver.orders", shop.day(1), everything=True)]

    assert states() == [(second, "quarantined"), (first, "released"), (second, "superseded")]
    assert purged(30) == 0  # the first version could be put back
    list(maintain_product(shop.product, lake, now=later, keep_days=30, older_than_hours=1))
    assert purged(90) == 0
    assert purged(30) == 2
    assert states() == [(second, "quarantined")]
    assert purged(0) == 0
    nothing_moves(shop)
    list(maintain_product(shop.product, lake, now=later, keep_days=30, older_than_hours=1))
    assert [str(found) for found in examine(shop.settings).findings] == []


def test_a_decision_that_was_not_run_is_known(shop: Shop) -> None:
    shop.land(1, [*good(19), BAD])
    run(shop)
    lake = lake_of(shop)
    assert decisions.not_run(lake, "shop.silver.orders") == set()
    discard(shop, [row(shop, "amount_in_range")])
    assert decisions.not_run(lake, "shop.silver.orders") == {shop.day(1)}
    run(shop)
    assert decisions.not_run(lake, "shop.silver.orders") == set()


def test_corrected_values_that_are_gone_or_changed_stop_the_step(shop: Shop) -> None:
    shop.land(1, [*good(19), BAD])
    run(shop)
    release(shop, {row(shop, "amount_in_range"): {"amount": "7"}})
    (path,) = (shop.settings.archive / "corrections").iterdir()
    text = path.read_bytes()
    path.write_bytes(text.replace(b"7", b"8"))
    (finding,) = [found for found in examine(shop.settings).findings if found.where == "archive"]
    assert f"values that were corrected for shop.silver.orders/{shop.day(1)}" in finding.found
    with pytest.raises(ReadinessError, match="has other bytes than its name says"):
        run(shop)
    path.unlink()
    with pytest.raises(ReadinessError, match="put the file back from the backup"):
        run(shop)
    path.write_bytes(text)
    assert counts(run(shop)["orders", 1])[:3] == (20, 20, 0)


@pytest.mark.parametrize(
    ("text", "said"),
    {
        "reasons,row_id\n": "csv:1: found other columns",
        "row_id,reasons,a\nx,y\n": "csv:2: found 2 cells, expected 3",
        "row_id,reasons,a\nx,,1\nx,,2\n": "csv:3: found the row x twice",
        'row_id,reasons\n"x': "is no csv in UTF-8",
    }.items(),
)
def test_a_csv_that_is_no_export_is_refused_with_its_line(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(ReadinessError, match=said):
        exported.read(path)
    with pytest.raises(ReadinessError, match="cannot be read"):
        exported.read(tmp_path / "none.csv")


def test_a_row_or_column_that_is_not_of_this_quarantine_is_refused(shop: Shop) -> None:
    shop.land(1, [*good(19), BAD])
    run(shop)
    with pytest.raises(ReadinessError, match="found no row 'x:1' in this quarantine"):
        release(shop, {"x:1": {"amount": "7"}})
    with pytest.raises(ReadinessError, match="found the columns price, expected those of the export: order_id, customer"):
        release(shop, {row(shop, "amount_in_range"): {"price": "7"}})


def test_a_bronze_day_with_too_many_unreadable_records_can_be_admitted(shop: Shop) -> None:
    shop.land(1, [*good(10), *["one,field"] * 10])
    assert counts(run(shop)["raw_orders", 1]) == (20, 0, 10, 10, {})
    assert admit(shop, "raw_orders") == ()
    result = run(shop)
    assert (counts(result["raw_orders", 1]), result["orders", 1].kind) == ((20, 10, 10, 0, {}), "admitted")
    nothing_moves(shop)
    shop.land(1, [*good(11), *["one,field"] * 10], suffix="_b")
    assert run(shop)["raw_orders", 1].kind == "held"


def test_a_row_stays_for_the_rules_that_are_not_waived(shop: Shop) -> None:
    suite = shop.root / "quality_suites" / "shop" / "silver_orders.yaml"
    rule = "  - {type: expect_column_values_to_match_regex, kwargs: {column: customer, regex: '^c'}, meta: {name: starts_with_c}}\n"
    suite.write_text(suite.read_text() + rule)
    shop.land(1, [*good(19), "101,x,99999,2025-01-01"])
    run(shop)
    ((bad, reasons),) = open_rows(shop).items()
    assert reasons == ("amount_in_range", "starts_with_c")
    waive(shop, [bad], ["amount_in_range"])
    assert counts(run(shop)["orders", 1])[:3] == (20, 19, 1)
    assert open_rows(shop) == {bad: ("starts_with_c",)}
    waive(shop, [bad], ["starts_with_c"])  # beside the older one
    assert counts(run(shop)["orders", 1])[:3] == (20, 20, 0)


def test_a_corrected_row_that_repeats_another_is_a_duplicate(shop: Shop) -> None:
    shop.land(1, [*good(19), "9999,c,ten,2025-01-01"])
    run(shop)
    release(shop, {row(shop, "cast:amount"): {"amount": "10", "order_id": "1000"}})
    result = run(shop)["orders", 1]
    assert result.verdict is not None
    assert (result.verdict.counts.admitted, result.verdict.counts.duplicates, result.verdict.counts.quarantined) == (19, 1, 0)


def test_a_cell_set_back_to_what_was_delivered_takes_the_correction_back(shop: Shop) -> None:
    shop.land(1, [*good(18), BAD, "102,c,99999,2025-01-01"])
    run(shop)
    first, second = sorted(open_rows(shop))
    release(shop, {first: {"amount": "88888"}, second: {"amount": "88888"}})
    run(shop)
    assert release(shop, {first: {"amount": "99999"}, second: {"amount": "88888"}})  # the second is left as it is
    assert lake_of(shop).ledger.corrections.of("shop.silver.orders")[-1].subjects == (first,)
    run(shop)
    waive(shop, [first, second], ["amount_in_range"])
    run(shop)
    assert {amount for _, amount in values_of(shop)[:2]} == {88888, 99999}
    assert not release_again(shop, first)


def release_again(shop: Shop, row_id: str) -> bool:
    """Release with what is in force: say whether that was taken for a decision."""
    try:
        return release(shop, {row_id: {"amount": "99999"}})
    except ReadinessError as error:
        assert "no cell differs" in str(error)
        return False


def test_a_rule_is_waived_only_for_rows_that_are_in_quarantine_for_it(shop: Shop) -> None:
    shop.land(1, [*good(18), BAD, "102,c,ten,2025-01-01"])
    run(shop)
    high, uncast = row(shop, "amount_in_range"), row(shop, "cast:amount")
    with pytest.raises(ReadinessError, match="found the rules customer_known, expected some that .*: amount_in_range"):
        waive(shop, [high], ["amount_in_range", "customer_known"])
    with pytest.raises(ReadinessError, match=f"1 of 2 rows are in quarantine for none of amount_in_range: {uncast}"):
        waive(shop, [high, uncast], ["amount_in_range"])
    assert lake_of(shop).ledger.corrections.of("shop.silver.orders") == ()
