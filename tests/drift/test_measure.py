"""From admitted versions to stored reports: what is measured, what is left alone, and what late data and decisions make of it."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from readiness_pipelines.drift import Seen, measure, reference, rule_of, status
from readiness_pipelines.drift.numbers import Numbers
from readiness_pipelines.drift.scan import profile
from readiness_pipelines.drift.store import stored, stored_layout
from readiness_pipelines.flow import Kind, Measured, Mode, Severity, Test, Window
from readiness_pipelines.lakehouse import relation
from readiness_pipelines.lakehouse.profiles import profiles_table
from readiness_pipelines.layers.decisions import Signed, withdraw
from readiness_pipelines.ledger.drift import Drift
from tests.drift.scene import MODEL, MONITOR, TABLE, Scene, build_scene, rows_of, unlabelled

NOW = datetime.datetime(2026, 1, 1)
SHORT = MONITOR.replace("{days: 2, step: 2}", "{days: 1, step: 1}").replace("to: 2025-01-04", "to: 2025-01-02")
DRIFT = {"size_by": 0.4, "lost": 0.2, "green": 0.15, "noise": 2.5}


def seen(scene: Scene, *days: int, **given: bool) -> list[Seen]:
    """Measure what is due, or what rests on these days."""
    partitions = scene.days(days) if days else None
    return list(measure(scene.product, scene.lake, now=NOW, partitions=partitions, **given))


def told(scene: Scene) -> list[str]:
    """Measure, and return what was said instead."""
    said: list[str] = []
    list(measure(scene.product, scene.lake, now=NOW, say=said.append))
    return said


def land(scene: Scene, *numbers: int, drifted: int = 99) -> None:
    """Land these days and bring them into silver; from day `drifted` on they differ from the first days."""
    for number in numbers:
        scene.land(number, rows_of(number, rows=600, **(DRIFT if number >= drifted else {})))
    scene.run(numbers)


def news(found: list[Seen]) -> list[tuple[str, bool]]:
    return [(each.report.measured.window.last[-2:], each.is_news) for each in found]


@pytest.fixture(scope="module")
def drifted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scene, list[Seen]]:
    """Ten days in windows of two; the last two differ. Nothing here changes it."""
    scene = build_scene(tmp_path_factory.mktemp("drifted"))
    land(scene, *range(1, 11), drifted=9)
    return scene, seen(scene)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Two days of reference, and windows of one day."""
    scene = build_scene(tmp_path, monitors=SHORT)
    land(scene, 1, 2)
    return scene


def test_every_window_after_the_reference_is_measured_once(drifted: tuple[Scene, list[Seen]]) -> None:
    scene, found = drifted
    assert [str(each.report.measured.window) for each in found] == [
        "2025-01-05...2025-01-06",
        "2025-01-07...2025-01-08",
        "2025-01-09...2025-01-10",
    ]
    assert all(each.is_news for each in found)
    assert seen(scene) == []
    assert [each.report for each in found] == scene.lake.ledger.drift.reports("metrics", "readings")


def test_what_drifted_is_named_and_what_did_not_is_not(drifted: tuple[Scene, list[Seen]]) -> None:
    report = drifted[1][2].report
    found = {(f.column, f.test): f.severity for f in report.findings}
    assert report.severity is Severity.CRITICAL and report.mode is Mode.DECIDED
    assert found["size", Test.KS].is_at_least(Severity.MEDIUM)
    assert found["weight", Test.NULLS] is Severity.MEDIUM
    assert found["colour", Test.UNSEEN] is Severity.MEDIUM
    assert found["score", Test.PERFORMANCE] is Severity.CRITICAL
    assert {found[key] for key in found if key[0] in ("site", "outcome")} == {Severity.NONE}
    assert {each.report.severity for each in drifted[1][:2]} == {Severity.NONE}


def test_each_column_is_told_by_what_it_is(drifted: tuple[Scene, list[Seen]]) -> None:
    kinds = {(m.column, m.test): m.kind for m in drifted[1][0].report.measured.measurements}
    assert kinds["size", Test.KS] is Kind.DATA
    assert kinds["weight", Test.NULLS] is Kind.MISSINGNESS
    assert kinds["score", Test.KS] is Kind.PREDICTION
    assert kinds["outcome", Test.PSI] is Kind.LABEL
    assert kinds["score", Test.PERFORMANCE] is Kind.CONCEPT
    assert ("outcome", Test.KS) not in kinds and ("reading_id", Test.KS) not in kinds


