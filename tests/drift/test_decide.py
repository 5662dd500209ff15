"""The decision about a window: significant after correction, large enough, and never `none` where it could not be seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness_pipelines.drift.decide import ambiguous, decide
from readiness_pipelines.drift.rule import DEFAULTS, Rule, Thresholds
from readiness_pipelines.drift.statistics import binned
from readiness_pipelines.drift.statistics import ks as statistics
from readiness_pipelines.flow import (
    DriftReport,
    Finding,
    Kind,
    Measured,
    Measurement,
    Mode,
    Reference,
    Severity,
    Test,
    Trend,
    Window,
)

NONE, LOW, MEDIUM, HIGH, CRITICAL = Severity
DECIDED, INSUFFICIENT, LEARNING, UNDECIDED = Mode
MANY = 1_000_000


def ks(column: str = "x", effect: float | None = 0.0, p: float | None = 1.0, n: int = MANY, **more: object) -> Measurement:
    return Measurement(column, Kind.DATA, Test.KS, effect, p, n, n, **more)  # type: ignore[arg-type]


def other(test: Test, effect: float, p: float, n: int = MANY, column: str = "x", **more: float) -> Measurement:
    return Measurement(column, Kind.DATA, test, effect, p, n, n, more=more)


def bracket(low: float, high: float, p: float, p_low: float, column: str = "x") -> Measurement:
    return ks(column, low, p, effect_high=high, p_low=p_low)


def of(*measurements: Measurement, rows: int = MANY, absent: Sequence[str] = ()) -> Measured:
    reference = Reference("r", "days of May", (), "l")
    return Measured(
        "p", "m", "p.silver.t", Window("2025-06-01", "2025-06-07"), reference, (), tuple(absent), rows, MANY, measurements
    )


def only(report: DriftReport) -> Finding:
    (finding,) = report.findings
    return finding


def before(*effects: float) -> list[DriftReport]:
    """Earlier windows, newest first, each with this D of x."""
    return [decide(of(ks(effect=effect, p=0.0)), Rule()) for effect in effects]


# significance and effect


@pytest.mark.parametrize(
    ("effect", "p", "severity"),
    [
        (0.049, 0.0, NONE),  # significant, too small
        (0.29, 0.051, NONE),  # large, chance
        (0.05, 0.05, LOW),
        (0.1, 0.0, MEDIUM),
        (0.2, 0.0, HIGH),
        (0.3, 0.0, CRITICAL),
    ],
)
def test_a_finding_is_significant_and_large_enough(effect: float, p: float, severity: Severity) -> None:
    report = decide(of(ks(effect=effect, p=p)), Rule())
    assert (report.severity, report.mode, only(report).severity) == (severity, DECIDED, severity)
    assert report.columns == (("x",) if severity is not NONE else ())


def test_p_is_corrected_over_all_tests_of_the_window() -> None:
    lone = decide(of(ks(effect=0.2, p=0.01)), Rule())
    among = decide(of(ks(effect=0.2, p=0.01), *(ks(f"c{i}", p=0.9) for i in range(9))), Rule())
    assert (lone.severity, only(lone).corrected_p) == (HIGH, 0.01)
    assert (among.severity, among.findings[0].corrected_p) == (NONE, pytest.approx(0.1))
    assert decide(among.measured, Rule(false_alarm_rate=0.1)).severity is HIGH


@pytest.mark.parametrize(
    "outside",
    [
        replace(ks("y", p=0.9), group="race=asian"),
        ks("y", p=0.9, n=199),
        replace(ks("y", p=0.9), n_reference=199),
        ks("y", effect=None, p=0.9),
        ks("y", effect=0.1, p=None),
        replace(ks("y", p=0.9), mode=LEARNING),
    ],
    ids=["a slice", "few rows", "few rows of the reference", "no effect", "no p", "learning"],
)
def test_what_is_not_tested_is_not_corrected_for(outside: Measurement) -> None:
    assert decide(of(ks(effect=0.2, p=0.04), outside), Rule()).severity is HIGH
    assert decide(of(ks(effect=0.2, p=0.04), ks("y", p=0.9)), Rule()).severity is NONE


def test_a_weight_makes_a_column_easier_to_find_and_the_others_harder() -> None:
    window = of(ks("x", 0.2, 0.03), ks("y", 0.2, 0.9))
    assert decide(window, Rule()).severity is NONE
    assert decide(window, Rule(weights={"x": 3.0})).columns == ("x",)
    assert decide(window, Rule(weights={"y": 3.0})).severity is NONE


def test_a_column_may_have_thresholds_of_its_own() -> None:
    rule = Rule(columns={"x": {Test.KS: Thresholds(0.01, 0.02, 0.03, 0.04)}})
    report = decide(of(ks("x", 0.02, 0.0), ks("y", 0.02, 0.0)), rule)
    assert [(f.severity, f.threshold) for f in report.findings] == [(MEDIUM, 0.02), (NONE, 0.05)]


def test_a_slice_is_never_judged() -> None:
    report = decide(of(ks(), ks(effect=0.9, p=0.0, group="race=asian")), Rule())
    assert (report.severity, len(report.findings), len(report.measured.measurements)) == (NONE, 1, 2)


def test_the_columns_of_a_report_are_those_at_its_severity_the_largest_effect_over_its_threshold_first() -> None:
    rule = Rule(columns={"b": {Test.KS: Thresholds(0.01, 0.02, 0.1, 0.5)}})
    report = decide(of(ks("a", 0.11, 0.0), ks("b", 0.21, 0.0), ks("c", 0.25, 0.0), ks("d", 0.28, 0.0)), rule)
    assert (report.severity, report.columns) == (HIGH, ("b", "d", "c"))


def test_a_column_stands_where_the_test_puts_it_that_says_most_of_it() -> None:
    """PSI has no upper end, and says of a moved column less than KS does."""
    moved = (ks("moved", 0.31, 0.0), other(Test.PSI, 3.4, 0.0, column="moved", degrees=9))
    report = decide(of(*moved, other(Test.PSI, 1.5, 0.0, column="mixed", degrees=9)), Rule())
    assert (report.severity, report.columns) == (CRITICAL, ("mixed", "moved"))


def test_a_gain_of_performance_is_no_loss() -> None:
    assert decide(of(other(Test.PERFORMANCE, -0.2, 0.0, standard_error=0.001)), Rule()).severity is NONE
    assert decide(of(other(Test.PERFORMANCE, 0.04, 0.0, standard_error=0.001)), Rule()).severity is MEDIUM
    assert decide(of(other(Test.PERFORMANCE, 0.02, 0.0, standard_error=0.001)), Rule()).severity is NONE


# what could not have been seen


@pytest.mark.parametrize(
    ("measurement", "mode"),
    [
        (ks(n=5000), DECIDED),
        (ks(n=500), INSUFFICIENT),
        (ks(n=199), INSUFFICIENT),
        (replace(ks(n=5000), n_reference=300), INSUFFICIENT),
        (other(Test.PSI, 0.0, 1.0, 5000, degrees=9), DECIDED),
        (other(Test.PSI, 0.0, 1.0, 500, degrees=9), INSUFFICIENT),
        (other(Test.PSI, 0.0, 1.0, 3000, degrees=60), INSUFFICIENT),
        (other(Test.PSI, 0.0, 1.0, 5000), INSUFFICIENT),  # its degrees are not known
        (other(Test.PSI, 0.0, 1.0, 5000, degrees=0), INSUFFICIENT),  # all bins are rare
        (other(Test.NULLS, 0.0, 1.0, 5000), DECIDED),
        (other(Test.UNSEEN, 0.0, 1.0, 500), INSUFFICIENT),
        (other(Test.UNSEEN, 0.0, 1.0, 500, share_reference=0.01), DECIDED),  # a change is seen sooner where shares are small
        (other(Test.NULLS, 0.0, 1.0, 500, share_reference=0.4), INSUFFICIENT),
        (other(Test.PERFORMANCE, 0.0, 1.0, standard_error=0.01), DECIDED),
        (other(Test.PERFORMANCE, 0.0, 1.0, standard_error=0.02), INSUFFICIENT),
        (other(Test.PERFORMANCE, 0.0, 1.0), INSUFFICIENT),
        (ks(effect=None, p=None, n=0), DECIDED),  # no value on either side: nothing that could differ
        (replace(ks(effect=None, p=None, n=0), n_reference=MANY), INSUFFICIENT),
        (ks(effect=None, p=None), UNDECIDED),
        (ks(p=None), UNDECIDED),
        (ks(mode=LEARNING), LEARNING),
        (ks(mode=UNDECIDED), UNDECIDED),
    ],
)
def test_nothing_found_is_told_as_decided_only_where_it_would_have_been_found(measurement: Measurement, mode: Mode) -> None:
    report = decide(of(measurement), Rule())
    assert (only(report).severity, only(report).mode, report.mode) == (NONE, mode, mode)
    assert mode is DECIDED or only(report).note or measurement.mode is mode
    assert mode is DECIDED or "x" in report.notes[0]


@pytest.mark.parametrize(
    ("measurement", "rows", "missable"),
    [
        (ks(n=MANY), MANY, NONE),
        (ks(n=1000), 1000, LOW),  # 1.358 sqrt(2 / 1000) + 0.842 sqrt(2 / 4000) = .080: more than .05, less than .10
        (ks(n=300), 300, MEDIUM),  # the same of 300 is .145: less than .20
        (ks(n=100), 100, CRITICAL),  # fewer than min_rows, of the whole window
        (ks(n=100), MANY, NONE),  # a column of few values: it is named, and says nothing about the window
        (ks(effect=None, p=None), MANY, CRITICAL),
    ],
)
def test_a_severity_is_ruled_out_where_it_would_have_been_found(measurement: Measurement, rows: int, missable: Severity) -> None:
    report = decide(of(measurement, rows=rows), Rule())
    assert only(report).missable is missable
    assert [each for each in Severity.alarms() if not report.rules_out(each)] == list(Severity.alarms())[: missable.rank]


def test_what_was_found_is_not_ruled_out_and_a_window_without_findings_rules_out_nothing() -> None:
    found = decide(of(ks(effect=0.12, p=0.0)), Rule())
    assert [found.rules_out(each) for each in (LOW, MEDIUM, HIGH, CRITICAL)] == [False, False, True, True]
    assert not decide(of(), Rule()).rules_out(CRITICAL)


def test_a_column_that_drifts_by_one_test_is_not_named_for_what_another_could_have_missed() -> None:
    few = [other(test, 0.0, 1.0, 500, column=column) for column in ("drifts", "rests") for test in (Test.NULLS, Test.UNSEEN)]
    report = decide(of(ks("drifts", 0.4, 0.0, n=500), *few), Rule())
    assert (report.severity, report.notes) == (CRITICAL, ("the low effect could have been missed: rests",))
    assert all(f.missable is not NONE for f in report.findings if f.test is not Test.KS), "what is ruled out is as it was"


def test_a_score_that_drifts_is_named_for_the_performance_that_could_not_be_told() -> None:
    report = decide(of(ks("score", 0.4, 0.0), other(Test.PERFORMANCE, 0.0, 1.0, 500, column="score")), Rule())
    assert report.notes == ("the low effect could have been missed: score: performance",)


def test_a_window_without_rows_has_seen_nothing() -> None:
    empty = replace(of(ks(effect=None, p=None, n=0), absent=["2025-06-01", "2025-06-02"]), rows=0)
    report = decide(empty, Rule())
    assert report.mode is INSUFFICIENT
    assert report.notes[0] == "2 partitions of the window have no admitted version: 2025-06-01, 2025-06-02"


def test_the_more_tests_there_are_the_more_rows_are_needed_to_have_seen_something() -> None:
    assert decide(of(ks(n=3000)), Rule()).mode is DECIDED
    many = decide(of(ks(n=3000), *(ks(f"c{i}", n=3000) for i in range(49))), Rule())
    assert many.mode is INSUFFICIENT
    assert len(many.findings) == 50 and "and 45 more" in many.notes[0]
    assert decide(many.measured, Rule(weights={"x": 1000.0})).findings[0].mode is DECIDED


def test_a_significant_effect_counts_from_min_rows_up() -> None:
    assert decide(of(ks(effect=0.25, p=1e-6, n=200)), Rule()).severity is HIGH
    assert decide(of(ks(effect=0.25, p=1e-6, n=199)), Rule()).severity is NONE
    assert decide(of(ks(effect=0.25, p=1e-6, n=199)), Rule(min_rows=199)).severity is HIGH


def test_a_test_without_thresholds_is_shown_and_finds_nothing() -> None:
    rule = Rule(thresholds={**DEFAULTS, Test.KS: Thresholds(None, None, None, None)})
    report = decide(of(ks(effect=0.9, p=0.0, n=300)), rule)
    assert (report.severity, report.mode, only(report).threshold) == (NONE, DECIDED, None)


# the report's mode: what its severity rests on

A_FINDING = {
    "found": ks("a", 0.12, 0.0),
    "nothing": ks("b"),
    "insufficient": ks("c", n=300),
    "learning": ks("d", mode=LEARNING),
    "unmeasured": ks("e", None, None),
    "bracket to low": bracket(0.01, 0.06, 0.0, 0.0, "f"),
    "bracket to critical": bracket(0.01, 0.4, 0.0, 0.0, "g"),
}


@pytest.mark.parametrize(
    ("kinds", "severity", "mode"),
    [
        ((), NONE, LEARNING),
        (("nothing",), NONE, DECIDED),
        (("nothing", "learning"), NONE, LEARNING),
        (("nothing", "insufficient"), NONE, INSUFFICIENT),
        (("insufficient", "learning"), NONE, INSUFFICIENT),
        (("nothing", "unmeasured"), NONE, UNDECIDED),
        (("unmeasured", "insufficient", "learning"), NONE, UNDECIDED),
        (("bracket to low",), LOW, UNDECIDED),
        (("nothing", "bracket to low"), LOW, UNDECIDED),
        (("found",), MEDIUM, DECIDED),
        (("found", "nothing"), MEDIUM, DECIDED),
        (("found", "insufficient"), MEDIUM, DECIDED),
        (("found", "learning"), MEDIUM, DECIDED),
        (("found", "unmeasured"), MEDIUM, DECIDED),
        (("found", "bracket to low"), MEDIUM, DECIDED),
        (("found", "bracket to critical"), CRITICAL, UNDECIDED),
    ],
)
def test_the_mode_of_a_report_says_what_its_severity_rests_on(kinds: tuple[str, ...], severity: Severity, mode: Mode) -> None:
    report = decide(of(*(A_FINDING[kind] for kind in kinds)), Rule())
    assert (report.severity, report.mode) == (severity, mode)


@given(st.lists(st.sampled_from(sorted(A_FINDING)), unique=True))
def test_no_drift_is_said_only_where_every_finding_says_it(kinds: list[str]) -> None:
    report = decide(of(*(A_FINDING[kind] for kind in kinds)), Rule())
    said = report.severity is NONE and report.mode is DECIDED
    assert said is (bool(report.findings) and all(f.severity is NONE and f.mode is DECIDED for f in report.findings))


# brackets


@pytest.mark.parametrize(
    ("measurement", "asked"),
    [
        (bracket(0.01, 0.04, 0.0, 0.0), ()),
        (bracket(0.04, 0.05, 0.0, 0.0), ("x",)),
        (bracket(0.06, 0.09, 0.0, 0.0), ()),
        (bracket(0.09, 0.11, 0.0, 0.0), ("x",)),
        (bracket(0.06, 0.09, 0.2, 0.01), ("x",)),
        (bracket(0.06, 0.09, 0.2, 0.06), ()),
        (ks(effect=0.9, p=0.0), ()),
    ],
)
def test_only_a_column_whose_severity_differs_between_its_ends_is_measured_exactly(
    measurement: Measurement, asked: tuple[str, ...]
) -> None:
    window = of(measurement)
    assert ambiguous(window, Rule()) == asked
    assert (decide(window, Rule()).mode is UNDECIDED) is bool(asked)


def test_a_bracket_that_was_not_read_is_told_with_both_of_its_ends() -> None:
    finding = only(decide(of(bracket(0.04, 0.21, 0.0, 0.0)), Rule()))
    assert (finding.severity, finding.mode, finding.effect, finding.threshold) == (HIGH, UNDECIDED, 0.04, 0.2)
    assert finding.note == "between none and high: known as a bracket, and the rows were not read"


def test_a_bracket_that_another_tests_correction_depends_on_is_measured_exactly_too() -> None:
    # y's own severity is none either way, but with its lower p x is the second of two and passes at .05, else alone at .025
    window = of(ks("x", 0.2, 0.04), bracket(0.0, 0.01, 0.9, 0.001, "y"))
    assert ambiguous(window, Rule()) == ("y",)
    assert decide(window, Rule()).findings[0].mode is UNDECIDED


@given(
    st.lists(
        st.tuples(st.floats(0, 0.4), st.floats(0, 0.2), st.floats(0, 1), st.floats(0, 1), st.booleans()), min_size=1, max_size=8
    ),
    st.data(),
)
def test_measuring_what_is_asked_for_decides_everything_between_the_ends(
    raw: list[tuple[float, float, float, float, bool]], data: st.DataObject
) -> None:
    # few significant and some not, the smaller p at the higher end
    ends = [bracket(d, d + width, max(p, q) / 8, min(p, q) / 8, f"c{i}") for i, (d, width, p, q, _) in enumerate(raw)]
    window = of(*(replace(m, effect_high=None, p_low=None) if exact else m for m, (*_, exact) in zip(ends, raw, strict=True)))
    first = decide(window, Rule())
    for _ in range(len(raw) + 1):
        if not (columns := ambiguous(window, Rule())):
            break
        share = data.draw(st.floats(0, 1))
        window = replace(window, measurements=tuple(_exactly(m, share) if m.column in columns else m for m in window.measurements))
    last = decide(window, Rule())
    assert all(finding.mode is not UNDECIDED for finding in last.findings)
    for before_it, after_it in zip(first.findings, last.findings, strict=True):
        assert after_it.severity.rank <= before_it.severity.rank
        assert before_it.mode is UNDECIDED or after_it.severity is before_it.severity


def _exactly(m: Measurement, share: float) -> Measurement:
    if m.effect is None or m.effect_high is None or m.p is None or m.p_low is None:
        return m
    effect, p = m.effect + share * (m.effect_high - m.effect), m.p + share * (m.p_low - m.p)
    return replace(m, effect=effect, p=p, effect_high=None, p_low=None)


# persistence


@pytest.mark.parametrize(
    ("past", "severity", "mode"),
    [
        ((), MEDIUM, DECIDED),
        ((0.0, 0.0), MEDIUM, DECIDED),
        ((0.12, 0.12), MEDIUM, DECIDED),
        ((0.25,), HIGH, DECIDED),
        ((0.0, 0.25), HIGH, DECIDED),
        ((0.0, 0.0, 0.25), MEDIUM, DECIDED),  # older than three windows
        ((0.5,), HIGH, DECIDED),
    ],
)
def test_a_severity_that_is_not_persistent_enough_falls_to_the_next_that_is(
    past: tuple[float, ...], severity: Severity, mode: Mode
) -> None:
    report = decide(of(ks(effect=0.25, p=0.0)), Rule(persistence={HIGH: (2, 3)}), earlier=before(*past))
    assert (report.severity, report.mode) == (severity, mode)
    assert bool(only(report).note) is (severity is MEDIUM)


@pytest.mark.parametrize(
    ("past", "severity", "mode"),
    [
        ((), NONE, LEARNING),
        ((0.0,), NONE, LEARNING),
        ((0.0, 0.0), NONE, DECIDED),
        ((0.06,), LOW, DECIDED),
        ((0.0, 0.06), LOW, DECIDED),
    ],
)
def test_where_the_past_is_too_short_to_know_it_is_learning(past: tuple[float, ...], severity: Severity, mode: Mode) -> None:
    report = decide(of(ks(effect=0.06, p=0.0)), Rule(persistence={LOW: (2, 3)}), earlier=before(*past))
    assert (report.severity, report.mode) == (severity, mode)
    assert (only(report).note == "low in this window; low is given from 2 of 3 windows on") is (severity is NONE)


def test_all_severities_may_ask_for_persistence_and_each_counts_what_is_above_it() -> None:
    rule = Rule(persistence={LOW: (2, 2), MEDIUM: (2, 2), HIGH: (2, 2), CRITICAL: (2, 2)})
    assert decide(of(ks(effect=0.35, p=0.0)), rule, earlier=before(0.12)).severity is MEDIUM
    assert decide(of(ks(effect=0.12, p=0.0)), rule, earlier=before(0.35)).severity is MEDIUM
    assert decide(of(ks(effect=0.0, p=1.0)), rule, earlier=before(0.35)).severity is NONE


def test_persistence_is_judged_anew_so_that_a_fallen_severity_still_counts() -> None:
    rule = Rule(persistence={HIGH: (3, 3)})
    reports: list[DriftReport] = []
    for _ in range(3):
        reports.insert(0, decide(of(ks(effect=0.25, p=0.0)), rule, earlier=reports))
    assert [each.severity for each in reports] == [HIGH, MEDIUM, MEDIUM]


def test_persistence_is_of_one_column_and_test() -> None:
    rule, elsewhere = Rule(persistence={HIGH: (2, 2)}), decide(of(ks("y", 0.25, 0.0), other(Test.PSI, 0.25, 0.0)), Rule())
    assert decide(of(ks(effect=0.25, p=0.0)), rule, earlier=[elsewhere]).severity is MEDIUM


def test_a_bracket_counts_by_its_ends_in_the_past_too() -> None:
    rule = Rule(persistence={HIGH: (2, 2)})
    past = [decide(of(bracket(0.15, 0.25, 0.0, 0.0)), rule)]
    report = decide(of(ks(effect=0.25, p=0.0)), rule, earlier=past)
    assert (report.severity, report.mode) == (HIGH, UNDECIDED)


# trends


def trend(column: str = "x", test: Test = Test.KS, crosses_at: str = "") -> Trend:
    return Trend(column, test, 8, 0.004, 0.001, 0.002, crosses_at)


def test_a_trend_raises_its_column_and_test_to_low() -> None:
    report = decide(of(ks(effect=0.03, p=0.0), ks("y")), Rule(), trends=[trend(crosses_at="2025-07-05")])
    assert [(f.severity, f.mode) for f in report.findings] == [(LOW, DECIDED), (NONE, DECIDED)]
    assert (report.severity, report.columns, len(report.trends)) == (LOW, ("x",), 1)
    assert report.findings[0].note == "moves by +0.004 per window over 8 windows, at the threshold by 2025-07-05"
    assert only(decide(of(ks(n=300)), Rule(), trends=[trend()])).mode is DECIDED
    assert decide(of(ks()), Rule(), trends=[trend("y"), trend(test=Test.PSI)]).severity is NONE


def test_a_trend_leaves_what_was_found_as_it_is() -> None:
    finding = only(decide(of(ks(effect=0.12, p=0.0)), Rule(), trends=[trend()]))
    assert (finding.severity, finding.note) == (MEDIUM, "")


# the value


def test_a_report_names_its_rule_and_what_it_supersedes_and_survives_as_text() -> None:
    report = decide(of(ks(effect=0.12, p=0.0), bracket(0.0, 0.2, 1.0, 0.0, "y")), Rule(), superseded="older", trends=[trend()])
    assert (report.rule, report.superseded) == (Rule().fingerprint, "older")
    assert DriftReport.from_json(report.to_json()) == report


def test_the_order_of_the_measurements_does_not_matter() -> None:
    measurements = [ks("a", 0.2, 0.01), ks("b", 0.3, 0.03), ks("c", 0.1, 0.5), bracket(0.0, 0.3, 0.6, 0.0, "d")]
    there, back = decide(of(*measurements), Rule()), decide(of(*measurements[::-1]), Rule())
    assert there.findings == back.findings[::-1]
    assert (there.severity, there.mode, there.columns) == (back.severity, back.mode, back.columns)


# chance: a small version of benchmarks/false_alarms.py


def drawn(draw: np.random.Generator, *, rows: int, shift: float = 0.0, columns: int = 10) -> Measured:
    """A window and its reference: normal columns that share a factor, each compared by KS and PSI; `shift` moves the first."""
    sides = [draw.normal(size=(rows, columns)) + draw.normal(size=(rows, 1)) for _ in range(2)]
    sides[1][:, 0] += shift * math.sqrt(2)
    found = []
    for i in range(columns):
        a, b = (each[:, i] for each in sides)
        d, edges = statistics.statistic(a, b), np.quantile(a, np.arange(1, 10) / 10)
        counts = [np.bincount(edges.searchsorted(x), minlength=10) for x in (a, b)]
        compared = binned.numbers(*counts, nulls=(0, 0))
        assert d is not None and compared is not None
        found.append(ks(f"c{i}", d, statistics.p_value(d, rows, rows), n=rows))
        found.append(other(Test.PSI, compared.effect, compared.p, rows, f"c{i}", degrees=compared.degrees))
    return of(*found, rows=rows)


def test_windows_without_drift_alarm_no_more_often_than_the_rule_promises() -> None:
    draw = np.random.default_rng(20)
    severities = [decide(drawn(draw, rows=500, columns=5), Rule()).severity for _ in range(200)]
    assert sum(each is not NONE for each in severities) <= 15  # of 200 at a true 5%, in 95% of all cases
    assert sum(each.is_at_least(HIGH) for each in severities) == 0


def test_a_quarter_of_a_standard_deviation_is_found_and_a_hundredth_is_not() -> None:
    draw = np.random.default_rng(21)
    assert all(decide(drawn(draw, rows=5000, shift=0.25), Rule()).columns == ("c0",) for _ in range(15))
    calm = [decide(drawn(draw, rows=50_000, shift=0.01, columns=2), Rule()) for _ in range(5)]
    assert {(report.severity, report.mode) for report in calm} == {(NONE, DECIDED)}
