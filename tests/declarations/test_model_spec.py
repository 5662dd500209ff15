"""A declared model as a value: its defaults, and which digest changes with what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from readiness_pipelines.declarations import Feature, Gold, ModelSpec, load_product
from readiness_pipelines.declarations.cron import cron_problem
from readiness_pipelines.errors import DeclarationError
from readiness_pipelines.flow import Tier
from tests.modelled import MODEL, Parcels, build_parcels

FEATURES = "    features: [amount, items, weight, channel, region]\n"
LAST = "    risk_tier: low\n"


def spec_of(parcels: Parcels) -> ModelSpec:
    spec = parcels.product.model
    assert spec is not None
    return spec


@pytest.fixture
def parcels(tmp_path: Path) -> Parcels:
    return build_parcels(tmp_path)


def test_every_column_is_a_feature_but_keys_times_groups_and_what_names_a_person(parcels: Parcels) -> None:
    parcels.declare(FEATURES, "")
    found = [(feature.name, feature.kind) for feature in spec_of(parcels).features]
    numbers = [(name, "number") for name in ("amount", "items", "weight")]
    assert found == [*numbers, *((name, "category") for name in ("channel", "region", "age_band"))]


def test_a_label_in_the_models_own_table_is_no_feature_by_default(parcels: Parcels) -> None:
    parcels.declare(FEATURES, "")
    parcels.declare("label: {table: returns, column: returned", "label: {table: orders, column: channel, positive: web")
    assert "channel" not in [feature.name for feature in spec_of(parcels).features]


def test_a_whole_number_that_is_a_code_is_a_category_and_its_text_to_the_model(parcels: Parcels) -> None:
    parcels.declare(LAST, f"{LAST}    columns: {{items: category}}\n")
    by_name = {feature.name: feature for feature in spec_of(parcels).features}
    assert by_name["items"] == Feature("items", "category")
    assert by_name["items"].sql == 'CAST("items" AS VARCHAR) AS "items"'
    assert by_name["amount"].sql == 'CAST("amount" AS DOUBLE) AS "amount"'


def test_scores_that_neither_contract_nor_select_traces_back_are_refused(tmp_path: Path) -> None:
    parcels = build_parcels(tmp_path, scored=True)
    contract, sql = parcels.folder / "contract.yaml", parcels.folder / "gold" / "order_scores.sql"
    lines = contract.read_text(encoding="utf-8").splitlines(keepends=True)
    contract.write_text("".join(line for line in lines if "_version, logicalType" not in line), encoding="utf-8")
    sql.write_text("SELECT row_id AS source_row_id, order_id, ordered_at, amount, score, prediction FROM orders", encoding="utf-8")
    with pytest.raises(DeclarationError) as told:
        load_product(parcels.folder)
    assert [problem.partition(" from what")[0] for problem in told.value.problems] == [
        f"{sql}:1: order_scores: found no {name}" for name in ("model_version", "input_version")
    ]


def test_an_undeclared_tier_is_unknown(parcels: Parcels) -> None:
    assert spec_of(parcels).tier is Tier.LOW
    parcels.declare(LAST, "")
    assert spec_of(parcels).tier is Tier.UNKNOWN


SELECTION, RECIPE, DEMANDS = "selection", "recipe", "demands"


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("    time: ordered_at\n", "    time: ordered_at\n    known_at: ordered_at\n", {SELECTION}),
        ("groups: [customer]", "groups: [customer, order_id]", {SELECTION}),
        ("holdout_days: 3", "holdout_days: 4", {SELECTION}),
        (LAST, f"{LAST}    train_days: 30\n", {SELECTION}),
        (FEATURES, "    features: [amount, items]\n", {SELECTION}),
        (LAST, f"{LAST}    columns: {{items: category}}\n", {SELECTION}),
        ("column: returned, by", "column: returned, positive: false, by", {SELECTION}),
        ("column: returned, by", "column: returned, known_at: told_on, by", {SELECTION}),
        (LAST, f"{LAST}    estimator: logistic\n", {RECIPE}),
        (LAST, f"{LAST}    parameters: {{max_iter: 50}}\n", {RECIPE}),
        (LAST, f"{LAST}    balance: true\n", {RECIPE}),
        (LAST, f"{LAST}    seed: 7\n", {RECIPE}),
        (LAST, f"{LAST}    decide_at: 0.5\n", {RECIPE}),
        (LAST, f"{LAST}    metric: brier\n", {DEMANDS}),
        (LAST, f"{LAST}    margin: 0.01\n", {DEMANDS}),
        (LAST, f"{LAST}    at_least: not_worse\n    margin: 0.01\n", {DEMANDS}),
        (LAST, f"{LAST}    limits: {{calibration: 0.2}}\n", {DEMANDS}),
        ("region, min_rows: 50", "region, min_rows: 60", {DEMANDS}),
        ("age_band, min_rows: 50", "age_band, limit: 0.3", {DEMANDS}),
        (LAST, "    risk_tier: medium\n", {DEMANDS}),
        (LAST, f"{LAST}    baseline: {{sql: amount}}\n", {SELECTION, DEMANDS}),  # its score lies beside the rows
        ("{column: region, min_rows: 50}", "{column: channel, min_rows: 50}", {SELECTION, DEMANDS}),
        (LAST, f"{LAST}    retraining: {{from: high, every: '0 6 * * mon'}}\n", set()),
        (LAST, f"{LAST}    approvals_expire_days: 7\n", set()),
    ],
)
def test_a_digest_changes_with_what_it_is_of_and_with_nothing_else(parcels: Parcels, old: str, new: str, changed: set[str]) -> None:
    before = spec_of(parcels)
    parcels.declare(old, new)
    after = spec_of(parcels)
    assert {name for name in (SELECTION, RECIPE, DEMANDS) if getattr(before, name) != getattr(after, name)} == changed


@pytest.mark.parametrize(
    ("old", "new", "is_other"),
    [
        (FEATURES, "    features: [amount, items]\n", True),
        (LAST, f"{LAST}    columns: {{items: category}}\n", True),
        ("column: returned, by", "column: returned, positive: false, by", True),
        (FEATURES, "    features: [region, amount, items, weight, channel]\n", False),
        ("holdout_days: 3", "holdout_days: 4", False),
        ("groups: [customer]", "groups: [customer, order_id]", False),
        ("column: returned, by", "column: returned, known_at: told_on, by", False),
        ("{column: region, min_rows: 50}", "{column: channel, min_rows: 50}", False),
        (LAST, f"{LAST}    estimator: logistic\n", False),
    ],
)
def test_another_question_is_another_label_or_other_features_however_it_was_tried(
    parcels: Parcels, old: str, new: str, is_other: bool
) -> None:
    before = spec_of(parcels).question
    parcels.declare(old, new)
    assert (spec_of(parcels).question != before) is is_other


def test_the_label_of_another_table_is_another_question(parcels: Parcels) -> None:
    parcels.declare(FEATURES, "    features: [amount, items]\n")
    before = spec_of(parcels).question
    parcels.declare("{table: returns, column: returned", "{table: orders, column: channel, positive: web")
    assert spec_of(parcels).question != before


def test_the_same_words_have_the_same_digests_in_whatever_order(parcels: Parcels, tmp_path: Path) -> None:
    first, *rest = MODEL.splitlines(keepends=True)
    other = build_parcels(tmp_path / "other", model=first + "".join(reversed(rest)))
    for name in (SELECTION, RECIPE, DEMANDS):
        assert getattr(spec_of(parcels), name) == getattr(spec_of(other), name)


def test_a_scored_table_says_so_in_its_fingerprint(tmp_path: Path) -> None:
    """The same SQL over scores gives other rows than over a table that has columns of these names."""
    product = build_parcels(tmp_path, scored=True).product
    table = product.by_name["order_scores"]
    assert product.made_from_scores == {"order_scores"}
    assert isinstance(table, Gold) and table.fingerprint != replace(table, is_scored=False).fingerprint


def test_a_column_of_the_models_table_named_as_a_score_is_told_once(tmp_path: Path) -> None:
    parcels = build_parcels(tmp_path, scored=True)
    contract, sql = parcels.folder / "contract.yaml", parcels.folder / "silver" / "orders.sql"
    weight = "      - {name: weight, logicalType: number, classification: confidential}\n"
    text = contract.read_text()
    assert weight in text
    contract.write_text(text.replace(weight, f"{weight}      - {{name: score, logicalType: number, classification: public}}\n"))
    sql.write_text(sql.read_text().replace("nullif(weight, '') AS weight", "nullif(weight, '') AS weight, items AS score"))
    with pytest.raises(DeclarationError) as error:
        load_product(parcels.folder)
    (problem,) = error.value.problems
    assert "model.table: found a column 'score' in 'orders', expected another name for it" in problem


def test_a_model_may_be_of_a_table_whose_key_has_two_columns_one_of_which_it_learns_from(tmp_path: Path) -> None:
    """As prices of regions are: region and time name a row, and say much about it."""
    parcels = build_parcels(tmp_path)
    for old, new in (
        ("by: [order_id]}", "by: [order_id, region]}"),
        ("features: [amount, items, weight, channel, region]", "features: [amount, region]"),
    ):
        parcels.declare(old, new)
    contract, sql = parcels.folder / "contract.yaml", parcels.folder / "silver" / "returns.sql"
    told = "      - {name: told_on, logicalType: date, classification: public}\n"
    contract.write_text(
        contract.read_text().replace(told, f"{told}      - {{name: region, logicalType: string, classification: public}}\n", 2)
    )
    sql.write_text(sql.read_text().replace(" FROM", ", 'north' AS region FROM"))
    assert [feature.name for feature in spec_of(parcels).features] == ["amount", "region"]


@pytest.mark.parametrize(
    "text", ["0 6 * * mon", "*/5 * * * *", "0 0 1,15 * *", "30 2 29 feb *", "0 9-17/2 * jan-jun 1-5", "0 0 31 * *"]
)
def test_a_cron_schedule_that_is_read_is_one_for_dagster_too(text: str) -> None:
    assert cron_problem(text) is None

    @dg.job
    def nothing() -> None:
        pass

    assert dg.ScheduleDefinition(name="every", job=nothing, cron_schedule=text).cron_schedule == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "monday",
        "0 6 * *",
        "0 6 * * * *",
        "60 * * * *",
        "0 24 * * *",
        "0 0 0 * *",
        "0 0 * 13 *",
        "5-1 * * * *",
        "*/0 * * * *",
        "0 0 30 2 *",
    ],
)
def test_what_is_no_cron_schedule_or_never_comes_is_told(text: str) -> None:
    assert cron_problem(text) is not None


def only_problem(parcels: Parcels) -> str:
    with pytest.raises(DeclarationError) as error:
        load_product(parcels.folder)
    (problem,) = error.value.problems
    return problem


def test_a_feature_named_as_what_training_sets_have_of_their_own_is_told(parcels: Parcels) -> None:
    contract, sql = parcels.folder / "contract.yaml", parcels.folder / "silver" / "orders.sql"
    weight = "      - {name: weight, logicalType: number, classification: confidential}\n"
    contract.write_text(contract.read_text().replace(weight, f"{weight}{weight.replace('weight', 'baseline')}"))
    sql.write_text(sql.read_text().replace("nullif(weight, '') AS weight", "nullif(weight, '') AS weight, items AS baseline"))
    assert load_product(parcels.folder).model is not None  # no feature, so nobody minds
    parcels.declare(FEATURES, "    features: [amount, baseline]\n")
    assert "model.features[1]: found a column 'baseline', expected another name: training sets have" in only_problem(parcels)
    parcels.declare("    features: [amount, baseline]\n", "")
    assert "model.table: found a column 'baseline', expected another name" in only_problem(parcels)


def test_rows_are_matched_by_columns_of_one_type(parcels: Parcels) -> None:
    contract = parcels.folder / "contract.yaml"
    before, returns = contract.read_text().split("  - name: returns\n")
    contract.write_text(
        f"{before}  - name: returns\n{returns.replace('order_id, logicalType: integer', 'order_id, logicalType: string')}"
    )
    expected = "label.by[0]: found 'order_id' of type VARCHAR in 'returns', expected the type that it has in 'orders', BIGINT"
    assert expected in only_problem(parcels)


def test_a_model_of_what_is_made_from_its_own_scores_is_told(tmp_path: Path) -> None:
    parcels = build_parcels(tmp_path, scored=True)
    table = "    - {name: told, key: [order_id], inputs: {order_scores: {read: same}}, sql: gold/told.sql}\n"
    parcels.declare("  model:\n    table: orders\n", f"{table}  model:\n    table: told\n")
    (parcels.folder / "gold" / "told.sql").write_text("SELECT order_id FROM order_scores")
    contract = parcels.folder / "contract.yaml"
    contract.write_text(
        f"{contract.read_text()}  - name: told\n    description: Told.\n    properties:\n"
        "      - {name: order_id, logicalType: integer, classification: public, primaryKey: true, primaryKeyPosition: 1}\n"
    )
    (tmp_path / "quality_suites" / "parcels" / "gold_told.yaml").write_text("name: gold_told\nexpectations: []\n")
    assert "model.table: found 'told', which is made from 'order_scores', which this model scores" in only_problem(parcels)