def test_the_profile_of_a_window_is_the_sum_of_its_partitions_and_that_of_its_rows(drifted: tuple[Scene, list[Seen]]) -> None:
    scene, found = drifted
    measured = found[1].report.measured
    layout = stored_layout(scene.lake, "metrics", measured.reference.layout)
    assert layout is not None
    keys = [(v.partition, v.version_key) for v in measured.versions]
    parts = stored(scene.lake, "metrics", TABLE, keys, layout)
    with scene.lake.connect() as con:
        whole = profile(con, relation(scene.lake, measured.versions), layout)
        con.execute(f"CREATE TABLE w AS SELECT * FROM {relation(scene.lake, measured.versions)}")
        (rows, n, mean), *_ = con.execute("SELECT count(*), count(weight), avg(weight) FROM w").fetchall()
        sites = dict(con.execute("SELECT site, count(*) FROM w GROUP BY site").fetchall())
    assert len(parts) == 2 and measured.rows == whole.rows == rows == sum(each.rows for each in parts.values())
    for column, of in whole.columns.items():
        assert of.counts == tuple(map(sum, zip(*(part.columns[column].counts for part in parts.values()), strict=True)))
    weight = next(m for m in measured.measurements if (m.column, m.test) == ("weight", Test.KS))
    assert weight.n_window == n and weight.more["mean_window"] == pytest.approx(mean)
    assert dict(zip(layout.by_column["site"].values, whole.columns["site"].counts, strict=True)) == sites


def test_partitions_that_did_not_change_give_their_report_again_as_no_news(drifted: tuple[Scene, list[Seen]]) -> None:
    scene, found = drifted
    again = seen(scene, 7, 9)
    assert news(again) == [("08", False), ("10", False)]
    assert [each.report for each in again] == [each.report for each in found[1:]]


