"""Another rule on what was measured: nothing is read, persistence and trends look back, and others can be tried beforehand."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from readiness_pipelines.drift import Rule, calibrate, candidates, redecide, rule_of
from readiness_pipelines.drift.rule import DEFAULTS, Thresholds
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import Kind, Measurement, Mode, Severity, Test
from tests.drift.scene import Scene, build_scene
from tests.drift.test_measure import SHORT, land, seen
from tests.drifted import REFERENCE
from tests.drifted import measured as measured_of


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Two days of reference, two like them, two that differ; then the whole warehouse is deleted."""
    scene = build_scene(tmp_path_factory.mktemp("measured"), monitors=SHORT)
    land(scene, *range(1, 7), drifted=5)
    assert [each.report.severity for each in seen(scene)] == [Severity.NONE, Severity.NONE, Severity.CRITICAL, Severity.CRITICAL]
    shutil.rmtree(scene.settings.warehouse)
    scene.settings.catalog_file.unlink()
    return scene


def declared(scene: Scene, words: str) -> Scene:
    """Let the monitor have these words besides."""
    path = scene.folder / "defs.yaml"
    path.write_text(path.read_text().partition("      groups: [colour]\n")[0] + "      groups: [colour]\n" + words)
    return scene


def severities(scene: Scene) -> list[Severity]:
    return [now.severity for _, now in redecide(scene.product, scene.lake)]


def test_the_same_rule_says_the_same_and_stores_nothing(measured: Scene) -> None:
    declared(measured, "")
    list(redecide(measured.product, measured.lake))
    number, _ = measured.lake.ledger.drift.judged_after("metrics", 0)
    for before, now in redecide(measured.product, measured.lake):
        assert before is now or before == now
    assert measured.lake.ledger.drift.judged_after("metrics", number) == (number, [])


def test_a_rule_that_asks_for_more_rows_takes_the_alarms_back_without_a_warehouse(measured: Scene) -> None:
    declared(measured, "      min_rows: 5000\n")
    changed = [(str(before.severity), str(now.severity)) for before, now in redecide(measured.product, measured.lake) if before]
    assert changed[2:] == [("critical", "none"), ("critical", "none")]
    stored = measured.lake.ledger.drift.reports("metrics", "readings")
    rule = rule_of(measured.product.monitors[0])
    assert {each.rule for each in stored} == {rule.fingerprint} and {each.mode for each in stored} == {Mode.INSUFFICIENT_SAMPLE}


def test_a_severity_that_asks_for_two_of_two_windows_comes_with_the_second(measured: Scene) -> None:
    words = "".join(f"        {severity}: {{windows: 2, of: 2}}\n" for severity in ("low", "medium", "high", "critical"))
    declared(measured, "      persistence:\n" + words)
    assert severities(measured) == [Severity.NONE, Severity.NONE, Severity.NONE, Severity.CRITICAL]


def test_a_threshold_within_a_bracket_is_undecided_and_says_so(measured: Scene) -> None:
    declared(measured, "")
    list(redecide(measured.product, measured.lake))
    quiet = measured.lake.ledger.drift.reports("metrics", "readings")[2].measured
    bracket = next(m for m in quiet.measurements if m.column == "size" and m.test is Test.KS)
    assert bracket.effect is not None and bracket.effect_high is not None
    between = (bracket.effect + bracket.effect_high) / 2
    declared(
        measured, f"      columns: {{size: {{thresholds: {{ks: {{low: 0.01, medium: {between}, high: 0.8, critical: 0.9}}}}}}}}\n"
    )
    report = [now for _, now in redecide(measured.product, measured.lake)][2]
    (finding,) = [f for f in report.findings if (f.column, f.test) == ("size", Test.KS)]
    assert (finding.mode, finding.severity) == (Mode.UNDECIDED, Severity.MEDIUM)
    assert "known as a bracket" in finding.note


