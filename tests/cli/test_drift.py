"""`readiness drift ...` as somebody meets it who was told that something drifts."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import takewhile
from typing import Any

import pytest

from readiness_pipelines.flow import DriftReport, Kind, Measurement, Mode, Severity, Test, Trend
from tests.cli.said import Said
from tests.reports.drift_scene import SECRET, build, columns, day, decide, measurement, performance, play, put, report
from tests.shop import Shop


def shown(readiness: Said, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    code, said = readiness("drift", "show", *arguments, "--json")
    return code, json.loads(said)


def test_the_first_line_of_a_monitor_says_how_its_newest_window_stands(shop: Shop, readiness: Said) -> None:
    play(shop)
    code, said = readiness("drift", "show", "shop")
    assert code == 1
    first, *_ = said.replace("\n(", " (").splitlines()
    assert first.startswith(
        "patients: 2025-01-08...2025-01-09 (2,000 rows, against 2025-01-01...2025-01-02): high drift in 2 columns:"
    )
    words = " ".join(said.split())
    assert "payer_code (missing values 0.260), age (distribution (KS) 0.220), and 1 trend." in words
    assert "2025-01-02 of the reference is not current any more" in words
    assert "orders: learning: nothing has been run yet." in words


def test_each_column_is_a_line_by_its_worst_test_with_its_effects_over_the_windows(shop: Shop, readiness: Said) -> None:
    play(shop)
    _, said = readiness("drift", "show", "shop", "--monitor", "patients")
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in said.splitlines() if line.startswith("│")]
    rows = {line[0]: line[1:] for line in reversed(lines)}
    assert rows["payer_code"] == ["nulls", "0.260", "0.200", "<.001", "high", "psi", "1000", "▁▁▁▁ ▃"]
    assert rows["stay"] == ["ks", "0.060", "0.050", "<.001", "low", "", "1000", "▁▁▃▁▁▃"]
    assert rows["city"][:7] == ["unseen", "0.000", "0.050", "", "none", "", "1000"]
    assert rows["2025-01-06...2025-01-07"][:4] == ["medium", "2000", "0", "age"]
    assert rows["2025-01-06...2025-01-07"][-2] == "observe"
    assert rows["2025-01-07...2025-01-08"][:4] == ["insufficient sample", "2000", "1", ""]
    assert ["score", "performance", "-0.0125", "6", "0.003", "0.008", "2025-01-15"] in lines


@pytest.mark.parametrize(
    ("effect", "code"), [(0.01, 0), (0.06, 0), (0.10, 1), (0.40, 1)], ids=["none", "low", "medium", "critical"]
)
def test_the_exit_code_is_1_from_medium_on(shop: Shop, readiness: Said, effect: float, code: int) -> None:
    put(build(shop), report(day(4), columns(age=effect)))
    assert readiness("drift", "show", "shop")[0] == code


def test_an_older_alarm_is_no_news_and_can_be_looked_at(shop: Shop, readiness: Said) -> None:
    put(build(shop), report(day(4), columns(age=0.5)), report(day(5), columns(age=0.01)))
    assert readiness("drift", "show", "shop")[0] == 0
    code, found = shown(readiness, "shop", "--window", day(4))
    assert (code, [each["severity"] for each in found]) == (1, ["critical"])


def test_json_has_every_test_of_every_column_and_all_windows(shop: Shop, readiness: Said) -> None:
    play(shop)
    code, (patients, orders) = shown(readiness, "shop")
    assert code == 1
    by_test = {(each["column"], each["test"]): each for each in patients["columns"]}
    assert by_test["payer_code", "psi"]["severity"] == "medium"
    assert by_test["payer_code", "nulls"]["effects"] == {day(n): 0.004 for n in (4, 5, 6, 7)} | {day(9): 0.26}
    assert [each["level"] for each in patients["windows"]] == ["none", "none", "low", "medium", "insufficient sample", "high"]
    assert patients["windows"][4]["superseded"]
    assert patients["performance"]["all"][day(9)] == {"value": 0.78, "low": 0.76, "high": 0.8, "n": 1000, "reference": 0.8}
    assert patients["trends"][0]["crosses_at"] == day(15)
    assert patients["decisions"][0]["event"] == patients["windows"][3]["event"]
    assert (orders["mode"], orders["windows"]) == ("learning", [])


def test_too_few_rows_are_never_no_drift(shop: Shop, readiness: Said) -> None:
    put(build(shop), report(day(4), columns(age=0.01), mode=Mode.INSUFFICIENT_SAMPLE))
    code, said = readiness("drift", "show", "--monitor", "patients")
    assert code == 0
    assert "nothing found, but too few rows to have seen low drift in 1 of 1 column." in " ".join(said.split())
    assert "no drift" not in said


def test_no_value_of_a_column_that_is_not_public_is_told(shop: Shop, readiness: Said) -> None:
    play(shop)
    for how in ((), ("--json",)):
        assert SECRET not in readiness("drift", "show", "shop", *how)[1]
    _, (patients, _) = shown(readiness, "shop")
    assert list(patients["performance"]) == ["all", "city=#1"]


def test_what_is_printed_is_bounded(shop: Shop, readiness: Said) -> None:
    many = [measurement(f"column_{n:03}", Test.KS, 0.2) for n in range(200)]
    lake = put(build(shop), *(report(day(n), many) for n in range(4, 20)))
    for event in list(lake.ledger.drift.events("shop", "patients").values()):
        decide(lake, lake.ledger.drift.report_of(event))
    code, said = readiness("drift", "show", "shop")
    assert code == 1
    assert len(said.splitlines()) < 100
    assert "high drift in 200 columns: column_000" in said and "and 197 more" in said
    assert "... and 170 more: --json has all" in said
    _, (patients, _) = shown(readiness, "shop", "--last", "60")
    assert (len(patients["columns"]), len(patients["windows"]), len(patients["decisions"])) == (200, 16, 16)


def table_in(said: str, *, head: str) -> list[list[str]]:
    """Return the cells of the first printed table that has this head, and see that its lines are whole."""
    lines = said.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("┃") and f" {head} " in line)
    body = list(takewhile(lambda line: line.startswith("│"), lines[start + 2 :]))
    assert {len(line) for line in body} == {len(lines[start])} and len(lines[start]) <= 120
    return [[cell.strip() for cell in line.split(line[0])[1:-1]] for line in (lines[start], *body)]


@pytest.mark.parametrize("last", [6, 24, 1000])
def test_a_long_name_is_cut_in_the_middle_and_takes_no_numbers_room(shop: Shop, readiness: Said, last: int) -> None:
    long = "share_of_stays_with_more_than_three_diagnoses_before_the_last"
    moved = [measurement(long, test, effect, n=1_234_567) for test, effect in ((Test.NULLS, 0.25), (Test.UNSEEN, 0.11))]
    moved += [measurement(long, Test.KS, 0.22), measurement(long, Test.PSI, 0.15), *columns(age=0.12)]
    unknown = Measurement("score", Kind.CONCEPT, Test.PERFORMANCE, None, None, 900, 900)
    trend = Trend(long, Test.PERFORMANCE, 6, -0.0125, 0.003, 0.008, crosses_at=day(90))
    early = [report(day(n), [*columns(age=0.01), measurement(long, Test.NULLS, 0.01, p=0.5)]) for n in range(4, 34)]
    newest = report(day(34), [*moved, unknown], trends=[trend])
    too_few = [replace(each, mode=Mode.INSUFFICIENT_SAMPLE) if each.effect is None else each for each in newest.findings]
    put(build(shop), *early, replace(newest, findings=tuple(too_few)))
    _, said = readiness("drift", "show", "--monitor", "patients", "--last", str(last))
    heads, worst, *also, age, score = table_in(said, head="effect")
    assert heads[:-1] == ["column", "test", "effect", "threshold", "p", "severity", "also", "n"]
    assert heads[-1] == f"over {min(last, 16)} windows"
    assert worst[1:6] == ["nulls", "0.250", "0.200", "<.001", "high"]
    assert (worst[7], len(worst[-1])) == ("1234567", min(last, 16))
    assert " ".join([worst[6], *(line[6] for line in also)]) == "unseen, ks, psi"
    assert age[:6] == ["age", "ks", "0.120", "0.100", "<.001", "medium"]
    assert score[:6] == ["score", "performance", "", "0.030", "", "insufficient sample"]
    first, _, end = worst[0].partition("…")
    assert 12 <= len(worst[0]) < len(long) and long.startswith(first) and long.endswith(end) and min(len(first), len(end)) >= 5
    assert table_in(said, head="crosses at")[1][1:] == ["performance", "-0.0125", "6", "0.003", "0.008", day(90)]
    _, (patients,) = shown(readiness, "--monitor", "patients")
    assert {each["column"] for each in patients["columns"]} == {long, "age", "score"}
    assert patients["trends"][0]["column"] == long


def noted(about: DriftReport, **notes: str) -> DriftReport:
    """Return the report with these notes, by column, of which nothing could be told."""
    untold = {"mode": Mode.INSUFFICIENT_SAMPLE, "severity": Severity.NONE}
    findings = [replace(f, **untold, note=notes[f.column]) if f.column in notes else f for f in about.findings]  # type: ignore[arg-type]
    return replace(about, findings=tuple(findings))


def test_columns_of_which_nothing_could_be_told_are_listed_with_why_and_the_unmeasured_first(shop: Shop, readiness: Said) -> None:
    found = [*columns(age=0.2, stay=0.01, city=0.02), measurement("score", Test.PERFORMANCE, None, p=None)]
    put(build(shop), noted(report(day(4), found), stay="it would have found 0.08", city="12 rows", score="no label is known"))
    _, said = readiness("drift", "show", "--monitor", "patients")
    _, first, *rest = table_in(said, head="why")
    assert first == ["score", "performance", "no label is known"]
    assert sorted(rest) == [["city", "ks", "12 rows"], ["stay", "ks", "it would have found 0.08"]]


def test_only_so_many_reasons_are_printed_and_json_has_them_all(shop: Shop, readiness: Said) -> None:
    names = [f"column_{n:02}" for n in range(14)]
    about = noted(report(day(4), [measurement(name, Test.KS, 0.01) for name in names]), **dict.fromkeys(names, "12 rows"))
    put(build(shop), about)
    _, said = readiness("drift", "show", "--monitor", "patients")
    assert said.count("12 rows") == 10 and "... and 4 more: --json has all" in said
    _, (patients,) = shown(readiness, "--monitor", "patients")
    assert [each["note"] for each in patients["columns"]] == ["12 rows"] * 14


def test_what_cannot_be_is_one_line(shop: Shop, readiness: Said) -> None:
    code, said = readiness("drift", "show", "shop")
    assert (code, said.strip()) == (2, "readiness: shop: found no monitor at all, expected `drift:` in its defs.yaml")
    build(shop)
    code, said = readiness("drift", "show", "shop", "--monitor", "patient")
    assert (code, said.strip()) == (2, "readiness: shop: found no monitor 'patient', expected one of: patients, orders")
    code, said = readiness("drift", "show", "shop", "--window", day(4))
    assert (code, "found no measured window that ends with '2025-01-04', expected none: nothing was measured yet" in said) == (
        2,
        True,
    )
    put(shop, report(day(5), [performance(0.8)]))
    code, said = readiness("drift", "show", "shop", "--window", day(4))
    assert (code, "expected the last day of one, 2025-01-05 to 2025-01-05" in said) == (2, True)


def test_a_window_of_which_nothing_was_measured_is_not_one_without_drift(shop: Shop, readiness: Said) -> None:
    put(build(shop), report(day(4), []))
    code, said = readiness("drift", "show", "--monitor", "patients")
    assert (code, "nothing was measured." in said, "no drift" in said) == (0, True, False)


def test_a_long_name_leaves_the_numbers_their_place(shop: Shop, readiness: Said) -> None:
    put(build(shop), report(day(4), [measurement("x" * 90, Test.KS, 0.2)]))
    code, said = readiness("drift", "show", "shop")
    assert code == 1
    assert "0.200" in said and "threshold" in said and "over 1 windows" in said


def test_json_says_why_something_could_not_be_told(shop: Shop, readiness: Said) -> None:
    few = report(day(4), columns(age=0.04), mode=Mode.INSUFFICIENT_SAMPLE)
    why = "it would have found 0.0986 and more, 0.05 matters"
    put(build(shop), replace(few, findings=tuple(replace(each, note=why) for each in few.findings)))
    _, (patients, _) = shown(readiness, "shop")
    assert [each["note"] for each in patients["columns"]] == [why]
