"""The report as a reader sees it: wide and narrow, light, dark and printed, with nothing that sticks out or asks for more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from readiness_pipelines.reports import page as html
from readiness_pipelines.reports.facts import Decision, State, ToLookAt
from tests.chromium import CHROMIUM, STICKS_OUT, look, picture
from tests.reports.scene import report_of
from tests.reports.test_page import a_table
from tests.shop import Shop

if CHROMIUM is None:
    pytest.skip("no Chromium on the path", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("width", [1400, 1000])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_asks_for_nothing(played: Shop, browser: sync_api.Browser, tmp_path: Path, width: int, scheme: str) -> None:
    page = look(browser, html(report_of(played)), tmp_path, width=width, scheme=scheme)
    sync_api.expect(page.get_by_text("1 held, 1 undecided and 1 missing")).to_be_visible()
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 24, 29)")
    picture(page, f"gates_report_{width}_{scheme}", full_page=True, clip={"x": 0, "y": 0, "width": width, "height": 1640})
    page.close()


@pytest.mark.parametrize("width", [1400, 1000])
def test_long_words_are_broken(played: Shop, browser: sync_api.Browser, tmp_path: Path, width: int) -> None:
    long = "word" * 60
    report = replace(
        report_of(played, 1, 1),
        owner=long,
        description=long,
        tables=(a_table(long),),
        to_look_at=(ToLookAt(f"p.{long}", "2025-01-01", State.HELD, (long,), (f"readiness held show {long}",)),),
        looked_at=1,
        decisions=(Decision(f"p.{long}", "2025-01-01", "2025-01-01T00:00", long, 1, long, long),),
        decided=1,
    )
    look(browser, html(report), tmp_path, width=width).close()


def test_it_prints_on_white_paper_whatever_the_screen(played: Shop, browser: sync_api.Browser, tmp_path: Path) -> None:
    page = look(browser, html(report_of(played)), tmp_path, width=1000, scheme="dark")
    page.set_viewport_size({"width": 720, "height": 1000})  # A4 within its margins
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate(STICKS_OUT) == []
    page.close()
