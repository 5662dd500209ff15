"""The third product, the one with a model that may promote itself: its sample against its manifest, its features against time."""

from __future__ import annotations

import csv
import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from readiness_pipelines.declarations import Product, load_product
from readiness_pipelines.flow import ModelVersion, Tier
from readiness_pipelines.lakehouse import Lakehouse, quarantined, relation
from readiness_pipelines.layers import StepResult, run_step
from readiness_pipelines.layers.calendar import clock, first_key, keys_between, last_key
from readiness_pipelines.layers.standing import Standings
from readiness_pipelines.samples import power_price
from readiness_pipelines.samples.power_price import FEATURES, KPI, LABELS, PowerManifest
from readiness_pipelines.settings import Settings
from tests.layers.scorers import promote

PROJECT = Path(__file__).parent.parent
FOLDER = PROJECT / "readiness_pipelines" / "defs" / "power_price"
DAYS = 20  # both days with a story, and the days that wait for them
SCORED = ("price_predictions", "price_prediction_outcomes")
HALF_HOUR, DAY = datetime.timedelta(minutes=30), datetime.timedelta(days=1)

Ran = tuple[Lakehouse, PowerManifest, Path]


@pytest.fixture(scope="module")
def product() -> Product:
    return load_product(FOLDER)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory, product: Product) -> Ran:
    """Twenty days through all layers."""
    root = tmp_path_factory.mktemp("power")
    settings = Settings(state=root / "state", landing=root / "landing")
    manifest = power_price.write(settings.landing, days=DAYS)
    lake = Lakehouse.open(settings)
    keys = keys_between(product, "2025-01-06", "2025-01-25")
    for table in product.tables:
        for key in keys:
            run_step(lake, settings, product, table.name, key)
    return lake, manifest, settings.landing


def rows(lake: Lakehouse, table: str, columns: str) -> list[tuple[Any, ...]]:
    versions = list(lake.ledger.current_versions(table).values())
    with lake.connect() as con:
        return con.execute(f"SELECT {columns} FROM {relation(lake, versions)} ORDER BY ALL").fetchall()


def test_a_product_with_a_model_is_a_folder_of_yaml_and_sql_too() -> None:
    assert {path.suffix for path in FOLDER.rglob("*") if path.is_file()} == {".yaml", ".sql"}


def test_the_calendar_is_the_eight_weeks_of_the_sample(product: Product) -> None:
    keys = keys_between(product, first_key(product), last_key(product, now=clock()))
    assert (len(keys), keys[0], keys[-1]) == (56, "2025-01-06", "2025-03-02")


def test_the_model_sees_what_is_known_and_neither_the_label_nor_what_comes_after(product: Product) -> None:
    model = product.model
    assert model is not None
    assert model.tier is Tier.LOW  # so the loop may promote by itself
    assert {feature.name: feature.kind for feature in model.features} == {
        "region": "category",
        "slot": "number",
        "weekday": "category",
        "scheduled_import": "number",
        "price_before": "number",
        "price_above": "number",
        "price_above_day_before": "number",
        "mean_price_day_before": "number",
        "demand_before": "number",
        "demand_change": "number",
    }
    assert not {"price", "demand", "is_dearer"} & {column.name for column in product.by_name["price_features"].table.columns}


def test_the_features_are_watched_beside_the_training_set_and_their_worth_beside_the_first_week_of_scores(product: Product) -> None:
    watched = {monitor.name: monitor.words for monitor in product.monitors}
    assert watched["price_features"].reference == "training_set"
    worth = watched["price_prediction_outcomes"]
    assert (worth.score, worth.prediction, worth.label) == ("score", "prediction", "is_dearer")


