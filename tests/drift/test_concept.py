"""What predictions are worth where labels are known: against hand counts, by group, and never with names that may not be told."""

from __future__ import annotations

import numpy as np
import pytest

from readiness_pipelines.drift.concept import Worth, compared_worth, worth_of
from readiness_pipelines.drift.statistics.performance import accuracy
from readiness_pipelines.flow import Kind, Test
from tests.drift.scene import MONITOR, TABLE, Scene, build_scene, rows_of
from tests.drift.test_measure import land


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A good day, a day with worse scores, and one of which few outcomes are known."""
    scene = build_scene(tmp_path_factory.mktemp("concept"))
    land(scene, 1)
    scene.land(2, rows_of(2, rows=600, noise=3.0))
    scene.land(3, rows_of(3, rows=600, known=0.2))
    scene.run([2, 3])
    return scene


def worth(scene: Scene, day: int, words: str = MONITOR) -> dict[tuple[str, str], Worth]:
    text = (scene.folder / "defs.yaml").read_text(encoding="utf-8")
    path = scene.folder / "defs.yaml"
    path.write_text(text.partition("  drift:\n")[0] + "  drift:\n" + words, encoding="utf-8")
    version = scene.lake.ledger.current_versions(TABLE)[scene.day(day)]
    return dict(worth_of(scene.lake, scene.product.monitors[0], [version]))


def pairs_in_order(rows: dict[str, np.ndarray], of: np.ndarray) -> float:
    """Return the AUC by its definition: the share of pairs whose positive has the higher score, ties one half."""
    known = of & np.array([value is not None for value in rows["outcome"]])
    score, label = rows["score"][known], rows["outcome"][known].astype(int)
    differences = score[label == 1][:, None] - score[label == 0][None, :]
    return float((differences > 0).mean() + (differences == 0).mean() / 2)


def test_the_auc_is_that_of_all_pairs_of_rows_whose_label_is_known(scene: Scene) -> None:
    for day, rows in ((1, rows_of(1, rows=600)), (3, rows_of(3, rows=600, known=0.2))):
        found = worth(scene, day)
        every = np.ones(600, dtype=bool)
        assert found["", ""].metric is not None
        assert found["", ""].metric.value == pytest.approx(pairs_in_order(rows, every), abs=1e-12)
        assert found["", ""].n == sum(value is not None for value in rows["outcome"])
    red = worth(scene, 1)["colour", "red"].metric
    rows = rows_of(1, rows=600)
    assert red is not None and red.value == pytest.approx(pairs_in_order(rows, rows["colour"] == "red"), abs=1e-12)


def test_the_positive_class_is_the_one_declared(scene: Scene) -> None:
    one, zero = (worth(scene, 1, MONITOR + f"      positive: {value}\n")["", ""].metric for value in (1, 0))
    assert one is not None and zero is not None and one.value == pytest.approx(1 - zero.value)


def test_a_loss_is_told_with_both_intervals_and_one_sided_p(scene: Scene) -> None:
    good, bad = worth(scene, 1), worth(scene, 2)
    (monitor,) = scene.product.monitors
    (lost, *groups), (gained, *_) = (list(compared_worth(monitor, *sides)) for sides in ((good, bad), (bad, good)))
    assert (lost.column, lost.kind, lost.test) == ("score", Kind.CONCEPT, Test.PERFORMANCE)
    assert lost.effect == lost.more["metric_reference"] - lost.more["metric_window"] > 0.1
    assert (
        lost.more["metric_window_low"]
        < lost.more["metric_window"]
        < lost.more["metric_window_high"]
        < lost.more["metric_reference_low"]
    )
    assert lost.p is not None and gained.p is not None and lost.p < 1e-6 and gained.p == pytest.approx(1 - lost.p)
    assert gained.effect == 0.0 and gained.more["loss"] == -lost.effect
    assert [each.group for each in groups] == ["colour=red"]  # the others have fewer than 200 rows


def test_groups_are_the_largest_first_and_those_with_enough_rows(scene: Scene) -> None:
    good, bad = (worth(scene, day, MONITOR + "      min_rows: 40\n") for day in (1, 2))
    (monitor,) = scene.product.monitors
    found = [each.group for each in compared_worth(monitor, good, bad) if each.group]
    assert found == ["colour=red", "colour=blue", "colour=grey"]


def test_values_of_a_column_that_is_not_public_are_told_by_their_place(scene: Scene) -> None:
    words = MONITOR.replace("groups: [colour]", "groups: [site]\n      min_rows: 50")
    good, bad = (worth(scene, day, words) for day in (1, 2))
    (monitor,) = scene.product.monitors
    found = [each.group for each in compared_worth(monitor, good, bad) if each.group]
    assert found == [f"site=#{place}" for place in range(1, 6)]


def test_too_few_of_one_class_have_no_worth_and_say_so(scene: Scene) -> None:
    few = {("", ""): worth(scene, 3)["colour", "blue"]}  # of 111 known outcomes, 36 positive
    assert few["", ""].metric is None and few["", ""].n > 19
    (monitor,) = scene.product.monitors
    found = next(compared_worth(monitor, worth(scene, 1), few))
    assert (found.effect, found.p, found.mode, found.note) == (
        None,
        None,
        "insufficient_sample",
        "fewer than 20 known labels of one class",
    )
    (none,) = compared_worth(monitor, few, {("", ""): Worth(None, 0)})
    assert none.note == "no label is known"


def test_a_predicted_class_is_judged_by_its_accuracy(scene: Scene) -> None:
    found, rows = worth(scene, 3, MONITOR.replace("score: score", "prediction: guess")), rows_of(3, rows=600, known=0.2)
    known = np.array([value is not None for value in rows["outcome"]])
    right = rows["guess"] == rows["outcome"]
    assert found["", ""] == Worth(accuracy(int(right.sum()), int(known.sum())), int(known.sum()), int(right.sum()))
    red = known & (rows["colour"] == "red")
    assert found["colour", "red"] == Worth(accuracy(int(right[red].sum()), int(red.sum())), int(red.sum()), int(right[red].sum()))


def test_without_a_label_or_a_prediction_there_is_nothing_to_tell(scene: Scene) -> None:
    assert worth(scene, 1, MONITOR.replace("      label: outcome\n", "").replace("      groups: [colour]\n", "")) == {}
