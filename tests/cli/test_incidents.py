"""`readiness incidents`: a model that waits is one among the others, with its command, until somebody has decided."""

from __future__ import annotations

from pathlib import Path

import pytest

from readiness_pipelines.models.reviewing import decide
from tests.challenged import challenge
from tests.cli.said import Said, commands_in
from tests.modelled import MODEL, Parcels, build_parcels
from tests.services import variables


@pytest.fixture
def parcels(tmp_path: Path) -> Parcels:
    """A product with a model at tier medium for which nothing is due."""
    parcels = build_parcels(tmp_path, model=MODEL.replace("risk_tier: low", "risk_tier: medium"))
    parcels.declare("2025-01-0", "2999-01-0")
    parcels.settings.landing.mkdir(parents=True, exist_ok=True)
    return parcels


@pytest.fixture
def readiness(parcels: Parcels, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    return commands_in(parcels.root, variables(parcels.root, {}), monkeypatch, capsys)


def test_a_model_that_waits_is_listed_until_it_is_decided(parcels: Parcels, readiness: Said) -> None:
    assert readiness("incidents", "parcels")[0] == 0
    challenge(parcels.product, parcels.lake.ledger)
    code, said = readiness("incidents", "parcels", "--json")
    assert code == 1
    assert '"kind": "waits"' in said and "`readiness review show parcels 1`" in said
    decide(parcels.product, parcels.lake, number=1, approve=False, by="ann", reason="too few rows")
    assert readiness("incidents", "parcels")[0] == 0
    assert "resolved" in readiness("incidents", "parcels", "--all", "--json")[1]
