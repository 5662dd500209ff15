"""Each table over time: its rows, its quarantine, then its rules, one line each under the same calendar."""

from __future__ import annotations

from readiness_pipelines.layers.corrections import FRACTION
from readiness_pipelines.reports.facts import GateReport, Mark, RuleFacts, State, TableFacts
from readiness_pipelines.reports.markup import Html, element, section
from readiness_pipelines.reports.strip_table import heads, line, strip_table
from readiness_pipelines.reports.strips import counted, quarantine_strip, rows_strip, rule_strip, sample


def over_time(report: GateReport) -> list[Html]:
    """Return the legend, then a section for each table."""
    unit, every = report.columns.unit, report.columns.every
    why = f": there are too many {every}s to draw one by one" if report.columns.is_aggregated else ""
    told = (
        f"Each column is {'an' if unit == 'hour' else 'a'} {unit}{why}. The share passed leaves learning out; undecided and "
        "waived did not pass. Rows that break a rule are tolerated as long as its `mostly` allows for so many."
    )
    return [section("Over time", _legend(report), told=told), *(_one_table(report, facts) for facts in report.tables)]


def _legend(report: GateReport) -> Html:
    words = {
        Mark.PASSED: "passed",
        Mark.FAILED: "failed",
        Mark.UNDECIDED: "undecided: could not be judged",
        Mark.WAIVED: "waived: failed, and a person let the candidate pass",
        Mark.LEARNING: "learning: too little history yet",
    }
    return element("div", *(element("span", sample(mark, report.columns), text) for mark, text in words.items()), class_="legend")


def _one_table(report: GateReport, facts: TableFacts) -> Html:
    total = facts.total
    states = ", ".join(f"{total.states[state]:,} {state.value}" for state in State if total.states[state])
    rules = [rule for rule in facts.rules.values() if _is_shown(rule)]
    bars = quarantine_strip(facts.rows, report.columns) if total.quarantined else Html("")
    lines = [
        line("rows in", "frame: held; cross: missing", rows_strip(facts.rows, report.columns), f"{total.rows_in:,}", _rows(facts)),
        line("in quarantine", "a scale of its own" if bars else "", bars, f"{total.quarantined:,}", _share(facts)),
        heads("rule", Html(""), "passed", "partitions that did not pass, and rows that break it"),
        *(_rule_line(rule, report) for rule in rules),
    ]
    return element(
        "section",
        element("h3", element("span", facts.layer, class_="faint"), " ", facts.name),
        element("p", states, class_="faint"),
        strip_table(report.columns, "", "rows", "", lines),
    )


def _is_shown(rule: RuleFacts) -> bool:
    """What the engine judges everywhere is a line where it ever failed; what the suite lost, where it was ever judged."""
    if rule.rule == FRACTION:
        return rule.pass_rate not in (None, 1.0)
    return rule.in_suite or bool(rule.marks)


def _rule_line(rule: RuleFacts, report: GateReport) -> Html:
    note = "not in the suite any more" if not rule.in_suite else "" if rule.severity in ("critical", "") else rule.severity
    words = ", ".join(filter(None, [counted(rule.marks, without=Mark.PASSED), _breaking(rule)])) if rule.marks else "never judged"
    return line(rule.rule, note, rule_strip(rule, report.columns), percent(rule.pass_rate), words)


def _breaking(rule: RuleFacts) -> str:
    verb = "row breaks it" if rule.breaking_rows == 1 else "rows break it"
    broken = f"{rule.breaking_rows:,} {verb}" if rule.breaking_rows else ""
    return ", ".join(filter(None, [broken, f"{rule.tolerated_rows:,} tolerated" if rule.tolerated_rows else ""]))


def _rows(facts: TableFacts) -> str:
    numbers = {"admitted": facts.total.admitted, "left out (duplicates, drops)": facts.total.left_out, "held": facts.total.held}
    return ", ".join(f"{n:,} {what}" for what, n in numbers.items() if n)


def _share(facts: TableFacts) -> str:
    total = facts.total
    return f"{percent(total.quarantined / total.rows_in)} of the rows in" if total.quarantined else ""


def percent(share: float | None) -> str:
    """Return a share with one decimal. Only all is 100%, only nothing 0%: what is between is never rounded to either."""
    if share is None:
        return ""
    if share in (0.0, 1.0):
        return f"{100 * share:.0f}%"
    shown = min(max(round(100 * share, 1), 0.1), 99.9)
    return "<0.1%" if 100 * share < 0.1 else ">99.9%" if 100 * share > 99.9 else f"{shown:.1f}%"
