"""What `readiness drift show` prints: rows of its tables, and the same with nothing left out as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from readiness_pipelines.flow import Test, Trend
from readiness_pipelines.reports.drift_facts import Cell, ColumnFacts, Decided, MonitorFacts, WindowFacts
from readiness_pipelines.reports.drift_words import number, p_value, sentence, sparkline

_FULL = 4  # thresholds from which on a sparkline's block is full: by default, 4 times low is high
_NAMED = 3  # columns of a window
_PAST = 16  # windows of a sparkline, so that the widest row leaves a name its least in a terminal of 120 characters
_LEAST = 12  # characters of a name that are shown however wide the rest is


def column_rows(of: MonitorFacts) -> Iterator[dict[str, Any]]:
    """Yield a row per column of the newest window, by its worst test, the worst first, with its effects in the newest windows."""
    past = range(len(of.windows))[-_PAST:]
    for column, test, cell in of.by_newest():
        yield {
            "column": column.name,
            "test": test.value,
            "effect": number(cell.effect),
            "threshold": number(cell.threshold),
            "p": p_value(cell.corrected_p),
            "severity": cell.level.value,
            "also": ", ".join(other.value for other in column.also(len(of.windows) - 1)),
            "n": cell.n,
            f"over {len(past)} windows": sparkline(_effects(past, column, test), full=_FULL * (cell.threshold or 0.05)),
        }


def untold_rows(of: MonitorFacts) -> Iterator[dict[str, Any]]:
    """Yield a row per column of which nothing could be told in the newest window, those first that could not be measured."""
    for column, test, cell in of.untold():
        yield {"column": column.name, "test": test.value, "why": cell.note}


def _effects(places: Sequence[int], column: ColumnFacts, test: Test) -> list[float | None]:
    cells = column.tests[test]
    return [cells[n].effect if n in cells else None for n in places]


def fitted(rows: Sequence[dict[str, Any]], *, width: int) -> list[dict[str, Any]]:
    """Return the rows of a table with their `column`, if they have one, cut in the middle where it takes others' room.

    `width` is that of the terminal, in characters. Both ends of a name are kept: names that are alike differ at either.
    """
    if "column" not in rows[0]:
        return list(rows)
    beside = [max(_width(key, text) for text in (key, *(row[key] for row in rows))) for key in rows[0] if key != "column"]
    room = max(width - sum(beside) - 3 * len(rows[0]) - 1, _LEAST)  # a cell has a space on either side and a line after it
    return [{**row, "column": _cut(row["column"], room)} for row in rows]


def _width(key: str, value: object) -> int:
    """Return how wide a cell must be: `also` goes over several lines, word by word."""
    text = "" if value is None else str(value)
    return max(map(len, text.split()), default=0) if key == "also" else len(text)


def _cut(name: str, room: int) -> str:
    end = (room - 1) // 2
    return name if len(name) <= room else f"{name[: room - 1 - end]}…{name[-end:]}"


def window_rows(of: MonitorFacts) -> Iterator[dict[str, Any]]:
    """Yield a row per window, the newest first."""
    actions = {each.decision.event: each.decision.action for each in of.decisions}
    for each in reversed(of.windows):
        more = f" and {len(each.worst) - _NAMED} more" if len(each.worst) > _NAMED else ""
        yield {
            "window": str(each.window),
            "severity": each.level.value,
            "rows": each.rows,
            "absent": each.absent,
            "which": ", ".join(each.worst[:_NAMED]) + more,
            "decided": actions.get(each.event, ""),
            "event": each.event[:12],
        }


def trend_row(trend: Trend) -> dict[str, Any]:
    return {
        "column": trend.column,
        "test": trend.test.value,
        "per window": f"{trend.slope:+.4f}",
        "windows": trend.windows,
        "p of slope": p_value(trend.p_regression),
        "p of Mann-Kendall": p_value(trend.p_mann_kendall),
        "crosses at": trend.crosses_at,
    }


def decision_row(each: Decided) -> dict[str, Any]:
    said = each.decision
    return {
        "when": each.at[:16].replace("T", " "),
        "window": str(said.window),
        "severity": said.severity.value,
        "action": said.action,
        "run": said.decided_by[:8],
        "why": said.why,
    }


def as_dict(of: MonitorFacts) -> dict[str, Any]:
    """Return all that there is about a monitor, as JSON has it: every test of every column, windows oldest first."""
    newest = of.newest
    ends = [each.window.last for each in of.windows]
    return {
        "monitor": of.monitor.name,
        "table": of.monitor.table.full_name,
        "sentence": sentence(of),
        "waits_for": of.waits_for,
        "due": of.due,
        "severity": of.level.severity.value,
        "mode": newest.mode.value if newest else "learning",
        "event": newest.event if newest else None,
        "reference": newest.measured.reference.name if newest else None,
        "rule": newest.rule if newest else None,
        "notes": list(newest.notes) if newest else [],
        "columns": [
            {"column": column.name, "test": test.value, **_cell(cells[len(ends) - 1]), "effects": _by_end(cells, ends)}
            for column, _, _ in of.by_newest()
            for test, cells in column.tests.items()
            if len(ends) - 1 in cells
        ],
        "performance": {
            group or "all": {ends[n]: metric._asdict() for n, metric in metrics.items()}
            for group, metrics in of.performance.items()
        },
        "trends": [{**asdict(trend), "test": trend.test.value} for trend in newest.trends] if newest else [],
        "windows": [_window(each) for each in of.windows],
        "decisions": [{"at": each.at, **json.loads(each.decision.to_json())} for each in of.decisions],
    }


def _window(each: WindowFacts) -> dict[str, Any]:
    ends = {"first": each.window.first, "last": each.window.last, "severity": each.level.severity.value}
    said = {"level": each.level.value, "rows": each.rows, "absent": each.absent, "worst_columns": list(each.worst)}
    return {**ends, **said, "event": each.event, "superseded": each.superseded or None}


def _cell(cell: Cell) -> dict[str, Any]:
    said = {"effect": cell.effect, "corrected_p": cell.corrected_p, "threshold": cell.threshold, "n": cell.n}
    return {**said, "severity": cell.level.severity.value, "level": cell.level.value, "note": cell.note}


def _by_end(cells: dict[int, Cell], ends: list[str]) -> dict[str, float | None]:
    return {ends[n]: cell.effect for n, cell in cells.items()}
