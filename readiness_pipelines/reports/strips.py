"""Time from left to right in one row, as SVG that stretches with the page: what a rule said, and where rows went.

No mark is told by its colour alone: passed is a pale block, failed a dark one (with a cross where there is room), waived a
block with a slash, undecided a frame, learning a bar; of rows, held are a frame, and a missing partition is a cross.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from readiness_pipelines.layers.chart import stacked
from readiness_pipelines.reports.facts import Mark, RowFacts, RuleFacts, State
from readiness_pipelines.reports.markup import Html, element
from readiness_pipelines.reports.periods import Columns, Period

_TALL, _ROWS_TALL = 10.0, 40.0  # of a strip, in its own units: a column is 1 wide
_LEAST = 2.5  # height of the smallest part that did not pass
_ROOMY = 60  # columns: with more of them a cross would hide what it stands on
_LEFT, _WIDE = 0.07, 0.86  # of a cell within its column


def rule_strip(rule: RuleFacts, columns: Columns) -> Html:
    """Return one cell per column. A cell of several partitions is divided by what they said, in proportion."""
    paths: dict[str, str] = {}
    told: list[Html] = []
    for n, period in enumerate(columns.periods):
        marks = rule.cells.get(n)
        if not marks:
            continue
        drawn: dict[str, str] = {}
        for mark, top, tall in _parts(marks):
            _draw(mark, n, top, tall, paths if mark is Mark.PASSED else drawn, has_room=_has_room(columns))
        if drawn:
            told.append(element("g", element("title", f"{in_words(period)}: {counted(marks)}"), *paths_of(drawn)))
    summary = f"{rule.rule}: {counted(rule.marks) or 'never judged'}"
    return strip_of([*paths_of(paths), *told], columns, _TALL, summary)


def _has_room(columns: Columns) -> bool:
    return len(columns.periods) <= _ROOMY


def sample(mark: Mark, columns: Columns) -> Html:
    """Return a cell by itself, for a legend."""
    paths: dict[str, str] = {}
    _draw(mark, 0, 0.0, _TALL, paths, has_room=_has_room(columns))
    return sample_of(paths)


def sample_of(paths: Mapping[str, str]) -> Html:
    """Return a cell of these paths, for a legend."""
    box = {"viewBox": "0 0 1 10", "preserveAspectRatio": "none"}
    return element("svg", *paths_of(paths), class_="strip sample", aria_hidden="true", **box)


def _parts(marks: Mapping[Mark, int]) -> Iterable[tuple[Mark, float, float]]:
    """Yield (mark, top, height) from the foot up, passed first. What did not pass is seen, however few they are."""
    total = sum(marks.values())
    others = [mark for mark in Mark if marks.get(mark) and mark is not Mark.PASSED]
    tall: dict[Mark, float] = {mark: max(_LEAST, _TALL * marks[mark] / total) for mark in others}
    room = _TALL - (_LEAST if marks.get(Mark.PASSED) else 0.0)
    squeeze = min(1.0, room / sum(tall.values())) if tall else 1.0
    tall = {mark: height * squeeze for mark, height in tall.items()}
    if marks.get(Mark.PASSED):
        tall = {Mark.PASSED: _TALL - sum(tall.values()), **tall}
    y = _TALL
    for mark, height in tall.items():
        y -= height
        yield mark, y, height


def _draw(mark: Mark, column: int, top: float, tall: float, paths: dict[str, str], *, has_room: bool) -> None:
    """Add a part of a cell to the paths of its classes; lines keep their width however the strip is stretched."""
    x = column + _LEFT
    block = f"M{x:.2f} {top:.1f}h{_WIDE}v{tall:.1f}h-{_WIDE}z"
    rising = f"M{x + 0.12:.2f} {top + tall * 0.85:.1f}L{x + _WIDE - 0.12:.2f} {top + tall * 0.15:.1f}"
    falling = f"M{x + 0.12:.2f} {top + tall * 0.15:.1f}L{x + _WIDE - 0.12:.2f} {top + tall * 0.85:.1f}"
    match mark:
        case Mark.PASSED:
            found = {"passed": block}
        case Mark.FAILED:
            found = {"failed": block, **({"failed-line": rising + falling} if has_room and tall >= _TALL / 2 else {})}
        case Mark.WAIVED:
            found = {"waived": block, "waived-line": rising}
        case Mark.UNDECIDED:
            found = {"undecided": block}
        case Mark.LEARNING:
            found = {"learning": f"M{x:.2f} {top + tall * 0.4:.1f}h{_WIDE}v{tall * 0.2:.1f}h-{_WIDE}z"}
    for class_, path in found.items():
        paths[class_] = paths.get(class_, "") + path


def rows_strip(rows: Sequence[RowFacts], columns: Columns) -> Html:
    """Return a bar per column, as high as its rows in: admitted at the foot, then left out, then held; missing is a cross."""
    tallest = max((each.admitted + each.left_out + each.held for each in rows), default=0)
    parts = [{"admitted": r.admitted, "left-out": r.left_out, "held": r.held} for r in rows]
    crosses = "".join(f"M{n + 0.2:.2f} {_ROWS_TALL - 9}l.6 8m0 -8l-.6 8" for n, r in enumerate(rows) if r.states[State.MISSING])
    return _bars(parts, ("admitted", "left-out", "held"), tallest, rows, columns, crosses=crosses, summary="rows per partition")


def quarantine_strip(rows: Sequence[RowFacts], columns: Columns) -> Html:
    """Return a bar per column, as high as its rows in quarantine, on a scale of its own."""
    tallest = max((each.quarantined for each in rows), default=0)
    parts = [{"quarantined": each.quarantined} for each in rows]
    return _bars(parts, ("quarantined",), tallest, rows, columns, summary="rows in quarantine per partition")


def _bars(
    parts: Sequence[Mapping[str, int]],
    kinds: Sequence[str],
    tallest: int,
    rows: Sequence[RowFacts],
    columns: Columns,
    *,
    crosses: str = "",
    summary: str,
) -> Html:
    paths = dict.fromkeys(kinds, "")
    for n, part in enumerate(parts):
        for kind, top, tall in stacked(part, kinds, tallest=tallest, room=_ROWS_TALL):
            paths[kind] += f"M{n + _LEFT:.2f} {top:.1f}h{_WIDE}v{tall:.1f}h-{_WIDE}z"
    hover = [
        element(
            "path", element("title", f"{in_words(period)}: {_row_words(each)}"), d=f"M{n} 0h1v{_ROWS_TALL:g}h-1z", class_="hover"
        )
        for n, (period, each) in enumerate(zip(columns.periods, rows, strict=True))
    ]
    drawn = {**paths, "missing": crosses}
    return strip_of([*paths_of(drawn), *hover], columns, _ROWS_TALL, summary, class_="strip bars")


def _row_words(rows: RowFacts) -> str:
    numbers = {
        "rows in": rows.rows_in,
        "admitted": rows.admitted,
        "in quarantine": rows.quarantined,
        "left out": rows.left_out,
        "held": rows.held,
    }
    states = ", ".join(f"{n} {state.value}" for state, n in sorted(rows.states.items())) if sum(rows.states.values()) > 1 else ""
    one = next(iter(rows.states), None)
    said = states or (one.value if one else "")
    return f"{said}; {', '.join(f'{n:,} {what}' for what, n in numbers.items())}" if rows.rows_in else said


def strip_of(inside: Sequence[Html], columns: Columns, tall: float, summary: str, *, class_: str = "strip") -> Html:
    """Return an SVG as wide as the columns, each of them 1, and stretched to whatever room it has."""
    box = f"0 0 {len(columns.periods)} {tall:g}"
    return element("svg", *inside, class_=class_, viewBox=box, preserveAspectRatio="none", role="img", aria_label=summary)


def paths_of(paths: Mapping[str, str]) -> list[Html]:
    """Return a path of each class that has one."""
    return [element("path", d=path, class_=class_) for class_, path in paths.items() if path]


def axis(columns: Columns) -> Html:
    """Return the names of a few columns, spread evenly, each where its column is: two where there is no room for more."""
    n = len(columns.periods)
    ticks = min(n, 2 if n < 20 or columns.unit == "hour" else 4)
    spans = []
    for tick in range(ticks):
        at = round(tick * (n - 1) / max(ticks - 1, 1))
        is_last = tick == ticks - 1 and ticks > 1
        spans.append(element("span", columns.periods[at].name, style="right:0" if is_last else f"left:{100 * at / n:.2f}%"))
    return element("div", *spans, class_="axis")


def in_words(period: Period) -> str:
    """Return the name of a period, and what it spans where that is more than one partition."""
    return period.name if period.partitions == 1 else f"{period.name} ({period.first} to {period.last})"


def counted(marks: Counter[Mark], *, without: Mark | None = None) -> str:
    """Return `3 failed, 1 undecided, 20 passed`: the worst first, nothing of 0."""
    return ", ".join(f"{marks[mark]:,} {mark.value}" for mark in reversed(Mark) if marks[mark] and mark is not without)
