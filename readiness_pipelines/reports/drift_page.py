"""The page about the drift of one product: one HTML document that needs nothing beside itself, and reads on light, dark, paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from readiness_pipelines.flow import Test
from readiness_pipelines.reports.document import document
from readiness_pipelines.reports.drift_facts import Cell, ColumnFacts, Decided, DriftFacts, Level, Metric, MonitorFacts
from readiness_pipelines.reports.drift_plots import Histogram, histogram
from readiness_pipelines.reports.drift_strips import calendar, column_strip, legend, metric_strip, severity_strip
from readiness_pipelines.reports.drift_words import kind_in_words, number, open_points, p_value, product_sentence, sentence
from readiness_pipelines.reports.markup import Html, element, joined, name, prose, section, table
from readiness_pipelines.reports.periods import Columns
from readiness_pipelines.reports.strip_table import line, strip_table

_COLUMNS, _LISTED, _GROUPS, _TRENDS, _DECISIONS = 40, 20, 20, 20, 50  # of one monitor that are shown
_CUT = 400  # characters of why something was decided

Found = tuple[ColumnFacts, Test, Cell]
Histograms = Mapping[str, Sequence[Histogram]]  # by monitor


def drift_page(facts: DriftFacts, histograms: Histograms) -> str:
    """Return what is known of a product's drift as a whole HTML document; `histograms` are those of the newest windows."""
    monitors = [part for each in facts.monitors for part in _monitor(facts, each, histograms.get(each.monitor.name, ()))]
    sections = (_top(facts), *monitors, _how_to_read())
    return document(f"{facts.product}: drift", *sections, styles=("page.css", "drift.css"))


def _top(facts: DriftFacts) -> Html:
    said = (
        f"Owner {facts.owner}; steward {facts.steward}. Made on {facts.at:%Y-%m-%d %H:%M} UTC from the newest report of each "
        "window. Only admitted rows are measured."
    )
    worst = min((each.level for each in facts.monitors), key=lambda each: each.place)
    return element(
        "header",
        element("h1", "Drift of ", element("em", facts.product)),
        element("p", facts.description) if facts.description else Html(""),
        element("p", product_sentence(facts), class_=f"state level-{_class(worst)}"),
        element("p", said, class_="faint"),
    )


def _monitor(facts: DriftFacts, of: MonitorFacts, histograms: Sequence[Histogram]) -> list[Html]:
    said = [element("p", sentence(of), class_=f"state level-{_class(of.level)}")] if len(facts.monitors) > 1 else []
    head = section(of.monitor.name, *said, *_about(of))
    if of.newest is None:
        return [head]
    cols = calendar(of, facts.every)
    parts = [_over_time(of, cols), _worst(of, histograms), _newest(of), _performance(of, cols), _trends(of), _decisions(facts, of)]
    return [head, *(part for part in parts if part)]


def _class(level: Level) -> str:
    return level.value.replace(" ", "-")


def _about(of: MonitorFacts) -> list[Html]:
    window, compared = of.monitor.words.window, of.monitor.words.reference
    days = "1 day" if window.days == 1 else f"{window.days} days"
    every = "one a day" if window.step == 1 else f"one every {window.step} days"
    with_ = {"previous_window": "the window before", "training_set": "the training set"}.get(str(compared), "its reference")
    said = f"{of.monitor.table.full_name} in windows of {days}, {every}, each compared with {with_}."
    points = [element("p", prose(point)) for point in open_points(of)]
    if of.newest is None:
        return [element("p", said, class_="faint"), *points]
    m = of.newest.measured
    said += f" The newest reference is {m.reference.name} with {m.rows_reference:,} rows."
    said += f" Rule {of.newest.rule[:12]}; event {of.newest.event[:12]}."
    notes = [element("li", note[:_CUT]) for note in of.newest.notes[:_LISTED]]
    return [element("p", said, class_="faint"), *points, element("ul", *notes, class_="notes") if notes else Html("")]


