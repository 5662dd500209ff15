"""The page about drift as a reader sees it: wide and narrow, light, dark and printed, with nothing that sticks out or overlaps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from readiness_pipelines.reports.drift_columns import monitor_facts
from readiness_pipelines.reports.drift_facts import Decided, DriftFacts, Level
from readiness_pipelines.reports.drift_page import drift_page
from readiness_pipelines.reports.drift_plots import Bar, Histogram
from readiness_pipelines.reports.drift_words import product_sentence
from tests.chromium import CHROMIUM, OVERLAPS, look, picture
from tests.reports.drift_scene import NOW, a_year, build, decision
from tests.shop import build_shop

if CHROMIUM is None:
    pytest.skip("no Chromium on the path", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = [pytest.mark.browser, pytest.mark.slow]

_TEXTS_OVERLAP = """() => [...document.querySelectorAll('svg.plot')].flatMap(plot => {
  const boxes = [...plot.querySelectorAll('text')].map(e => e.getBoundingClientRect());
  const paper = plot.getBoundingClientRect();
  const out = boxes.filter(box => box.right > paper.right + 1 || box.left < paper.left - 1);
  const apart = (a, b) => a.right <= b.left || b.right <= a.left || a.bottom <= b.top + 3 || b.bottom <= a.top + 3;
  return [...out, ...boxes.filter((a, i) => boxes.some((b, j) => i < j && !apart(a, b)))];
}).length"""
_CLIPPED = """() => [...document.querySelectorAll('th, td, p, li, h1, h2, h3')].filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth)
  .map(e => e.outerHTML.slice(0, 120))"""
_BARS = (("≤ 21", 0.1, 0.05), ("21 to 34", 0.31, 0.11), ("34 to 47", 0.2, 0.3), ("> 47", 0.37, 0.41), ("missing", 0.02, 0.13))
WORST = tuple(
    Histogram(name, "distribution (KS) 0.310, critical", Level.CRITICAL, tuple(Bar(*bar) for bar in _BARS))
    for name in ("age", "payer_code", "stay", "a_column_with_quite_a_long_name_of_its_own", "x", "visits_before")
)


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> DriftFacts:
    """Seventy daily windows of 27 features, and a second monitor that waits."""
    monitor, waiting = build(build_shop(tmp_path_factory.mktemp("drift"))).product.monitors
    year = a_year(windows=70, features=27)
    decided = tuple(Decided(f"{each.measured.window.last}T08:15:00", decision(each)) for each in reversed(year[-5:]))
    watched = replace(monitor_facts(monitor, year, measured=70), decisions=decided)
    learning = replace(monitor_facts(waiting, [], measured=0), waits_for="no training set has been registered", due=3)
    return DriftFacts("shop", "Orders of a shop.", "ann", "bob", "day", NOW, (watched, learning))


def fits(page: sync_api.Page) -> None:
    assert page.evaluate(_TEXTS_OVERLAP) == 0
    assert page.evaluate(_CLIPPED) == []


@pytest.mark.parametrize("width", [1400, 1000])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_asks_for_nothing(
    facts: DriftFacts,
    browser: sync_api.Browser,
    tmp_path: Path,
    width: int,
    scheme: str,
) -> None:
    page = look(browser, drift_page(facts, {"patients": WORST}), tmp_path, width=width, scheme=scheme)
    sync_api.expect(page.get_by_text(product_sentence(facts))).to_be_visible()
    fits(page)
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 24, 29)")
    ink = page.evaluate("getComputedStyle(document.querySelector('.plot .ink')).fill")
    assert ink == ("rgb(29, 39, 51)" if scheme == "light" else "rgb(228, 233, 238)")
    picture(page, f"drift_{width}_{scheme}", full_page=True)
    page.close()


def test_each_severity_has_a_colour_and_a_height_of_its_own(
    facts: DriftFacts,
    browser: sync_api.Browser,
    tmp_path: Path,
) -> None:
    for scheme in ("light", "dark"):
        page = look(browser, drift_page(facts, {}), tmp_path, width=1000, scheme=scheme)
        found = {
            class_: page.evaluate(
                f"""() => {{ const mark = document.querySelector('.legend .{class_}');
                return [getComputedStyle(mark).fill, Math.round(mark.getBoundingClientRect().height)] }}"""
            )
            for class_ in ("near", "low", "medium", "high", "critical")
        }
        assert len({colour for colour, _ in found.values()}) == 5
        heights = [height for _, height in found.values()]
        assert heights == sorted(set(heights))
        page.close()


@pytest.mark.parametrize("width", [1400, 1000])
def test_long_words_are_broken(
    facts: DriftFacts,
    browser: sync_api.Browser,
    tmp_path: Path,
    width: int,
) -> None:
    long, watched = "word" * 60, facts.monitors[0]
    columns = tuple(replace(each, name=f"{long}_{n}") for n, each in enumerate(watched.columns))
    performance = {f"city={long}" if group else "": metrics for group, metrics in watched.performance.items()}
    wordy = replace(watched, columns=columns, performance=performance, waits_for=long)
    page = look(
        browser,
        drift_page(replace(facts, description=long, owner=long, monitors=(wordy,)), {"patients": [replace(WORST[0], column=long)]}),
        tmp_path,
        width=width,
    )
    fits(page)
    page.close()


def test_it_prints_on_white_paper_whatever_the_screen(
    facts: DriftFacts,
    browser: sync_api.Browser,
    tmp_path: Path,
) -> None:
    page = look(browser, drift_page(facts, {"patients": WORST}), tmp_path, width=1000, scheme="dark")
    page.set_viewport_size({"width": 720, "height": 1000})  # A4 within its margins
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('.plot .ink')).fill") == "rgb(0, 0, 0)"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(OVERLAPS) == 0
    fits(page)
    picture(page, "drift_print", full_page=True)
    page.close()
