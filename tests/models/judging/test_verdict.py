"""The whole gate over one holdout: what is good passes every rule, and each way of being bad is rejected by its name."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from readiness_pipelines.flow import ModelVerdict, Status
from readiness_pipelines.models.judging.names import rules_of
from readiness_pipelines.models.judging.verdict import Trained, verdict_of
from tests.models.judging.scene import (
    EARLIER,
    SEEN_EARLIER,
    TRAINING_SET,
    VERSION,
    failed,
    good,
    hard_on_the_old,
    holdout,
    loses_the_west,
    of_rule,
    open_points,
    rows,
    scored,
    spec,
    the,
    verdict,
    weak,
)


@pytest.fixture(scope="module")
def sound() -> ModelVerdict:
    """The verdict on a challenger that is better in every way."""
    return verdict(good)


def test_a_better_challenger_passes_every_rule(sound: ModelVerdict) -> None:
    found = sound
    assert [(each.rule, each.about, each.note) for each in found.judged if each.status is not Status.PASSED] == []
    assert found.status is Status.PASSED
    assert tuple(dict.fromkeys(each.rule for each in found.judged)) == rules_of(spec())
    assert rules_of(spec()) == (
        "scores", "better", "calibration", "slice:region", "fairness:age_band", "robustness:noise", "robustness:missing",
        "robustness:out_of_range", "latency", "leakage", "versions", "untouched",
    )  # fmt: skip


def test_a_verdict_survives_its_json_and_holds_no_row(sound: ModelVerdict) -> None:
    assert ModelVerdict.from_json(sound.to_json()) == sound
    assert "r000001" not in sound.to_json()


def test_a_worse_challenger_fails_better() -> None:
    found = verdict(weak, good)
    assert "better" in failed(found)
    assert found.status is Status.FAILED


def test_a_challenger_that_is_as_good_is_not_promoted_unless_not_worse_is_enough() -> None:
    assert failed(verdict(good, good)) == {"better"}
    assert failed(verdict(good, good, of=spec(at_least="not_worse", margin=0.01))) == set()


def test_a_challenger_that_is_better_on_average_only_fails_the_slice_that_loses() -> None:
    found = verdict(loses_the_west)
    assert the(found, "better").status is Status.PASSED
    assert "slice:region region=west" in failed(found)
    assert {each.status for each in of_rule(found, "slice:region") if each.about != "region=west"} == {Status.PASSED}


def test_an_unfair_challenger_fails_by_the_attribute() -> None:
    found = verdict(hard_on_the_old)
    assert the(found, "better").status is Status.PASSED
    assert failed(found) == {"fairness:age_band"}
    assert "differs by" in the(found, "fairness:age_band").note


def test_a_leaking_challenger_fails_by_the_rows_it_has_seen() -> None:
    found = verdict(good, seen=rows("r000001", "r000002", persons=("x", "y")))
    assert failed(found) == {"untouched"}
    assert "trained on 2 of" in the(found, "untouched").note


def test_a_challenger_with_a_leaking_feature_fails_by_the_leak() -> None:
    leaking = replace(TRAINING_SET, leaks=("amount: tells the label by itself",))
    found = verdict(good, training_set=leaking)
    assert failed(found) == {"leakage"}
    assert the(found, "leakage").note == "amount: tells the label by itself"


def test_a_challenger_of_a_withdrawn_version_fails_by_the_version() -> None:
    found = verdict(good, gone={str(VERSION): "withdrawn"})
    assert failed(found) == {"versions"}
    assert str(VERSION) in the(found, "versions").note


def test_a_challenger_that_breaks_on_what_is_missing_fails_robustness() -> None:
    def brittle(frame: pd.DataFrame) -> np.ndarray:
        scores = good(frame)
        return np.where(frame["amount"].isna().to_numpy(), np.nan, scores)

    found = verdict(brittle)
    assert failed(found) == {"robustness:missing"}
    assert "not within 0 and 1" in the(found, "robustness:missing").note


def test_scores_that_are_none_fail_by_themselves_and_nothing_else_passes_for_them() -> None:
    def broken(frame: pd.DataFrame) -> np.ndarray:
        return good(frame) * 3

    found = verdict(broken)
    assert failed(found) == {"scores"}
    assert "better" in open_points(found)
    assert the(found, "versions").status is Status.PASSED


def test_a_first_champion_must_beat_the_baseline_even_where_not_worse_is_enough_later() -> None:
    def like_the_baseline(frame: pd.DataFrame) -> np.ndarray:
        return np.full(len(frame), 0.24)

    found = verdict(good, None)
    assert (found.against, found.against_name, found.status) == ("", "baseline", Status.PASSED)
    assert abs((the(found, "better").value or 0) + 0.5 - found.more["challenger"]) < 1e-6
    assert "better" in failed(verdict(like_the_baseline, None, of=spec(at_least="not_worse", margin=0.05)))


def test_a_declared_baseline_is_what_the_first_champion_is_compared_with() -> None:
    frame = holdout()
    assert "better" in failed(verdict(weak, None, frame=frame.assign(baseline=good(frame))))


def test_a_baseline_that_says_nothing_of_some_rows_says_of_them_what_is_usual() -> None:
    frame = holdout()
    silent = verdict(good, None, frame=frame.assign(baseline=np.where(np.arange(len(frame)) % 2, np.nan, 0.24)))
    said = verdict(good, None, frame=frame.assign(baseline=np.where(np.arange(len(frame)) % 2, 1200 / 5000, 0.24)))
    assert silent.judged == said.judged or the(silent, "better") == the(said, "better")


def test_a_baseline_that_is_no_probability_decides_nothing_where_one_is_needed() -> None:
    frame = holdout()
    found = verdict(good, None, frame=frame.assign(baseline=frame["amount"]), of=spec(metric="brier"))
    assert {"better", "slice:region"} <= open_points(found)
    assert found.status is Status.UNDECIDED


def test_people_whom_the_champion_knows_are_left_out_and_counted() -> None:
    frame = holdout()
    known = frame["person"].unique()[:500]
    found = verdict(good, frame=frame, champion_seen=rows("r_1", persons=tuple(known)))
    left_out = int(frame["person"].isin(known).sum())
    assert (found.more["left_out"], found.rows) == (left_out, len(frame) - left_out)
    assert the(found, "untouched").status is Status.PASSED


def test_a_champion_that_was_trained_on_later_rows_cannot_be_compared_with() -> None:
    frame = holdout()
    found = verdict_of(
        spec(), frame, challenger=scored(good, frame, trained_on=EARLIER), champion=scored(weak, frame, trained_on=TRAINING_SET),
        training_set=EARLIER, trained=Trained(SEEN_EARLIER, SEEN_EARLIER), score=good,
    )  # fmt: skip
    assert failed(found) == {"untouched"}
    assert "the champion was trained on rows up to 2025-03-20" in the(found, "untouched").note


def test_where_nobody_knows_what_the_champion_has_seen_a_person_decides() -> None:
    found = verdict(good, champion_seen=None)
    assert open_points(found) == {"untouched"}
    assert found.status is Status.UNDECIDED


def test_too_few_rows_are_undecided_and_never_passed() -> None:
    few = holdout(90)  # min_rows of 500 wants 100
    found = verdict(good, frame=few)
    assert the(found, "better").status is Status.UNDECIDED
    assert (
        the(found, "better").note
        == f"too little to judge by: 90 rows, {int(few['label'].sum())} of them positive; expected 100, and 10 of each class"
    )


def test_a_holdout_of_one_class_is_undecided_in_every_number() -> None:
    frame = holdout(300).assign(label=False)
    found = verdict(good, frame=frame)
    assert failed(found) == set()
    assert {"scores", "better", "calibration", "latency"} <= open_points(found)


def test_the_same_again_gives_the_same_numbers_and_another_artifact_other_draws(sound: ModelVerdict) -> None:
    first, again = sound, verdict(good)
    assert the(first, "better") == the(again, "better")
    assert of_rule(first, "slice:region") == of_rule(again, "slice:region")
    frame = holdout()
    other = verdict_of(
        spec(), frame, challenger=scored(good, frame, name="other"), champion=scored(weak, frame, trained_on=EARLIER),
        training_set=TRAINING_SET, trained=Trained(SEEN_EARLIER, SEEN_EARLIER), score=good,
    )  # fmt: skip
    assert the(other, "better").value == the(first, "better").value
    assert the(other, "better").low != the(first, "better").low


def test_without_groups_days_are_the_blocks(sound: ModelVerdict) -> None:
    found = verdict(good, of=spec(groups=[]))
    assert (found.blocks, found.more["blocks_are"]) == (12, "days")
    assert sound.blocks == holdout()["person"].nunique()


def test_values_of_columns_that_are_not_public_are_told_by_their_place() -> None:
    text = json.dumps(json.loads(verdict(hard_on_the_old).to_json()))
    assert "age_band=#1" in text
    assert "young" not in text and "region=north" in text


def test_every_slice_and_attribute_without_a_value_is_one_of_its_own() -> None:
    frame = holdout()
    frame["region"] = frame["region"].where(frame["region"] != "south", None)
    assert "region=no value" in {each.about for each in verdict(good, frame=frame).judged}


def test_calibration_curves_of_both_sides_are_told(sound: ModelVerdict) -> None:
    curves = sound.more["calibration"]
    assert set(curves) == {"challenger", "champion"}
    assert sum(rows for _, _, rows in curves["challenger"]) == 2000
    assert set(verdict(good, None).more["calibration"]) == {"challenger"}


def test_delong_is_told_where_every_row_is_of_another_person(sound: ModelVerdict) -> None:
    frame = holdout(500)
    assert "delong" not in sound.more
    value, low, high = verdict(good, frame=frame.assign(person=frame["row_id"])).more["delong"]
    assert low < value < high


def test_a_champion_that_cannot_score_these_rows_leaves_the_comparison_to_a_person() -> None:
    def lost(frame: pd.DataFrame) -> np.ndarray:
        return np.full(len(frame), np.nan)

    frame = holdout()
    found = verdict_of(
        spec(), frame, challenger=scored(good, frame), champion=scored(lost, frame, trained_on=EARLIER, why="its artifact is gone"),
        training_set=TRAINING_SET, trained=Trained(SEEN_EARLIER, SEEN_EARLIER), score=good,
    )  # fmt: skip
    assert open_points(found) == {"better", "slice:region"}
    assert the(found, "better").note == "the champion cannot score these rows: its artifact is gone"
    assert "its artifact is gone" in the(found, "slice:region").note
    assert found.status is Status.UNDECIDED
    assert (failed(found), set(found.more["calibration"])) == (set(), {"challenger"})
    no_scores = verdict(good, lost)
    assert "scores are not within 0 and 1" in the(no_scores, "better").note, "and where nobody says why"
