"""Judge the row rules in DuckDB: one counts scan for all of them, one GROUP BY per uniqueness rule; rows are looked at
again only where a rule failed. A rule that has no SQL of equal meaning is judged by Great Expectations itself, over all
rows, and says so in its note."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb

from readiness_pipelines.flow import RuleResult, Status
from readiness_pipelines.gates import fallback
from readiness_pipelines.gates.around import looked_up, table_name
from readiness_pipelines.gates.columns import NotCompiled, NotJudgeable, literal, one_row, quoted
from readiness_pipelines.gates.compile import RowPredicates, compile_row, only_where
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

_FAILING_KEYS = 5


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
    types, uncast = column_types(con, source), uncast or {}
    work = _Rows(con, source, suite, types, uncast, row_key, row_order, frame)
    every = [rule for rule in suite.rules if rule.is_row_rule]
    rules = [rule for rule in every if undecided_beforehand(rule) is None]
    for rule in rules:
        work.compile(rule)
    work.count()
    work.judge_others([rule for rule in rules if rule.name in work.others])
    keys = _failing_keys(con, source, {n: p for n, p in work.judged.items() if work.counts[n][2]}, row_key)
    results = tuple(undecided_beforehand(rule) or work.result(rule, keys.get(rule.name, ())) for rule in every)
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
            self.judged[rule.name] = looked_up(self.con, self.source, rule, found, row_key=self.row_key, row_order=self.row_order)
        except (NotJudgeable, duckdb.OperationalError) as error:
            self.impossible[rule.name] = first_line(error)
        except (NotCompiled, duckdb.Error) as error:
            self.others[rule.name] = first_line(error)

    def count(self) -> None:
        """Count all rules, some dozens in a scan. If a scan fails its rules are tried one by one, to find the culprit."""
        names = list(self.judged)
        for start in range(0, len(names), RULES_PER_SCAN):
            some = names[start : start + RULES_PER_SCAN]
            try:
                self._scan(some)
            except duckdb.Error:
                for name in some:
                    try:
                        self._scan([name])
                    except duckdb.OperationalError as error:  # no room, no file: nobody else is to try
                        self.impossible[name] = first_line(error)
                        del self.judged[name]
                    except duckdb.Error as error:
                        self._pass_on(name, first_line(error))

    def _scan(self, names: Sequence[str]) -> None:
        found = _scan(self.con, self.source, {name: self.judged[name] for name in names})
        for name, (selected, considered, bad, unsure) in found.items():
            if unsure:
                self._pass_on(name, f"{unsure} rows that pandas may see otherwise")
            elif self.judged[name].needs_rows and not considered:
                self._pass_on(name, "no row that it considers")
            else:
                self.counts[name] = (selected, considered, bad)

    def _pass_on(self, name: str, why: str) -> None:
        self.others[name] = why
        del self.judged[name]

    def judge_others(self, rules: Sequence[Rule]) -> None:
        """Let Great Expectations judge what has no SQL; its bad rows become a table of keys, to be looked up like others."""
        self.impossible |= {rule.name: self.others[rule.name] for rule in rules if rule.is_ours}
        rules = [rule for rule in rules if not rule.is_ours]
        rows = count_rows(self.con, self.source) if rules else 0
        if rows > self.suite.fallback_max_rows:
            self.impossible |= {r.name: too_many(rows, self.suite, self.others[r.name]) for r in rules}
            return
        for rule in rules:
            judged = _untouched(rule, self.uncast)
            if self.row_order is None and rule.expectation.endswith(("increasing", "decreasing")):
                self.impossible[rule.name] = "the rows of this table have no order"
                continue
            frame = self.frame() if self.frame else frame_of(self.con, self.source, judged, self.row_order or self.row_key)
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
        left_out = count_rows(self.con, f"{self.source} WHERE NOT ({judged})") if judged != "true" else 0
        self.counts[rule.name] = (elements + left_out, elements - missing, int(result.get("unexpected_count") or 0))
        self.judged[rule.name] = RowPredicates("true", f"({self.row_key} IN (SELECT key FROM {table}))")

    def result(self, rule: Rule, keys: tuple[str, ...]) -> RuleResult:
        if rule.name in self.impossible:
            return bare_result(rule, Status.UNDECIDED, self.impossible[rule.name])
        if rule.name not in self.native:
            return _row_result(rule, self.counts[rule.name], keys)
        note = by_gx(self.others[rule.name])
        found = self.native[rule.name]
        if "element_count" not in found["result"]:  # a rule over types is judged by the column's own, without rows
            status = Status.PASSED if found["success"] else Status.FAILED
            return dataclasses.replace(bare_result(rule, status, note), observed_value=found["result"].get("observed_value"))
        return dataclasses.replace(_row_result(rule, self.counts[rule.name], keys), note=note)


def _scan(
    con: duckdb.DuckDBPyConnection, source: str, predicates: Mapping[str, RowPredicates]
) -> dict[str, tuple[int, int, int, int]]:
    """Return how many rows are selected, considered, bad and unsure, per rule; what two rules ask alike is counted once."""
    parts = ("selected", "considered", "bad", "unsure")
    wanted = {name: [f"count(*) FILTER ({getattr(p, part)})" for part in parts] for name, p in predicates.items()}
    distinct = list(dict.fromkeys(sql for some in wanted.values() for sql in some))
    value = dict(zip(distinct, one_row(con, f"SELECT {', '.join(distinct)} FROM {source}"), strict=True))
    counted = {name: [int(value[sql]) for sql in some] for name, some in wanted.items()}
    return {name: (some[0], some[1], some[2], some[3]) for name, some in counted.items()}


def lost_anyway(con: duckdb.DuckDBPyConnection, source: str, suite: Suite, *, uncast: Mapping[str, str] | None = None) -> str:
    """Return SQL that is true for rows of `source` that go to quarantine whatever other rows there are; never NULL.

    So they can be set aside before the examination. The others may still be refused by it: uniqueness looks at other
    rows, a rule with `mostly` quarantines only when too many rows break it, and some rules Great Expectations judges.
    """
    types, uncast = column_types(con, source), uncast or {}
    wanted = [quoted(flag) for flag in uncast.values()]
    for rule in suite.rules:
        if (
            rule.is_row_rule
            and undecided_beforehand(rule) is None
            and rule.on_fail == "quarantine"
            and float(rule.kwargs.get("mostly", 1.0)) == 1.0
        ):
            with suppress(NotJudgeable, NotCompiled):  # the examination will say so
                found = _guarded(rule, compile_row(rule, types), uncast)
                wanted += [] if found.looks_around or found.unsure != "false" else [found.bad]
    return " OR ".join(wanted) or "false"


def _untouched(rule: Rule, uncast: Mapping[str, str]) -> str:
    touched = [quoted(uncast[c]) for c in rule.columns if c in uncast]
    return f"NOT ({' OR '.join(touched)})" if touched else "true"


def _guarded(rule: Rule, found: RowPredicates, uncast: Mapping[str, str]) -> RowPredicates:
    """Leave rows out whose cell, one that the rule touches, could not be cast."""
    judged = _untouched(rule, uncast)
    return found if judged == "true" else only_where(judged, found)


def _failing_keys(
    con: duckdb.DuckDBPyConnection, source: str, failing: Mapping[str, RowPredicates], row_key: str
) -> dict[str, tuple[str, ...]]:
    """Return the smallest few keys of the rows that break each of these rules, from one more look at the rows."""
    found: dict[str, tuple[str, ...]] = {}
    names = list(failing)
    for start in range(0, len(names), RULES_PER_SCAN):
        some = names[start : start + RULES_PER_SCAN]
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
        bare_result(rule, Status.PASSED if passed else Status.FAILED),
        element_count=rows,
        missing_count=rows - considered,
        unexpected_count=bad,
        unexpected_percent=bad / considered * 100 if considered else None,
        failing_keys=keys,
    )
