"""The chart of rows: heights in proportion, one bad row among a million is seen, a missing day is marked."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from readiness_pipelines.layers.chart import MOST_PARTITIONS, Bar, rows_chart

SVG = "{http://www.w3.org/2000/svg}"
ADMITTED, QUARANTINED, HELD = "#3a8f5c", "#e08e0b", "#c62828"


def heights(svg: str, colour: str) -> list[float]:
    return [
        float(h)
        for node in ET.fromstring(svg).iter(f"{SVG}path")
        if node.attrib.get("fill") == colour
        for h in re.findall(r"v([0-9.]+)h", node.attrib["d"])
    ]


def test_bars_are_in_proportion_to_the_tallest_of_their_table() -> None:
    svg = rows_chart({"orders": [Bar("a", {"admitted": 100}), Bar("b", {"admitted": 50, "quarantined": 25})]})
    assert heights(svg, ADMITTED) == [42.0, 21.0]
    assert heights(svg, QUARANTINED) == [10.5]
    assert "tallest bar 100 rows" in svg and "a to b" in svg


def test_a_single_bad_row_of_a_million_is_seen() -> None:
    svg = rows_chart({"orders": [Bar("a", {"admitted": 999_999, "quarantined": 1})]})
    assert heights(svg, QUARANTINED) == [1.0]


def test_a_missing_partition_is_a_mark_and_no_bar() -> None:
    svg = rows_chart({"orders": [Bar("a", {}, missing=True)]})
    crosses = [n for n in ET.fromstring(svg).iter(f"{SVG}path") if n.attrib.get("stroke") == HELD]
    assert len(crosses) == 2  # in its place, and in the legend
    assert heights(svg, ADMITTED) == heights(svg, HELD) == []


def test_the_newest_sixty_are_drawn_and_it_stays_small() -> None:
    bars = [Bar(f"p{n:04d}", {"admitted": n, "quarantined": 1, "left out": 1, "held": 1}) for n in range(500)]
    svg = rows_chart({f"table_{n}": bars for n in range(7)})
    assert len(heights(svg, ADMITTED)) == 7 * MOST_PARTITIONS
    assert "p0440 to p0499" in svg
    assert len(svg) < 60_000


@pytest.mark.parametrize("tables", [{}, {"orders": []}, {"a<b": [Bar("&", {"admitted": 0})]}])
def test_nothing_to_draw_and_odd_names_are_drawn_all_the_same(tables: dict[str, list[Bar]]) -> None:
    assert ET.fromstring(rows_chart(tables)).tag == f"{SVG}svg"
