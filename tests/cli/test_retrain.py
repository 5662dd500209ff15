"""`readiness retrain`: what is asked for is on record; what is not due, or another run is at, is said and left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from readiness_pipelines.flow import Retrain, Severity
from readiness_pipelines.ledger.running import at_work
from tests.cli.said import Said, commands_in
from tests.modelled import Parcels, build_parcels, orders_of
from tests.services import variables

SIGNED = ("--by", "ann", "--reason", "new returns policy")
BY_THE_CLOCK = ("--by", "schedule", "--reason", "every Monday")


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


def test_what_no_person_asked_for_waits_for_the_loop_to_be_resumed(parcels: Parcels, readiness: Said) -> None:
    retrains = parcels.lake.ledger.retrains
    retrains.request(Retrain("parcels", 0, "requested", "2025-01-08", Severity.MEDIUM, ("e1",), "drift", "policy"))
    retrains.pause("parcels", by="bob", reason="migration")
    code, said = readiness("retrain", "parcels", *BY_THE_CLOCK)
    assert code == 1
    assert "retrain 1 waits for `readiness resume parcels`: no person asked for it, and the loop is paused" in said


def test_what_no_person_asked_for_waits_where_it_is_over_the_weeks_budget(parcels: Parcels, readiness: Said) -> None:
    parcels.declare("risk_tier: low", "risk_tier: low\n    retraining: {per_week: 1}")
    retrains = parcels.lake.ledger.retrains
    readiness("retrain", "parcels", *SIGNED, "--no-run")
    taken = retrains.start("parcels", 1, "run-1", is_over=lambda run: True)
    assert taken is not None and retrains.end(taken)
    code, said = readiness("retrain", "parcels", *BY_THE_CLOCK)
    assert code == 1
    assert "retrain 2 waits until 20" in said and "the week's budget (retraining.per_week) is used up" in said
