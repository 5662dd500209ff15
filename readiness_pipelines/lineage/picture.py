"""Column lineage as a small SVG: upstream tables left, the table right, a curve for each column that another came from.

Pure: text out, a few kilobytes, no fonts or scripts. It reads on light and on dark pages, because it brings its own paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

MOST_ROWS = 40  # of one table; the rest is told as one row
_ROW, _HEAD, _GAP, _MARGIN = 18, 24, 16, 12
_WIDTH, _BETWEEN = 250, 150
_LETTERS = 32  # of a column's name that fit
_PAPER, _INK, _FAINT, _LINE = "#ffffff", "#1d2733", "#6b7785", "#c3ccd6"
_SENSITIVE = "#b3261e"
_LAYERS = {"bronze": "#b08d57", "silver": "#7f8c99", "gold": "#c9a227"}


@dataclass(frozen=True)
class Box:
    """One table: its name, its layer, and its columns as (name, classification), in order."""

    name: str
    layer: str
    columns: tuple[tuple[str, str], ...]


Edge = tuple[str, str, str]  # upstream table, its column, our column


def lineage_picture(table: Box, upstream: Sequence[Box], edges: Sequence[Edge]) -> str:
    """Return the SVG of `edges` between `upstream` and `table`.

    Only columns that take part are drawn, at most 40 of each table, in the table's own order; edges of the columns
    beyond end in one row that counts them. PII and PHI are marked. No text is trusted: all of it is escaped.
    """
    ours = _drawn(table, [column for _, _, column in edges])
    boxes = [_drawn(box, [source for name, source, _ in edges if name == box.name]) for box in upstream]
    boxes = [box for box in boxes if box.rows]
    left = sum(box.height for box in boxes) + _GAP * max(0, len(boxes) - 1)
    height = max(left, ours.height) + 2 * _MARGIN
    at = _MARGIN + (height - 2 * _MARGIN - left) / 2
    places: dict[tuple[str, str], float] = {}
    parts: list[str] = []
    for box in boxes:
        parts.append(box.draw(_MARGIN, at))
        places |= {(box.name, column): at + y for column, y in box.places().items()}
        at += box.height + _GAP
    top, x = (height - ours.height) / 2, _MARGIN + _WIDTH + _BETWEEN
    parts.append(ours.draw(x, top))
    ends = {column: top + y for column, y in ours.places().items()}
    curves = {(places[name, source], ends[column]) for name, source, column in edges}
    path = "".join(_curve(_MARGIN + _WIDTH, start, x, end) for start, end in sorted(curves))
    width = x + _WIDTH + _MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height:.0f}" viewBox="0 0 {width} {height:.0f}" '
        f'font-family="sans-serif" font-size="12"><title>Where each column of {escape(table.name)} comes from</title>'
        f'<rect width="100%" height="100%" rx="6" fill="{_PAPER}"/>'
        f'<path d="{path}" fill="none" stroke="{_FAINT}" stroke-opacity=".65"/>{"".join(parts)}</svg>'
    )


@dataclass(frozen=True)
class _Drawn:
    """A box with the rows that are drawn; `beyond` are the columns that share the last one."""

    name: str
    layer: str
    rows: tuple[tuple[str, str], ...]
    beyond: tuple[str, ...]

    @property
    def height(self) -> int:
        return _HEAD + _ROW * (len(self.rows) + bool(self.beyond)) + 6

    def places(self) -> dict[str, float]:
        """Return the height of each column's middle below the box's top."""
        shown = {column: _HEAD + _ROW * (n + 0.5) + 2 for n, (column, _) in enumerate(self.rows)}
        return shown | {column: _HEAD + _ROW * (len(self.rows) + 0.5) + 2 for column in self.beyond}

    def draw(self, x: float, y: float) -> str:
        colour = _LAYERS.get(self.layer, _FAINT)
        lines = [
            f'<g transform="translate({x:g} {y:g})"><rect width="{_WIDTH}" height="{self.height}" rx="5" fill="{_PAPER}" '
            f'stroke="{_LINE}"/><rect width="5" height="{self.height}" rx="2" fill="{colour}"/>'
            f'<text x="14" y="17" font-weight="bold" fill="{_INK}">{_text(self.name)}</text>'
            f'<text x="{_WIDTH - 8}" y="17" text-anchor="end" fill="{_FAINT}" font-size="10">{escape(self.layer)}</text>'
        ]
        for n, (column, classification) in enumerate(self.rows):
            down = _HEAD + _ROW * n + 15
            lines.append(f'<text x="14" y="{down}" fill="{_INK}">{_text(column)}</text>')
            if classification in ("PII", "PHI"):
                lines.append(
                    f'<text x="{_WIDTH - 8}" y="{down}" text-anchor="end" fill="{_SENSITIVE}" font-size="9">{classification}</text>'
                )
        if self.beyond:
            down = _HEAD + _ROW * len(self.rows) + 15
            lines.append(f'<text x="14" y="{down}" fill="{_FAINT}">... and {len(self.beyond)} more</text>')
        return "".join([*lines, "</g>"])


def _drawn(box: Box, taking_part: Sequence[str]) -> _Drawn:
    wanted = set(taking_part)
    declared = dict(box.columns)
    rows = [*((c, k) for c, k in box.columns if c in wanted), *((c, "") for c in sorted(wanted - declared.keys()))]
    return _Drawn(box.name, box.layer, tuple(rows[:MOST_ROWS]), tuple(c for c, _ in rows[MOST_ROWS:]))


def _text(name: str) -> str:
    return escape(name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…")


def _curve(x1: float, y1: float, x2: float, y2: float) -> str:
    middle = (x1 + x2) / 2
    return f"M{x1:g} {y1:g}C{middle:g} {y1:g} {middle:g} {y2:g} {x2:g} {y2:g}"
