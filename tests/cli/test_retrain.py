"""`readiness retrain`: what is asked for is on record; what is not due, or another run is at, is said and left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from readiness_pipelines.flow import Retrain, Severity
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.ledger.running import at_work
from readiness_pipelines.response import due
from tests.cli.said import Said, commands_in
from tests.modelled import Parcels, build_parcels, orders_of
from tests.services import variables
from tests.shop import build_shop

SIGNED = ("--by", "ann", "--reason", "new returns policy")


@pytest.fixture
def parcels(tmp_path: Path) -> Parcels:
    parcels = build_parcels(tmp_path)
    parcels.land_orders(1, orders_of(1, rows=20))
    parcels.run([1], tables=("raw_orders", "orders"))
    return parcels


@pytest.fixture
def readiness(parcels: Parcels, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    return commands_in(parcels.root, variables(parcels.root, {}), monkeypatch, capsys)


def test_it_is_asked_for_with_who_and_why_and_up_to_when(parcels: Parcels, readiness: Said) -> None:
    code, said = readiness("retrain", "parcels", *SIGNED, "--cut-off", "2025-01-02", "--no-run")
    assert (code, said.strip()) == (0, "recorded: retrain 1 of parcels, data up to 2025-01-02")
    (found,) = parcels.lake.ledger.retrains.retrains("parcels")
    assert (found.state, found.by, found.reason, found.cut_off) == ("requested", "ann", "new returns policy", "2025-01-02")


def test_what_is_no_partition_is_refused(readiness: Said) -> None:
    code, said = readiness("retrain", "parcels", *SIGNED, "--cut-off", "yesterday")
    assert code == 2
    assert "expected partitions as in 2025-01-01" in said


def test_what_another_run_is_at_is_left_to_it(parcels: Parcels, readiness: Said) -> None:
    readiness("retrain", "parcels", *SIGNED, "--no-run")
    parcels.lake.ledger.retrains.start("parcels", 1, "run-1", is_over=lambda run: True)
    with at_work(parcels.settings.state, "run-1"):
        code, said = readiness("retrain", "parcels", *SIGNED)
    assert (code, "run run-1 is at retrain 1: nothing to do here" in said) == (1, True)


@pytest.mark.parametrize("by", ["schedule", "Schedule ", "policy"])
def test_nobody_asks_in_the_name_of_what_asks_by_itself(by: str, parcels: Parcels, readiness: Said) -> None:
    code, said = readiness("retrain", "parcels", "--by", by, "--reason", "every Monday")
    assert (code, f"found {by!r} as who decides, expected a person" in said) == (2, True), said
    assert parcels.lake.ledger.retrains.retrains("parcels") == []


def test_what_policy_or_schedule_asked_for_and_had_to_wait_is_a_persons_who_asks_too(parcels: Parcels, readiness: Said) -> None:
    """Neither the pause nor the week's budget is in its way then."""
    retrains = parcels.lake.ledger.retrains
    wanted = Retrain("parcels", 0, "requested", "2025-01-01", Severity.MEDIUM, ("e1",), "drift", "policy", not_before="2099-01-01")
    retrains.request(wanted)
    retrains.pause("parcels", by="bob", reason="migration")
    assert due(parcels.product, parcels.lake.ledger, now=clock()) is None
    assert readiness("retrain", "parcels", *SIGNED, "--no-run")[0] == 0
    found = due(parcels.product, parcels.lake.ledger, now=clock())
    assert found is not None and (found.id, found.by, found.reason, found.not_before) == (1, "ann", "new returns policy", "")


def test_a_product_without_a_model_is_told_with_those_that_have_one(parcels: Parcels, readiness: Said) -> None:
    build_shop(parcels.root)
    for command in (
        ("retrain", "shop", *SIGNED),
        ("pause", "shop", *SIGNED),
        ("model", "list", "shop"),
        ("review", "show", "shop"),
    ):
        code, said = readiness(*command)
        told = "shop has no model, expected `model:` in its defs.yaml, or a product that has one: parcels"
        assert (code, told in said) == (2, True), said
