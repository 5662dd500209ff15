"""Training sets of real versions: which rows they have, that they stay what they are, and that they are kept."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from readiness_pipelines.declarations import model_spec
from readiness_pipelines.errors import BrokenInvariant, ReadinessError, VersionExpired
from readiness_pipelines.flow import TrainingSet
from readiness_pipelines.lakehouse import pins, unpin
from readiness_pipelines.layers.decisions import Signed, withdraw
from readiness_pipelines.layers.upkeep import maintain_product
from readiness_pipelines.models.training_set import frame, lay_out, select
from tests.modelled import LAG, MODEL, ORDERS, RETURNS, Parcels, build_parcels, orders_of

LATER = datetime.datetime(2030, 1, 1)


@pytest.fixture(scope="module")
def parcels(tmp_path_factory: pytest.TempPathFactory) -> Parcels:
    """Seven days, of which nothing is changed."""
    parcels = build_parcels(tmp_path_factory.mktemp("parcels"))
    parcels.fill(range(1, 8))
    return parcels


@pytest.fixture
def few(tmp_path: Path) -> Parcels:
    """Four days; the orders of the first two have labels."""
    parcels = build_parcels(tmp_path, model=MODEL.replace("holdout_days: 3", "holdout_days: 1"))
    parcels.fill(range(1, 5))
    return parcels


def selected(parcels: Parcels, day: int) -> TrainingSet:
    return select(parcels.product, parcels.lake, cut_off=parcels.day(day))


def test_a_training_set_says_what_it_has_of_the_orders_and_what_it_left_out(parcels: Parcels) -> None:
    found = selected(parcels, 7)
    days = {number: orders_of(number) for number in range(1, 6)}  # those of which it was told
    held = {customer for number in (3, 4, 5) for customer in days[number]["customer"]}
    kept = [np.array([customer not in held for customer in days[number]["customer"]]) for number in (1, 2)]
    assert (found.rows, found.rows_holdout) == (2100, 900)
    assert found.rows_train == sum(int(mask.sum()) for mask in kept)
    assert found.left_out == {"no_label_yet": 600, "person_in_holdout": 600 - found.rows_train}
    assert found.rows == found.rows_train + found.rows_holdout + sum(found.left_out.values())
    assert found.positives_train == sum(int(days[i]["returned"][mask].sum()) for i, mask in zip((1, 2), kept, strict=True))
    assert found.positives_holdout == sum(int(days[i]["returned"].sum()) for i in (3, 4, 5))
    assert (found.holdout_from, found.leaks, found.trained_on) == ("2025-01-03T00:00:00", (), ("2025-01-01", "2025-01-02"))
    first = days[1]["ordered_at"][kept[0]][0]
    assert (f"{found.train_from}Z", f"{found.holdout_to}Z") == (first, days[5]["ordered_at"][-1])
    assert {v.partition for v in found.versions if v.table == ORDERS} == {parcels.day(i) for i in range(1, 8)}
    assert {v.partition for v in found.versions if v.table == RETURNS} == {parcels.day(i) for i in range(1 + LAG, 8)}


def test_its_rows_are_the_delivered_ones_in_order_of_time(parcels: Parcels) -> None:
    found = selected(parcels, 7)
    rows = frame(parcels.lake, parcels.product, found, part="holdout")
    days = [orders_of(number) for number in (3, 4, 5)]
    wanted = ["row_id", "partition_key", "part", "label", "time", "person", "baseline"]
    assert list(rows.columns) == [*wanted, "amount", "items", "weight", "channel", "region", "age_band"]
    assert rows["time"].is_monotonic_increasing and set(rows["part"]) == {"holdout"}
    assert sorted(rows["amount"]) == sorted(float(x) for day in days for x in day["amount"])
    assert rows["label"].sum() == found.positives_holdout and rows["label"].dtype == bool
    assert list(rows["baseline"].unique()) == [found.positives_train / found.rows_train]
    assert rows["weight"].isna().sum() == sum(sum(w is None for w in day["weight"]) for day in days)
    assert str(rows["items"].dtype) == "float64"
    train = frame(parcels.lake, parcels.product, found, part="train")
    assert len(train) == found.rows_train and set(train["person"]).isdisjoint(rows["person"])


def test_a_declared_baseline_and_no_groups_are_what_they_say(parcels: Parcels) -> None:
    product = parcels.product
    assert product.model is not None
    words = product.model.words
    said = words.model_copy(update={"groups": [], "baseline": words.baseline.model_copy(update={"sql": "amount / items"})})
    other = replace(product, model=replace(product.model, words=said))
    found = select(other, parcels.lake, cut_off=parcels.day(7))
    rows = frame(parcels.lake, other, found, part="train")
    assert found.left_out == {"no_label_yet": 600} and len(rows) == 600
    assert list(rows["person"]) == list(rows["row_id"])
    assert np.allclose(rows["baseline"], rows["amount"] / rows["items"])


def test_the_same_is_selected_once(parcels: Parcels) -> None:
    first = selected(parcels, 6)
    before = parcels.lake.ledger.models.training_sets("parcels")
    assert selected(parcels, 6) == first
    assert parcels.lake.ledger.models.training_sets("parcels") == before
    assert f"model-parcels-{first.id[:12]}" in pins(parcels.lake, ORDERS)
    assert f"model-parcels-{first.id[:12]}" in pins(parcels.lake, RETURNS)


def test_a_training_set_without_any_label_is_a_result_and_has_no_rows(parcels: Parcels) -> None:
    found = selected(parcels, 2)
    assert (found.rows, found.left_out, found.holdout_from) == (600, {"no_label_yet": 600}, "")
    assert (found.rows_train, found.rows_holdout, found.leaks, found.trained_on) == (0, 0, (), ())
    assert frame(parcels.lake, parcels.product, found, part="train").empty
    nothing = select(parcels.product, parcels.lake, cut_off="2024-12-31")
    assert (nothing.rows, nothing.versions, nothing.left_out) == (0, (), {})


def test_what_is_no_partition_or_has_no_model_is_refused(parcels: Parcels) -> None:
    with pytest.raises(ReadinessError, match="found the cut-off '2025-1', expected a partition of parcels as in 2025-01-01"):
        select(parcels.product, parcels.lake, cut_off="2025-1")
    with pytest.raises(ReadinessError, match="parcels has no model, expected `model:` in its defs.yaml"):
        select(replace(parcels.product, model=None), parcels.lake, cut_off=parcels.day(7))


def test_a_model_that_is_declared_otherwise_needs_another_training_set(parcels: Parcels) -> None:
    found = selected(parcels, 7)
    product = parcels.product
    assert product.model is not None
    other = replace(product, model=replace(product.model, features=product.model.features[:2]))
    with pytest.raises(
        ReadinessError, match=f"the training set {found.id[:12]} was selected for a model that was declared otherwise"
    ):
        frame(parcels.lake, other, found, part="train")
    assert select(other, parcels.lake, cut_off=parcels.day(7)).id != found.id


def test_a_release_that_reads_the_same_versions_otherwise_selects_anew(parcels: Parcels, monkeypatch: pytest.MonkeyPatch) -> None:
    found = selected(parcels, 7)
    monkeypatch.setattr(model_spec, "_MEANING", model_spec._MEANING + 1)
    with pytest.raises(ReadinessError, match="declared otherwise, or by an older release; select it anew"):
        frame(parcels.lake, parcels.product, found, part="train")
    assert selected(parcels, 7).id != found.id and found in parcels.lake.ledger.models.training_sets("parcels")


def test_versions_that_give_other_rows_than_were_counted_are_a_bug(parcels: Parcels) -> None:
    found = selected(parcels, 7)
    with parcels.lake.connect() as con, pytest.raises(BrokenInvariant, match=r"rows, expected 1 to train on and 900 held out"):
        lay_out(con, parcels.lake, parcels.product, replace(found, rows_train=1))


def test_two_training_sets_lie_side_by_side_in_one_connection(parcels: Parcels) -> None:
    with parcels.lake.connect() as con:
        names = [lay_out(con, parcels.lake, parcels.product, selected(parcels, day)) for day in (6, 7)]
        counted = [con.execute(f"SELECT max(time) FROM {name}").fetchall()[0][0].date() for name in names]
    assert counted == [datetime.date(2025, 1, 4), datetime.date(2025, 1, 5)]


def test_a_planted_leak_is_named(tmp_path: Path) -> None:
    parcels = build_parcels(tmp_path)
    days = range(1, 6)
    parcels.land(days)
    for number in days:
        orders = orders_of(number)
        parcels.land_orders(number, orders | {"weight": np.where(orders["returned"], 9.5, 1.5).astype(object)})
    parcels.declare("holdout_days: 3", "holdout_days: 1")
    parcels.run(days)
    assert selected(parcels, 5).leaks == ("weight is the label, row by row: one of its two values for each class",)


def test_late_data_give_another_training_set_and_change_nothing_of_the_older_one(few: Parcels) -> None:
    old = selected(few, 4)
    before = frame(few.lake, few.product, old, part="train")
    few.land_orders(1, orders_of(1, rows=350), suffix="_late")
    few.run([1])
    new = selected(few, 4)
    assert new.id != old.id and new.rows == old.rows + 50
    list(maintain_product(few.product, few.lake, now=LATER, keep_days=0))
    assert frame(few.lake, few.product, old, part="train").equals(before)


def test_a_later_day_changes_nothing_of_an_older_cut_off(few: Parcels) -> None:
    old = selected(few, 4)
    few.fill([5])
    assert selected(few, 4) == old and selected(few, 5).id != old.id


def test_what_was_withdrawn_is_not_selected_any_more(few: Parcels) -> None:
    withdraw(few.lake, few.product.by_name["orders"], few.day(1), to="nothing", signed=Signed("anna", "of another shop"))
    few.run([1], tables=["orders"])
    found = selected(few, 4)
    assert few.day(1) not in {v.partition for v in found.versions if v.table == ORDERS} and found.rows == 900


def test_versions_whose_pin_was_taken_away_expire_and_that_is_told(few: Parcels) -> None:
    old = selected(few, 4)
    few.land_orders(1, orders_of(1, rows=350), suffix="_late")
    few.run([1])
    for table in (ORDERS, RETURNS):
        unpin(few.lake, table, name=f"model-parcels-{old.id[:12]}")  # as an erasure does
    list(maintain_product(few.product, few.lake, now=LATER, keep_days=0))
    with pytest.raises(VersionExpired):
        frame(few.lake, few.product, old, part="train")
