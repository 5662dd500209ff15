"""How drift is told: in sentences and numbers, on the page and in the terminal alike."""

from __future__ import annotations

from collections.abc import Sequence

from readiness_pipelines.flow import Kind, Mode, Test
from readiness_pipelines.reports.drift_facts import Cell, ColumnFacts, DriftFacts, Level, MonitorFacts

TESTS = {
    Test.KS: "distribution (KS)",
    Test.PSI: "distribution (PSI)",
    Test.NULLS: "missing values",
    Test.UNSEEN: "unseen categories",
    Test.PERFORMANCE: "performance lost",
}
_NAMED = 3  # columns in a sentence
_BARS = "▁▂▃▄▅▆▇█"


def product_sentence(facts: DriftFacts) -> str:
    """Return how the product stands, in one sentence."""
    monitors = sorted(facts.monitors, key=lambda each: each.level.place)
    if len(monitors) == 1:
        return f"{monitors[0].monitor.name}: {sentence(monitors[0])}"
    groups = {level: [m.monitor.name for m in monitors if m.level is level] for level in Level}
    told = [f"{_group(level)} in {', '.join(names)}" for level, names in groups.items() if names]
    return f"Newest windows of {len(monitors)} monitors: {'; '.join(told)}."


def _group(level: Level) -> str:
    return {Level.NONE: "no drift found", Level.LEARNING: "still learning"}.get(level, _found(level))


def _found(level: Level) -> str:
    return {
        Level.UNDECIDED: "undecided",
        Level.INSUFFICIENT_SAMPLE: "too few rows to tell",
        Level.LEARNING: "learning",
        Level.NONE: "no drift found",
    }.get(level, f"{level.value} drift")


def sentence(facts: MonitorFacts) -> str:
    """Return how a monitor's newest window stands, in one sentence."""
    if facts.newest is None:
        return f"learning: {facts.waits_for or 'no window has been measured yet'}."
    newest, found = facts.windows[-1], list(facts.by_newest())
    where = f"{newest.window} ({newest.rows:,} rows, against {facts.newest.measured.reference.name})"
    if not found:
        return f"{where}: nothing was measured."
    match newest.level:
        case Level.NONE:
            said = f"no drift found in {_count(len(found), 'column')}"
        case Level.INSUFFICIENT_SAMPLE:
            n = sum(cell.level is Level.INSUFFICIENT_SAMPLE for _, _, cell in found)
            said = f"nothing found, but too few rows to have seen low drift in {n} of {_count(len(found), 'column')}"
        case Level.UNDECIDED:
            n = sum(cell.level is Level.UNDECIDED for _, _, cell in found)
            said = f"undecided in {n} of {_count(len(found), 'column')}: the counts allow more than one answer"
        case Level.LEARNING:
            said = "learning: too short a past"
        case _:
            up_to = "drift of up to " if facts.newest.mode is Mode.UNDECIDED else ""
            said = f"{up_to}{newest.level.value}{'' if up_to else ' drift'} in {_worst(found, newest.level)}"
    trends = f", and {_count(len(facts.newest.trends), 'trend')}" if facts.newest.trends else ""
    return f"{where}: {said}{trends}."


def open_points(facts: MonitorFacts) -> list[str]:
    """Return what is still to come: what a monitor waits for that was measured before, and what is due and was not measured."""
    points = [f"since then it is learning: {facts.waits_for}"] if facts.waits_for and facts.newest else []
    if facts.due:
        verb = "is due and was" if facts.due == 1 else "are due and were"
        points.append(f"{_count(facts.due, 'window')} {verb} not measured: `readiness drift measure {facts.monitor.product}`")
    return points


def _worst(found: Sequence[tuple[ColumnFacts, Test, Cell]], level: Level) -> str:
    at = [each for each in found if each[2].level is level]
    if not at:  # an earlier window carries it, or a trend
        return "a trend"
    named = [f"{column.name} ({TESTS[test]} {number(cell.effect)})" for column, test, cell in at[:_NAMED]]
    more = f" and {len(at) - _NAMED} more" if len(at) > _NAMED else ""
    return f"{_count(len(at), 'column')}: {', '.join(named)}{more}" if len(at) > 1 else named[0]


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def number(value: float | None) -> str:
    """Return a share or an effect with three decimals, empty for none."""
    return "" if value is None else f"{value:.3f}"


def p_value(p: float | None) -> str:
    """Return a p with three decimals; what would be 0.000 is `< .001`."""
    if p is None:
        return ""
    return "<.001" if p < 0.0005 else f"{p:.3f}"


def sparkline(values: Sequence[float | None], *, full: float) -> str:
    """Return a character per value, the full block from `full` up; a space where there is none."""
    top = max(full, *(v for v in values if v is not None)) if any(v is not None for v in values) else full
    return "".join(" " if v is None else _BARS[min(int(max(v, 0.0) / top * len(_BARS)), len(_BARS) - 1)] for v in values)


def kind_in_words(kind: Kind) -> str:
    """Return what a column is, as a reader says it."""
    return {Kind.DATA: "feature", Kind.PREDICTION: "prediction", Kind.LABEL: "label", Kind.CONCEPT: "prediction"}.get(
        kind, kind.value
    )
