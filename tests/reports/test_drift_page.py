"""The page about drift: sound HTML that needs nothing beside itself, says what the reports say, and tells no value."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from readiness_pipelines.flow import Mode, Test
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.reports.drift_columns import monitor_facts
from readiness_pipelines.reports.drift_facts import Decided, DriftFacts, Level, MonitorFacts
from readiness_pipelines.reports.drift_gather import drift_facts
from readiness_pipelines.reports.drift_page import drift_page
from readiness_pipelines.reports.drift_plots import Bar, Histogram
from readiness_pipelines.reports.drift_strips import calendar, column_strip, metric_strip, severity_strip
from readiness_pipelines.reports.drift_words import open_points, p_value, product_sentence, sentence, sparkline
from tests.reports.drift_scene import (
    NOW,
    SECRET,
    a_year,
    build,
    columns,
    day,
    decide,
    decision,
    measurement,
    performance,
    play,
    put,
    report,
)
from tests.reports.test_page import read
from tests.shop import Shop, build_shop

WORST = (Histogram("age", "distribution (KS) 0.220, high", Level.HIGH, (Bar("≤ 10", 0.5, 0.25), Bar("> 10", 0.5, 0.75))),)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Six windows of a monitor, and one monitor without any: see drift_scene.py."""
    shop = build_shop(tmp_path_factory.mktemp("drift"))
    play(shop)
    return shop


def facts_of(shop: Shop, **how: str | int) -> DriftFacts:
    return drift_facts(shop.product, Lakehouse.open(shop.settings), now=NOW, **how)  # type: ignore[arg-type]


def patients(shop: Shop) -> MonitorFacts:
    return facts_of(shop).monitors[0]


def test_it_is_sound_html_that_loads_and_runs_nothing(played: Shop) -> None:
    text = drift_page(facts_of(played), {"patients": WORST})
    found = read(text)
    assert text.startswith("<!DOCTYPE html>")
    assert not {"script", "link", "img", "iframe", "a", "object", "form"} & found.tags.keys()
    assert not {name for _, name, _ in found.attributes if name.startswith("on") or name in ("src", "href", "xlink:href")}
    assert not re.search(r"https?://|url\(|@import", text)
    assert ("meta", "content", "default-src 'none'; style-src 'unsafe-inline'") in found.attributes


def test_it_says_first_how_the_product_stands(played: Shop) -> None:
    words = read(drift_page(facts_of(played), {})).words
    assert "Newest windows of 2 monitors: high drift in patients; still learning in orders." in words
    assert words.index("Newest windows of") < words.index("Owner shop@example.com; steward steward@example.com.")
    assert "high drift in 2 columns: payer_code (missing values 0.260), age (distribution (KS) 0.220), and 1 trend." in words


def test_a_single_monitor_is_told_as_itself(shop: Shop) -> None:
    put(build(shop), report(day(4), columns(age=0.01)))
    facts = facts_of(shop, monitor="patients")
    assert product_sentence(facts) == f"patients: {sentence(facts.monitors[0])}"


def test_all_its_parts_are_there(played: Shop) -> None:
    words = read(drift_page(facts_of(played), {"patients": WORST})).words
    assert "shop.gold.paid_orders in windows of 2 days, one a day, each compared with its reference." in words
    assert "2025-01-02 of the reference is not current any more" in words
    assert "payer_ code nulls 0.260 0.200 <.001 1,000 high psi" in words
    assert "age distribution (KS) 0.220, high ≤ 10 > 10 25% 75%" in words
    assert "ROC AUC over rows whose label is known" in words and "city= #1" not in words and "city=#1" in words
    assert "score performance -0.0125 6 0.003 0.008 2025-01-15" in words
    assert "medium: recorded & told" in words and "observe" in words
    assert "How to read this" in words


def test_every_window_has_its_severity_in_words(played: Shop) -> None:
    facts = patients(played)
    titles = re.findall(r"<title>([^<]*)</title>", severity_strip(facts, calendar(facts, "day")))
    assert [title.split(": ")[1] for title in titles] == [
        "none; 2,000 rows",
        "none; 2,000 rows",
        "low in stay; 2,000 rows",
        "medium in age; 2,000 rows",
        "insufficient sample; 2,000 rows",
        "high in payer_code, age; 2,000 rows",
    ]
    assert titles[3].startswith("2025-01-06...2025-01-07: ")


def test_a_column_says_where_it_alarmed_and_by_which_test(played: Shop) -> None:
    facts = patients(played)
    (payer,) = [column for column in facts.columns if column.name == "payer_code"]
    titles = re.findall(r"<title>([^<]*)</title>", column_strip(payer, facts, calendar(facts, "day")))
    assert titles == ["2025-01-08...2025-01-09: high, nulls 0.260"]
    (age,) = [column for column in facts.columns if column.name == "age"]
    titles = re.findall(r"<title>([^<]*)</title>", column_strip(age, facts, calendar(facts, "day")))
    assert titles == [
        "2025-01-06...2025-01-07: medium, ks 0.120",
        "2025-01-07...2025-01-08: insufficient sample, ks 0.010",
        "2025-01-08...2025-01-09: high, ks 0.220",
    ]