def _over_time(of: MonitorFacts, cols: Columns) -> Html:
    shown = of.by_history()[:_COLUMNS]
    alarms = sum(each.level.severity.rank > 0 for each in of.windows)
    first = line(
        "severity", "of the window", severity_strip(of, cols), f"{alarms:,}", f"of {len(of.windows):,} windows at low or above"
    )
    lines = [first, *(_column_line(column, of, cols) for column in shown)]
    unit = (
        f"Each column is a {cols.unit} of windows, and shows the worst"
        if cols.is_aggregated
        else "Each column is a window, by its last day"
    )
    told = f"{unit}. The number counts windows at low or above."
    if len(of.columns) > len(shown):
        told += f" The {len(shown)} columns that alarmed most, of {len(of.columns):,}; all: `{_show(of)} --json`."
    if of.measured > len(of.windows):
        told += f" The newest {len(of.windows):,} of {of.measured:,} windows."
    return _part("Over time", legend(), strip_table(cols, "", "windows", "newest window", lines), told=told)


def _column_line(column: ColumnFacts, of: MonitorFacts, cols: Columns) -> Html:
    worst = [found[1] for n in range(len(of.windows)) if (found := column.worst(n))]
    alarms = sum(cell.level.severity.rank > 0 for cell in worst)
    newest = column.worst(len(of.windows) - 1)
    words = _in_short(newest[0].value, newest[1]) if newest else "not measured"
    return line(column.title, kind_in_words(column.kind), column_strip(column, of, cols), f"{alarms:,}", words)


def _in_short(test: str, cell: Cell) -> str:
    return f"{test} {number(cell.effect)}, {cell.level.value}" if cell.effect is not None else cell.level.value


def _part(title: str, *inside: object, told: str = "") -> Html:
    return element("section", element("h3", title), element("p", prose(told), class_="faint") if told else Html(""), *inside)


def _worst(of: MonitorFacts, histograms: Sequence[Histogram]) -> Html:
    if not histograms:
        return Html("")
    told = "Shares of rows: the wide pale bar is the reference, the narrow one the newest window, with its share where it differs."
    return _part("Newest window beside its reference", element("div", *map(histogram, histograms), class_="plots"), told=told)


def _newest(of: MonitorFacts) -> Html:
    found = list(of.by_newest())
    if not found:
        return Html("")
    shown = found[:_LISTED]
    told = f"The worst {len(shown)} of {len(found):,} columns, each by its worst test." if len(found) > len(shown) else ""
    heads: tuple[str, ...] = ("column", "test!", "effect#", "threshold#", "corrected p#", "rows#", "severity!", "also!")
    place = len(of.windows) - 1
    rows: list[Sequence[object]] = [_finding(*each, each[0].also(place)) for each in shown]
    if any(cell.note for _, _, cell in shown):
        heads = (*heads, "note")
        rows = [(*row, cell.note[:_CUT]) for row, (_, _, cell) in zip(rows, shown, strict=True)]
    return _part("Newest window, by column", table(heads, rows, class_="list"), *_untold(of, but=shown), told=told)


def _untold(of: MonitorFacts, *, but: Sequence[Found]) -> list[Html]:
    """Return why nothing could be told of columns that are not among the listed ones."""
    left = [each for each in of.untold() if each not in but]
    lines = [element("li", name(c.name), f" ({test.value}): {cell.note[:_CUT]}") for c, test, cell in left[:_LISTED]]
    return [element("p", "Nothing could be told of:"), element("ul", *lines, class_="notes")] if lines else []


def _finding(column: ColumnFacts, test: Test, cell: Cell, also: Sequence[Test]) -> Sequence[object]:
    severity = element("span", cell.level.value, class_=f"level-{_class(cell.level)}")
    numbers = number(cell.effect), number(cell.threshold), p_value(cell.corrected_p), f"{cell.n:,}"
    return element("b", name(column.title)), test.value, *numbers, severity, ", ".join(each.value for each in also)


def _performance(of: MonitorFacts, cols: Columns) -> Html:
    if not of.performance:
        return Html("")
    groups = dict(list(of.performance.items())[: _GROUPS + 1])
    metrics = [metric for each in groups.values() for metric in each.values()]
    ends = _ends(metrics)
    lines = [_metric_line(group, each, of, cols, ends) for group, each in groups.items()]
    metric = "ROC AUC" if of.monitor.words.score else "Accuracy"
    told = (
        f"{metric} over rows whose label is known, within its 95% interval; the dashes are the reference. "
        f"All on one scale, {number(ends[0])} to {number(ends[1])}. Groups are shown and never alarm."
    )
    if len(of.performance) > len(groups):
        told += f" The first {_GROUPS} of {len(of.performance) - 1} groups."
    return _part("What the prediction is worth", strip_table(cols, "", "newest", "", lines), told=told)


