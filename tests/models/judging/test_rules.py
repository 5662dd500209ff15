"""Each of the smaller rules by itself, at its limit and on both sides of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fairlearns
from hypothesis import given, settings
from hypothesis import strategies as st

from readiness_pipelines.declarations.model_spec import Feature
from readiness_pipelines.flow import Judged, Metric, Status
from readiness_pipelines.models.judging import latency as timing
from readiness_pipelines.models.judging.calibration import bins_of, calibration, expected_error
from readiness_pipelines.models.judging.fairness import fairness
from readiness_pipelines.models.judging.limits import at_most
from readiness_pipelines.models.judging.replicates import Interval
from readiness_pipelines.models.judging.robustness import (
    MOST_ROWS,
    WAYS,
    missing,
    noise,
    out_of_range,
    robustness,
    unusable,
)
from readiness_pipelines.models.judging.slices import Sides, slices
from readiness_pipelines.models.judging.untouched import known, untouched
from readiness_pipelines.models.judging.versions import leakage, versions
from readiness_pipelines.models.metrics import expected_calibration_error
from tests.models.judging.scene import EARLIER, TRAINING_SET, VERSION, rows

AMOUNT, CHANNEL = Feature("amount", "number"), Feature("channel", "category")


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    ("value", "low", "status"),
    [
        (0.10, 0.05, Status.PASSED),  # at the limit
        (0.11, 0.10, Status.UNDECIDED),
        (0.11, 0.101, Status.FAILED),
        (0.09, 0.101, Status.PASSED),
        (math.nan, -math.inf, Status.UNDECIDED),
    ],
)
def test_failed_is_clearly_over_and_undecided_is_between(value: float, low: float, status: Status) -> None:
    assert at_most("r", Interval(value, low, 0.2, 9), 0.1, n=1).status is status


# calibration


def probabilities(n: int, *, seed: int = 0, off: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    scores = random(seed).uniform(0.05, 0.6, n)
    return random(seed + 100).random(n) < scores, np.clip(scores + off, 0, 1)


@pytest.mark.parametrize(("n", "bins"), [(3000, 10), (499, 9), (100, 2), (99, 1), (10, 1)])
def test_the_error_is_that_of_the_metrics_over_bins_of_fifty_rows(n: int, bins: int) -> None:
    labels, scores = probabilities(n)
    scores = scores.round(2)  # with ties
    assert bins_of(n) == bins
    once = np.ones((n, 1), dtype=np.int32)
    assert expected_error(labels, scores, np.arange(n))(once)[0] == pytest.approx(
        expected_calibration_error(labels, scores, bins=bins)
    )


def judged_calibration(n: int = 3000, *, off: float = 0.0, champion: float | None = None, limit: float = 0.1) -> Judged:
    labels, scores = probabilities(n, off=off)
    theirs = probabilities(n, off=champion)[1] if champion is not None else None
    return calibration(labels, scores, theirs, np.arange(n), limit=limit, draw=random())


def test_scores_that_say_what_happens_pass_and_those_far_off_fail() -> None:
    assert judged_calibration().status is Status.PASSED
    found = judged_calibration(off=0.3)
    assert found.status is Status.FAILED
    assert found.value == pytest.approx(0.3, abs=0.03)
    assert "expected at most 0.1000" in found.note
    assert judged_calibration(off=0.3, limit=0.5).status is Status.PASSED


def test_a_little_over_the_limit_on_few_rows_is_undecided() -> None:
    assert judged_calibration(120, off=0.08).status is Status.UNDECIDED


def test_clearly_worse_than_the_champion_fails_within_the_limit_too() -> None:
    found = judged_calibration(off=0.08, champion=0.0)
    assert (found.status, (found.value or 1) < 0.1) == (Status.FAILED, True)
    assert "the champion's" in found.note
    assert judged_calibration(off=0.08, champion=0.08).status is Status.PASSED
    assert judged_calibration(off=0.02, champion=0.0).status is Status.PASSED  # by less than anybody decides by
    assert judged_calibration(off=0.08).status is Status.PASSED


# slices


def sides(n: int = 900, *, seed: int = 0, lost_from: int = 10**9) -> Sides:
    labels = random(seed).random(n) < 0.4
    theirs = labels * 1.5 + random(seed + 1).normal(size=n)
    ours = np.where(np.arange(n) < lost_from, theirs + labels * 0.5, random(seed + 2).normal(size=n))
    return Sides(labels, ours, theirs, np.arange(n))


def judged_slices(values: list[str], of: Sides, **how: Any) -> tuple[Judged, ...]:
    usual: dict[str, Any] = {"metric": Metric.ROC_AUC, "margin": 0.05, "min_rows": 100, "is_public": True, "draw": random()}
    return slices("region", np.array(values), of, **{**usual, **how})


def test_a_value_that_loses_fails_and_names_itself() -> None:
    judged = judged_slices(["north"] * 600 + ["west"] * 300, sides(lost_from=600))
    assert [(each.about, each.status, each.n) for each in judged] == [
        ("region=north", Status.PASSED, 600),
        ("region=west", Status.FAILED, 300),
    ]
    assert judged[1].note.startswith("region=west: worse than the champion by 0.")
    assert judged[0].note == ""


def test_the_margin_is_what_is_borne() -> None:
    judged = judged_slices(["north"] * 600 + ["west"] * 300, sides(lost_from=600), margin=0.9)
    assert {each.status for each in judged} == {Status.PASSED}


def test_what_few_rows_cannot_rule_out_is_undecided() -> None:
    n = 120
    labels = random(4).random(n) < 0.4
    equal = Sides(labels, labels + random(5).normal(size=n), labels + random(6).normal(size=n), np.arange(n))
    (found,) = judged_slices(["north"] * n, equal)
    assert found.status is Status.UNDECIDED
    assert "cannot be ruled out" in found.note


def test_values_with_few_rows_are_judged_together() -> None:
    values = ["north"] * 600 + ["east"] * 99 + ["south"] * 99 + ["west"] * 102
    judged = judged_slices(values, sides())
    assert [(each.about, each.n) for each in judged] == [("region=north", 600), ("region=west", 102), ("region=other", 198)]
    assert {each.note for each in judged} == {""}
    fewer = judged_slices(values, sides(), min_rows=99)
    assert [each.about for each in fewer] == ["region=north", "region=west", "region=east", "region=south"]


def mostly_north(rows: int) -> tuple[list[str], Sides]:
    """So many rows of the north, and the others of two small regions; every tenth row is positive, 900 in all."""
    of = sides()
    labels = np.arange(900) % 10 == 0
    return ["north"] * rows + ["east", "south"] * ((900 - rows) // 2), Sides(labels, of.ours + labels, of.theirs, of.block)


def test_what_is_too_little_also_together_is_told_where_it_is_hardly_anything() -> None:
    (found,) = judged_slices(*mostly_north(860))
    assert (found.about, found.status) == ("region=north", Status.PASSED)
    assert found.note == "not looked at: 4.4% of the rows: 40 rows of 2 values are too few to judge, also together"


def test_from_a_twentieth_on_what_nobody_has_looked_at_is_undecided() -> None:
    first, left = judged_slices(*mostly_north(850))
    assert (first.status, first.note) == (Status.PASSED, "")
    assert (left.about, left.status, left.rule) == ("region=other", Status.UNDECIDED, "slice:region")
    said = "not looked at: 5.6% of the rows: 50 rows of 2 values are too few to judge, also together"
    assert left.note == f"{said}; expected less than 5% of the rows"


def test_a_class_that_nobody_has_looked_at_is_undecided_too() -> None:
    values, of = mostly_north(860)
    labels = of.labels | (np.arange(900) >= 894)  # 10 of 96 positives, in 40 of 900 rows
    _, left = judged_slices(values, Sides(labels, of.ours, of.theirs, of.block))
    assert left.status is Status.UNDECIDED
    assert "10.4% of the positives: 40 rows" in left.note


def test_a_value_of_hardly_any_positives_is_too_few_too() -> None:
    one = sides()
    labels = one.labels & (np.arange(900) < 609)  # nine or fewer positives among the last three hundred
    judged = judged_slices(["north"] * 600 + ["west"] * 300, Sides(labels, one.ours, one.theirs, one.block))
    assert [(each.about, each.status) for each in judged[1:]] == [("region=other", Status.UNDECIDED)]
    assert judged[0].about == "region=north"


def test_a_column_of_which_nothing_can_be_judged_is_undecided() -> None:
    (judged,) = judged_slices(["north"] * 50 + ["west"] * 40, sides(90))
    assert (judged.rule, judged.about, judged.status) == ("slice:region", "", Status.UNDECIDED)
    assert judged.note.startswith("not looked at: 100.0% of the rows: 90 rows of 2 values are too few to judge, also together")


def test_values_that_are_not_public_have_places_for_names() -> None:
    judged = judged_slices(["north"] * 600 + ["west"] * 300, sides(), is_public=False)
    assert [each.about for each in judged] == ["region=#1", "region=#2"]


def test_a_few_rows_of_values_that_are_not_public_are_not_counted_to_anybody() -> None:
    values, of = mostly_north(892)
    (hidden,) = judged_slices(values, of, is_public=False)
    assert hidden.note == "not looked at: fewer than 10 rows are too few to judge, also together"
    values, of = mostly_north(890)
    (told,) = judged_slices(values, of, is_public=False)
    assert "10 rows of 2 values" in told.note


# fairness


def decisions(n: int = 1200, *, found: tuple[float, ...] = (0.7, 0.4), seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Groups a, b, ...; of their positives and of their negatives these shares are predicted positive."""
    draw = random(seed)
    groups = np.array(list("abcdef"))[np.arange(n) % len(found)]
    labels = draw.random(n) < 0.5
    return groups, labels, draw.random(n) < np.array(found)[np.arange(n) % len(found)]


