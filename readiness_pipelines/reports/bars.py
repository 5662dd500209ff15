"""A column of a window beside its reference, as bars: shares of rows, from profiles and not from rows.

Where the values of a column may not be told, its bins and categories have numbers for names.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from readiness_pipelines.drift.profile import ColumnKind, ColumnLayout, ColumnProfile
from readiness_pipelines.reports.drift_plots import MOST_BARS, Bar

_Counts = tuple[int, int]  # rows of the reference, rows of the window


def bars_of(layout: ColumnLayout, reference: ColumnProfile, window: ColumnProfile, *, is_told: bool) -> tuple[Bar, ...]:
    """Return a bar for each coarse bin or frequent category, then other, unseen and missing, where there are any: at most 12.

    The shares are of all rows of a side, those without a value included; a side without rows has shares of 0. `is_told`:
    whether the values of the column may be shown; a layout that was made while they were not keeps them to itself.
    """
    told = is_told and layout.is_told
    counted = (
        _numbers(layout, reference, window, told)
        if layout.kind is ColumnKind.NUMBER
        else _categories(layout, reference, window, told)
    )
    rows = reference.rows, window.rows
    beside = [*counted, ("unseen", (reference.unseen or 0, window.unseen or 0)), ("missing", (reference.nulls, window.nulls))]
    return tuple(Bar(label, _share(n[0], rows[0]), _share(n[1], rows[1])) for label, n in beside if any(n))


def _share(n: int, rows: int) -> float:
    return n / rows if rows else 0.0


def _numbers(layout: ColumnLayout, reference: ColumnProfile, window: ColumnProfile, told: bool) -> Iterator[tuple[str, _Counts]]:
    edges = [layout.edges[position] for position in layout.coarse]
    labels = _ranges(edges) if told else [f"#{n}" for n in range(1, len(edges) + 2)]
    counts = zip(layout.coarsened(reference.counts), layout.coarsened(window.counts), strict=True)
    yield from zip(labels, counts, strict=True)


def _ranges(edges: Sequence[float]) -> list[str]:
    """Return the bins in words: a bin has its upper end, and may be as narrow as a single value."""
    if not edges:
        return ["all values"]
    first = f"< {_short(edges[1])}" if len(edges) > 1 and _is_next(edges[0], edges[1]) else f"≤ {_short(edges[0])}"
    inner = [_short(high) if _is_next(low, high) else f"{_short(low)} to {_short(high)}" for low, high in pairwise(edges)]
    return [first, *inner, f"> {_short(edges[-1])}"]


def _is_next(low: float, high: float) -> bool:
    return math.nextafter(low, math.inf) == high


def _short(number: float) -> str:
    """Return a number with at most five digits that count."""
    return f"{number:,.0f}" if 1e4 <= abs(number) < 1e7 else f"{number:.5g}"


def _categories(layout: ColumnLayout, reference: ColumnProfile, window: ColumnProfile, told: bool) -> list[tuple[str, _Counts]]:
    """Return the categories that have most of either side, in the layout's order; what is left adds up to other."""
    names = layout.values if told else [f"#{n}" for n in range(1, len(layout.values) + 1)]
    counts = list(zip(reference.counts, window.counts, strict=True))
    rows = reference.rows, window.rows
    by_share = sorted(range(len(names)), key=lambda i: -max(_share(n, of) for n, of in zip(counts[i], rows, strict=True)))
    shown = sorted(by_share[: MOST_BARS - 3])
    rest = [counts[i] for i in by_share[MOST_BARS - 3 :]] + [(reference.other, window.other)]
    other = sum(each[0] for each in rest), sum(each[1] for each in rest)
    return [*((names[i], counts[i]) for i in shown), ("other", other)]
