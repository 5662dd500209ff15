"""Judge the row rules in DuckDB: one counts scan for all of them, at most one GROUP BY per uniqueness rule; rows are looked
at again only where a rule failed. A rule that has no SQL of equal meaning is judged by Great Expectations itself, over all
rows, and says so in its note."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb

from readiness_pipelines.flow import RuleResult, Status
from readiness_pipelines.gates import fallback
from readiness_pipelines.gates.around import Known, looked_up, table_name
from readiness_pipelines.gates.broken import BROKEN, failing_keys, keep_broken, kept_keys
from readiness_pipelines.gates.columns import NotCompiled, NotJudgeable, quoted
from readiness_pipelines.gates.compile import RowPredicates, compile_row
from readiness_pipelines.gates.counting import Part, count_rules
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
from readiness_pipelines.gates.sift import Sifted, certain, guarded, untouched
from readiness_pipelines.gates.suite import Rule, Suite
from readiness_pipelines.gates.texts import by_value, repeating

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class RowExamination:
    """The results of all row rules, and the way to the rows that go to quarantine.

    `predicates` are those of the compiled rules; `native` holds Great Expectations' own results of the others; `read` has
    the value of each aggregate that was asked for and could be read on the way.
    """

    results: tuple[RuleResult, ...]
    predicates: Mapping[str, RowPredicates]
    native: Native
    read: Mapping[str, Any]
    _row_key: str
    _has_broken: bool

    def bad_rows_sql(self) -> str | None:
        """Return `SELECT <row key>, reasons` for every row that goes to quarantine, all reasons listed; None if none can.

        Cells that could not be cast come first, then failed rules in the suite's order. It holds until the next
        examination on the same connection.
        """
        return f"SELECT {self._row_key}, reasons FROM {BROKEN}" if self._has_broken else None


def examine_rows(
    con: duckdb.DuckDBPyConnection,
    source: str,
    suite: Suite,
    *,
    row_key: str = "row_id",
    uncast: Mapping[str, str] | None = None,
    row_order: str | None = None,
    frame: Callable[[], pandas.DataFrame] | None = None,
    sifted: Sifted | None = None,
    also: Sequence[str] = (),
) -> RowExamination:
    """Judge every row of `source` (SQL for FROM) by the suite's row rules.

    `uncast` names, per column, a boolean column that is true where the cell could not be cast: such a row goes to
    quarantine for `cast:<column>`, and a rule that touches the cell neither considers nor faults it. `row_order` is SQL
    to order the rows by; without it no rule about their order can be judged. `frame` gives the rows to pandas where they
    came from elsewhere than DuckDB. `sifted` tells the rows apart where that was done before, which saves work and changes
    nothing. Aggregates of `also` are read on the way, over `sifted.kept` or else all rows, if there are rows to read. A
    rule that cannot be judged at all is undecided, and no other rule suffers.
    """
    types, uncast = column_types(con, source), uncast or {}
    work = _Rows(con, source, suite, types, uncast, row_key, row_order, frame, sifted or Sifted(source, None))
    every = [rule for rule in suite.rules if rule.is_row_rule]
    rules = [rule for rule in every if undecided_beforehand(rule) is None]
    work.compile(rules)
    work.count(also)
    work.judge_others([rule for rule in rules if rule.name in work.others])
    results = tuple(undecided_beforehand(rule) or work.result(rule) for rule in every)
    keys, has_broken = work.broken(results)
    results = tuple(dataclasses.replace(r, failing_keys=keys.get(r.rule, ())) for r in results)
    return RowExamination(results, work.judged, work.native, work.read, row_key, has_broken)


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
    sifted: Sifted
    judged: dict[str, RowPredicates] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    counts: dict[str, tuple[int, int, int]] = field(default_factory=dict)  # rows, considered, bad
    others: dict[str, str] = field(default_factory=dict)  # for Great Expectations itself, and why
    impossible: dict[str, str] = field(default_factory=dict)
    native: dict[str, dict[str, Any]] = field(default_factory=dict)
    read: dict[str, Any] = field(default_factory=dict)

    def compile(self, rules: Sequence[Rule]) -> None:
        """Find each rule's predicates. Of keys the short ones come first: what they say saves work on the longer ones."""
        for rule in rules:
            with self._trying(rule):
                self.judged[rule.name] = guarded(rule, compile_row(rule, self.types), self.uncast)
        self.settled = {name for name, p in self.judged.items() if self.sifted.settled.get(name) == certain(p)}
        keys: Known = {}
        for rule in sorted((r for r in rules if r.name in self.judged), key=lambda r: len(self.judged[r.name].keys)):
            with self._trying(rule):
                found = self.judged.pop(rule.name)
                self.judged[rule.name] = looked_up(
                    self.con, self.source, rule, found, row_key=self.row_key, row_order=self.row_order, known=keys
                )
        texts = [r for r in rules if r.name in self.judged and self.judged[r.name].of_value and r.name not in self.settled]
        some = repeating(self.con, self.source, {rule.kwargs["column"] for rule in texts})
        self.judged |= by_value(self.con, self.source, [r for r in texts if r.kwargs["column"] in some], self.judged)

    @contextmanager
    def _trying(self, rule: Rule) -> Iterator[None]:
        try:
            yield
        except (NotJudgeable, duckdb.OperationalError) as error:
            self.impossible[rule.name] = first_line(error)
        except (NotCompiled, duckdb.Error) as error:
            self.others[rule.name] = first_line(error)

    @property
    def parts(self) -> list[Part]:
        settled = frozenset(self.settled | {f"cast:{column}" for column in self.uncast} & self.sifted.settled.keys())
        kept = [Part(self.sifted.kept, settled)] if self.sifted.kept else []
        return kept + ([Part(self.sifted.aside)] if self.sifted.aside else [])

    def count(self, also: Sequence[str]) -> None:
        """Count all rules in few scans. If a scan fails its rules are tried one by one, to find the culprit."""
        also = also if self.sifted.kept else ()
        names = list(self.judged)
        for start in range(0, len(names), RULES_PER_SCAN):
            some = names[start : start + RULES_PER_SCAN]
            try:
                self._scan(some, also)
            except duckdb.Error:
                self._one_by_one(some)
            also = ()

    def _one_by_one(self, names: Sequence[str]) -> None:
        try:
            self._scan(names)  # it may have been an aggregate
            return
        except duckdb.Error:
            pass
        for name in names:
            try:
                self._scan([name])
            except duckdb.OperationalError as error:  # no room, no file: nobody else is to try
                self.impossible[name] = first_line(error)
                del self.judged[name]
            except duckdb.Error as error:
                self._pass_on(name, first_line(error))

    def _scan(self, names: Sequence[str], also: Sequence[str] = ()) -> None:
        found, read = count_rules(self.con, self.parts, {name: self.judged[name] for name in names}, also)
        self.read |= read
        for name, (selected, considered, bad, unsure) in found.items():
            if unsure:
                self._pass_on(name, f"{unsure} rows that pandas may see otherwise")
            elif self.judged[name].needs_rows and not considered:
                self._pass_on(name, "no row that it considers")
            else:
                self.counts[name] = (selected, considered, bad)

    def _pass_on(self, name: str, why: str) -> None:
        self.others[name] = why
        self.settled.discard(name)
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
            judged = untouched(rule, self.uncast)
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

    def broken(self, results: Sequence[RuleResult]) -> tuple[dict[str, tuple[str, ...]], bool]:
        """Return a few keys of the rows that break each rule, and whether there is a table of rows for quarantine."""
        failed = {r.rule for r in results if r.status is Status.FAILED and r.on_fail == "quarantine" and r.rule in self.counts}
        reasons = {r.rule: self.judged[r.rule] for r in results if r.rule in failed}
        cells = {f"cast:{column}": quoted(flag) for column, flag in self.uncast.items()}
        keys: dict[str, tuple[str, ...]] = {}
        if reasons or cells:
            keep_broken(self.con, self.parts or [Part(self.source)], cells, reasons, row_key=self.row_key)
            keys = kept_keys(self.con, self.row_key) if reasons else {}
        others = {n: p for n, p in self.judged.items() if self.counts[n][2] and n not in failed}
        return keys | failing_keys(self.con, self.source, others, row_key=self.row_key), bool(reasons or cells)

    def result(self, rule: Rule) -> RuleResult:
        if rule.name in self.impossible:
            return bare_result(rule, Status.UNDECIDED, self.impossible[rule.name])
        if rule.name not in self.native:
            return _row_result(rule, self.counts[rule.name])
        note = by_gx(self.others[rule.name])
        found = self.native[rule.name]
        if "element_count" not in found["result"]:  # a rule over types is judged by the column's own: no row to quarantine
            status = Status.PASSED if found["success"] else Status.FAILED
            on_fail = "hold" if rule.on_fail == "quarantine" else rule.on_fail
            observed = found["result"].get("observed_value")
            return dataclasses.replace(bare_result(rule, status, note), observed_value=observed, on_fail=on_fail)
        return dataclasses.replace(_row_result(rule, self.counts[rule.name]), note=note)


def _row_result(rule: Rule, counts: tuple[int, int, int]) -> RuleResult:
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
    )
