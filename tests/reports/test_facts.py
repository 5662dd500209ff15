"""What a report counts, against rows that can be counted by hand (scene.py)."""

from __future__ import annotations

from collections import Counter

import pytest

from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import decisions
from readiness_pipelines.layers.quarantine import Signed
from readiness_pipelines.reports import gate_report
from readiness_pipelines.reports.facts import MOST_LISTED, Mark, RuleFacts, State, TableFacts
from tests.reports.scene import NOW, ORDERS, add_rule, report_of, rows, run
from tests.shop import Shop

_RULE = "  - {{type: expect_table_row_count_to_be_between, kwargs: {{min_value: {least}}}, meta: {{name: {name}}}}}\n"


def table(shop: Shop, name: str = "orders", first: int = 1, last: int = 6) -> TableFacts:
    return {each.name: each for each in report_of(shop, first, last).tables}[name]


def marks(rule: RuleFacts) -> dict[str, int]:
    return {mark.value: n for mark, n in rule.marks.items()}


def test_each_day_counts_once_by_the_table_that_stands_worst_in_it(played: Shop) -> None:
    assert report_of(played).states == {
        State.ADMITTED: 2,
        State.WITH_QUARANTINE: 1,
        State.HELD: 1,
        State.UNDECIDED: 1,
        State.MISSING: 1,
    }


def test_each_table_counts_its_own_days(played: Shop) -> None:
    assert table(played).total.states == {
        State.ADMITTED: 2,
        State.WITH_QUARANTINE: 1,
        State.HELD: 1,
        State.UNDECIDED: 1,
        State.BLOCKED: 1,
    }
    assert table(played, "paid_orders").total.states == {State.ADMITTED: 3, State.BLOCKED: 3}


def test_rows_are_those_of_the_newest_candidates(played: Shop) -> None:
    orders = table(played)
    by_day = [(r.rows_in, r.admitted, r.quarantined, r.held) for r in orders.rows]
    assert by_day == [(20, 20, 0, 0), (20, 19, 1, 0), (20, 0, 10, 10), (30, 30, 0, 0), (20, 0, 0, 20), (0, 0, 0, 0)]
    total = orders.total
    assert (total.rows_in, total.admitted, total.quarantined, total.held, total.left_out) == (110, 69, 11, 30, 0)
    assert orders.rows[5].states == {State.BLOCKED: 1}


def test_a_released_row_is_in_quarantine_no_more(played: Shop) -> None:
    orders = table(played)
    assert orders.reasons == {"cast:amount": 11}  # one of day 2, ten of day 3; the one that broke amount_in_range was released
    assert orders.reason_partitions == {"cast:amount": 2}
    assert marks(orders.rules["amount_in_range"]) == {"passed": 5}


def test_duplicates_and_drops_are_left_out(shop: Shop) -> None:
    shop.land(1, [*rows(shop, 1), rows(shop, 1)[0], f"900,c,0,{shop.day(1)}"])
    run(shop, 1)
    assert (table(shop, "orders", 1, 1).total.left_out, table(shop, "paid_orders", 1, 1).total.left_out) == (1, 1)


def test_passed_failed_undecided_and_waived_are_told_apart(played: Shop) -> None:
    rules = table(played).rules
    assert marks(rules["customer_known"]) == {"failed": 1, "passed": 4}
    assert (rules["customer_known"].breaking_rows, rules["customer_known"].severity) == (1, "warning")
    assert marks(rules["few_orders"]) == {"waived": 1, "passed": 4}
    assert rules["few_orders"].cells[3] == {Mark.WAIVED: 1}
    assert marks(rules["in_order"]) == {"undecided": 1}
    assert marks(rules["max_quarantine_fraction"]) == {"failed": 1, "passed": 4}
    assert list(rules["max_quarantine_fraction"].newest) == [(played.day(3), Mark.FAILED)]


def test_the_pass_rate_leaves_learning_out_and_nothing_else() -> None:
    rule = RuleFacts("t", "r")
    assert rule.pass_rate is None
    for mark in (Mark.PASSED, Mark.FAILED, Mark.UNDECIDED, Mark.WAIVED, Mark.LEARNING, Mark.LEARNING):
        rule.add(0, "p", mark)
    assert rule.pass_rate == 0.25
    assert rule.cells[0] == Counter(passed=1, failed=1, undecided=1, waived=1, learning=2)


