"""Which rows of a window are news to a model, where they cannot be told."""

from __future__ import annotations

from pathlib import Path

from readiness_pipelines.flow import Severity
from readiness_pipelines.response.rollback import has_news
from tests import challenged
from tests.drifted import judged, measured
from tests.modelled import build_parcels


def test_rows_that_cannot_be_matched_with_what_was_scored_are_news(tmp_path: Path) -> None:
    parcels = build_parcels(tmp_path)
    spec = parcels.product.model
    assert spec is not None
    for table in ("parcels.gold.return_rate", "parcels.gold.gone"):  # without the columns of the label, and not declared any more
        report = judged(measured(product="parcels", table=table), Severity.CRITICAL)
        learned = challenged.training_set(product="parcels")
        assert has_news(parcels.product, parcels.lake, spec, report, learned, cut_off="2025-01-08")
