"""Whatever text a cell holds, it comes back from an export as it went."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from readiness_pipelines.layers import exported, quarantine
from readiness_pipelines.layers.corrections import values_of
from tests.layers.test_corrections import BAD, good, lake_of, open_rows, release, run
from tests.shop import Shop

CELL = st.none() | st.text()  # no surrogates in it: UTF-8 has none
LINE_BREAKS = {"x": "a\rb", "y": "a\nb\r"}


@given(st.lists(st.fixed_dictionaries({"x": CELL, "y": CELL}), min_size=1, max_size=4))
@example([LINE_BREAKS])
@example([{"x": "\\N", "y": None}, {"x": "", "y": '\ufeff "q", '}])
def test_any_text_comes_back_as_it_went(rows: list[dict[str, str | None]]) -> None:
    sink = io.StringIO(newline="")
    exported.write(sink, [(f"d:{number}", ["cast:x"], cells) for number, cells in enumerate(rows)])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.csv"
        path.write_text(sink.getvalue(), encoding="utf-8", newline="")
        assert exported.read(path) == {f"d:{number}": cells for number, cells in enumerate(rows)}


def test_each_row_without_line_breaks_is_one_line_that_ends_as_unix_lines_do() -> None:
    sink = io.StringIO(newline="")
    exported.write(sink, [("d:1", ["r"], {"x": "1"})])
    assert sink.getvalue() == "row_id,reasons,x\nd:1,r,1\n"


def test_a_file_of_corrected_values_is_read_once_for_all_rows_of_an_export(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.land(1, [*good(18), BAD, "102,c,99999,2025-01-01"])
    run(shop)
    release(shop, {row_id: {"amount": "88888"} for row_id in open_rows(shop)})
    run(shop)
    read: list[str] = []
    monkeypatch.setattr(quarantine, "values_of", lambda lake, sha256: read.append(sha256) or values_of(lake, sha256))
    rows = quarantine.rows_of(lake_of(shop), "shop.silver.orders", shop.day(1))
    found = list(quarantine.exportable(lake_of(shop), "shop.silver.orders", shop.day(1), rows))
    assert [cells["amount"] for _, _, cells in found] == ["88888", "88888"]
    assert len(read) == 1