def test_what_a_person_does_not_know_is_an_error(measured: Scene) -> None:
    with pytest.raises(ReadinessError, match="metrics: found no monitor 'sizes', expected one of: readings"):
        list(redecide(measured.product, measured.lake, monitor="sizes"))


def test_what_other_rules_would_have_raised_is_told_and_stored_nowhere(measured: Scene) -> None:
    declared(measured, "")
    list(redecide(measured.product, measured.lake))
    number, _ = measured.lake.ledger.drift.judged_after("metrics", 0)
    tried = {each.name: each for each in calibrate(measured.product, measured.lake, "readings")}
    assert list(tried) == list(candidates(measured.product.monitors[0]))
    assert [each.severity for each in tried["as declared"].windows] == [Severity.NONE] * 2 + [Severity.CRITICAL] * 2
    assert [each.window.last for each in tried["2 of 3 windows"].alarms()] == [measured.day(6)]
    assert len(tried["as declared"].alarms(Severity.CRITICAL)) == 2
    assert [each.window.last for each in tried["any effect"].alarms()] == measured.days([5, 6])
    assert tried["PSI above .2"].windows[3].severity is Severity.LOW
    assert measured.lake.ledger.drift.judged_after("metrics", number) == (number, [])


def test_the_candidates_are_what_their_names_say(measured: Scene) -> None:
    declared(measured, "")
    rules = candidates(measured.product.monitors[0])
    assert rules["as declared"] == rule_of(measured.product.monitors[0])
    assert rules["half the thresholds"].thresholds[Test.KS] == Thresholds(0.025, 0.05, 0.1, 0.15)
    assert rules["twice the thresholds"].thresholds[Test.PERFORMANCE] == Thresholds(None, 0.06, 0.1, 0.2)
    assert rules["PSI above .2"].thresholds[Test.KS].given == ()


def test_a_rule_of_ones_own_can_be_tried(measured: Scene) -> None:
    declared(measured, "")
    only_nulls = Rule(
        thresholds={
            **{test: Thresholds(None, None, None, None) for test in DEFAULTS},
            Test.NULLS: Thresholds(0.1, None, None, None),
        }
    )
    (tried,) = calibrate(measured.product, measured.lake, "readings", {"nulls": only_nulls})
    assert [(each.severity, each.columns) for each in tried.windows[2:]] == [(Severity.LOW, ("weight",))] * 2


def test_a_rise_over_the_windows_is_a_finding_before_the_threshold(tmp_path: Path) -> None:
    scene = build_scene(tmp_path, monitors=SHORT)
    for number in range(3, 12):
        few = Measurement("weight", Kind.MISSINGNESS, Test.NULLS, 0.004 * (number - 2) + 0.0005 * (number % 2), 0.5, 5000, 5000)
        of = measured_of(scene.day(number), product="metrics", monitor="readings", table="silver.readings")
        scene.lake.ledger.drift.record(replace(of, measurements=(few,)))
    found = [now for _, now in redecide(scene.product, scene.lake)]
    assert [bool(report.trends) for report in found] == [False] * 6 + [True] * 3
    assert [report.severity for report in found[5:7]] == [Severity.NONE, Severity.LOW]
    (trend,) = found[-1].trends
    assert (trend.column, trend.windows, trend.crosses_at) == ("weight", 9, scene.day(15))


def test_windows_that_were_compared_with_another_reference_are_no_past(tmp_path: Path) -> None:
    words = SHORT + "".join(
        ["      persistence:\n", *(f"        {s}: {{windows: 2, of: 2}}\n" for s in ("low", "medium", "high", "critical"))]
    )
    scene = build_scene(tmp_path, monitors=words)
    other = replace(REFERENCE, id="other")
    for number, reference in ((3, REFERENCE), (4, other), (5, other)):
        of = measured_of(scene.day(number), product="metrics", monitor="readings", table="silver.readings", reference=reference)
        scene.lake.ledger.drift.record(of)
    assert severities(scene) == [Severity.NONE, Severity.NONE, Severity.MEDIUM]