def test_windows_that_share_a_column_show_the_worst(shop: Shop) -> None:
    lake = put(build(shop), *(report(day(n), columns(age=0.12 if n == 100 else 0.01)) for n in range(3, 200)))
    (facts, _) = drift_facts(shop.product, lake, now=NOW).monitors
    cols = calendar(facts, "day")
    assert cols.unit == "week"
    titles = re.findall(r"<title>([^<]*)</title>", severity_strip(facts, cols))
    (medium,) = [title for title in titles if "medium" in title]
    assert medium == f"{day(99)}...{day(100)}, the worst of 7 windows: medium in age; 2,000 rows"
    assert column_strip(facts.columns[0], facts, cols).count('class="medium"') == 1


def test_nothing_is_drawn_where_nothing_was_measured(shop: Shop) -> None:
    worth = {4: 0.8, 5: 0.7, 7: 0.75}
    lake = put(build(shop), *(report(day(n), [performance(worth[n])] if n in worth else columns(age=0.01)) for n in range(4, 8)))
    (facts, _) = drift_facts(shop.product, lake, now=NOW).monitors
    strip = metric_strip(facts.performance[""], facts, calendar(facts, "day"), ends=(0.5, 0.9), name="all rows")
    value = re.search(r'd="([^"]*)" class="value"', strip)
    assert value is not None and value.group(1) == "M0 10.0h1L1 20.0h1M3 15.0h1"
    assert strip.count('class="hover"') == 3
    assert "2025-01-06...2025-01-07: 0.750 (0.730 to 0.770), 1,000 rows with a label" in strip


def test_undecided_and_too_few_rows_are_never_no_drift(shop: Shop) -> None:
    for n, (mode, said) in enumerate(
        [
            (Mode.INSUFFICIENT_SAMPLE, "nothing found, but too few rows to have seen low drift in 1 of 1 column"),
            (Mode.UNDECIDED, "undecided in 1 of 1 column: the counts allow more than one answer"),
            (Mode.LEARNING, "learning: too short a past"),
        ]
    ):
        put(build(shop) if n == 0 else shop, report(day(4 + n), columns(age=0.01), mode=mode))
        words = read(drift_page(facts_of(shop), {})).words
        assert said in words
        assert "no drift found" not in words.replace("no drift found over half of the low threshold", "")  # the legend


def test_what_may_be_worse_than_it_looks_is_told_as_that(shop: Shop) -> None:
    put(build(shop), report(day(4), columns(age=0.12), mode=Mode.UNDECIDED))
    assert "drift of up to medium in age (distribution (KS) 0.120)." in sentence(patients(shop))


def test_no_value_of_a_column_that_is_not_public_is_on_the_page(played: Shop) -> None:
    assert SECRET not in drift_page(facts_of(played), {})


def test_what_became_classified_since_is_not_told_any_more(shop: Shop) -> None:
    put(build(shop), report(day(4), [performance(0.8), performance(0.7, group="payer_code=BC")]))
    assert "payer_code=BC" in drift_page(facts_of(shop), {})
    contract = shop.folder / "contract.yaml"
    contract.write_text(
        contract.read_text().replace(
            "payer_code, logicalType: string, classification: public", "payer_code, logicalType: string, classification: PII"
        )
    )
    assert "payer_code=BC" not in drift_page(facts_of(shop), {})


def test_text_of_others_is_no_markup(shop: Shop) -> None:
    evil = "<script>alert(1)</script>"
    said = report(day(4), [*columns(age=0.2), performance(0.7, group=f"payer_code={evil}")], notes=[evil])
    lake = put(build(shop), said)
    decide(lake, said, why=evil)
    text = drift_page(facts_of(shop), {"patients": [replace(WORST[0], column=evil, bars=(Bar(evil, 1.0, 0.0),))]})
    assert "script" not in read(text).tags
    assert text.count("&lt;script&gt;") >= 4


@pytest.mark.slow
def test_a_year_of_daily_windows_of_two_hundred_columns_is_below_three_megabytes(shop: Shop) -> None:
    monitor, year = build(shop).product.monitors[0], a_year()
    decided = tuple(Decided(f"{each.measured.window.last}T00:00", decision(each)) for each in year[:200])
    facts = replace(facts_of(shop), monitors=(replace(monitor_facts(monitor, year, measured=400), decisions=decided),))
    text = drift_page(facts, {"patients": WORST * 6})
    assert len(facts.monitors[0].windows) == 365
    assert len(text) < 3_000_000
    words = read(text).words
    assert "The 40 columns that alarmed most, of 201" in words and "The worst 20 of 201 columns" in words
    assert "The newest 365 of 400 windows." in words and "The newest 50 of 200." in words


