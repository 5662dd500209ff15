"""The lineage picture: every dependency has its curve, nothing in a name is trusted, and it stays small."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from readiness_pipelines.lineage import Box, lineage_picture
from readiness_pipelines.lineage.picture import MOST_ROWS

SVG = "{http://www.w3.org/2000/svg}"
ORDERS = Box("orders", "silver", (("order_id", "confidential"), ("customer", "PII"), ("amount", "confidential"), ("note", "PHI")))
RAW = Box("raw_orders", "bronze", (("id", "confidential"), ("name", "PII"), ("paid", "confidential"), ("tip", "confidential")))


def texts(svg: str) -> list[str]:
    return ["".join(node.itertext()) for node in ET.fromstring(svg).iter(f"{SVG}text")]


def curves(svg: str) -> list[str]:
    (path,) = [node for node in ET.fromstring(svg).findall(f"{SVG}path")]
    return re.findall(r"M[^M]+", path.attrib["d"])


def test_every_dependency_is_one_curve_and_only_columns_that_take_part_are_drawn() -> None:
    edges = [("raw_orders", "id", "order_id"), ("raw_orders", "paid", "amount"), ("raw_orders", "tip", "amount")]
    svg = lineage_picture(ORDERS, [RAW], edges)
    assert len(curves(svg)) == 3
    assert texts(svg) == ["raw_orders", "bronze", "id", "paid", "tip", "orders", "silver", "order_id", "amount"]


def test_personal_columns_are_marked() -> None:
    svg = lineage_picture(ORDERS, [RAW], [("raw_orders", "name", "customer"), ("raw_orders", "id", "note")])
    assert [text for text in texts(svg) if text in ("PII", "PHI")] == ["PII", "PII", "PHI"]


def test_tables_that_give_nothing_are_left_out_and_system_columns_come_last() -> None:
    svg = lineage_picture(
        ORDERS,
        [RAW, Box("other", "gold", (("x", "public"),))],
        [("raw_orders", "row_id", "order_id"), ("raw_orders", "id", "note")],
    )
    assert "other" not in texts(svg)
    assert [t for t in texts(svg) if t in ("id", "row_id")] == ["id", "row_id"]


def test_a_wide_table_ends_in_a_row_that_counts_the_rest_and_keeps_their_curves() -> None:
    names = [f"c{n:03d}" for n in range(MOST_ROWS + 25)]
    wide = Box("wide", "silver", tuple((name, "public") for name in names))
    svg = lineage_picture(wide, [Box("raw", "bronze", wide.columns)], [("raw", name, name) for name in names])
    assert texts(svg).count("... and 25 more") == 2
    assert len(curves(svg)) == MOST_ROWS + 1  # those beyond share one curve
    assert len(svg) < 30_000


def test_a_constant_has_no_curve() -> None:
    svg = lineage_picture(ORDERS, [RAW], [])
    assert curves(svg) == [] and "orders" in texts(svg)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=60))
def test_no_name_is_trusted(name: str) -> None:
    svg = lineage_picture(Box(name, "gold", ((name, "public"),)), [Box("raw", "bronze", ((name, "PII"),))], [("raw", name, name)])
    shown = name if len(name) <= 32 else f"{name[:31]}…"
    assert texts(svg).count(shown) >= 3
    assert f"{SVG}script" not in {node.tag for node in ET.fromstring(svg).iter()}
