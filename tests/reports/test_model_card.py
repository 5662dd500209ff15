"""A model's card: all that is on record about it, on one page that needs nothing beside itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from readiness_pipelines.declarations import Product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import Judged, Status
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.models.evidence import evidence_of
from readiness_pipelines.reports.model_card import card_of
from readiness_pipelines.reports.model_plots import calibration_plot, intervals_plot
from tests import challenged
from tests.modelled import build_parcels

BETTER = Judged("better", Status.PASSED, value=0.1, low=0.05, high=0.15, limit=0.0, n=20)
SLICE = Judged(
    "slice:region", Status.FAILED, about="region=<north>", value=-0.2, low=None, high=-0.1, limit=-0.05, n=9, note="it loses & more"
)
MORE: dict[str, Any] = {
    "metric": "roc_auc",
    "challenger": 0.8123,
    "against": 0.7123,
    "blocks_are": "persons",
    "calibration": {"challenger": [[0.1, 0.2, 10], [0.9, 0.8, 10]], "champion": [[0.1, 0.1, 10], [0.9, None, 0]]},
    "groups": {
        "age_band": {
            "measure": "equal_opportunity",
            "groups": [
                GROUP := {
                    "name": "age_band=#1",
                    "rows": 12,
                    "positives": 5,
                    "predicted": 0.5,
                    "found": 0.75,
                    "mistaken": None,
                    "is_judged": False,
                }
            ],
        }
    },
}


@pytest.fixture
def judged(tmp_path: Path) -> Iterator[tuple[Product, Lakehouse]]:
    """The parcels with one model on record; nothing was trained."""
    parcels = build_parcels(tmp_path)
    models, used = parcels.lake.ledger.models, challenged.training_set(product="parcels")
    models.record_training_set(used)
    made = models.record_model(challenged.model("a" * 64, product="parcels", of=used))
    verdict = replace(challenged.verdict(made), judged=(BETTER, SLICE), more=MORE)
    models.record_verdict(verdict, evidence_of(parcels.product, made, verdict, severity=challenged.Severity.NONE))
    yield parcels.product, parcels.lake


def test_the_card_says_what_it_is_what_was_found_and_who_decided(judged: tuple[Product, Lakehouse]) -> None:
    product, lake = judged
    html = card_of(product, lake, 1)
    assert "The promotion gate rejects it: slice:region region=&lt;north&gt;" in html, "a value is text, never markup"
    assert "a" * 64 in html and "Nobody has decided yet." in html
    for said in (
        "left out: no label yet",
        "roc_auc: 0.8123, of the declared baseline 0.7123",
        "20 rows of 2 persons",
        "it loses &amp; more",
        "95% bounds",
        "above the lower bound and below the upper one",
    ):
        assert said in html, said
    assert "open to -0.1" in html and "75.0%" in html and "too few rows" in html
    judgement = lake.ledger.models.judgement("parcels", 1)
    assert judgement is not None
    lake.ledger.models.record_review(challenged.review(judgement.evidence, approve=False))
    later = card_of(product, lake, 1)
    assert "rejected" in later and "it was looked at" in later and "Nobody has decided yet." not in later


def test_the_card_loads_nothing_and_runs_nothing(judged: tuple[Product, Lakehouse]) -> None:
    html = card_of(*judged, 1)
    assert "default-src &#x27;none&#x27;" in html
    assert "<script" not in html and "http" not in html.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")


def test_a_model_that_is_not_there_has_no_card(judged: tuple[Product, Lakehouse]) -> None:
    with pytest.raises(ReadinessError, match="found no model 2"):
        card_of(*judged, 2)


def test_an_interval_that_is_open_goes_to_the_edge_and_a_curve_leaves_out_empty_bins() -> None:
    plot = intervals_plot([BETTER, SLICE], alone=True)
    assert plot.count("<circle") == 2 and "M190.0 54" in plot
    assert "0.15" in plot and "xmlns" in plot
    assert intervals_plot([]) == ""
    curves = calibration_plot(MORE["calibration"])
    assert curves.count('class="line-window"') == 2 and "xmlns" not in curves, "a curve and its mark in the legend"
