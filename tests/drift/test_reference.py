"""What windows are compared with: when a range becomes the reference, that it is kept, and how it is registered anew."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from readiness_pipelines.drift import measure, register, status
from readiness_pipelines.drift.reference import Waiting, fixed, layout_from, reference_of, standing
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import Severity, Window
from readiness_pipelines.lakehouse import pins, relation, unpin
from readiness_pipelines.layers.decisions import Signed, withdraw
from readiness_pipelines.layers.upkeep import maintain_product
from readiness_pipelines.ledger import Registered
from tests.drift.scene import MODEL, TABLE, Scene, build_scene, rows_of, unlabelled
from tests.drift.test_measure import NOW, SHORT, broken, land, seen, told

LATER = datetime.datetime(2030, 1, 1)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = build_scene(tmp_path, monitors=SHORT)
    land(scene, 1, 2, 3)
    return scene


def late(scene: Scene, number: int) -> None:
    """Publish another version of a day."""
    scene.land(number, rows_of(number, rows=700), suffix="_late")
    scene.run([number])


def reference(scene: Scene) -> Registered:
    (watch,) = status(scene.product, scene.lake, now=NOW)
    assert watch.reference is not None
    return watch.reference


def test_a_complete_range_is_registered_once_with_its_versions_pinned(scene: Scene) -> None:
    seen(scene)
    seen(scene)
    (registered,) = scene.lake.ledger.drift.references("metrics", "readings")
    assert [v.partition for v in registered.reference.versions] == scene.days([1, 2])
    assert (registered.by, registered.reference.name) == ("declared", "2025-01-01...2025-01-02")
    assert len(pins(scene.lake, TABLE)) == 1


def test_late_data_does_not_move_the_reference_and_is_told(scene: Scene) -> None:
    (first,) = seen(scene)
    late(scene, 1)
    land(scene, 4)
    (fourth,) = seen(scene, 1, 4)
    assert fourth.report.measured.reference == first.report.measured.reference
    assert any("has 2025-01-01 in a version that is not current any more" in note for note in fourth.report.notes)


def test_pinned_versions_outlive_their_expiry_and_others_do_not(scene: Scene) -> None:
    seen(scene)
    land(scene, 4)
    late(scene, 1)
    late(scene, 4)
    list(maintain_product(scene.product, scene.lake, now=LATER, keep_days=0))
    superseded = {each.version.partition for each in scene.lake.ledger.upkeep.superseded(TABLE)}
    assert superseded == {scene.day(1), scene.day(4)}
    assert {v.partition for v in scene.lake.ledger.upkeep.expired(TABLE)} == {scene.day(4)}
    with scene.lake.connect() as con:
        rows = con.execute(f"SELECT count(*) FROM {relation(scene.lake, reference(scene).reference.versions)}").fetchone()
    assert rows == (1200,)


def test_a_version_that_came_back_is_the_one_that_was_registered(scene: Scene) -> None:
    seen(scene)
    (first, _) = reference(scene).reference.versions
    late(scene, 1)
    table = scene.product.by_name["readings"]
    withdraw(scene.lake, table, scene.day(1), to=first.version_key, signed=Signed("anna", "it was a draft"))
    scene.run([1])
    land(scene, 4)
    assert not [note for each in seen(scene, 4) for note in each.report.notes if "reference" in note]


def test_registering_anew_takes_what_is_admitted_now_and_lets_the_old_versions_go(scene: Scene) -> None:
    (first,) = seen(scene)
    late(scene, 1)
    old = pins(scene.lake, TABLE)
    anew = register(scene.product, scene.lake, "readings", by="anna", reason="the first file was a draft")
    assert (anew.by, anew.reason) == ("anna", "the first file was a draft")
    assert set(pins(scene.lake, TABLE)).isdisjoint(old) and len(pins(scene.lake, TABLE)) == 1
    (again,) = seen(scene)
    assert again.report.superseded == first.report.event
    assert again.report.measured.rows_reference == 1300
    list(maintain_product(scene.product, scene.lake, now=LATER, keep_days=0))
    assert {v.partition for v in scene.lake.ledger.upkeep.expired(TABLE)} == {scene.day(1)}


def test_another_declaration_makes_another_reference_and_another_rule_does_not(scene: Scene) -> None:
    seen(scene)
    scene.declare("      score: score\n", "      score: score\n      min_rows: 300\n")
    seen(scene)
    assert len(scene.lake.ledger.drift.references("metrics", "readings")) == 1
    scene.declare("[size, weight, colour, site]", "[size, colour]")
    waiting = standing(scene.product, scene.lake, scene.product.monitors[0], now=NOW)
    assert isinstance(waiting, Waiting) and waiting.why.startswith("it was declared otherwise when it was measured; `readiness")
    (found,) = seen(scene)
    assert len(scene.lake.ledger.drift.references("metrics", "readings")) == 2
    assert {m.column for m in found.report.measured.measurements} == {"size", "colour", "score", "outcome"}


def test_a_range_with_too_few_rows_waits(tmp_path: Path) -> None:
    scene = build_scene(tmp_path, monitors=SHORT.replace("score: score", "score: score\n      min_rows: 1201"))
    land(scene, 1, 2)
    why = "its reference 2025-01-01...2025-01-02 has 1,200 admitted rows, and must have 1,201 (min_rows)"
    assert told(scene) == [f"metrics/readings: {why}"]
    assert pins(scene.lake, TABLE) == ()
    with pytest.raises(ReadinessError, match="cannot have its reference now: .*1,201"):
        register(scene.product, scene.lake, "readings", by="anna", reason="I want it")


def test_what_of_a_range_is_held_when_it_is_complete_is_no_part_of_it(tmp_path: Path) -> None:
    scene = build_scene(tmp_path, monitors=SHORT)
    land(scene, 1)
    scene.land(2, broken(2))
    scene.run([2])
    land(scene, 3)
    (found,) = seen(scene)
    assert [v.partition for v in found.report.measured.reference.versions] == [scene.day(1)]
    assert found.report.measured.reference.name == "2025-01-01...2025-01-02, 1 of 2 partitions"


def test_a_range_waits_for_what_has_landed_and_was_not_run_whatever_is_run_first(tmp_path: Path) -> None:
    scene = build_scene(tmp_path, monitors=SHORT)
    scene.land(1, rows_of(1, rows=600))
    land(scene, 2, 3)
    assert told(scene) == ["metrics/readings: its reference 2025-01-01...2025-01-02 waits for 2025-01-01 to be run"]
    scene.run([1])
    (found,) = seen(scene)
    assert [v.partition for v in found.report.measured.reference.versions] == scene.days([1, 2])


def test_a_day_that_never_came_is_not_waited_for_and_is_told_when_it_comes(tmp_path: Path) -> None:
    scene = build_scene(tmp_path, monitors=SHORT)
    land(scene, 2, 3)
    seen(scene)
    land(scene, 1, 4)
    found = seen(scene, 1, 4)[-1].report
    assert [v.partition for v in found.measured.reference.versions] == [scene.day(2)]
    assert any("lacks 2025-01-01, admitted after it was registered" in note for note in found.notes)


def test_a_training_set_is_learning_until_somebody_registers_one(tmp_path: Path) -> None:
    scene = build_scene(tmp_path, monitors=unlabelled(SHORT.replace("{from: 2025-01-01, to: 2025-01-02}", "training_set")) + MODEL)
    land(scene, 1, 2)
    assert told(scene) == ["metrics/readings: no training set has been registered"]
    (monitor,) = scene.product.monitors
    versions = [scene.lake.ledger.current_versions(TABLE)[scene.day(1)]]
    layout = layout_from(scene.lake, monitor, versions)
    given = reference_of(monitor, "champion 7", versions, layout)
    scene.lake.ledger.drift.register(Registered("metrics", "readings", monitor.measuring, given, "trained", "run 7"))
    found = list(measure(scene.product, scene.lake, now=NOW))
    assert [each.report.measured.window for each in found] == [
        Window(scene.day(1), scene.day(1)),
        Window(scene.day(2), scene.day(2)),
    ]
    assert found[1].report.measured.reference == given
    assert found[0].report.measured.measurements[0].effect == 0  # it is what it was trained on


def test_only_a_range_can_be_registered_by_a_person_and_only_with_a_reason(scene: Scene) -> None:
    with pytest.raises(ReadinessError, match="found no name or no reason"):
        register(scene.product, scene.lake, "readings", by="anna", reason=" ")
    with pytest.raises(ReadinessError, match="metrics: found no monitor 'sizes', expected one of: readings"):
        register(scene.product, scene.lake, "sizes", by="anna", reason="a typo")
    scene.declare("{from: 2025-01-01, to: 2025-01-02}", "previous_window")
    with pytest.raises(ReadinessError, match="is compared with previous_window, expected a range"):
        register(scene.product, scene.lake, "readings", by="anna", reason="it cannot be")


def test_where_the_rows_of_a_reference_are_gone_what_needs_them_is_undecided(scene: Scene) -> None:
    seen(scene)
    late(scene, 1)
    for name in pins(scene.lake, TABLE):
        unpin(scene.lake, TABLE, name=name)  # as an erasure does
    list(maintain_product(scene.product, scene.lake, now=LATER, keep_days=0))
    land(scene, 4, drifted=4)
    (found,) = seen(scene, 4)
    undecided = {f.column for f in found.report.findings if f.mode == "undecided"}
    assert undecided == {"score"} and found.report.severity is Severity.CRITICAL  # the profiles are kept


def test_looking_changes_nothing(scene: Scene) -> None:
    (monitor,) = scene.product.monitors
    looked = standing(scene.product, scene.lake, monitor, now=NOW)
    assert isinstance(looked, Waiting) and looked.why == "the range is complete, and nothing has been measured yet"
    assert pins(scene.lake, TABLE) == ()
    assert isinstance(fixed(scene.product, scene.lake, monitor, now=NOW), Registered)
