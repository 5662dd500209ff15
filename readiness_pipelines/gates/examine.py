"""Judge rows and tables in DuckDB: one counts scan for all row rules, one GROUP BY per uniqueness rule, one scan for all
aggregates over the table. Rows are looked at again only where a row rule failed. A rule that has no SQL of equal meaning
is judged by Great Expectations itself, over all rows, and says so in its note."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb

from readiness_pipelines.flow import RuleResult, Status
from readiness_pipelines.gates import fallback
from readiness_pipelines.gates.aggregates import Finding, TablePlan, compile_table
from readiness_pipelines.gates.around import looked_up, table_name
from readiness_pipelines.gates.columns import NotCompiled, NotJudgeable, literal, one_row, quoted
from readiness_pipelines.gates.compile import RowPredicates, compile_row
from readiness_pipelines.gates.suite import Rule, Suite

if TYPE_CHECKING:
    import pandas

_RULES_PER_SCAN = 40  # planning a wide statement grows faster than linearly
_FAILING_KEYS = 5

Native = Mapping[str, Mapping[str, Any]]  # Great Expectations' own results, by rule


@dataclass(frozen=True)
class RowExamination:
    """The results of all row rules, and the way to the rows that go to quarantine.

    `predicates` are those of the compiled rules; `native` holds Great Expectations' own results of the others.
    """

    results: tuple[RuleResult, ...]
    predicates: Mapping[str, RowPredicates]
    native: Native
    _source: str
    _row_key: str
    _bad: tuple[tuple[str, str], ...]  # (reason, predicate): cells that could not be cast, then failed rules in suite order

    def bad_rows_sql(self) -> str | None:
        """Return `SELECT <row key>, reasons` for every row that goes to quarantine, all reasons listed; None if none can."""
        if not self._bad:
            return None
        reasons = ", ".join(f"CASE WHEN {predicate} THEN {literal(name)} END" for name, predicate in self._bad)
        any_bad = " OR ".join(predicate for _, predicate in self._bad)
        return (
            f"SELECT {self._row_key}, list_filter([{reasons}], lambda r: r IS NOT NULL) AS reasons "
            f"FROM {self._source} WHERE {any_bad}"
        )


def examine_rows(
    con: duckdb.DuckDBPyConnection,
    source: str,
    suite: Suite,
    *,
    row_key: str = "row_id",
    uncast: Mapping[str, str] | None = None,
    row_order: str | None = None,
    frame: Callable[[], pandas.DataFrame] | None = None,
) -> RowExamination:
    """Judge every row of `source` (SQL for FROM) by the suite's row rules.

    `uncast` names, per column, a boolean column that is true where the cell could not be cast: such a row goes to
    quarantine for `cast:<column>`, and a rule that touches the cell neither considers nor faults it. `row_order` is SQL
    to order the rows by; without it no rule about their order can be judged. `frame` gives the rows to pandas where they
    came from elsewhere than DuckDB. A rule that cannot be judged at all is
    undecided, and no other rule suffers.
    """
    types, uncast = _types(con, source), uncast or {}
    work = _Rows(con, source, suite, types, uncast, row_key, row_order, frame)
    rules = [rule for rule in suite.rules if rule.is_row_rule]
    for rule in rules:
        work.compile(rule)
    work.count()
    work.judge_others([rule for rule in rules if rule.name in work.others])
    keys = _failing_keys(con, source, {n: p for n, p in work.judged.items() if work.counts[n][2]}, row_key)
    results = tuple(work.result(rule, keys.get(rule.name, ())) for rule in rules)
    failed = [(r.rule, work.judged[r.rule].bad) for r in results if r.status is Status.FAILED and r.on_fail == "quarantine"]
    cells = [(f"cast:{column}", quoted(flag)) for column, flag in uncast.items()]
    return RowExamination(results, work.judged, work.native, source, row_key, (*cells, *failed))


@dataclass
class _Rows:
    """The work on one relation: per rule its predicates and counts, or why it is judged otherwise or not at all."""

    con: duckdb.DuckDBPyConnection
    source: str
    suite: Suite
    types: Mapping[str, str]
    uncast: Mapping[str, str]
    row_key: str
    row_order: str | None
    frame: Callable[[], pandas.DataFrame] | None
    judged: dict[str, RowPredicates] = field(default_factory=dict)
    counts: dict[str, tuple[int, int, int]] = field(default_factory=dict)  # rows, considered, bad
    others: dict[str, str] = field(default_factory=dict)  # for Great Expectations itself, and why
    impossible: dict[str, str] = field(default_factory=dict)
    native: dict[str, dict[str, Any]] = field(default_factory=dict)

    def compile(self, rule: Rule) -> None:
        try:
            found = _guarded(rule, compile_row(rule, self.types), self.uncast)
            self.judged[rule.name] = looked_up(
                self.con, self.source, rule, found, row_key=self.row_key, row_order=self.row_order
            )
        except NotJudgeable as error:
            self.impossible[rule.name] = str(error)
        except (NotCompiled, duckdb.Error) as error:
            self.others[rule.name] = _first_line(error)

    def count(self) -> None:
        """Count all rules, some dozens in a scan. If a scan fails its rules are tried one by one, to find the culprit."""
        names = list(self.judged)
        for start in range(0, len(names), _RULES_PER_SCAN):
            some = names[start : start + _RULES_PER_SCAN]
            try:
                self._scan(some)
            except duckdb.Error:
                for name in some:
                    try:
                        self._scan([name])
                    except duckdb.Error as error:
                        self._pass_on(name, _first_line(error))

    def _scan(self, names: Sequence[str]) -> None:
        parts = ("selected", "considered", "bad", "unsure")
        wanted = {n: [f"count(*) FILTER ({getattr(self.judged[n], p)})" for p in parts] for n in names}
        distinct = list(dict.fromkeys(sql for some in wanted.values() for sql in some))
        row = one_row(self.con, f"SELECT {', '.join(distinct)} FROM {self.source}")
        value = dict(zip(distinct, row, strict=True))
        for name, some in wanted.items():
            selected, considered, bad, unsure = (int(value[sql]) for sql in some)
            if unsure:
                self._pass_on(name, f"{unsure} rows that pandas may see otherwise")
            else:
                self.counts[name] = (selected, considered, bad)

    def _pass_on(self, name: str, why: str) -> None:
        self.others[name] = why
        del self.judged[name]

    def judge_others(self, rules: Sequence[Rule]) -> None:
        """Let Great Expectations judge what has no SQL; its bad rows become a table of keys, to be looked up like others."""
        rows = _count(self.con, self.source) if rules else 0
        if rows > self.suite.fallback_max_rows:
            self.impossible |= {r.name: _too_many(rows, self.suite, self.others[r.name]) for r in rules}
            return
        for rule in rules:
            judged = _untouched(rule, self.uncast)
            if self.row_order is None and rule.expectation.endswith(("increasing", "decreasing")):
                self.impossible[rule.name] = "the rows of this table have no order"
                continue
            frame = self.frame() if self.frame else _frame(self.con, self.source, judged, self.row_order or self.row_key)
            found = fallback.judge(frame, [rule])[rule.name]
            self.native[rule.name] = found
            if found["exception_info"]["raised_exception"]:
                self.impossible[rule.name] = f"Great Expectations itself raised {fallback.named(found['exception_info'])}"
                continue
            self._take(rule, found["result"], frame, judged)

    def _take(self, rule: Rule, result: Mapping[str, Any], frame: pandas.DataFrame, judged: str) -> None:
        table = table_name("native", rule)
        bad = frame[[self.row_key]].iloc[list(result.get("unexpected_index_list") or ())]
        self.con.register(f"{table}_found", bad)
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {self.row_key} AS key FROM {table}_found")
        self.con.unregister(f"{table}_found")
        elements = int(result.get("element_count") or 0)
        missing = int(result.get("missing_count") or 0)
        left_out = _count(self.con, f"{self.source} WHERE NOT ({judged})") if judged != "true" else 0
        self.counts[rule.name] = (elements + left_out, elements - missing, int(result.get("unexpected_count") or 0))
        self.judged[rule.name] = RowPredicates("true", f"({self.row_key} IN (SELECT key FROM {table}))")

    def result(self, rule: Rule, keys: tuple[str, ...]) -> RuleResult:
        if rule.name in self.impossible:
            return _bare(rule, Status.UNDECIDED, self.impossible[rule.name])
        if rule.name not in self.native:
            return _row_result(rule, self.counts[rule.name], keys)
        note = _by_gx(self.others[rule.name])
        found = self.native[rule.name]
        if "element_count" not in found["result"]:  # a rule over types is judged by the column's own, without rows
            status = Status.PASSED if found["success"] else Status.FAILED
            return dataclasses.replace(_bare(rule, status, note), observed_value=found["result"].get("observed_value"))
        return dataclasses.replace(_row_result(rule, self.counts[rule.name], keys), note=note)


def lost_anyway(con: duckdb.DuckDBPyConnection, source: str, suite: Suite, *, uncast: Mapping[str, str] | None = None) -> str:
    """Return SQL that is true for rows of `source` that go to quarantine whatever other rows there are; never NULL.

    So they can be set aside before the examination. The others may still be refused by it: uniqueness looks at other
    rows, a rule with `mostly` quarantines only when too many rows break it, and some rules Great Expectations judges.
    """
    types, uncast = _types(con, source), uncast or {}
    wanted = [quoted(flag) for flag in uncast.values()]
    for rule in suite.rules:
        if rule.is_row_rule and rule.on_fail == "quarantine" and float(rule.kwargs.get("mostly", 1.0)) == 1.0:
            with suppress(NotJudgeable, NotCompiled):  # the examination will say so
                found = _guarded(rule, compile_row(rule, types), uncast)
                wanted += [] if found.looks_around or found.unsure != "false" else [found.bad]
    return " OR ".join(wanted) or "false"


def _types(con: duckdb.DuckDBPyConnection, source: str) -> dict[str, str]:
    return {row[0]: str(row[1]) for row in con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}


def _count(con: duckdb.DuckDBPyConnection, source: str) -> int:
    return int(one_row(con, f"SELECT count(*) FROM {source}")[0])


def _frame(con: duckdb.DuckDBPyConnection, source: str, judged: str, order: str | None) -> pandas.DataFrame:
    ordered = f" ORDER BY {order}" if order else ""
    frame: pandas.DataFrame = con.sql(f"SELECT * FROM {source} WHERE {judged}{ordered}").to_arrow_table().to_pandas()
    return frame


def _untouched(rule: Rule, uncast: Mapping[str, str]) -> str:
    touched = [quoted(uncast[c]) for c in rule.columns if c in uncast]
    return f"NOT ({' OR '.join(touched)})" if touched else "true"


def _guarded(rule: Rule, found: RowPredicates, uncast: Mapping[str, str]) -> RowPredicates:
    """Leave rows out whose cell, one that the rule touches, could not be cast."""
    judged = _untouched(rule, uncast)
    if judged == "true":
        return found
    parts = {p: f"({getattr(found, p)} AND {judged})" for p in ("considered", "bad", "unsure")}
    return dataclasses.replace(found, **parts)


def _failing_keys(
    con: duckdb.DuckDBPyConnection, source: str, failing: Mapping[str, RowPredicates], row_key: str
) -> dict[str, tuple[str, ...]]:
    """Return the smallest few keys of the rows that break each of these rules, from one more look at the rows."""
    found: dict[str, tuple[str, ...]] = {}
    names = list(failing)
    for start in range(0, len(names), _RULES_PER_SCAN):
        some = names[start : start + _RULES_PER_SCAN]
        each = ", ".join(f"min({row_key}, {_FAILING_KEYS}) FILTER ({failing[name].bad})" for name in some)
        row = one_row(con, f"SELECT {each} FROM {source}")
        found |= {name: tuple(str(k) for k in keys or ()) for name, keys in zip(some, row, strict=True)}
    return found


def _row_result(rule: Rule, counts: tuple[int, int, int], keys: tuple[str, ...]) -> RuleResult:
    rows, considered, bad = counts
    mostly = float(rule.kwargs.get("mostly", 1.0))
    # GX's own expression, in its own order of operations: 0 rows considered is a pass
    passed = considered == 0 or (float(considered) - float(bad)) / float(considered) >= mostly
    return dataclasses.replace(
        _bare(rule, Status.PASSED if passed else Status.FAILED),
        element_count=rows,
        missing_count=rows - considered,
        unexpected_count=bad,
        unexpected_percent=bad / considered * 100 if considered else None,
        failing_keys=keys,
    )


def _bare(rule: Rule, status: Status, note: str = "") -> RuleResult:
    return RuleResult(rule.name, rule.expectation, rule.kwargs, rule.severity, rule.on_fail, status, note=note)


def _by_gx(why: str) -> str:
    return f"judged by Great Expectations itself, over all rows ({why})"


def _too_many(rows: int, suite: Suite, why: str) -> str:
    return f"{rows} rows are more than fallback_max_rows ({suite.fallback_max_rows}) lets Great Expectations itself judge ({why})"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200]


@dataclass(frozen=True)
class TableExamination:
    """The results of all table rules; `found` holds what Great Expectations' result says of each, by rule."""

    results: tuple[RuleResult, ...]
    found: Mapping[str, Mapping[str, Any]]
    native: Native