def _ends(metrics: Sequence[Metric]) -> tuple[float, float]:
    values = [v for m in metrics for v in (m.low, m.high, m.reference) if v is not None]
    return min(values), max(values)


def _metric_line(group: str, metrics: Mapping[int, Metric], of: MonitorFacts, cols: Columns, ends: tuple[float, float]) -> Html:
    place, newest = max(metrics.items())
    strip = metric_strip(metrics, of, cols, ends=ends, name=group or "all rows")
    words = f"{number(newest.low)} to {number(newest.high)}, {newest.n:,} rows"
    words += f"; reference {number(newest.reference)}" if newest.reference is not None else ""
    words += "" if place == len(of.windows) - 1 else f"; last measured {of.windows[place].window}"
    return line(group[:_CUT] or "all rows", "", strip, number(newest.value), words)


def _trends(of: MonitorFacts) -> Html:
    trends = of.newest.trends if of.newest else ()
    if not trends:
        return Html("")
    rows = [
        (
            element("b", name(each.column)),
            each.test.value,
            f"{each.slope:+.4f}",
            f"{each.windows:,}",
            p_value(each.p_regression),
            p_value(each.p_mann_kendall),
            each.crosses_at or "not within as many windows",
        )
        for each in trends[:_TRENDS]
    ]
    heads = ("column", "test!", "per window#", "windows#", "p of the slope#", "p of Mann-Kendall#", "crosses its threshold at")
    more = f"The first {len(rows)} of {len(trends)}." if len(trends) > len(rows) else ""
    return _part("Trends", table(heads, rows, class_="list"), told=more)


def _decisions(facts: DriftFacts, of: MonitorFacts) -> Html:
    if not of.decisions:
        return Html("")
    rows = [_decision(each) for each in of.decisions[:_DECISIONS]]
    told = f"The newest {len(rows)} of {len(of.decisions):,}." if len(of.decisions) > len(rows) else ""
    heads = ("when (UTC)!", "window!", "severity!", "columns", "action!", "why", "by run!", "event!")
    return _part("What was decided", table(heads, rows, class_="list"), told=told)


def _decision(each: Decided) -> Sequence[object]:
    said = each.decision
    more = f" and {len(said.columns) - 3} more" if len(said.columns) > 3 else ""
    severity = element("span", said.severity.value, class_=f"level-{said.severity.value}")
    when = each.at[:16].replace("T", " ")
    columns = joined([joined([name(c) for c in said.columns[:3]], by=", "), more])
    return when, str(said.window), severity, columns, said.action, said.why[:_CUT], said.decided_by[:8], said.event[:12]


def _show(of: MonitorFacts) -> str:
    return f"readiness drift show {of.monitor.product} --monitor {of.monitor.name}"


def _how_to_read() -> Html:
    return section("How to read this", *(element("p", prose(text)) for text in _HOW_TO_READ))


_HOW_TO_READ = (
    "A window is a range of days of admitted rows. Each of its columns is compared with the same column of the reference, by "
    "several tests: ks and psi compare distributions, nulls the share of missing values, unseen the share of categories that the "
    "reference does not have, performance what the prediction was worth by the labels that are known.",
    "A column is at low, medium, high or critical where two things hold: the difference is significant after the correction for "
    "all tests of the window (corrected p), and its effect has reached the threshold of that severity. Many rows make small "
    "differences significant, and many columns make chance look like drift: either alone is no alarm.",
    "`none` is said only where drift of the low threshold would have been seen. Insufficient sample: there were too few rows for "
    "that. Undecided: the counts allow more than one answer, and the rows were not read. Learning: there is no reference yet, or "
    "too short a past.",
    "A trend is a movement over many windows that is significant by its slope and by Mann-Kendall's test; it is told before a "
    "threshold is reached. Where a column's values may not be told, its bins and categories have numbers for names.",
)
