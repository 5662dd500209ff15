"""The page: one HTML document that needs nothing beside itself, no script, no network, and reads on light, dark and paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from readiness_pipelines.reports.document import document
from readiness_pipelines.reports.facts import Decision, GateReport, Mark, RuleFacts, State, ToLookAt
from readiness_pipelines.reports.markup import Html, command, element, joined, name, prose, section, table
from readiness_pipelines.reports.over_time import over_time, percent
from readiness_pipelines.reports.strips import counted

_WORST = 10  # rules in each list of the worst
_REASONS = 20
_CUT = 400  # characters of what a person wrote
_ALWAYS = (State.ADMITTED, State.WITH_QUARANTINE, State.HELD, State.UNDECIDED, State.MISSING)
_SOMETIMES = (State.BLOCKED, State.NOT_RUN, State.STALE, State.NOT_DUE)


def page(report: GateReport) -> str:
    """Return the report as a whole HTML document."""
    sections = [_top(report), _attention(report), _worst(report), _reasons(report), *over_time(report), _decisions(report)]
    return document(f"{report.product}: gates, {report.first} to {report.last}", *sections)


def sentence(report: GateReport) -> str:
    """Return where the product stands, in one sentence."""
    total, unit = sum(report.states.values()), report.columns.every
    numbers = {state: report.states.get(state, 0) for state in (*_ALWAYS, *_SOMETIMES)}
    told = [f"{n:,} {state.value}" for state, n in numbers.items() if n or state in _ALWAYS]
    told[0] = told[0].replace(" ", " is " if numbers[State.ADMITTED] == 1 else " are ", 1)
    span = f"{total:,} {unit}{'' if total == 1 else 's'} from {report.first} to {report.last}"
    return f"Of the {span}, {', '.join(told[:-1])} and {told[-1]}."


def _top(report: GateReport) -> Html:
    facts = (
        f"Owner {report.owner}; steward {report.steward}. Contract {report.contract_version}. "
        f"Made on {report.at:%Y-%m-%d %H:%M} UTC from the newest verdict of each partition."
    )
    return element(
        "header",
        element("h1", "Gates of ", element("em", report.product)),
        element("p", report.description) if report.description else Html(""),
        element("p", sentence(report), class_="state"),
        element("p", "A partition counts once, by the table that stands worst in it. ", facts, class_="faint"),
    )


def _attention(report: GateReport) -> Html:
    if not report.looked_at:
        return section("To look at", element("p", "Nothing is held, undecided, missing or stale."))
    rows = [_look(each) for each in report.to_look_at]
    more = report.looked_at - len(rows)
    rest = f"The newest {len(rows)} of {report.looked_at:,}; all: `readiness status {report.product} --json`." if more else ""
    return section("To look at", table(("partition!", "table", "state!", "why", "next"), rows, class_="list"), told=rest)


def _look(each: ToLookAt) -> Sequence[object]:
    why = joined([element("div", prose(reason)) for reason in each.why])
    state = element("span", each.state.value, class_=f"state-{each.state.value}")
    steps = joined([element("div", command(step) if step.startswith("readiness ") else step) for step in each.next])
    return element("b", each.partition), _leaf(each.table), state, why, steps


def _worst(report: GateReport) -> Html:
    judged = [rule for rule in report.rules if rule.marks]
    by_partitions = _most(judged, lambda rule: rule.marks[Mark.FAILED] + rule.marks[Mark.UNDECIDED] + rule.marks[Mark.WAIVED])
    by_rows = _most(judged, lambda rule: rule.breaking_rows)
    if not by_partitions and not by_rows:
        return section("Worst rules", element("p", "Every rule that was judged passed, on every row."))
    lists = []
    if by_partitions:
        rows = [(_rule_name(rule), _lines(counted(rule.marks).split(", ")), _newest(rule)) for rule in by_partitions]
        lists.append(_titled("By partitions", table(("rule", "partitions", "newest that did not pass"), rows, class_="list")))
    if by_rows:
        cells = [(_rule_name(rule), f"{rule.breaking_rows:,}", percent(rule.pass_rate)) for rule in by_rows]
        lists.append(_titled("By rows", table(("rule", "rows that break it#", "partitions passed#"), cells, class_="list")))
    return section("Worst rules", element("div", *lists, class_="pair"))


def _most(rules: Sequence[RuleFacts], size: Callable[[RuleFacts], int]) -> list[RuleFacts]:
    return sorted((rule for rule in rules if size(rule)), key=lambda rule: (-size(rule), rule.table, rule.rule))[:_WORST]


def _titled(title: str, *inside: Html) -> Html:
    return element("div", element("h3", title), *inside)


def _rule_name(rule: RuleFacts) -> Html:
    gone = "" if rule.in_suite else ", not in the suite any more"
    return joined(
        [element("b", name(rule.rule)), element("div", _leaf(rule.table), ": ", name(rule.expectation), gone, class_="faint")]
    )


def _newest(rule: RuleFacts) -> Html:
    told = [f"{partition} {mark.value}" if mark is not Mark.FAILED else partition for partition, mark in reversed(rule.newest)]
    return _lines(told)


def _lines(parts: Sequence[str]) -> Html:
    """Return parts with commas between them, none of which is broken."""
    return joined([element("span", each, class_="line") for each in parts], by=", ")


def _reasons(report: GateReport) -> Html:
    found = [
        (n, facts.name, reason, facts.reason_partitions[reason]) for facts in report.tables for reason, n in facts.reasons.items()
    ]
    found.sort(key=lambda each: (-each[0], each[1:]))
    if not found:
        return section("Rows in quarantine, by reason", element("p", "None."))
    most = found[0][0]
    rows = [
        (name(reason), name(leaf), _bar(n, most), f"{n:,}", f"{partitions:,}") for n, leaf, reason, partitions in found[:_REASONS]
    ]
    told = "A row with two reasons counts under both."
    if len(found) > _REASONS:
        told += (
            f" The {_REASONS} most frequent of {len(found):,} reasons; all: `readiness quarantine list --product {report.product}`."
        )
    heads = ("reason", "table", "", "rows#", "partitions#")
    return section("Rows in quarantine, by reason", table(heads, rows, class_="list reasons"), told=told)


def _bar(n: int, most: int) -> Html:
    return element("div", class_="bar", style=f"width:{max(1.0, 100 * n / most):.1f}%")


def _decisions(report: GateReport) -> Html:
    if not report.decided:
        return section("Decisions", element("p", "None about these partitions."))
    rows = [_decision(each) for each in report.decisions]
    more = report.decided - len(rows)
    told = f"The newest {len(rows)} of {report.decided:,}." if more else ""
    heads = ("when (UTC)!", "partition!", "table", "decided", "rows#", "by", "why")
    return section("Decisions", table(heads, rows, class_="list"), told=told)


def _decision(each: Decision) -> Sequence[object]:
    rows = "" if each.rows is None else f"{each.rows:,}"
    when = each.at[:16].replace("T", " ")
    return when, each.partition, _leaf(each.table), each.decided, rows, each.by[:_CUT], each.reason[:_CUT]


def _leaf(table_name: str) -> Html:
    return name(table_name.partition(".")[2])
