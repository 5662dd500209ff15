"""A chain as a small SVG: what was asked about at the left, what it rests on (or what rests on it) to the right.

Pure: text out, no fonts or scripts. It reads on light and on dark pages, because it brings its own paper.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from readiness_pipelines.trace.chain import Chain, Fact, Kind, layered

_WIDTH, _HEIGHT, _ACROSS, _DOWN, _MARGIN = 232, 44, 60, 14, 16
_LETTERS = 34  # of a line that fit
MOST = 24  # facts in a column; the rest is counted in one box
_PAPER, _INK, _FAINT, _LINE = "#ffffff", "#1d2733", "#6b7785", "#9aa6b2"
_COLOURS = {
    Kind.DELIVERY: "#7a5c2e",
    Kind.VERSIONS: "#c9a227",
    Kind.ROW: "#2f6f8f",
    Kind.TRAINING_SET: "#5b7f3b",
    Kind.MODEL: "#4b4fa8",
    Kind.VERDICT: "#8a4f9e",
    Kind.REVIEW: "#8a4f9e",
    Kind.PROMOTION: "#4b4fa8",
    Kind.RETRAIN: "#a8553a",
    Kind.EVENT: "#b3261e",
}


def picture(chain: Chain, *, forward: bool = False) -> str:
    """Return the SVG of a chain. All text is escaped; at most 24 facts of a column are drawn, and the rest is counted."""
    columns = layered(chain, forward=forward)
    places: dict[str, tuple[float, float]] = {}
    boxes: list[str] = []
    tallest = max(min(len(column), MOST + 1) for column in columns)
    height = 2 * _MARGIN + tallest * (_HEIGHT + _DOWN) - _DOWN
    for i, column in enumerate(columns):
        x, shown = _MARGIN + i * (_WIDTH + _ACROSS), column[:MOST]
        rows = len(shown) + (len(column) > MOST)
        top = (height - (rows * (_HEIGHT + _DOWN) - _DOWN)) / 2
        for j, fact in enumerate(shown):
            y = top + j * (_HEIGHT + _DOWN)
            places[fact.id] = (x, y)
            boxes.append(_box(fact, x, y))
        if len(column) > MOST:
            y = top + MOST * (_HEIGHT + _DOWN)
            boxes.append(_text(x + 8, y + 18, f"and {len(column) - MOST} more", _FAINT))
    width = 2 * _MARGIN + len(columns) * (_WIDTH + _ACROSS) - _ACROSS
    lines = [_line(places, *((b, a) if forward else (a, b))) for a, b, _ in chain.links if a in places and b in places]
    paper = f'<rect width="{width}" height="{height:g}" fill="{_PAPER}"/>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:g}" width="{width}" height="{height:g}"'
    return f'{head} font-family="sans-serif" font-size="11">{paper}{"".join(lines)}{"".join(boxes)}</svg>\n'


def _box(fact: Fact, x: float, y: float) -> str:
    edge = f'<rect x="{x}" y="{y:g}" width="4" height="{_HEIGHT}" fill="{_COLOURS[fact.kind]}"/>'
    frame = f'<rect x="{x}" y="{y:g}" width="{_WIDTH}" height="{_HEIGHT}" fill="{_PAPER}" stroke="{_LINE}"/>'
    title = f"<title>{escape(fact.name)}</title>"
    return f"<g>{title}{frame}{edge}{_text(x + 12, y + 17, fact.kind, _FAINT)}{_text(x + 12, y + 34, _short(fact.name), _INK)}</g>"


def _line(places: dict[str, tuple[float, float]], start: str, end: str) -> str:
    (x1, y1), (x2, y2) = places[start], places[end]
    a, b, c, d = x1 + _WIDTH, y1 + _HEIGHT / 2, x2, y2 + _HEIGHT / 2
    bend = (c - a) / 2
    return f'<path d="M{a:g} {b:g}C{a + bend:g} {b:g} {c - bend:g} {d:g} {c:g} {d:g}" fill="none" stroke="{_LINE}"/>'


def _text(x: float, y: float, text: str, colour: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" fill="{colour}">{escape(text)}</text>'


def _short(text: str) -> str:
    """Return as much of a name as fits: its end, where names differ."""
    return text if len(text) <= _LETTERS else f"...{text[3 - _LETTERS :]}"