def judged_fairness(groups: np.ndarray, labels: np.ndarray, predicted: np.ndarray, **how: Any) -> tuple[Judged, tuple[Any, ...]]:
    usual: dict[str, Any] = {"measure": "equal_opportunity", "limit": 0.2, "min_rows": 50, "is_public": True, "draw": random()}
    return fairness("race", groups, labels, predicted, np.arange(len(groups)), **{**usual, **how})


@pytest.mark.parametrize("measure", ["demographic_parity", "equal_opportunity", "equalized_odds"])
@settings(max_examples=8, deadline=None)
@given(shares=st.lists(st.floats(0.1, 0.9), min_size=2, max_size=4), seed=st.integers(0, 99))
def test_the_value_is_fairlearns_and_the_ends_are_round_it(measure: str, shares: list[float], seed: int) -> None:
    groups, labels, predicted = decisions(400, found=tuple(shares), seed=seed)
    found, _ = judged_fairness(groups, labels, predicted, measure=measure, min_rows=1)
    expected = getattr(fairlearns, f"{measure}_difference")(labels, predicted, sensitive_features=groups)
    assert found.value == pytest.approx(expected, abs=1e-9)
    assert found.low is not None and found.high is not None
    assert found.low <= expected <= found.high + 0.05  # mirrored bounds may fall a little short of a value that chance has made


