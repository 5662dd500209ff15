"""Killed at every step, or done by several at once: each event is stored once, and a repetition completes it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import sqlalchemy as sa

from readiness_pipelines.drift import redecide
from readiness_pipelines.lakehouse import pins, steps
from readiness_pipelines.lakehouse.profiles import profiles_table
from readiness_pipelines.ledger.schema import judgements, measurements
from tests.drift.crowd import child, crowd
from tests.drift.scene import TABLE, Scene, build_scene, rows_of
from tests.drift.test_measure import SHORT, land, news, seen

pytestmark = pytest.mark.slow


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = build_scene(tmp_path, monitors=SHORT)
    land(scene, *range(1, 6), drifted=5)
    return scene


def stored(scene: Scene) -> tuple[list[tuple[str, str]], list[str]]:
    """Return (window, event) of every row that was ever recorded, and the event of every judgement."""
    with sa.create_engine(f"sqlite:///{scene.settings.ledger_file}").connect() as connection:
        m = connection.execute(sa.select(measurements.c.last_partition, measurements.c.event).order_by(measurements.c.id)).all()
        j = connection.execute(sa.select(judgements.c.event).order_by(judgements.c.id)).all()
    return [(row.last_partition, row.event) for row in m], [row.event for row in j]


def is_whole(scene: Scene) -> bool:
    """Return whether each window has one event with one judgement, one reference, and one pin."""
    rows, judged = stored(scene)
    days = scene.days([3, 4, 5])
    references = scene.lake.ledger.drift.references("metrics", "readings")
    return (
        [day for day, _ in rows] == days
        and sorted(judged) == sorted(event for _, event in rows)
        and len(references) == 1
        and len(pins(scene.lake, TABLE)) == 1
    )


def test_killed_at_every_step_and_repeated_it_ends_as_if_undisturbed(scene: Scene) -> None:
    for name in ("reference_pinned", *steps.PROFILE_NAMES, "reference_registered", "window_recorded"):
        assert child(scene, name) == -signal.SIGKILL, f"{name} was never reached"
    again = seen(scene)
    assert news(again)[-2:] == [("04", True), ("05", True)]
    assert is_whole(scene)
    assert seen(scene) == []


def test_measured_by_several_at_once_each_event_is_stored_once(scene: Scene) -> None:
    assert crowd(scene, 4) == [0] * 4
    assert is_whole(scene)
    with scene.lake.connect() as con:
        from readiness_pipelines.lakehouse import relation

        kept = list(scene.lake.ledger.current_versions(profiles_table("metrics")).values())
        sql = f"SELECT count(*), count(DISTINCT (source_partition, column_name)) FROM {relation(scene.lake, kept)} WHERE definition IS NULL"
        ((rows, distinct),) = con.execute(sql).fetchall()
    assert rows == distinct == 5 * 6  # days, columns


def test_a_window_that_was_recorded_and_not_judged_can_be_judged_without_rows(scene: Scene) -> None:
    assert child(scene, "window_recorded") == -signal.SIGKILL
    ((before, now),) = redecide(scene.product, scene.lake)
    assert before is None and now.event == stored(scene)[0][0][1]


def test_a_kill_before_the_judgement_loses_nothing_of_what_was_superseded(scene: Scene) -> None:
    before = {each.report.measured.window: each.report.event for each in seen(scene)}
    scene.land(3, rows_of(3, rows=900), suffix="_late")
    scene.run([3])
    assert child(scene, "window_recorded") == -signal.SIGKILL
    (late, *_) = seen(scene, 3)
    assert late.report.superseded == before[late.report.measured.window]