def test_only_so_many_of_the_newest_windows_are_read_where_that_is_asked_for(played: Shop) -> None:
    facts = facts_of(played, last=2).monitors[0]
    assert ([each.window.last for each in facts.windows], facts.measured) == ([day(8), day(9)], 6)
    assert "The newest 2 of 6 windows." in read(drift_page(facts_of(played, last=2), {})).words


def test_of_two_windows_that_end_together_the_shorter_is_shown(shop: Shop) -> None:
    put(build(shop), report(day(9), columns(age=0.5), days=7), report(day(9), columns(age=0.01)))
    (window,) = patients(shop).windows
    assert (str(window.window), window.level) == (f"{day(8)}...{day(9)}", Level.NONE)


def test_a_window_that_was_measured_and_not_judged_is_left_out(shop: Shop) -> None:
    lake = put(build(shop), report(day(4), columns(age=0.01)))
    lake.ledger.drift.record(report(day(5), columns(age=0.5)).measured)
    assert [each.window.last for each in drift_facts(shop.product, lake, now=NOW).monitors[0].windows] == [day(4)]


def test_a_page_says_what_waits(shop: Shop) -> None:
    words = read(drift_page(facts_of(build(shop)), {})).words
    assert "Newest windows of 2 monitors: still learning in patients, orders." in words
    assert "learning: nothing has been run yet." in words


@pytest.mark.parametrize(
    ("values", "full", "line"),
    [
        ([0.0, 0.05, 0.1, 0.2, 0.4], 0.2, "▁▂▃▅█"),
        ([0.0, 0.05, 0.1, 0.2], 0.2, "▁▃▅█"),
        ([None, 0.1, None], 0.2, " ▅ "),
        ([-0.01, 0.0], 0.2, "▁▁"),
        ([], 0.2, ""),
        ([None], 0.2, " "),
    ],
)
def test_a_sparkline_is_full_from_a_given_effect_on_or_at_its_largest(values: list[float | None], full: float, line: str) -> None:
    assert sparkline(values, full=full) == line


def test_a_small_p_is_not_rounded_to_none() -> None:
    assert [p_value(p) for p in (0.0004, 0.0005, 0.05, 1.0, None)] == ["<.001", "0.001", "0.050", "1.000", ""]


def test_findings_come_the_worst_first(shop: Shop) -> None:
    found = [
        measurement("small", Test.KS, 0.01),
        measurement("near", Test.KS, 0.04, p=0.5),
        measurement("low", Test.PSI, 0.09),
        measurement("high", Test.NULLS, 0.21),
        measurement("higher", Test.UNSEEN, 0.29),
    ]
    put(build(shop), report(day(4), found))
    assert [column.name for column, _, _ in patients(shop).by_newest()] == ["higher", "high", "low", "near", "small"]


def test_why_nothing_could_be_told_is_on_the_page_however_many_columns_are_worse(shop: Shop) -> None:
    found = [*(measurement(f"c{n}", Test.KS, 0.2) for n in range(30)), measurement("score", Test.PERFORMANCE, None, p=None)]
    said = report(day(4), found)
    findings = [*said.findings[:-1], replace(said.findings[-1], mode=Mode.INSUFFICIENT_SAMPLE, note="no label is known")]
    put(build(shop), replace(said, findings=tuple(findings)))
    words = " ".join(read(drift_page(facts_of(shop), {})).words.split())
    assert "The worst 20 of 31 columns" in words
    assert "Nothing could be told of: score (performance): no label is known" in words


def test_what_waits_again_after_it_was_measured_is_said_beside_what_was_found(shop: Shop) -> None:
    put(build(shop), report(day(4), columns(age=0.2)))
    assert open_points(patients(shop)) == ["since then it is learning: nothing has been run yet"]
    assert "since then it is learning: nothing has been run yet" in read(drift_page(facts_of(shop), {})).words


def test_of_tests_with_one_severity_the_one_is_told_that_says_most(shop: Shop) -> None:
    put(build(shop), report(day(4), [measurement("payer_code", Test.PSI, 2.0), measurement("payer_code", Test.NULLS, 0.31)]))
    facts = patients(shop)
    (found,) = facts.by_newest()
    assert (found[1], facts.columns[0].also(0)) == (Test.NULLS, [Test.PSI])
    assert "critical drift in payer_code (missing values 0.310)." in sentence(facts)


def test_the_styles_are_files_of_the_package() -> None:
    import readiness_pipelines.reports as reports

    assert (Path(reports.__file__).parent / "drift.css").is_file()