def examine_table(con: duckdb.DuckDBPyConnection, source: str, suite: Suite) -> tuple[RuleResult, ...]:
    """Judge `source` as a whole by the suite's table rules. An aggregate over no values is None, and no pass."""
    return examine_whole(con, source, suite).results


def examine_whole(
    con: duckdb.DuckDBPyConnection, source: str, suite: Suite, *, frame: Callable[[], pandas.DataFrame] | None = None
) -> TableExamination:
    """Judge the table rules, and keep all that Great Expectations would say of them."""
    rules = [rule for rule in suite.rules if not rule.is_row_rule]
    findings: dict[str, Finding] = {}
    others: dict[str, str] = {}
    impossible: dict[str, str] = {}
    plans: dict[str, TablePlan] = {}
    types = _types(con, source)
    for rule in rules:
        try:
            plans[rule.name] = compile_table(rule, types)
        except NotJudgeable as error:
            impossible[rule.name] = str(error)
        except NotCompiled as error:
            others[rule.name] = _first_line(error)
    for name, read in _read(con, source, plans):
        try:
            findings[name] = plans[name].judge(read())
        except (NotCompiled, duckdb.Error, TypeError) as error:
            others[name] = _first_line(error)
    native: dict[str, dict[str, Any]] = {}
    rows = _count(con, source) if others else 0
    if others and rows > suite.fallback_max_rows:
        impossible |= {name: _too_many(rows, suite, why) for name, why in others.items()}
    elif others:
        native = fallback.judge(frame() if frame else _frame(con, source, "true", None), [r for r in rules if r.name in others])
    for name, result in native.items():
        if result["exception_info"]["raised_exception"]:
            impossible[name] = f"Great Expectations itself raised {fallback.named(result['exception_info'])}"
        else:
            findings[name] = Finding(result["success"], result["result"], _by_gx(others[name]))
    results = tuple(_table_result(rule, findings.get(rule.name), impossible.get(rule.name, "")) for rule in rules)
    return TableExamination(results, {name: f.result for name, f in findings.items()}, native)


