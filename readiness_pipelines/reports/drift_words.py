"""How drift is told: in sentences and numbers, on the page and in the terminal alike."""

from __future__ import annotations

from collections.abc import Sequence

from readiness_pipelines.flow import Kind, Mode, Test
from readiness_pipelines.reports.drift_facts import Cell, ColumnFacts, DriftFacts, MonitorFacts, Standing

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
    monitors = sorted(facts.monitors, key=lambda each: each.standing.place)
    if len(monitors) == 1:
        return f"{monitors[0].monitor.name}: {sentence(monitors[0])}"
    groups = {standing: [m.monitor.name for m in monitors if m.standing is standing] for standing in Standing}
    told = [f"{_group(standing)} in {', '.join(names)}" for standing, names in groups.items() if names]
    return f"Newest windows of {len(monitors)} monitors: {'; '.join(told)}."


def _group(standing: Standing) -> str:
    return {Standing.NONE: "no drift found", Standing.LEARNING: "still learning"}.get(standing, _found(standing))


def _found(standing: Standing) -> str:
    return {
        Standing.UNDECIDED: "undecided",
        Standing.INSUFFICIENT_SAMPLE: "too few rows to tell",
        Standing.LEARNING: "learning",
        Standing.NONE: "no drift found",
    }.get(standing, f"{standing.value} drift")


def sentence(facts: MonitorFacts) -> str:
    """Return how a monitor's newest window stands, in one sentence."""
    if facts.newest is None:
        return f"learning: {facts.waits_for or 'no window has been measured yet'}."
    newest, found = facts.windows[-1], list(facts.by_newest())
    where = f"{newest.window} ({newest.rows:,} rows, against {facts.newest.measured.reference.name})"
    if not found:
        return f"{where}: nothing was measured."
    match newest.standing:
        case Standing.NONE:
            said = f"no drift found in {_count(len(found), 'column')}"
        case Standing.INSUFFICIENT_SAMPLE:
            n = sum(cell.standing is Standing.INSUFFICIENT_SAMPLE for _, _, cell in found)
            said = f"nothing found, but too few rows to have seen low drift in {n} of {_count(len(found), 'column')}"
        case Standing.UNDECIDED:
            n = sum(cell.standing is Standing.UNDECIDED for _, _, cell in found)
            said = f"undecided in {n} of {_count(len(found), 'column')}: the counts allow more than one answer"
        case Standing.LEARNING:
            said = "learning: too short a past"
        case _:
            up_to = "drift of up to " if facts.newest.mode is Mode.UNDECIDED else ""
            said = f"{up_to}{newest.standing.value}{'' if up_to else ' drift'} in {_worst(found, newest.standing)}"
    trends = f", and {_count(len(facts.newest.trends), 'trend')}" if facts.newest.trends else ""
    return f"{where}: {said}{trends}."


def open_points(facts: MonitorFacts) -> list[str]:
    """Return what is still to come: what a monitor waits for that was measured before, and what is due and was not measured."""
    points = [f"since then it is learning: {facts.waits_for}"] if facts.waits_for and facts.newest else []
    if facts.due:
        verb = "is due and was" if facts.due == 1 else "are due and were"
        points.append(f"{_count(facts.due, 'window')} {verb} not measured: `readiness drift measure {facts.monitor.product}`")
    return points


def _worst(found: Sequence[tuple[ColumnFacts, Test, Cell]], standing: Standing) -> str:
    at = [each for each in found if each[2].standing is standing]
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
