"""Scored tables: which model scores a partition, when, and what its verdict says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from readiness_pipelines.errors import NotAdmitted, ReadinessError
from readiness_pipelines.flow import ModelVersion, TableVersion
from readiness_pipelines.lakehouse import Lakehouse, relation
from readiness_pipelines.layers import StandingKind, Standings
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.layers.overview import overview
from readiness_pipelines.layers.scored import Scoring, lay_scores, scored_by
from tests.layers.scorers import Fitted, promote, step, train
from tests.modelled import ORDERS, Parcels, build_parcels, orders_of

SCORES = "parcels.gold.order_scores"


@pytest.fixture
def parcels(tmp_path: Path) -> Parcels:
    made = build_parcels(tmp_path, scored=True)
    made.land(range(1, 6))
    return made


def rows_of(parcels: Parcels, day: int) -> pd.DataFrame:
    version = parcels.lake.ledger.current_version(SCORES, parcels.day(day))
    assert version is not None
    with parcels.lake.connect() as con:
        return con.sql(f"FROM {relation(parcels.lake, [version])} ORDER BY order_id").to_arrow_table().to_pandas()


def kind(parcels: Parcels, day: int, name: str = "order_scores", *, everything: bool = False) -> StandingKind:
    lake = Lakehouse.open(parcels.settings)
    return Standings(parcels.product, lake, now=clock(), everything=everything).of(name, parcels.day(day)).kind


def version_of(parcels: Parcels, name: str, day: int) -> str:
    version = parcels.lake.ledger.current_version(name, parcels.day(day))
    assert version is not None
    return version.version_key


def add_readers(parcels: Parcels) -> None:
    """Two gold tables that are made from scores: of the day, and of all days so far."""
    contract, text = parcels.folder / "contract.yaml", ""
    for name, read in (("scored_today", "same"), ("scored_so_far", "all_until")):
        parcels.declare(
            "  model:\n",
            f"    - {{name: {name}, key: [day], inputs: {{order_scores: {{read: {read}}}}}, sql: gold/{name}.sql}}\n  model:\n",
        )
        text += (
            f"  - name: {name}\n    description: How many.\n    properties:\n"
            "      - {name: day, logicalType: date, classification: public, primaryKey: true, primaryKeyPosition: 1}\n"
            "      - {name: orders, logicalType: integer, classification: public}\n"
        )
        sql = "SELECT CAST(getvariable('partition_key') AS DATE) AS day, count(*) AS orders FROM order_scores"
        (parcels.folder / "gold" / f"{name}.sql").write_text(sql)
        suite = f"name: gold_{name}\nexpectations:\n  - {{type: expect_table_row_count_to_equal, kwargs: {{value: 1}}}}\n"
        (parcels.root / "quality_suites" / "parcels" / f"gold_{name}.yaml").write_text(suite)
    contract.write_text(contract.read_text() + text)


def test_before_there_is_a_champion_nothing_is_due_and_nothing_is_wrong(parcels: Parcels) -> None:
    add_readers(parcels)
    for name in ("order_scores", "scored_today", "scored_so_far"):
        assert step(parcels, name, 3).kind == "not_due"
        assert kind(parcels, 3, name) is kind(parcels, 3, name, everything=True) is StandingKind.NOT_DUE
    seen = overview(parcels.product, parcels.lake, now=clock())
    assert not [standing for standing, _ in seen.attention if standing.table.startswith("parcels.gold.scored")]
    assert parcels.lake.find(SCORES) is None


def test_not_even_a_held_day_blocks_what_is_not_due_yet(parcels: Parcels) -> None:
    broken = orders_of(8) | {"amount": np.array(["dear"] * 300, dtype=object)}
    parcels.land_orders(8, broken)
    parcels.run([8], tables=("raw_orders", "orders"))
    assert kind(parcels, 8, "orders") is StandingKind.HELD
    assert (step(parcels, "order_scores", 8).kind, kind(parcels, 8)) == ("not_due", StandingKind.NOT_DUE)
    scorer = Fitted()
    promote(parcels.lake, train(parcels, scorer, [1, 2]))
    assert (step(parcels, "order_scores", 8, scorer).kind, kind(parcels, 8)) == ("blocked", StandingKind.BLOCKED)


def test_the_champion_scores_every_row_and_the_verdict_says_who_it_was(parcels: Parcels) -> None:
    scorer = Fitted()
    model = train(parcels, scorer, [1, 2])
    promote(parcels.lake, model)
    assert kind(parcels, 3) is StandingKind.ABSENT
    result = step(parcels, "order_scores", 3, scorer)
    assert (result.kind, kind(parcels, 3)) == ("admitted", StandingKind.ADMITTED)
    assert result.verdict is not None and result.verdict.counts.conserved
    assert (result.verdict.counts.rows_in, result.verdict.counts.admitted) == (300, 300)
    said = scored_by(result.verdict)
    assert said is not None
    assert (said["model"], said["number"], said["artifact"]) == (model.name, 1, model.artifact)
    assert said["training_set"] == model.training_set
    rows, orders = rows_of(parcels, 3), orders_of(3)
    given = np.column_stack([orders["amount"].astype(float), orders["items"].astype(float)])
    expected = scorer.estimators[model.artifact].predict_proba(given)[:, 1]
    assert np.array_equal(rows["order_id"], orders["order_id"])
    assert np.abs(rows["score"] - expected).max() < 1e-12
    assert np.array_equal(rows["prediction"], expected >= 0.4) and 0 < rows["prediction"].sum() < 300
    assert set(rows["model_version"]) == {model.name} == {f"parcels/1@{model.artifact[:12]}"}
    assert set(rows["input_version"]) == {version_of(parcels, "parcels.silver.orders", 3)}


def test_what_it_was_trained_on_it_scores_only_on_purpose(parcels: Parcels) -> None:
    scorer = Fitted()
    model = train(parcels, scorer, [1, 2])
    promote(parcels.lake, model)
    assert (step(parcels, "order_scores", 2, scorer).kind, kind(parcels, 2)) == ("not_due", StandingKind.NOT_DUE)
    assert step(parcels, "order_scores", 2, scorer, model).kind == "admitted"
    assert kind(parcels, 2) is kind(parcels, 2, everything=True) is StandingKind.ADMITTED
    assert step(parcels, "order_scores", 2, scorer).kind == "unchanged"


def test_a_partition_keeps_the_model_that_scored_it_and_is_not_stale(parcels: Parcels) -> None:
    scorer = Fitted()
    first = train(parcels, scorer, [1, 2])
    promote(parcels.lake, first)
    published = step(parcels, "order_scores", 3, scorer)
    promote(parcels.lake, train(parcels, scorer, [1, 2, 3, 4]))  # of whose rows day 3 is one
    again = step(parcels, "order_scores", 3, scorer)
    assert (again.kind, again.version) == ("unchanged", published.version)
    assert kind(parcels, 3) is kind(parcels, 3, everything=True) is StandingKind.ADMITTED
    assert len(parcels.lake.ledger.verdicts(SCORES, parcels.day(3))) == 1
    assert set(rows_of(parcels, 3)["model_version"]) == {first.name}
    assert scored_by(step(parcels, "order_scores", 5, scorer).verdict) != scored_by(published.verdict)


def test_two_models_give_two_versions_and_the_same_model_the_same(parcels: Parcels) -> None:
    scorer = Fitted()
    first, second = train(parcels, scorer, [1, 2]), train(parcels, scorer, [1, 2, 3])
    keys = [step(parcels, "order_scores", 5, scorer, model).version for model in (first, second, first)]
    assert keys[0] is not None and keys[1] is not None and keys[2] is not None
    assert keys[0].version_key == keys[2].version_key != keys[1].version_key
    assert set(rows_of(parcels, 5)["model_version"]) == {first.name}


def test_on_purpose_lasts_until_the_rows_are_others(parcels: Parcels) -> None:
    scorer = Fitted()
    first, second = train(parcels, scorer, [1, 2]), train(parcels, scorer, [1, 2, 3])
    promote(parcels.lake, second)
    assert scored_by(step(parcels, "order_scores", 5, scorer).verdict)["number"] == 2  # type: ignore[index]
    assert step(parcels, "order_scores", 5, scorer, first).kind == "admitted"
    assert step(parcels, "order_scores", 5, scorer).kind == "unchanged"
    assert set(rows_of(parcels, 5)["model_version"]) == {first.name}
    correct(parcels, 5)
    assert scored_by(step(parcels, "order_scores", 5, scorer).verdict)["number"] == 2  # type: ignore[index]


def correct(parcels: Parcels, day: int) -> None:
    """Deliver the day again, with one order less."""
    parcels.land_orders(day, {name: cells[1:] for name, cells in orders_of(day).items()}, suffix="_corrected")
    parcels.run([day], tables=("raw_orders", "orders"))


def test_a_correction_of_what_the_new_champion_was_trained_on_is_scored_by_the_model_of_before(parcels: Parcels) -> None:
    """Its predictions of these rows would be of what it has learned by heart; and the old ones must not stay."""
    scorer = Fitted()
    first = train(parcels, scorer, [1, 2])
    promote(parcels.lake, first)
    step(parcels, "order_scores", 3, scorer)
    promote(parcels.lake, train(parcels, scorer, [1, 2, 3, 4]))
    correct(parcels, 3)
    result = step(parcels, "order_scores", 3, scorer)
    assert result.kind == "admitted" and result.verdict is not None and result.verdict.counts.admitted == 299
    assert set(rows_of(parcels, 3)["model_version"]) == {first.name}
    assert set(rows_of(parcels, 3)["input_version"]) == {version_of(parcels, "parcels.silver.orders", 3)}


def test_what_is_made_from_scores_is_due_when_a_day_of_them_is(parcels: Parcels) -> None:
    add_readers(parcels)
    scorer = Fitted()
    promote(parcels.lake, train(parcels, scorer, [1, 2]))
    assert step(parcels, "scored_so_far", 2, scorer).kind == "not_due"  # neither day is scored by itself
    for day in (3, 4):
        for name in ("order_scores", "scored_today", "scored_so_far"):
            assert step(parcels, name, day, scorer).kind == "admitted"
    version = parcels.lake.ledger.current_version("parcels.gold.scored_so_far", parcels.day(4))
    assert version is not None
    with parcels.lake.connect() as con:
        assert con.execute(f"SELECT orders FROM {relation(parcels.lake, [version])}").fetchall() == [(600,)]


def test_days_of_before_there_was_a_champion_are_left_out_by_name_where_they_may_be(parcels: Parcels) -> None:
    """Nobody owes them: a day that is run after the first promotion need not wait for all that is older."""
    add_readers(parcels)
    for day in (3, 4):
        assert step(parcels, "order_scores", day).kind == "not_due"
    scorer = Fitted()
    promote(parcels.lake, train(parcels, scorer, [1, 2]))
    assert kind(parcels, 4) is StandingKind.ABSENT
    for name in ("order_scores", "scored_today"):
        assert step(parcels, name, 5, scorer).kind == "admitted"
    with pytest.raises(NotAdmitted, match="reads parcels.gold.order_scores/2025-01-03, which has no admitted version"):
        step(parcels, "scored_so_far", 5, scorer)
    parcels.declare("read: all_until}", "read: all_until, unavailable: ignore}")
    assert step(parcels, "scored_so_far", 5, scorer).kind == "admitted"
    verdict = parcels.lake.ledger.latest_verdict("parcels.gold.scored_so_far", parcels.day(5))
    assert verdict is not None
    assert "left out, as declared: order_scores/2025-01-03 absent, order_scores/2025-01-04 absent" in verdict.notes


def test_a_held_candidate_is_scored_by_the_next_champion(parcels: Parcels) -> None:
    """Nobody has acted on it: what it was held for may be the model's."""
    suite = parcels.root / "quality_suites" / "parcels" / "gold_order_scores.yaml"
    rule = "  - {type: expect_column_values_to_match_regex, kwargs: {column: model_version, regex: parcels/2@}}\n"
    suite.write_text(suite.read_text() + rule)
    scorer = Fitted()
    first, second = train(parcels, scorer, [1, 2]), train(parcels, scorer, [1, 2, 3])
    promote(parcels.lake, first)
    assert (step(parcels, "order_scores", 5, scorer).kind, kind(parcels, 5)) == ("held", StandingKind.HELD)
    promote(parcels.lake, second)
    assert (step(parcels, "order_scores", 5, scorer).kind, kind(parcels, 5)) == ("admitted", StandingKind.ADMITTED)


