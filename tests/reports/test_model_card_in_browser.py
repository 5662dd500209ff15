"""A model's card as a reader sees it: wide and narrow, light, dark and printed, with nothing that sticks out or is cut off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from readiness_pipelines.flow import ModelVerdict, Severity
from readiness_pipelines.models.evidence import evidence_of
from readiness_pipelines.reports.model_card import card_of
from tests import challenged
from tests.chromium import CHROMIUM, look, picture
from tests.modelled import build_parcels
from tests.models.judging.scene import TRAINING_SET, hard_on_the_old, holdout, rows, spec, verdict

if CHROMIUM is None:
    pytest.skip("no Chromium on the path", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = [pytest.mark.browser, pytest.mark.slow]

_CLIPPED = """() => [...document.querySelectorAll('th, td, p, li, h1, h2, h3')].filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth)
  .map(e => e.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def found() -> ModelVerdict:
    """A verdict with all there can be: failed, undecided and passed rules, people left out, a slice that is too small."""
    frame = holdout()
    slices = [{"column": "region", "min_rows": 50}, {"column": "age_band", "min_rows": 5000}]
    known = tuple(frame["person"].unique()[:200])
    return verdict(hard_on_the_old, frame=frame, of=spec(slices=slices), champion_seen=rows("r", persons=known))


def card(folder: Path, found: ModelVerdict) -> str:
    parcels = build_parcels(folder)
    models = parcels.lake.ledger.models
    models.record_training_set(TRAINING_SET)
    made = models.record_model(challenged.model(found.challenger, product="parcels", of=TRAINING_SET))
    models.record_verdict(found, evidence_of(parcels.product, made, found, severity=Severity.HIGH))
    return card_of(parcels.product, parcels.lake, 1)


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (900, "dark")])
def test_it_fits_and_asks_for_nothing(
    found: ModelVerdict, browser: sync_api.Browser, tmp_path: Path, width: int, scheme: str
) -> None:
    page = look(browser, card(tmp_path, found), tmp_path, width=width, scheme=scheme)
    sync_api.expect(page.get_by_text("The promotion gate rejects it: fairness:age_band")).to_be_visible()
    sync_api.expect(page.get_by_text("people whom the champion has learned from")).to_be_visible()
    sync_api.expect(page.get_by_text("are too few to judge, also together")).to_be_visible()  # strict: it is said once
    assert page.evaluate(_CLIPPED) == []
    heights = page.evaluate("[...document.querySelectorAll('td span.line')].map(e => e.getClientRects().length)")
    assert set(heights) == {1}, "a short name of a rule is not broken"
    ink = page.evaluate("getComputedStyle(document.querySelector('.plot .ink')).fill")
    assert ink == ("rgb(29, 39, 51)" if scheme == "light" else "rgb(228, 233, 238)")
    picture(page, f"model_card_{width}_{scheme}", full_page=True)
    page.close()


def test_long_names_are_broken_and_print_on_white_paper(found: ModelVerdict, browser: sync_api.Browser, tmp_path: Path) -> None:
    def long(each: Any) -> Any:
        return replace(each, about=f"{each.about}=" + "word" * 40, note="note" * 60)

    page = look(browser, card(tmp_path, replace(found, judged=tuple(map(long, found.judged)))), tmp_path, width=1000, scheme="dark")
    assert page.evaluate(_CLIPPED) == []
    page.set_viewport_size({"width": 720, "height": 1000})  # A4 within its margins
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    picture(page, "model_card_print", full_page=True)
    page.close()
