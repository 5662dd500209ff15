"""What a champion was trained on as the reference of monitors: which versions, kept by whom, and again after a roll back."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from readiness_pipelines.drift import measure, register_training_set
from readiness_pipelines.flow import TrainingSet
from readiness_pipelines.lakehouse import pins
from readiness_pipelines.layers.upkeep import maintain_product
from readiness_pipelines.models.training_set import select
from tests.modelled import MODEL, ORDERS, WATCHED, Parcels, build_parcels, orders_of

NOW, LATER = datetime.datetime(2025, 2, 1), datetime.datetime(2030, 1, 1)
RATES = """\
    - table: return_rate
      window: {days: 2, step: 2}
      reference: training_set
      min_rows: 2
"""


@pytest.fixture
def parcels(tmp_path: Path) -> Parcels:
    parcels = build_parcels(tmp_path, model=MODEL.replace("holdout_days: 3", "holdout_days: 1"), watched=WATCHED)
    parcels.fill(range(1, 6))
    return parcels


def selected(parcels: Parcels, day: int) -> TrainingSet:
    return select(parcels.product, parcels.lake, cut_off=parcels.day(day))


def registered(parcels: Parcels, of: TrainingSet) -> list[tuple[str, list[str]]]:
    """Register, and return of each reference its name and its partitions."""
    found = register_training_set(parcels.product, parcels.lake, of, by="anna", reason="promoted")
    return [(each.reference.name, [v.partition for v in each.reference.versions]) for each in found]


def test_the_reference_is_what_was_trained_on_and_windows_are_compared_with_it(parcels: Parcels) -> None:
    on = selected(parcels, 5)
    assert registered(parcels, on) == [(f"training set {on.id[:12]}", [parcels.day(1), parcels.day(2)])]
    (known,) = parcels.lake.ledger.drift.references("parcels", "orders")
    assert (known.by, known.reason) == ("anna", "promoted")
    assert set(known.reference.versions) <= set(on.versions)
    found = {each.report.measured.window.first: each.report for each in measure(parcels.product, parcels.lake, now=NOW)}
    assert {report.measured.reference for report in found.values()} == {known.reference}
    assert found[parcels.day(1)].measured.measurements[0].effect == 0 and found[parcels.day(1)].measured.rows_reference == 600


def test_registering_again_changes_nothing_and_pins_nothing_of_its_own(parcels: Parcels) -> None:
    on = selected(parcels, 5)
    before = pins(parcels.lake, ORDERS)
    assert registered(parcels, on) == registered(parcels, on)
    assert len(parcels.lake.ledger.drift.references("parcels", "orders")) == 1
    assert pins(parcels.lake, ORDERS) == before == (f"model-parcels-{on.id[:12]}",)


def test_a_monitor_that_is_declared_otherwise_gets_its_reference_anew(parcels: Parcels) -> None:
    on = selected(parcels, 5)
    registered(parcels, on)
    parcels.declare("reference: training_set\n      features: [amount,", "reference: training_set\n      features: [")
    registered(parcels, on)
    assert len(parcels.lake.ledger.drift.references("parcels", "orders")) == 2


def test_an_older_champion_s_is_the_reference_again_although_its_versions_are_superseded(parcels: Parcels) -> None:
    old = selected(parcels, 5)
    first = register_training_set(parcels.product, parcels.lake, old, by="anna", reason="promoted")
    parcels.land_orders(1, orders_of(1, rows=350), suffix="_late")
    parcels.run([1])
    registered(parcels, selected(parcels, 5))
    list(maintain_product(parcels.product, parcels.lake, now=LATER, keep_days=0))
    again = register_training_set(parcels.product, parcels.lake, old, by="anna", reason="rolled back")
    assert [each.reference for each in again] == [each.reference for each in first]
    assert [each.reason for each in parcels.lake.ledger.drift.references("parcels", "orders")] == [
        "promoted",
        "promoted",
        "rolled back",
    ]


def test_of_another_table_the_same_partitions_as_they_are_admitted_now_are_pinned(tmp_path: Path) -> None:
    parcels = build_parcels(tmp_path, model=MODEL.replace("holdout_days: 3", "holdout_days: 1"), watched=WATCHED + RATES)
    parcels.fill(range(1, 7))
    early, late = selected(parcels, 4), selected(parcels, 6)
    rate = "parcels.gold.return_rate"
    assert [name for name, _ in registered(parcels, early)] == [f"training set {early.id[:12]}"]  # no rate of the first day
    parcels.run(range(3, 7), tables=["return_rate"])
    assert registered(parcels, late) == [
        (f"training set {late.id[:12]}", [parcels.day(i) for i in (1, 2, 3)]),
        (f"training set {late.id[:12]}", [parcels.day(3)]),
    ]
    assert len(pins(parcels.lake, rate)) == 1 and pins(parcels.lake, rate)[0].startswith("drift-parcels-return_rate-")


def test_monitors_with_another_reference_are_left_alone(tmp_path: Path) -> None:
    parcels = build_parcels(tmp_path, watched=WATCHED.replace("training_set", "previous_window"))
    parcels.fill(range(1, 5))
    assert registered(parcels, selected(parcels, 4)) == []
    assert parcels.lake.ledger.drift.references("parcels", "orders") == []
