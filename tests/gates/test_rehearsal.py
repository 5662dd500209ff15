"""Rules tried on their own history: learned from the past, judged on the next; dropped where they alarm too often or fail."""

from __future__ import annotations

import random
from collections.abc import Sequence

import duckdb
import pytest
from scipy.stats import binomtest

from readiness_pipelines.gates.profile import Profile, profile
from readiness_pipelines.gates.propose import Proposal, Proposals, propose
from readiness_pipelines.gates.rehearsal import Part, Rehearsal, Tally, first, judged, rehearse

N = 12


def rehearsed(cells: Sequence[Sequence[object]], *, whole: bool = False, type_: str = "VARCHAR") -> Rehearsal:
    con = duckdb.connect()
    con.execute(f"CREATE TABLE history (row_id BIGINT, part BIGINT, x {type_})")
    for n, values in enumerate(cells):
        con.executemany("INSERT INTO history VALUES (?, ?, ?)", [(n * 1000 + i, n, v) for i, v in enumerate(values)])
    parts = [Part(f"part {n}", f"(SELECT row_id, x FROM history WHERE part = {n})", "row_id") for n in range(len(cells))]
    profiles = [profile(con, p.source, {"x": type_}, label=p.label, row_key="row_id") for p in parts]
    everything = Part("the whole file", "(SELECT row_id, x FROM history)", "row_id") if whole else None

    def learn(past: Sequence[Profile]) -> Proposals:
        return propose(past, counted=False)

    return rehearse(con, parts, profiles, learn, whole=everything)


@pytest.mark.parametrize(("alerts", "of"), [(0, 10), (1, 10), (3, 7), (10, 10), (0, 0), (45, 90)])
def test_the_interval_is_that_of_clopper_and_pearson(alerts: int, of: int) -> None:
    tally = Tally(of, alerts)
    if not of:
        assert tally.interval == (0.0, 1.0)
        return
    expected = binomtest(alerts, of).proportion_ci(0.95, method="exact")
    assert tally.interval == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_a_tally_says_its_rate_and_how_little_is_known_of_it() -> None:
    assert str(Tally(10, 0)) == "alerts: 0 of 10 later partitions (95%: 0% to 31%)"
    assert str(Tally()) == "alerts: never judged on a later partition, rate unknown"


def test_half_of_the_history_is_learned_from_before_the_next_partition_is_judged() -> None:
    assert (first(6), first(12), first(7)) == (3, 6, 3)
    found = rehearsed([["a", "b"] * 30] * N)
    assert found.together == Tally(6, 0)
    assert {rule.name: tally for rule, tally in found.rules} == {"x_present": Tally(6, 0), "x_known": Tally(6, 0)}


def test_an_alert_counts_against_the_rule_as_it_was_learned_before_that_partition() -> None:
    cells = [["a", "b"] * 30 for _ in range(N)]
    cells[8] = ["a", "c"] * 30  # c was never seen before; after that it was, in one partition alone
    found = rehearsed(cells)
    assert dict((rule.name, tally.alerts) for rule, tally in found.rules) == {"x_present": 0}
    assert "x: 3 different values, 1 of them in fewer than half of the partitions" in "\n".join(found.unlearned)
    assert (found.together.alerts, found.critical.alerts) == (1, 1)  # what was dropped later had alarmed all the same


def test_a_rule_that_alarms_too_often_is_not_proposed_and_counts_no_more_once_that_is_known() -> None:
    tops = [1, 2, 1, 2, 1, 2, 10, 1, 100, 1, 1000, 1]  # each time farther beyond than the time before, and calm between
    found = rehearsed([[0] * 59 + [top] for top in tops], type_="BIGINT")
    assert "x_in_range" not in {rule.name for rule, _ in found.rules}
    assert any(line.startswith("x_in_range: alerts: 3 of 6") and "too often" in line for line in found.unlearned)
    assert found.together == Tally(6, 2)


def test_what_fails_on_its_own_data_is_not_proposed() -> None:
    cells = [[f"k{n}{i:02}" for i in range(60)] for n in range(N)]
    cells[N - 1][0] = cells[0][0]  # twice in the file, never twice in a block
    assert "x_unique" in {rule.name for rule, _ in rehearsed(cells).rules}
    found = rehearsed(cells, whole=True)
    assert "x_unique" not in {rule.name for rule, _ in found.rules}
    assert "x_unique: fails on its own data (the whole file)" in found.unlearned


def test_rules_are_judged_by_the_gate_itself() -> None:
    con = duckdb.sql("SELECT 1 AS row_id, NULL::VARCHAR AS x").df()
    connection = duckdb.connect()
    connection.register("part", con)
    rule = Proposal("expect_column_values_to_not_be_null", {"column": "x"}, "critical", "x_present", "")
    ((_, result),) = judged(connection, Part("p", "part", "row_id"), [rule])
    assert (result.status.value, result.unexpected_count) == ("failed", 1)


@pytest.mark.slow
def test_what_is_claimed_is_what_comes_on_histories_without_change() -> None:
    """25 histories of 12 partitions alike: the share of alerts claimed, and that in 6 partitions to come, of all rules together."""
    source, claimed, after, judged_on, to_come = random.Random(3), 0, 0, 0, 0
    for _ in range(25):
        con = duckdb.connect()
        con.execute("CREATE TABLE history (row_id BIGINT, part BIGINT, x DOUBLE, y BIGINT)")
        rows = [(i, i // 40, source.gauss(0, 1), int(source.expovariate(0.1))) for i in range(18 * 40)]
        con.execute(
            "INSERT INTO history SELECT unnest($1), unnest($2), unnest($3), unnest($4)", [list(c) for c in zip(*rows, strict=True)]
        )
        parts = [Part(str(n), f"(SELECT row_id, x, y FROM history WHERE part = {n})", "row_id") for n in range(18)]
        types = {"x": "DOUBLE", "y": "BIGINT"}
        profiles = [profile(con, p.source, types, label=p.label, row_key="row_id") for p in parts[:12]]
        found = rehearse(con, parts[:12], profiles, lambda past: propose(past, counted=False))
        claimed, judged_on = claimed + found.together.alerts, judged_on + found.together.judged
        for part in parts[12:]:
            after += any(r.status.value != "passed" for _, r in judged(con, part, [rule for rule, _ in found.rules]))
            to_come += 1
    assert judged_on == to_come == 25 * 6
    assert abs(claimed / judged_on - after / to_come) < 0.07  # three standard errors of the difference
    assert 0.001 < claimed / judged_on < 0.15  # plain ends, of three sides, would alarm in about 3/13 of partitions