def test_clearly_over_the_limit_fails_under_it_passes_and_between_a_person_decides() -> None:
    found, _ = judged_fairness(*decisions(found=(0.7, 0.2)))
    assert found.status is Status.FAILED
    assert "equal_opportunity differs by 0.5" in found.note
    assert "of race=b" in found.note and "of race=a" in found.note
    assert judged_fairness(*decisions(found=(0.7, 0.2)), limit=0.9)[0].status is Status.PASSED
    assert judged_fairness(*decisions(300, found=(0.7, 0.45)))[0].status is Status.UNDECIDED


def test_what_must_not_differ_is_the_declared_measure() -> None:
    n = 2000
    groups, labels = np.array(["a", "b"])[np.arange(n) % 2], random().random(n) < 0.5
    hits = np.where(groups == "a", ~labels, random(1).random(n) < 0.0)
    predicted = labels | hits  # every positive is found in both; of the negatives, all of a's are taken for positives
    status = {
        measure: judged_fairness(groups, labels, predicted, measure=measure)[0].status
        for measure in ("demographic_parity", "equal_opportunity", "equalized_odds")
    }
    assert status == {
        "demographic_parity": Status.FAILED,
        "equal_opportunity": Status.PASSED,
        "equalized_odds": Status.FAILED,
    }