def _read(
    con: duckdb.DuckDBPyConnection, source: str, plans: Mapping[str, TablePlan]
) -> Iterator[tuple[str, Callable[[], list[Any]]]]:
    """Yield, per rule, how to read its values: all aggregates were read in a few scans; a query runs when it is asked for."""
    wanted = list(dict.fromkeys(sql for plan in plans.values() for sql in plan.aggregates))
    value: dict[str, Any] = {}
    for start in range(0, len(wanted), 2 * _RULES_PER_SCAN):
        some = wanted[start : start + 2 * _RULES_PER_SCAN]
        with suppress(duckdb.Error):  # then each is read by itself, where it is wanted
            value |= zip(some, one_row(con, f"SELECT {', '.join(some)} FROM {source}"), strict=True)

    def read(plan: TablePlan) -> list[Any]:
        found = [value[sql] if sql in value else one_row(con, f"SELECT {sql} FROM {source}")[0] for sql in plan.aggregates]
        return found + [one_row(con, query.replace("{source}", source)) for query in plan.queries]

    for name, plan in plans.items():
        yield name, lambda plan=plan: read(plan)  # type: ignore[misc]


def _table_result(rule: Rule, finding: Finding | None, impossible: str) -> RuleResult:
    if finding is None:
        return _bare(rule, Status.UNDECIDED, impossible)
    status = Status.PASSED if finding.passed else Status.FAILED
    observed = finding.result.get("observed_value")
    shown = [*observed[:20], "..."] if isinstance(observed, list) and len(observed) > 20 else observed
    return dataclasses.replace(_bare(rule, status, finding.note), observed_value=shown)
