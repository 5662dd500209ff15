"""What Dagster's pages say of a model can be read by anyone: a sentence, then a table that no text can break."""

from __future__ import annotations

from dataclasses import replace

from readiness_pipelines.flow import Judged, Status
from readiness_pipelines.product.model_words import history_table, table, training_set_table, verdict_page
from tests import challenged

BETTER = Judged("better", Status.PASSED, value=0.1, low=0.05, high=0.15, limit=0.0, n=1200)
SLICE = Judged("slice:region", Status.FAILED, about="region=a|b", value=-0.2, high=-0.1, limit=-0.05, n=9, note="it\nloses")
OPEN = Judged("latency", Status.UNDECIDED, note="not judged")


def page(*judged: Judged, **more: object) -> str:
    verdict = challenged.verdict(replace(challenged.model(), number=2))
    return verdict_page(replace(verdict, judged=judged, more=more), number=2)


def test_a_verdict_begins_with_a_sentence_and_what_failed_stands_first() -> None:
    said = page(BETTER, SLICE, OPEN, blocks_are="persons").splitlines()
    assert said[0] == "**Model 2 against the declared baseline: rejected.** Judged on 20 rows of 2 persons that neither has seen."
    assert said[2] == "| rule | on | verdict | measured | 95% bounds | limit | rows | what it says |"
    rules = [line.split(" | ")[0].removeprefix("| ") for line in said[4:]]
    assert rules == ["slice:region", "latency", "better"]
    assert said[4] == "| slice:region | region=a/b | **failed** | -0.2 | open to -0.1 | -0.05 | 9 | it loses |"
    assert said[6] == "| better |  | passed | 0.1 | 0.05 to 0.15 | 0 | 1,200 |  |"


def test_a_verdict_names_the_champion_and_the_metric_of_both_sides() -> None:
    made = replace(challenged.model(), number=2)
    verdict = replace(
        challenged.verdict(made, against=replace(challenged.model("b" * 64), number=1)),
        more={"metric": "roc_auc", "challenger": 0.81234, "against": 0.7},
    )
    first = verdict_page(verdict, number=2).splitlines()[0]
    assert first.startswith("**Model 2 against shop/1@bbbbbbbbbbbb: passed.**")
    assert first.endswith("that neither has seen. roc_auc: 0.8123, the other side's 0.7.")


def test_what_is_undecided_is_not_said_to_be_passed() -> None:
    assert ": undecided.**" in page(BETTER, OPEN)


def test_each_row_of_a_training_set_is_told_where_it_went() -> None:
    said = training_set_table(replace(challenged.training_set(), rows=1100, rows_train=1070)).splitlines()
    assert said[2].startswith("| trained on | 1,070 | 30 | 2025-01-01T00:00 to")
    assert said[4] == "| left out: no label yet | 10 |  |  |"
    assert said[5] == "| **looked at** | 1,100 |  | up to partition 2025-01-08 |"


def test_the_history_tells_the_newest_promotion_first() -> None:
    about = challenged.evidence(challenged.model(), challenged.verdict(challenged.model()))
    first = replace(challenged.promotion(about), number=1, promoted_at="2025-01-01T10:00:00")
    back = replace(challenged.promotion(about, previous=2, back=True), number=1, promoted_at="2025-01-02T10:00:00")
    said = history_table([first, back]).splitlines()
    assert said[2] == "| 2025-01-02T10:00 | 1 | rolled back | 2 | ann | it is better |"
    assert said[3] == "| 2025-01-01T10:00 | 1 | promoted | none | ann | it is better |"


def test_a_long_table_is_cut_and_says_how_much_is_left() -> None:
    said = table(("n",), [(n,) for n in range(50)]).splitlines()
    assert said[-1] == "and 10 more" and len(said) == 2 + 40 + 2
    assert len(table(("n",), [("x" * 900,)]).splitlines()[2]) < 200