def test_a_filter_counts_what_it_leaves_out_by_score(parcels: Parcels) -> None:
    parcels.declare("      scored: true\n", '      scored: true\n      drop_where: [{reason: unlikely, sql: "score < 0.2"}]\n')
    scorer = Fitted()
    promote(parcels.lake, train(parcels, scorer, [1, 2]))
    result = step(parcels, "order_scores", 3, scorer)
    assert result.verdict is not None
    counts = result.verdict.counts
    assert counts.conserved and counts.rows_in == 300 and 0 < counts.dropped["unlikely"] < 300
    assert rows_of(parcels, 3)["score"].min() >= 0.2


class Broken:
    """A scorer that gives what is no probability."""

    def __init__(self, value: float, *, rows: int = 0) -> None:
        self.value, self.rows = value, rows

    def scores(self, model: ModelVersion, features: pd.DataFrame) -> np.ndarray[Any, Any]:
        return np.full(self.rows or len(features), self.value)


@pytest.mark.parametrize("scorer", [Broken(np.nan), Broken(1.5), Broken(-0.1), Broken(0.5, rows=7), None])
def test_what_is_no_probability_publishes_nothing(parcels: Parcels, scorer: Broken | None) -> None:
    fitted = Fitted()
    promote(parcels.lake, train(parcels, fitted, [1, 2]))
    with pytest.raises(ReadinessError, match=r"parcels/1@|nothing was given to score it with"):
        step(parcels, "order_scores", 3, scorer)
    assert parcels.lake.ledger.current_version(SCORES, parcels.day(3)) is None
    assert step(parcels, "order_scores", 3, fitted).kind == "admitted"


