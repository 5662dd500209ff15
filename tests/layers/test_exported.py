"""Whatever text a cell holds, it comes back from an export as it went."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from readiness_pipelines.layers import exported

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