def with_more(*more: tuple[str, int, int], n: int = 600) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Groups a and b, both treated alike, and more: their name, how many positives they have, and how many of these are found."""
    groups, labels, _ = decisions(n, found=(0.6, 0.6))
    predicted = np.arange(n) % 10 < 6
    for name, positives, found in more:
        groups = np.concatenate([groups, np.full(positives, name)])
        labels = np.concatenate([labels, np.ones(positives, bool)])
        predicted = np.concatenate([predicted, np.arange(positives) < found])
    return groups, labels, predicted


def test_a_small_group_is_told_and_named_as_not_looked_at() -> None:
    groups, labels, predicted = with_more(("c", 2, 0))
    found, told = judged_fairness(groups, labels, predicted)
    assert (found.status, found.n) == (Status.PASSED, 600)
    share = 2 / labels.sum()
    assert found.note == (f"not looked at: {share:.1%} of the positives: 2 rows of 1 values are too few to judge, also together")
    assert [(group["name"], group["is_judged"]) for group in told] == [("race=a", True), ("race=b", True), ("race=c", False)]
    assert told[2] == {
        "name": "race=c", "rows": 2, "positives": 2, "predicted": 0.0, "found": 0.0, "mistaken": None, "is_judged": False,
    }  # fmt: skip


def test_from_a_twentieth_on_a_group_that_nobody_has_looked_at_is_no_pass() -> None:
    groups, labels, predicted = with_more(("c", 49, 0))
    found, _ = judged_fairness(groups, labels, predicted)
    assert 49 / labels.sum() > 0.05
    assert found.status is Status.UNDECIDED
    assert "of the positives: 49 rows of 1 values are too few" in found.note
    assert found.note.endswith("expected less than 5% of the positives")
    little, _ = judged_fairness(*with_more(("c", 49, 0), n=4000))
    assert little.status is Status.PASSED and "49 rows" in little.note


def test_a_group_that_the_measure_counts_none_of_is_not_missed() -> None:
    groups, labels, predicted = with_more(("c", 200, 0))
    labels = labels & (groups != "c")
    found, _ = judged_fairness(groups, labels, predicted)
    assert (found.status, found.note) == (Status.PASSED, "")


def test_small_groups_are_compared_together() -> None:
    groups, labels, predicted = with_more(("c", 30, 0), ("d", 30, 0))
    found, told = judged_fairness(groups, labels, predicted)
    assert (found.status, found.n) == (Status.FAILED, 660)
    assert "true positives: 0.0% of the positives of race=other" in found.note
    assert [(group["name"], group["rows"], group["is_judged"]) for group in told[2:]] == [
        ("race=c", 30, False), ("race=d", 30, False), ("race=other", 60, True),
    ]  # fmt: skip
    assert "race=other" not in str(judged_fairness(groups, labels, predicted, min_rows=61))


def test_what_failed_of_equalized_odds_is_told() -> None:
    n = 2000
    groups, labels = np.array(["a", "b"])[np.arange(n) % 2], np.arange(n) % 4 < 2
    false_alarms = labels | ((groups == "a") & (np.arange(n) % 8 < 4))
    found, _ = judged_fairness(groups, labels, false_alarms, measure="equalized_odds")
    assert found.note == "equalized_odds differs by 0.500 in false alarms: 0.0% of the negatives of race=b, 50.0% of race=a"
    missed, _ = judged_fairness(groups, labels, labels & (groups == "a"), measure="equalized_odds")
    assert missed.note == ("equalized_odds differs by 1.000 in true positives: 0.0% of the positives of race=b, 100.0% of race=a")
    parity, _ = judged_fairness(groups, labels, groups == "a", measure="demographic_parity")
    assert parity.note.endswith("in what is predicted positive: 0.0% of the rows of race=b, 100.0% of race=a")


@pytest.mark.parametrize(
    ("more", "is_public", "names"),
    [
        ((("c", 12, 3), ("d", 1, 0)), True, ["race=a", "race=b", "race=c", "race=d"]),
        ((("c", 12, 3), ("d", 1, 0)), False, ["race=#1", "race=#2", "race=#3 and rarer"]),
        ((("c", 9, 3), ("d", 1, 0)), False, ["race=#1", "race=#2", "race=rarer"]),
        ((("c", 9, 3),), False, ["race=#1", "race=#2 and rarer"]),
        ((("c", 10, 3),), False, ["race=#1", "race=#2", "race=#3"]),
    ],
)
def test_groups_of_few_people_are_told_together_where_they_are_not_public(
    more: tuple[tuple[str, int, int], ...], is_public: bool, names: list[str]
) -> None:
    _, told = judged_fairness(*with_more(*more), is_public=is_public)
    assert [group["name"] for group in told] == names
    assert sum(group["rows"] for group in told) == 600 + sum(rows for _, rows, _ in more)
    assert is_public or min(group["rows"] for group in told) >= 10


def test_shares_of_a_few_people_are_not_told_where_they_are_not_public() -> None:
    groups, labels, predicted = with_more(("c", 30, 3))
    labels = labels & ((groups != "c") | (np.arange(len(groups)) == len(groups) - 1))
    for is_public, found in ((True, 0.0), (False, None)):
        _, told = judged_fairness(groups, labels, predicted, is_public=is_public)
        assert (told[2]["rows"], told[2]["found"]) == (30, found)
        assert told[2]["mistaken"] is not None


def test_a_group_of_few_people_is_not_judged_by_itself_where_it_is_not_public() -> None:
    of = with_more(("c", 9, 0), n=60)
    assert "0.0% of the positives of race=c" in judged_fairness(*of, min_rows=5)[0].note
    assert "race=#3" not in str(judged_fairness(*of, min_rows=5, is_public=False))


def test_rows_that_the_measure_counts_are_what_a_group_needs() -> None:
    groups, labels, predicted = decisions(1000, found=(0.6, 0.6))
    few = labels & ((groups == "a") | (np.cumsum(labels & (groups == "b")) <= 40))
    assert judged_fairness(groups, few, predicted, min_rows=50)[0].status is Status.UNDECIDED  # 40 positives of b
    assert judged_fairness(groups, few, predicted, min_rows=40)[0].status is Status.PASSED
    assert judged_fairness(groups, few, predicted, measure="demographic_parity")[0].status is Status.PASSED


def test_one_group_leaves_nothing_to_compare() -> None:
    found, _ = judged_fairness(*decisions(300, found=(0.6,)))
    assert found.status is Status.UNDECIDED
    assert found.note == (
        "nothing to compare: 1 of 1 groups, small ones together, with 50 rows that equal_opportunity counts, expected 2"
    )


# robustness


def inputs(n: int = 4000) -> pd.DataFrame:
    amount = random(8).normal(3, 2, n)
    amount[:100] = np.nan
    return pd.DataFrame({"amount": amount, "channel": random(9).choice(["web", "shop"], n), "other": "x"})


def test_noise_moves_numbers_by_a_tenth_of_their_spread_and_swaps_few_categories() -> None:
    before = inputs()
    after = noise(before, [AMOUNT, CHANNEL], random())
    moved = (after["amount"] - before["amount"]).dropna()
    assert moved.std() == pytest.approx(0.1 * before["amount"].std(ddof=0), rel=0.05)
    assert after["amount"].isna().sum() == 100
    assert 0.01 < (after["channel"] != before["channel"]).mean() < 0.05  # half of what is swapped is the same
    assert (after["other"] == "x").all()


def test_missing_takes_away_one_cell_in_ten() -> None:
    after = missing(inputs(), [AMOUNT, CHANNEL], random())
    assert after["channel"].isna().mean() == pytest.approx(0.1, abs=0.015)
    assert after["amount"].isna().mean() == pytest.approx(0.1225, abs=0.015)


def test_out_of_range_is_what_was_never_seen() -> None:
    before = inputs()
    after = out_of_range(before, [AMOUNT, CHANNEL], random())
    low, high = before["amount"].min(), before["amount"].max()
    far = after["amount"][(after["amount"] < low) | (after["amount"] > high)]
    assert len(far) / 4000 == pytest.approx(0.05, abs=0.01)
    assert sorted({round(x, 6) for x in far}) == [round(low - 10 * (high - low), 6), round(high + 10 * (high - low), 6)]
    assert (~after["channel"].isin(["web", "shop"])).mean() == pytest.approx(0.05, abs=0.01)


@pytest.mark.parametrize("how", list(WAYS))
def test_columns_that_are_constant_or_empty_are_perturbed_too(how: str) -> None:
    frame = pd.DataFrame({"amount": [np.nan] * 50, "channel": [None] * 50, "items": [1.0] * 50})
    after = WAYS[how](frame, [AMOUNT, CHANNEL, Feature("items", "number")], random())
    assert len(after) == 50


def judged_robustness(score: Any, n: int = 1500, *, limit: float = 0.1, how: str = "missing") -> Judged:
    frame = inputs(n)
    labels = random(3).random(n) < 1 / (1 + np.exp(3 - np.nan_to_num(frame["amount"].to_numpy(), nan=3.0)))
    block = np.arange(n) // 2
    return robustness(
        how, frame, [AMOUNT, CHANNEL], labels, score(frame), block, score=score, metric=Metric.ROC_AUC, limit=limit, draw=random()
    )


def bears(frame: pd.DataFrame) -> np.ndarray:
    return 1 / (1 + np.exp(3 - np.nan_to_num(frame["amount"].to_numpy(dtype=float), nan=3.0)))


def collapses(frame: pd.DataFrame) -> np.ndarray:
    """Says the same of everybody where too many values are missing."""
    return np.full(len(frame), 0.5) if frame["channel"].isna().any() else bears(frame)


def test_a_loss_over_the_limit_fails_and_one_under_it_passes() -> None:
    assert judged_robustness(bears).status is Status.PASSED
    found = judged_robustness(collapses)
    assert found.status is Status.FAILED
    assert found.note.startswith("missing: loses 0.")
    assert judged_robustness(collapses, limit=0.6).status is Status.PASSED
    assert judged_robustness(collapses, how="noise").status is Status.PASSED


@pytest.mark.parametrize("bad", [math.nan, math.inf, -0.01, 1.01])
def test_whatever_comes_in_a_score_stays_a_score(bad: float) -> None:
    def breaks(frame: pd.DataFrame) -> np.ndarray:
        return np.where(frame["channel"].isna(), bad, bears(frame))

    found = judged_robustness(breaks, limit=1.0)
    assert found.status is Status.FAILED
    assert "scores are not within 0 and 1" in found.note
    assert unusable(np.array([0.0, 1.0])) == ""


def test_a_large_holdout_is_judged_on_a_part_of_it() -> None:
    assert judged_robustness(bears, MOST_ROWS + 10, how="noise").n == MOST_ROWS


# latency


def test_latency_is_milliseconds_per_row_of_a_thousand() -> None:
    sizes = []

    def score(frame: pd.DataFrame) -> np.ndarray:
        sizes.append(len(frame))
        return np.zeros(len(frame))

    found = timing.latency(inputs(30), score=score, limit_ms=5.0)
    assert set(sizes) == {1000}
    assert (found.status, found.n, found.limit) == (Status.PASSED, 1000, 5.0)


def test_what_takes_longer_than_it_may_fails() -> None:
    def slow(frame: pd.DataFrame) -> np.ndarray:
        return np.array([sum(range(50)) for _ in range(len(frame))], dtype=float)

    found = timing.latency(inputs(30), score=slow, limit_ms=1e-7)
    assert found.status is Status.FAILED
    assert "ms per row in batches of 1,000" in found.note


# what was trained on


def test_versions_fail_by_the_names_of_those_that_are_gone() -> None:
    assert versions(TRAINING_SET, {}).status is Status.PASSED
    found = versions(TRAINING_SET, {str(VERSION): "withdrawn"})
    assert (found.status, found.value, found.n) == (Status.FAILED, 1, 1)
    assert found.note == f"1 of 1 versions may not be learned from any more: {VERSION} (withdrawn)"
    many = versions(TRAINING_SET, {f"v{n}": "withdrawn" for n in range(8)})
    assert many.note.endswith("v4 (withdrawn) and 3 more")


def test_no_leak_is_no_failure() -> None:
    assert leakage(TRAINING_SET).status is Status.PASSED


def touched(**how: Any) -> Judged:
    usual: dict[str, Any] = {"challenger": (TRAINING_SET, rows("r9")), "champion": (EARLIER, rows("r8"))}
    held_out = rows("r1", "r2", persons=("ann", "bob"))
    return untouched(held_out.row_ids, held_out.persons, TRAINING_SET, **{**usual, **how})


@pytest.mark.parametrize(
    ("how", "status", "note"),
    [
        ({}, Status.PASSED, ""),
        ({"champion": None}, Status.PASSED, ""),
        ({"challenger": (TRAINING_SET, rows("r2"))}, Status.FAILED, "the challenger was trained on 1 of 2 rows of the holdout"),
        (
            {"challenger": (TRAINING_SET, rows("r5", persons=("ann",)))},
            Status.FAILED,
            "the challenger was trained on 1 persons of the holdout",
        ),
        ({"champion": (EARLIER, rows("r1"))}, Status.FAILED, "the champion was trained on 1 of 2 rows of the holdout"),
    ],
)
def test_a_row_or_a_person_of_the_holdout_must_not_have_been_trained_on(how: dict[str, Any], status: Status, note: str) -> None:
    found = touched(**how)
    assert (found.status, found.note) == (status, note)


def test_what_nobody_can_tell_is_undecided_but_a_later_training_is_known_anyway() -> None:
    assert touched(champion=(EARLIER, None)).status is Status.UNDECIDED
    held_out = rows("r1")
    late = untouched(held_out.row_ids, held_out.persons, EARLIER, challenger=(EARLIER, rows("r9")), champion=(TRAINING_SET, None))
    assert late.status is Status.FAILED


def test_whom_a_model_knows_are_the_persons_it_was_trained_on() -> None:
    persons = np.array(["ann", "bob"], dtype=object)
    assert known(persons, rows("r1", persons=("bob",))).tolist() == [False, True]
    assert known(persons, None).tolist() == [False, False]