def test_what_stands_needs_no_scorer(parcels: Parcels) -> None:
    scorer = Fitted()
    promote(parcels.lake, train(parcels, scorer, [1, 2]))
    step(parcels, "order_scores", 3, scorer)
    scorer.batches.clear()
    assert step(parcels, "order_scores", 3).kind == step(parcels, "order_scores", 3, scorer).kind == "unchanged"
    assert scorer.batches == []  # nor is a row scored again


def test_rows_are_scored_in_batches_of_the_same_size_however_many_there_are(parcels: Parcels) -> None:
    """Seen on rows that are made as they are read: 250,000 of them, of which no batch has more than 100,352."""
    scorer = Fitted()
    model = train(parcels, scorer, [1, 2])
    spec = parcels.product.model
    assert spec is not None
    version = TableVersion(ORDERS, parcels.day(3), "key", 1)
    source = (
        "(SELECT CAST(range AS VARCHAR) AS row_id, range % 90 + 0.5 AS amount, range % 7 AS items, NULL AS weight, "
        "'web' AS channel, NULL AS region FROM range(250000))"
    )
    with parcels.lake.connect() as con:
        scored = lay_scores(con, source, Scoring(spec, model, version, "rows", scorer))
        rows = con.sql(f"SELECT amount, items, score FROM {scored} ORDER BY CAST(row_id AS BIGINT)").to_arrow_table()
    assert sum(scorer.batches) == rows.num_rows == 250_000 and max(scorer.batches) == 49 * 2048
    given = np.column_stack([rows["amount"].to_numpy(), rows["items"].to_numpy()]).astype(float)
    expected = scorer.estimators[model.artifact].predict_proba(given)[:, 1]
    assert np.abs(rows["score"].to_numpy() - expected).max() < 1e-12


def test_a_feature_comes_as_the_model_was_trained_on_it(parcels: Parcels) -> None:
    parcels.declare("features: [amount, items, weight", "columns: {items: category}\n    features: [amount, items, weight")
    seen: list[pd.DataFrame] = []

    class Looks:
        def scores(self, model: ModelVersion, features: pd.DataFrame) -> np.ndarray[Any, Any]:
            seen.append(features)
            return np.full(len(features), 0.5)

    promote(parcels.lake, train(parcels, Fitted(), [1, 2]))
    assert step(parcels, "order_scores", 3, Looks()).kind == "admitted"
    (features,) = seen
    assert list(features) == ["amount", "items", "weight", "channel", "region"]
    assert set(features["items"]) <= {str(n) for n in range(1, 20)}  # '2', and never '2.0'
    assert features["amount"].dtype == features["weight"].dtype == np.float64
    assert np.isnan(features["weight"]).sum() == sum(value is None for value in orders_of(3)["weight"]) > 0
