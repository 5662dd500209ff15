"""Whoever tells the worst columns of a window names the same ones, in the same order and by the same test."""

from __future__ import annotations

from random import Random

import pytest

from readiness_pipelines.flow import Finding, Kind, Mode, Severity, Test, worst_first, worst_of_columns
from readiness_pipelines.incidents.drift import drifted
from readiness_pipelines.reports.drift_columns import monitor_facts
from tests.reports.drift_scene import build, day, measurement, put, report
from tests.shop import Shop

NONE, LOW, MEDIUM, HIGH, CRITICAL = Severity


def finding(column: str, test: Test, severity: Severity, effect: float | None, threshold: float | None) -> Finding:
    return Finding(column, Kind.DATA, test, severity, Mode.DECIDED, effect, 0.001, threshold)


def test_severity_comes_before_effect_and_effect_is_told_in_thresholds() -> None:
    found = [
        finding("low", Test.KS, LOW, 0.09, 0.05),
        finding("nothing", Test.KS, NONE, None, None),
        finding("own", Test.KS, HIGH, 0.05, 0.01),
        finding("usual", Test.KS, HIGH, 0.29, 0.20),
        finding("near", Test.KS, NONE, 0.04, 0.05),
    ]
    assert [f.column for f in worst_first(found)] == ["own", "usual", "low", "near", "nothing"]
    assert list(worst_of_columns(found, HIGH)) == ["own", "usual"]


def test_what_a_column_is_worth_as_a_prediction_stands_for_itself() -> None:
    """Performance says more than KS does, but not about the same: the score is where the worse of the two puts it."""
    score = [finding("score", Test.PERFORMANCE, CRITICAL, 0.11, 0.10), finding("score", Test.KS, CRITICAL, 0.9, 0.30)]
    found = [*score, finding("age", Test.KS, CRITICAL, 0.45, 0.30)]
    assert [(f.column, f.test) for f in worst_first(found)] == [
        ("score", Test.KS),
        ("age", Test.KS),
        ("score", Test.PERFORMANCE),
    ]
    assert {name: f.test for name, f in worst_of_columns(found, CRITICAL).items()} == {"score": Test.KS, "age": Test.KS}


@pytest.mark.parametrize("seed", range(5))
def test_report_incident_page_and_terminal_agree(shop: Shop, seed: int) -> None:
    random, tests = Random(seed), (Test.PSI, Test.KS, Test.NULLS, Test.UNSEEN)
    drawn = [measurement(name, test, random.choice((0.01, 0.12, 0.25, 0.4, 0.7))) for name in "abcdefgh" for test in tests]
    told = report(day(4), [measurement("z", Test.KS, 0.3), *(each for each in drawn if random.random() < 0.4)])
    lake, product = put(build(shop), told), shop.product
    rows = monitor_facts(product.monitors[0], [told], measured=1).by_newest()
    worst = [(column.name, test, cell.effect) for column, test, cell in rows if cell.level.severity is told.severity]
    assert told.columns == tuple(name for name, _, _ in worst)
    (incident,) = drifted(product, lake.ledger, {})
    assert f"drift of {', '.join(f'{name} ({test} {effect:.3g})' for name, test, effect in worst[:5])}" in incident.why
    heads = [f.column for f in worst_first(told.findings) if f.severity is told.severity]
    assert tuple(dict.fromkeys(heads)) == told.columns