def test_what_did_not_change_is_not_even_read_in_the_ledger(
    drifted: tuple[Scene, list[Seen]], monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, read = drifted[0], list[str]()
    report_of = Drift.report_of
    monkeypatch.setattr(Drift, "report_of", lambda drift, event: read.append(event) or report_of(drift, event))
    assert seen(scene) == [] and read == []
    assert news(seen(scene, 10)) == [("10", False)] and len(read) == 1


def test_days_that_come_one_by_one_are_measured_as_they_come(scene: Scene) -> None:
    assert [news(seen(scene, day)) for day in (1, 2)] == [[], []]
    for day in (3, 4):
        land(scene, day)
        assert news(seen(scene, day)) == [(f"0{day}", True)]


def test_windows_that_were_never_measured_are_caught_up_with(scene: Scene) -> None:
    land(scene, 3, 4, 5)
    assert news(seen(scene, 5)) == [("03", True), ("04", True), ("05", True)]


def test_the_same_layout_is_never_scanned_twice_for_a_version(scene: Scene) -> None:
    land(scene, 3)
    seen(scene)
    before = scene.lake.ledger.upkeep.last_commit(profiles_table("metrics"))
    assert news(seen(scene, again=True)) == [("03", False)]
    assert scene.lake.ledger.upkeep.last_commit(profiles_table("metrics")) == before


def test_late_data_makes_another_event_that_supersedes_the_first(scene: Scene) -> None:
    land(scene, 3)
    (first,) = seen(scene, 3)
    scene.land(3, rows_of(3, rows=900, **DRIFT), suffix="_late")
    scene.run([3])
    (late,) = seen(scene, 3)
    assert late.is_news and late.report.event != first.report.event
    assert late.report.superseded == first.report.event
    assert (first.report.severity, late.report.severity) == (Severity.NONE, Severity.CRITICAL)
    assert late.report.measured.rows == 900
    assert scene.lake.ledger.drift.reports("metrics", "readings") == [late.report]


def test_a_withdrawal_to_the_older_version_brings_its_event_back_without_reading(scene: Scene) -> None:
    land(scene, 3)
    (first,) = seen(scene, 3)
    scene.land(3, rows_of(3, rows=900, **DRIFT), suffix="_late")
    scene.run([3])
    (late,) = seen(scene, 3)
    (version,) = first.report.measured.versions
    table = scene.product.by_name["readings"]
    withdraw(scene.lake, table, scene.day(3), to=version.version_key, signed=Signed("anna", "it was a test file"))
    scene.run([3])
    (back,) = seen(scene, 3)
    assert back.is_news and back.report.event == first.report.event
    assert back.report.superseded == late.report.event
    assert back.report.measured == first.report.measured
    assert news(seen(scene, 3)) == [("03", False)]
    scene.declare("      score: score\n", "      score: score\n      min_rows: 300\n")
    assert [each.report.superseded for each in seen(scene, 3)] == [late.report.event]  # by another rule too


def broken(number: int) -> dict[str, object]:
    """Return the rows of a day that silver holds: the sizes are impossible."""
    return rows_of(number, rows=600) | {"size": rows_of(number, rows=600)["size"] + 1000}


def test_what_is_held_is_not_measured_and_is_named(tmp_path: Path) -> None:
    scene = build_scene(tmp_path)
    land(scene, 1, 2, 3, 4, 5)
    scene.land(6, broken(6))
    scene.run([6])
    (found,) = seen(scene)
    assert found.report.measured.absent == (scene.day(6),)
    assert found.report.measured.rows == 600
    assert any("no admitted version: 2025-01-06" in note for note in found.report.notes)
    scene.land(6, rows_of(6, rows=600))
    scene.run([6])
    (whole,) = seen(scene, 6)
    assert (whole.report.measured.absent, whole.report.measured.rows, whole.report.superseded) == ((), 1200, found.report.event)


def test_what_was_admitted_before_a_held_candidate_is_measured_and_said_so(scene: Scene) -> None:
    land(scene, 3)
    scene.land(3, broken(3), suffix="_late")
    scene.run([3])
    (found,) = seen(scene)
    assert (found.report.measured.rows, found.report.measured.absent) == (600, ())
    assert any("a newer candidate is held: 2025-01-03" in note for note in found.report.notes)


def test_a_window_without_an_admitted_row_is_left_out_and_said_so(scene: Scene) -> None:
    scene.land(3, broken(3))
    scene.run([3])
    land(scene, 4)
    assert told(scene) == ["metrics/readings: 2025-01-03 has no admitted row"]
    assert list(scene.lake.ledger.drift.events("metrics", "readings")) == [Window("2025-01-04", "2025-01-04")]
    assert status(scene.product, scene.lake, now=NOW)[0].due == 0


def test_before_the_reference_is_complete_nothing_is_measured_and_it_is_said_why(tmp_path: Path) -> None:
    scene = build_scene(tmp_path)
    assert told(scene) == ["metrics/readings: nothing has been run yet"]
    land(scene, 1, 2)
    why = "its reference 2025-01-01...2025-01-04 is complete when 2025-01-04 has been run; the newest is 2025-01-02"
    assert told(scene) == [f"metrics/readings: {why}"]
    (watch,) = status(scene.product, scene.lake, now=NOW)
    assert (watch.waits_for, watch.reference, watch.measured, watch.due, watch.newest) == (why, None, 0, 0, None)


@pytest.mark.parametrize(("reference", "due"), [("previous_window", 1), ("training_set", 0)])
def test_what_has_nothing_to_be_compared_with_is_not_due(tmp_path: Path, reference: str, due: int) -> None:
    scene = build_scene(tmp_path, monitors=unlabelled(MONITOR.replace("{from: 2025-01-01, to: 2025-01-04}", reference)) + MODEL)
    land(scene, 1, 2, 3, 4)  # two windows, of which the first has none before it
    (watch,) = status(scene.product, scene.lake, now=NOW)
    assert watch.due == due
    told(scene)
    assert status(scene.product, scene.lake, now=NOW)[0].due == 0


def test_a_window_without_one_before_it_is_never_due(tmp_path: Path) -> None:
    scene = build_scene(tmp_path, monitors=SHORT.replace("{from: 2025-01-01, to: 2025-01-02}", "previous_window"))
    land(scene, 1, 2)
    scene.land(3, broken(3))
    scene.run([3])
    land(scene, 4, 5)
    assert status(scene.product, scene.lake, now=NOW)[0].due == 2
    assert news(seen(scene)) == [("02", True), ("05", True)]  # nothing is before day 1, and day 3, before day 4, was held
    assert status(scene.product, scene.lake, now=NOW)[0].due == 0


@pytest.mark.parametrize(
    ("declared", "why"),
    [
        ("training_set", "no training set has been registered"),
        ("{from: 2025-01-01, to: 2025-01-01}\n      min_rows: 700", "must have 700 (min_rows)"),
        ("{from: 2025-01-01, to: 2025-01-09}", "is complete when 2025-01-09 has been run"),
    ],
    ids=["training_set", "min_rows", "range"],
)
def test_nothing_is_due_while_there_is_nothing_to_compare_with(tmp_path: Path, declared: str, why: str) -> None:
    scene = build_scene(tmp_path, monitors=unlabelled(SHORT.replace("{from: 2025-01-01, to: 2025-01-02}", declared)) + MODEL)
    land(scene, 1, 2, 3)
    (watch,) = status(scene.product, scene.lake, now=NOW)
    assert (watch.due, seen(scene)) == (0, []) and why in watch.waits_for


def test_a_day_in_the_future_makes_no_windows_due(scene: Scene) -> None:
    land(scene, 3, 5)
    early = datetime.datetime(2025, 1, 3, 12)
    assert news(list(measure(scene.product, scene.lake, now=early))) == [("03", True)]
    assert status(scene.product, scene.lake, now=early)[0].due == 0
    assert status(scene.product, scene.lake, now=NOW)[0].due == 1


def test_another_rule_judges_the_same_event_anew(scene: Scene) -> None:
    land(scene, 3, drifted=3)
    (first,) = seen(scene)
    scene.declare("      score: score\n", "      score: score\n      min_rows: 5000\n")
    scene.declare("to: 2025-01-02}", "to: 2025-01-02}\n      thresholds: {ks: {critical: 0.9}}")
    (strict,) = seen(scene)
    assert strict.is_news and strict.report.event == first.report.event
    assert (strict.report.severity, strict.report.mode) == (Severity.NONE, Mode.INSUFFICIENT_SAMPLE)
    assert strict.report.rule == rule_of(scene.product.monitors[0]).fingerprint != first.report.rule


def test_a_threshold_within_a_bracket_is_settled_by_the_rows_and_kept(scene: Scene) -> None:
    land(scene, 3, drifted=3)
    (first,) = seen(scene)
    bracket = next(m for m in first.report.measured.measurements if (m.column, m.test) == ("size", Test.KS))
    assert bracket.effect is not None and bracket.effect_high is not None
    between = (bracket.effect + bracket.effect_high) / 2
    scene.declare("to: 2025-01-02}", f"to: 2025-01-02}}\n      thresholds: {{ks: {{medium: {between}, high: 0.8, critical: 0.9}}}}")
    (second,) = seen(scene)
    exact = next(m for m in second.report.measured.measurements if (m.column, m.test) == ("size", Test.KS))
    assert exact.is_exact and bracket.effect <= (exact.effect or 0) <= bracket.effect_high
    assert second.report.event == first.report.event and "wasserstein" in exact.more
    assert scene.lake.ledger.drift.measured(first.report.event) == second.report.measured
    assert seen(scene) == []


def test_other_statistics_make_other_events_of_the_same_reference(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    land(scene, 3)
    (first,) = seen(scene)
    monkeypatch.setattr(reference, "_MEANING", reference._MEANING + 1)
    (second,) = seen(scene)
    assert second.report.superseded == first.report.event
    assert len(scene.lake.ledger.drift.references("metrics", "readings")) == 1


def test_each_window_may_be_compared_with_the_one_before(tmp_path: Path) -> None:
    scene = build_scene(tmp_path, monitors=SHORT.replace("{from: 2025-01-01, to: 2025-01-02}", "previous_window"))
    land(scene, 1, 2, 3, drifted=3)
    found = seen(scene)
    assert news(found) == [("02", True), ("03", True)]
    assert [each.report.severity for each in found] == [Severity.NONE, Severity.CRITICAL]
    assert [v.partition for v in found[1].report.measured.reference.versions] == [scene.day(2)]
    assert told(scene) == ["metrics/readings: 2025-01-01 has no window before it with an admitted row"]


def test_late_data_in_the_window_before_is_another_reference(tmp_path: Path) -> None:
    scene = build_scene(tmp_path, monitors=SHORT.replace("{from: 2025-01-01, to: 2025-01-02}", "previous_window"))
    land(scene, 1, 2, 3)
    before = [each.report.event for each in seen(scene)]
    scene.land(2, rows_of(2, rows=700), suffix="_late")
    scene.run([2])
    found = seen(scene, 2)
    assert news(found) == [("02", True), ("03", True)]
    assert [each.report.superseded for each in found] == before


def test_what_is_published_while_it_is_measured_is_measured_instead(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    land(scene, 3)
    compared, late = Numbers.of, iter([True])

    def and_then(numbers: Numbers, plan: Measured, known: Measured | None = None) -> Measured:
        found = compared(numbers, plan, known)
        if next(late, False):
            scene.land(3, rows_of(3, rows=900), suffix="_late")
            scene.run([3])
        return found

    monkeypatch.setattr(Numbers, "of", and_then)
    (found,) = seen(scene)
    assert found.report.measured.rows == 900
    assert list(scene.lake.ledger.drift.events("metrics", "readings").values()) == [found.report.event]


def test_two_monitors_of_one_table_are_measured_each_by_itself(tmp_path: Path) -> None:
    other = SHORT.replace("- table: readings", "- name: sizes_only\n      table: readings").replace(
        "[size, weight, colour, site]", "[size]"
    )
    scene = build_scene(tmp_path, monitors=SHORT + other)
    land(scene, 1, 2, 3)
    assert [each.report.measured.monitor for each in seen(scene)] == ["readings", "sizes_only"]


def test_hourly_partitions_are_measured_by_days(tmp_path: Path) -> None:
    scene = build_scene(tmp_path, monitors=SHORT.replace("to: 2025-01-02", "to: 2025-01-01"), every="hour")
    for hour in (0, 23, 24, 47):
        scene.land_hour(hour, rows_of(hour + 1))
    scene.run_hours((0, 23, 24, 47))
    (found,) = seen(scene)
    assert str(found.report.measured.window) == "2025-01-02-00:00...2025-01-02-23:00"
    assert (found.report.measured.rows, len(found.report.measured.absent)) == (1000, 22)