def test_rows_that_a_tolerant_rule_allows_for_are_told_apart() -> None:
    rule = RuleFacts("t", "r")
    rule.add(0, "p", Mark.PASSED, 7)
    rule.add(0, "q", Mark.FAILED, 2)
    assert (rule.breaking_rows, rule.tolerated_rows) == (2, 7)


def test_what_is_to_be_looked_at_says_why_and_what_to_run_next(played: Shop) -> None:
    found = report_of(played).to_look_at
    assert [(each.table, each.partition, each.state) for each in found] == [
        ("shop.bronze.raw_orders", played.day(6), State.MISSING),
        (ORDERS, played.day(5), State.UNDECIDED),
        (ORDERS, played.day(3), State.HELD),
    ]
    assert found[0].next[-1] == "readiness backfill shop --from 2025-01-06 --to 2025-01-06"
    assert found[2].why == ("10 of 20 rows are bad (50.00%), more than the 20.00% that the suite allows",)
    assert found[2].next == (
        "readiness held show shop.silver.orders 2025-01-03",
        "readiness quarantine show shop.silver.orders 2025-01-03",
    )


def test_decisions_are_listed_newest_first_with_who_and_why(played: Shop) -> None:
    found = report_of(played).decisions
    assert [(each.partition, each.decided, each.rows, each.by, each.reason) for each in found] == [
        (played.day(4), "admitted waiving few_orders", None, "bob", "the sale <b>was</b> real & announced"),
        (played.day(2), "released with corrected values", 1, "ann", "a comma too few"),
    ]


def test_only_the_range_counts_both_ends_inclusive(played: Shop) -> None:
    report = report_of(played, 2, 3)
    assert (report.first, report.last, sum(report.states.values())) == (played.day(2), played.day(3), 2)
    assert table(played, "orders", 2, 3).total.rows_in == 40
    assert [each.partition for each in report.decisions] == [played.day(2)]


def test_the_range_is_by_default_all_that_has_ended(played: Shop) -> None:
    report = gate_report(played.product, Lakehouse.open(played.settings), now=NOW)
    assert (report.first, report.last) == ("2025-01-01", "2025-01-10")
    assert report.states[State.MISSING] == 5


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("2024-12-31", "2025-01-03", "expected a range within 2025-01-01 to 2025-01-10"),
        ("2025-01-03", "2025-01-11", "expected a range within 2025-01-01 to 2025-01-10"),
        ("2025-01-03", "2025-01-02", "the first before the last"),
        ("soon", "2025-01-02", "found 'soon' to '2025-01-02', expected partitions as in 2025-01-01"),
    ],
)
def test_a_range_that_is_none_is_refused(shop: Shop, first: str, last: str, said: str) -> None:
    with pytest.raises(ReadinessError, match=said):
        gate_report(shop.product, Lakehouse.open(shop.settings), now=NOW, first=first, last=last)


def test_a_rule_that_the_suite_lost_is_told_as_lost_and_a_new_one_as_never_judged(shop: Shop) -> None:
    suite = shop.root / "quality_suites" / "shop" / "silver_orders.yaml"
    before = suite.read_text()
    add_rule(shop, _RULE.format(least=1, name="old"))
    shop.land(1)
    run(shop, 1)
    suite.write_text(before)
    add_rule(shop, _RULE.format(least=1, name="new"))
    rules = table(shop, "orders", 1, 1).rules
    assert (rules["old"].in_suite, marks(rules["old"])) == (False, {"passed": 1})
    assert (rules["new"].in_suite, marks(rules["new"])) == (True, {})
    gold = table(shop, "paid_orders", 1, 1).rules
    assert gold["key_names_one_row"].in_suite


def test_a_withdrawn_version_is_held_with_the_words_of_the_decision(shop: Shop) -> None:
    shop.land(1)
    lake = run(shop, 1)
    decisions.withdraw(lake, shop.product.by_name["orders"], shop.day(1), to="nothing", signed=Signed("bob", "test records"))
    run(shop, 1)
    (held,) = report_of(shop, 1, 1).to_look_at
    assert held.state is State.HELD
    assert "was withdrawn by bob" in held.why[0] and held.why[0].endswith(": test records")


def test_what_is_to_be_looked_at_is_bounded_and_counted(shop: Shop) -> None:
    defs = shop.folder / "defs.yaml"
    defs.write_text(defs.read_text().replace("last_due: 2025-01-10", "last_due: 2025-12-31"))
    report = gate_report(shop.product, Lakehouse.open(shop.settings), now=NOW)
    assert (len(report.to_look_at), report.looked_at) == (MOST_LISTED, 59)  # January and February
    assert report.to_look_at[0].partition == "2025-02-28"
