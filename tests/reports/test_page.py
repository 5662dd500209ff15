"""The page: sound HTML that needs nothing beside itself, says what the facts say, and trusts no text."""

from __future__ import annotations

import datetime
import re
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from readiness_pipelines.reports import page
from readiness_pipelines.reports.facts import GateReport, Mark, RowFacts, RuleFacts, State, TableFacts
from readiness_pipelines.reports.over_time import percent
from readiness_pipelines.reports.page import sentence
from readiness_pipelines.reports.periods import columns
from readiness_pipelines.reports.strips import rule_strip
from tests.reports.scene import PERSON, report_of
from tests.shop import Shop

_EMPTY = ("meta", "wbr")


class Reader(HTMLParser):
    """Reads a page as strictly as XML would: what opens is closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        assert len({name for name, _ in attrs}) == len(attrs)
        if tag not in _EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def test_it_is_sound_html_that_loads_and_runs_nothing(played: Shop) -> None:
    text = page(report_of(played))
    found = read(text)
    assert text.startswith("<!DOCTYPE html>")
    assert not {"script", "link", "img", "iframe", "a", "object", "form"} & found.tags.keys()
    assert not {name for _, name, _ in found.attributes if name.startswith("on") or name in ("src", "href", "xlink:href")}
    assert not re.search(r"https?://|url\(|@import", text)
    assert ("meta", "content", "default-src 'none'; style-src 'unsafe-inline'") in found.attributes


def test_it_says_first_where_the_product_stands_and_whose_it_is(played: Shop) -> None:
    words = read(page(report_of(played))).words
    assert (
        "Of the 6 days from 2025-01-01 to 2025-01-06, 2 are admitted, 1 admitted with quarantine, 1 held, 1 undecided and 1 missing."
    ) in words
    assert "Owner shop@example.com; steward steward@example.com." in words


def test_no_value_of_a_row_is_in_it(played: Shop) -> None:
    text = page(report_of(played))
    assert PERSON not in text
    assert "99999" not in text  # the amount that was corrected


def test_whatever_people_and_declarations_say_is_text(shop: Shop) -> None:
    evil = '<script>alert(1)</script> & "it\'s" </style>\x00\u202e'
    report = replace(
        report_of(shop, 1, 1),
        description=evil,
        owner=evil,
        steward=evil,
        product="<b>&\"'",
        contract_version=evil,
        tables=(a_table(evil),),
    )
    text = page(report)
    found = read(text)
    assert "<script" not in text and "\x00" not in text and "\u202e" not in text
    assert "script" not in found.tags
    assert "Gates of <b>&\"'" in "".join(found.text)
    assert '<script>alert(1)</script> & "it\'s" </style>' in "".join(found.text)


def a_table(name: str, marks: tuple[Mark, ...] = (Mark.PASSED, Mark.FAILED)) -> TableFacts:
    facts = TableFacts(name, name, name, [RowFacts(states=Counter({State.HELD: 1}))])
    facts.reasons[name] = facts.reason_partitions[name] = 3
    facts.rules[name] = RuleFacts(name, name, name, name)
    for mark in marks:
        facts.rules[name].add(0, "2025-01-01", mark, 1)
    return facts


def test_five_marks_are_five_shapes(shop: Shop) -> None:
    drawn = {}
    for mark in Mark:
        rule = RuleFacts("t", "r")
        rule.add(0, "2025-01-01", mark)
        svg = ET.fromstring(rule_strip(rule, columns(["2025-01-01"], every="day")))
        paths = [node for node in svg.iter("path")]
        drawn[mark] = [(node.attrib["class"], node.attrib["d"]) for node in paths]
        titles = [node.text for node in svg.iter("title")]
        assert titles == ([] if mark is Mark.PASSED else [f"2025-01-01: 1 {mark.value}"])
    assert {mark: [class_ for class_, _ in paths] for mark, paths in drawn.items()} == {
        Mark.PASSED: ["passed"],
        Mark.FAILED: ["failed", "failed-line"],
        Mark.WAIVED: ["waived", "waived-line"],
        Mark.UNDECIDED: ["undecided"],
        Mark.LEARNING: ["learning"],
    }


def test_a_cell_of_many_partitions_shows_the_one_that_failed() -> None:
    days = [f"2025-01-{day:02}" for day in range(1, 31)]
    rule = RuleFacts("t", "r")
    for day in days:
        rule.add(0, day, Mark.FAILED if day == "2025-01-07" else Mark.PASSED)
    svg = ET.fromstring(rule_strip(rule, columns(days, every="day", most=1)))
    heights = {node.attrib["class"]: float(node.attrib["d"].split("v")[1].split("h")[0]) for node in svg.iter("path")}
    assert (heights["passed"], heights["failed"]) == (7.5, 2.5)
    assert [node.text for node in svg.iter("title")] == ["2025-01 (2025-01-01 to 2025-01-30): 1 failed, 29 passed"]


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (None, ""),
        (0.0, "0%"),
        (1.0, "100%"),
        (0.978, "97.8%"),
        (0.99951, ">99.9%"),
        (0.99949, ">99.9%"),
        (0.9989, "99.9%"),
        (0.0001, "<0.1%"),
    ],
)
def test_only_all_is_100_percent_and_only_nothing_0(share: float | None, shown: str) -> None:
    assert percent(share) == shown


def test_a_range_of_one_day_is_a_sentence_too(played: Shop) -> None:
    assert sentence(report_of(played, 1, 1)).startswith(
        "Of the 1 day from 2025-01-01 to 2025-01-01, 1 is admitted, 0 admitted with"
    )


def test_ten_years_are_drawn_by_the_month_and_said_so() -> None:
    keys = [str(datetime.date(2015, 1, 1) + datetime.timedelta(days=n)) for n in range(3650)]
    cols = columns(keys, every="day")
    table = TableFacts("t", "silver", "p.silver.t", [RowFacts() for _ in cols.periods])
    for n in range(20):
        rule = table.rules[f"rule_{n}"] = RuleFacts("p.silver.t", f"rule_{n}")
        for i, key in enumerate(keys):
            rule.add(cols.column_of[key], key, Mark.FAILED if (n + i) % 50 == 0 else Mark.PASSED)
    at = datetime.datetime(2025, 1, 1)
    report = GateReport("p", "", "o", "s", "1", at, cols, {State.ADMITTED: 3650}, (table,), (), 0, (), 0)
    text = page(report)
    assert "Each column is a month: there are too many days to draw one by one." in read(text).words
    assert len(cols.periods) == 120 and len(text) < 1_200_000
