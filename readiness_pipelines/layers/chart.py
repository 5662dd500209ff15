"""Where the rows of each partition went, as a small SVG: one strip per table, one bar per partition, oldest left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

MOST_PARTITIONS = 60
_BAR, _STRIP, _LABEL, _MARGIN = 9, 56, 190, 10
_KINDS = {"admitted": "#3a8f5c", "quarantined": "#e08e0b", "left out": "#aab4bf", "held": "#c62828"}
_PAPER, _INK, _FAINT, _MISSING = "#ffffff", "#1d2733", "#6b7785", "#c62828"


@dataclass(frozen=True)
class Bar:
    """Rows of one partition of one table, by what became of them: admitted, quarantined, left out, held.

    `left out` are duplicates and declared drops. `missing`: a delivery was due and none came.
    """

    partition: str
    rows: Mapping[str, int]
    missing: bool = False


def rows_chart(tables: Mapping[str, Sequence[Bar]]) -> str:
    """Return the SVG of the newest 60 bars of each table. Each strip has its own scale, told beside it."""
    most = max((min(len(bars), MOST_PARTITIONS) for bars in tables.values()), default=0)
    width = _LABEL + max(most * _BAR, 260) + 2 * _MARGIN
    height = _STRIP * len(tables) + 2 * _MARGIN + 18
    strips = [
        f'<g transform="translate({_MARGIN} {_MARGIN + _STRIP * n})">{_strip(name, bars[-MOST_PARTITIONS:])}</g>'
        for n, (name, bars) in enumerate(tables.items())
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif" font-size="11"><title>Rows by what became of them, per partition</title>'
        f'<rect width="100%" height="100%" rx="6" fill="{_PAPER}"/>{"".join(strips)}{_legend(height - _MARGIN)}</svg>'
    )


def stacked(rows: Mapping[str, int], kinds: Sequence[str], *, tallest: int, room: float) -> Iterator[tuple[str, float, float]]:
    """Yield (kind, top, height) of each part of a bar, the first kind at the foot, which is at `room`; nothing of 0 rows.

    A bar of `tallest` rows fills the room. A single bad row is seen: no part is lower than 1.
    """
    y = room
    for kind in kinds:
        if rows.get(kind, 0) and tallest:
            tall = max(1.0, rows[kind] / tallest * room)
            y -= tall
            yield kind, y, tall


def _strip(name: str, bars: Sequence[Bar]) -> str:
    tallest, room = max((sum(bar.rows.values()) for bar in bars), default=0), _STRIP - 14
    paths = {kind: "" for kind in _KINDS}
    missing = ""
    for n, bar in enumerate(bars):
        x = _LABEL + n * _BAR
        if bar.missing:
            missing += f"M{x + 1} {room - 7}l6 6m0-6l-6 6"
        for kind, top, tall in stacked(bar.rows, tuple(_KINDS), tallest=tallest, room=room):
            paths[kind] += f"M{x} {top:.1f}h{_BAR - 2}v{tall:.1f}h-{_BAR - 2}z"
    drawn = "".join(f'<path d="{path}" fill="{_KINDS[kind]}"/>' for kind, path in paths.items() if path)
    if missing:
        drawn += f'<path d="{missing}" stroke="{_MISSING}" stroke-width="1.5" fill="none"/>'
    span = f"{bars[0].partition} to {bars[-1].partition}" if bars else "no partition yet"
    return (
        f'<text y="14" fill="{_INK}" font-weight="bold">{escape(name[:28])}</text>'
        f'<text y="28" fill="{_FAINT}" font-size="9">tallest bar {tallest:,} rows</text>'
        f'<text y="40" fill="{_FAINT}" font-size="9">{escape(span)}</text>{drawn}'
    )


def _legend(y: float) -> str:
    text, x = "", float(_MARGIN)
    for kind, colour in {**_KINDS, "missing": _MISSING}.items():
        mark = (
            f'<path d="M{x} {y - 8}l7 7m0-7l-7 7" stroke="{colour}" stroke-width="1.5"/>'
            if kind == "missing"
            else f'<rect x="{x}" y="{y - 8}" width="8" height="8" fill="{colour}"/>'
        )
        text += f'{mark}<text x="{x + 12}" y="{y}" fill="{_INK}" font-size="10">{kind}</text>'
        x += 26 + 6.2 * len(kind)
    return text