@pytest.mark.slow
def test_every_day_of_every_table_becomes_what_the_manifest_says(sample: Ran, product: Product) -> None:
    lake, manifest, _ = sample
    standings = Standings(product, lake, now=clock(), everything=True)
    wrong, looked = [], 0
    for table in product.tables:
        for key, expected in manifest.expected.get(table.full_name, {}).items():
            looked += 1
            verdict = lake.ledger.latest_verdict(table.full_name, key)
            counts = verdict.counts if verdict else None
            found = (
                standings.of(table.name, key).kind.value,
                (counts.rows_in, counts.admitted, counts.quarantined, counts.duplicates, counts.held) if counts else (0,) * 5,
                (dict(counts.dropped) if counts else {}, dict(verdict.quarantine_reasons) if verdict else {}),
                not counts or counts.conserved,
            )
            numbers = (expected.rows_in, expected.admitted, expected.quarantined, expected.duplicates, expected.held)
            wanted = (expected.state, numbers, (dict(expected.dropped), dict(expected.reasons)), True)
            if found != wanted:
                wrong.append((table.name, key, found, wanted))
    assert wrong == []
    assert looked == 4 * 20 + 3 * 19  # of settlements there are none on the first day


@pytest.mark.slow
def test_each_quarantined_row_is_a_planted_defect_with_exactly_its_reasons(sample: Ran, product: Product) -> None:
    lake, manifest, _ = sample
    sha = {file.file: file.sha256[:32] for file in manifest.files}
    planted = {
        (d.table, f"{sha[d.file]}:{d.record}"): tuple(sorted(d.reasons)) for d in manifest.defects if d.outcome == "quarantined"
    }
    found = {}
    with lake.connect() as con:
        for table in product.tables:
            source = quarantined(lake, table.full_name)
            for row_id, reasons in con.execute(f"SELECT row_id, reasons FROM {source}").fetchall():
                found[table.full_name, row_id] = tuple(sorted(reasons))
    assert found == planted
    assert len(planted) == 136  # 96 of them on the day whose prices were in cents


@pytest.mark.slow
def test_the_kpi_of_every_day_is_the_generators_own(sample: Ran) -> None:
    lake, manifest, _ = sample
    found = {key: tuple(said) for key, *said in rows(lake, KPI, "partition_key, half_hours, energy, mean_price")}
    assert found == {
        day: (k.half_hours, pytest.approx(k.energy, abs=1e-6), pytest.approx(k.mean_price, abs=1e-9))
        for day, k in manifest.kpi.items()
    }
    assert len(found) == DAYS - 2


@pytest.mark.slow
def test_features_are_what_a_slow_walk_over_the_admitted_half_hours_finds_before_each(sample: Ran) -> None:
    lake, _, _ = sample
    market = {
        (region, at): (demand, price, planned)
        for region, at, demand, price, planned in rows(
            lake, "power_price.silver.market", "region, timezone('UTC', half_hour), demand, price, scheduled_import"
        )
    }
    columns = (
        "region, timezone('UTC', half_hour), slot, weekday, scheduled_import, price_before, price_above, price_above_day_before, "
        "mean_price_day_before, demand_before, demand_change"
    )
    found = rows(lake, FEATURES, columns)
    assert len(found) > 1400
    assert any(row[5] is None for row in found)  # the half hour before it is in quarantine
    for region, at, *features in found:
        day_before = [p for (r, t), (_, p, _) in market.items() if r == region and t.date() == at.date() - DAY]
        mean = sum(day_before) / len(day_before)
        before, yesterday = market.get((region, at - HALF_HOUR)), market.get((region, at - DAY))
        by_hand = [
            at.hour * 2 + at.minute // 30,
            at.isoweekday(),
            market[region, at][2],
            before[1] if before else None,
            before[1] - mean if before else None,
            yesterday[1] - mean if yesterday else None,
            mean,
            before[0] if before else None,
            before[0] - yesterday[0] if before and yesterday else None,
        ]
        assert features == [None if value is None else pytest.approx(value, abs=1e-9) for value in by_hand], (region, at)


