"""Quarantined rows as csv, for people to correct in whatever they like, and back.

The first two columns are `row_id` and `reasons`, the others the row as it was delivered, or as it was corrected last. Null is
`\\N`; text that begins with a backslash has one more in front. Numbers of gold rows are written as JSON writes them.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from readiness_pipelines.errors import ReadinessError

_NULL = "\\N"
_OURS = ["row_id", "reasons"]

Cells = Mapping[str, str | None]


def write(sink: TextIO, rows: Sequence[tuple[str, Sequence[str], Cells]]) -> None:
    """Write (row_id, reasons, values) as csv. Columns are those of all rows, in the order in which they come."""
    columns = list(dict.fromkeys(name for _, _, cells in rows for name in cells))
    sink.write(_line([*_OURS, *columns]))
    for row_id, reasons, cells in rows:
        sink.write(_line([row_id, " ".join(reasons), *(_cell(cells[name]) if name in cells else "" for name in columns)]))


def _line(cells: Sequence[str]) -> str:
    """Return one record. The csv module quotes a line break in a cell only if it is in the line's own end, so that has both."""
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().removesuffix("\r\n") + "\n"


def read(path: Path) -> dict[str, dict[str, str | None]]:
    """Return column -> text of each row, by row_id. What stands under `reasons` is passed over.

    Raises ReadinessError, with file and line, for what is no such csv.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return dict(_rows(csv.reader(file, strict=True), path))
    except OSError as error:
        raise ReadinessError(f"{path}: cannot be read: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise ReadinessError(f"{path}: is no csv in UTF-8: {error}") from error


def cells_of(row_values: str) -> dict[str, str | None]:
    """Return the cells of a quarantined row, which are JSON there, as text; null is None."""
    found: dict[str, Any] = json.loads(row_values)
    return {name: value if value is None or isinstance(value, str) else json.dumps(value) for name, value in found.items()}


def _rows(reader: Any, path: Path) -> Iterator[tuple[str, dict[str, str | None]]]:
    header: list[str] = next(reader, [])
    if header[:2] != _OURS or len(set(header[2:])) != len(header[2:]):
        raise ReadinessError(f"{path}:1: found other columns, expected row_id, reasons, then each column of the export once")
    seen: set[str] = set()
    for cells in reader:
        if not cells:
            continue
        if len(cells) != len(header):
            raise ReadinessError(f"{path}:{reader.line_num}: found {len(cells)} cells, expected {len(header)}")
        if cells[0] in seen:
            raise ReadinessError(f"{path}:{reader.line_num}: found the row {cells[0][:80]} twice, expected each row once")
        seen.add(cells[0])
        yield cells[0], {name: _value(cell) for name, cell in zip(header[2:], cells[2:], strict=True)}


def _cell(value: str | None) -> str:
    if value is None:
        return _NULL
    return f"\\{value}" if value.startswith("\\") else value


def _value(cell: str) -> str | None:
    return None if cell == _NULL else cell.removeprefix("\\") if cell.startswith("\\") else cell
