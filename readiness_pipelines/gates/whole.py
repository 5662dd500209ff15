"""Judge the table rules in DuckDB: one scan for all aggregates; what needs a grouping or an order is a query of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from readiness_pipelines.flow import RuleResult, Status
from readiness_pipelines.gates import fallback
from readiness_pipelines.gates.aggregates import compile_table
from readiness_pipelines.gates.columns import NotCompiled, NotJudgeable, one_row
from readiness_pipelines.gates.elsewhere import QUERY
from readiness_pipelines.gates.plan import WHOLE, Finding, TablePlan
from readiness_pipelines.gates.relation import (
    RULES_PER_SCAN,
    Native,
    bare_result,
    by_gx,
    column_types,
    count_rows,
    first_line,
    frame_of,
    too_many,
    undecided_beforehand,
)
from readiness_pipelines.gates.suite import Rule, Suite

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class TableExamination:
    """The results of all table rules; `found` holds what Great Expectations' result says of each, by rule."""

    results: tuple[RuleResult, ...]
    found: Mapping[str, Mapping[str, Any]]
    native: Native


def examine_table(
    con: duckdb.DuckDBPyConnection, source: str, suite: Suite, *, read: Mapping[str, Any] | None = None
) -> tuple[RuleResult, ...]:
    """Judge `source` as a whole by the suite's table rules. An aggregate over no values is None, and no pass.

    `read` has aggregates of exactly these rows that were read before, by their SQL.
    """
    return examine_whole(con, source, suite, read=read).results


def aggregates_of(con: duckdb.DuckDBPyConnection, source: str, suite: Suite) -> tuple[str, ...]:
    """Return the aggregates, as SQL, that the suite's table rules ask of `source`."""
    types = column_types(con, source)
    wanted: dict[str, None] = {}
    for rule in suite.rules:
        if not rule.is_row_rule and undecided_beforehand(rule) is None:
            with suppress(NotJudgeable, NotCompiled):  # the examination will say so
                wanted |= dict.fromkeys(compile_table(rule, types).aggregates)
    return tuple(wanted)


def examine_whole(
    con: duckdb.DuckDBPyConnection,
    source: str,
    suite: Suite,
    *,
    frame: Callable[[], pandas.DataFrame] | None = None,
    read: Mapping[str, Any] | None = None,
) -> TableExamination:
    """Judge the table rules, and keep all that Great Expectations would say of them."""
    every = [rule for rule in suite.rules if not rule.is_row_rule]
    rules = [rule for rule in every if undecided_beforehand(rule) is None]
    findings: dict[str, Finding] = {}
    others: dict[str, str] = {}
    impossible: dict[str, str] = {}
    plans: dict[str, TablePlan] = {}
    types = column_types(con, source)
    for rule in rules:
        try:
            plans[rule.name] = compile_table(rule, types)
        except NotJudgeable as error:
            impossible[rule.name] = str(error)
        except NotCompiled as error:
            others[rule.name] = first_line(error)
    if any(plan.queries or plan.then for plan in plans.values()):
        con.execute(f"CREATE OR REPLACE TEMP VIEW {WHOLE} AS FROM {source}")
    for name, values in _read(con, source, plans, read or {}):
        try:
            findings[name] = plans[name].judge(values())
        except duckdb.OperationalError as error:  # no room, no file: nobody else is to try
            impossible[name] = first_line(error)
        except (NotCompiled, duckdb.Error, TypeError) as error:
            others[name] = first_line(error)
    ours = {rule.name for rule in rules if rule.is_ours}
    impossible |= {name: why for name, why in others.items() if name in ours}
    others = {name: why for name, why in others.items() if name not in ours}
    native: dict[str, dict[str, Any]] = {}
    rows = count_rows(con, source) if others else 0
    if others and rows > suite.fallback_max_rows:
        impossible |= {name: too_many(rows, suite, why) for name, why in others.items()}
    elif others:
        native = fallback.judge(frame() if frame else frame_of(con, source, "true", None), [r for r in rules if r.name in others])
    for name, result in native.items():
        if result["exception_info"]["raised_exception"]:
            impossible[name] = f"Great Expectations itself raised {fallback.named(result['exception_info'])}"
        else:
            findings[name] = Finding(result["success"], result["result"], by_gx(others[name]))
    results = tuple(
        undecided_beforehand(rule) or _table_result(rule, findings.get(rule.name), impossible.get(rule.name, "")) for rule in every
    )
    return TableExamination(results, {name: f.result for name, f in findings.items()}, native)


def _read(
    con: duckdb.DuckDBPyConnection, source: str, plans: Mapping[str, TablePlan], before: Mapping[str, Any]
) -> Iterator[tuple[str, Callable[[], list[Any]]]]:
    """Yield, per rule, how to read its values: all aggregates were read in a few scans; a query runs when it is asked for."""
    wanted = list(dict.fromkeys(sql for plan in plans.values() for sql in plan.aggregates if sql not in before))
    value = dict(before)
    for start in range(0, len(wanted), 2 * RULES_PER_SCAN):
        some = wanted[start : start + 2 * RULES_PER_SCAN]
        with suppress(duckdb.Error):  # then each is read by itself, where it is wanted
            value |= zip(some, one_row(con, f"SELECT {', '.join(some)} FROM {source}"), strict=True)

    def read(plan: TablePlan) -> list[Any]:
        found = [value[sql] if sql in value else one_row(con, f"SELECT {sql} FROM {source}")[0] for sql in plan.aggregates]
        queries = [*plan.queries, *(plan.then(found) if plan.then else ())]
        return found + [one_row(con, query) for query in queries]

    for name, plan in plans.items():
        yield name, lambda plan=plan: read(plan)  # type: ignore[misc]


def _table_result(rule: Rule, finding: Finding | None, impossible: str) -> RuleResult:
    if finding is None:
        return bare_result(rule, Status.UNDECIDED, impossible)
    status = Status.PASSED if finding.passed else Status.FAILED
    observed = finding.result.get("observed_value")
    shown = [*observed[:20], "..."] if isinstance(observed, list) and len(observed) > 20 else observed
    given = finding.result.get("unexpected_count") if rule.expectation == QUERY else None
    return dataclasses.replace(bare_result(rule, status, finding.note), observed_value=shown, unexpected_count=given)