@pytest.mark.slow
def test_a_feature_of_a_half_hour_does_not_move_with_anything_that_is_known_later(tmp_path: Path, product: Product) -> None:
    """The same day twice, the second time with other demands and prices from 12:00 on: no feature of a half hour up to 12:00 moves."""
    found = []
    for name in ("as_it_was", "changed"):
        settings = Settings(state=tmp_path / name / "state", landing=tmp_path / name / "landing")
        power_price.write(settings.landing, days=3)
        file = settings.landing / "market" / "market_2025-01-08.csv"
        if name == "changed":
            records = list(csv.reader(file.read_text(encoding="utf-8").splitlines()))
            for record in records[1:]:
                if record[1] >= "2025-01-08T12:00:00Z":
                    record[2], record[3] = "9999.0", "99.00"
            file.write_text("\n".join(",".join(record) for record in records) + "\n", encoding="utf-8")
        lake = Lakehouse.open(settings)
        for table in ("raw_market", "market", "price_features"):
            for day in ("2025-01-06", "2025-01-07", "2025-01-08"):
                run_step(lake, settings, product, table, day)
        found.append(rows(lake, FEATURES, "half_hour, region, price_before, price_above, demand_before, demand_change"))
    noon = datetime.datetime(2025, 1, 8, 12, tzinfo=datetime.UTC)
    until = [[row for row in each if row[0] <= noon] for each in found]
    assert until[0] == until[1]
    assert [row for row in found[0] if row[0] > noon] != [row for row in found[1] if row[0] > noon]


class AsBefore:
    """Scores by the half hour before: above the mean of the day before is likely to stay above."""

    def scores(self, model: ModelVersion, features: pd.DataFrame) -> np.ndarray[Any, Any]:
        return 1 / (1 + np.exp(-np.asarray(features["price_above"].fillna(0), dtype=np.float64) / 10))


@pytest.mark.slow
def test_scores_and_what_they_were_worth_follow_the_first_champion_without_waiting_for_the_days_before_it(
    tmp_path: Path, product: Product
) -> None:
    settings = Settings(state=tmp_path / "state", landing=tmp_path / "landing")
    power_price.write(settings.landing, days=5)
    lake = Lakehouse.open(settings)
    days = keys_between(product, "2025-01-06", "2025-01-10")
    made = [table.name for table in product.tables if table.name not in SCORED]
    for table in made:
        for day in days:
            run_step(lake, settings, product, table, day)
    model = lake.ledger.models.record_model(
        ModelVersion("power_price", 0, "no training set", "recipe", "code", "a" * 64, "s" * 64, 0.5, "run", "ann@example.com")
    )
    promote(lake, model)

    def run(table: str, day: str) -> StepResult:
        return run_step(lake, settings, product, table, day, scorer=AsBefore())

    assert [run(table, "2025-01-10").kind for table in SCORED] == ["admitted", "admitted"]
    early = product.by_name["price_prediction_outcomes"].full_name
    verdict = lake.ledger.latest_verdict(early, "2025-01-10")
    assert verdict is not None and verdict.counts.admitted == 0  # what was settled on the 10th is of the 9th
    assert "left out, as declared: price_predictions/2025-01-09 absent" in " ".join(verdict.notes)

    assert run("price_predictions", "2025-01-09").kind == "admitted"
    assert run("price_prediction_outcomes", "2025-01-10").kind == "admitted"
    found = rows(lake, early, "region, half_hour, score, prediction, model_version, is_dearer")
    assert len(found) > 85
    assert {row[4] for row in found} == {model.name}
    assert all(row[3] is (row[2] >= 0.5) for row in found)
    labels = {(r, at): label for r, at, label in rows(lake, LABELS, "region, half_hour, is_dearer")}
    assert all(labels[row[0], row[1]] is row[5] for row in found)


@pytest.mark.slow
def test_nothing_is_scored_before_there_is_a_champion(sample: Ran, product: Product) -> None:
    lake, _, _ = sample
    standings = Standings(product, lake, now=clock())
    for table in SCORED:
        assert {standings.of(table, key).kind.value for key in keys_between(product, "2025-01-08", "2025-01-13")} == {"not_due"}
        assert lake.ledger.latest_verdicts(product.by_name[table].full_name) == {}
