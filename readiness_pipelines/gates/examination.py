"""The gate over one table in memory: a suite in, a verdict and Great Expectations' own results out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from readiness_pipelines.errors import DeclarationError
from readiness_pipelines.flow import RESERVED, Counts, GateVerdict, RuleResult, Status
from readiness_pipelines.gates.columns import one_row, quoted
from readiness_pipelines.gates.relation import Native
from readiness_pipelines.gates.rows import RowExamination, examine_rows
from readiness_pipelines.gates.shape import FORMATS, row_result, suite_result
from readiness_pipelines.gates.suite import Rule, Suite, parse_suite
from readiness_pipelines.gates.verdict import decide
from readiness_pipelines.gates.whole import TableExamination, aggregates_of, examine_whole

if TYPE_CHECKING:
    import duckdb
    import pyarrow

_ROW = f"{RESERVED}row"  # the row's position, from 0
_SOME = 20  # as many values as a result lists in part, in Great Expectations


@dataclass(frozen=True)
class Examination:
    """What a suite says of one table. The verdict holds no row; values and keys are read from the table when asked for."""

    suite: Suite
    verdict: GateVerdict
    key_columns: tuple[str, ...]
    _con: duckdb.DuckDBPyConnection
    _rows: RowExamination
    _whole: TableExamination

    @property
    def results(self) -> tuple[RuleResult, ...]:
        """One result per rule, in the suite's order."""
        found = {r.rule: r for r in (*self._rows.results, *self._whole.results)}
        return tuple(found[rule.name] for rule in self.suite.rules)

    def to_gx(self, *, result_format: str = "COMPLETE") -> dict[str, Any]:
        """Return the results in Great Expectations' shape; its result classes load them.

        `result_format` is one of its four words. COMPLETE lists every failing value and, by `key_columns` or else by the
        row's position from 0, every failing row; SUMMARY and BASIC list 20 values. A rule that could not be judged has
        `raised_exception` true, as there. Raises DeclarationError for another word.
        """
        if result_format not in FORMATS:
            raise DeclarationError([f"to_gx: result_format: found {result_format!r}, expected one of {', '.join(FORMATS)}"])
        return suite_result(self.suite, [self._one(rule, result, result_format) for rule, result in self._both()])

    def unexpected(self, rule: str, *, limit: int | None = None) -> tuple[list[Any], list[Any]]:
        """Return (values, keys) of the rows that break a row rule, in row order: all of them unless `limit` is given."""
        found = {r.name: r for r in self.suite.rules}[rule]
        return self._unexpected(found, limit) if rule in self._rows.predicates else ([], [])

    def _both(self) -> list[tuple[Rule, RuleResult]]:
        return list(zip(self.suite.rules, self.results, strict=True))

    def _native(self, rule: Rule) -> Mapping[str, Any] | None:
        both: tuple[Native, Native] = (self._rows.native, self._whole.native)
        return next((native[rule.name] for native in both if rule.name in native), None)

    def _one(
        self, rule: Rule, result: RuleResult, result_format: str
    ) -> tuple[RuleResult, dict[str, Any], Mapping[str, Any] | None]:
        """Return the rule's result, what Great Expectations' result holds, and its exception_info if it judged the rule."""
        native = self._native(rule)
        info = native["exception_info"] if native else None
        if result.status in (Status.UNDECIDED, Status.LEARNING) or result_format == "BOOLEAN_ONLY":
            return result, {}, info
        if result.element_count is None:
            found = self._whole.found.get(rule.name) or (native or {}).get("result") or {}
            return result, dict(found), info
        limit = None if result_format == "COMPLETE" else _SOME
        values, keys = self._unexpected(rule, limit) if result.unexpected_count else ([], [])
        positions = [row for row, _ in keys]
        shown = [key for _, key in keys] if self.key_columns else positions
        return result, row_result(rule, result, values, shown, positions, result_format, self.key_columns), info

    def _unexpected(self, rule: Rule, limit: int | None) -> tuple[list[Any], list[Any]]:
        domain, bad = rule.domain, self._rows.predicates[rule.name].bad
        names = [_ROW, *dict.fromkeys((*domain, *self.key_columns))]
        cut = "" if limit is None else f" LIMIT {limit}"
        sql = f"SELECT {', '.join(quoted(n) for n in names)} FROM candidate WHERE {bad} ORDER BY {_ROW}{cut}"
        rows = [dict(zip(names, row, strict=True)) for row in self._con.execute(sql).fetchall()]
        keys = [(row[_ROW], {n: row[n] for n in names[1:]}) for row in rows]
        if "column" in rule.kwargs:
            return [row[domain[0]] for row in rows], keys
        if "column_A" in rule.kwargs:
            return [(row[domain[0]], row[domain[1]]) for row in rows], keys
        return [{c: row[c] for c in domain} for row in rows], keys


def examine(table: pyarrow.Table, suite: Sequence[Mapping[str, Any]], *, key_columns: Sequence[str] | None = None) -> Examination:
    """Judge a table by a suite: a list of expectations as Great Expectations writes them (type, kwargs, severity, meta).

    Grain: one result per expectation. The meaning is Great Expectations 1.24's on `table.to_pandas()`: NaN is null, rows
    are in the table's order. `key_columns` name a failing row; without them its position does, from 0. Raises
    DeclarationError for a suite that Great Expectations would refuse, and for key columns that are not there.
    """
    import duckdb

    strange = [name for name in key_columns or () if name not in table.column_names]
    if strange:
        raise DeclarationError([f"key_columns: found {strange[0]!r}, expected columns of the table"])
    parsed = parse_suite(suite)
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    numbered = _numbered(table)
    con.register("candidate", numbered)
    given = f"(SELECT * EXCLUDE ({_ROW}) FROM candidate)"
    also = aggregates_of(con, given, parsed)
    rows = examine_rows(con, "candidate", parsed, row_key=_ROW, row_order=_ROW, frame=numbered.to_pandas, also=also)
    whole = examine_whole(con, given, parsed, frame=table.to_pandas, read=rows.read)
    return Examination(parsed, _verdict(con, parsed, table.num_rows, rows, whole), tuple(key_columns or ()), con, rows, whole)


def _numbered(table: pyarrow.Table) -> pyarrow.Table:
    """Return the table with its row positions. DuckDB ignores case in names, so columns that differ in nothing else are refused."""
    import pyarrow as pa

    lowered = [name.lower() for name in table.column_names]
    if len(set(lowered)) < len(lowered) or _ROW in lowered:
        raise DeclarationError(["table: found column names that differ in case only or begin with ours, expected others"])
    return table.append_column(_ROW, pa.array(range(table.num_rows), pa.int64()))


def _verdict(
    con: duckdb.DuckDBPyConnection, suite: Suite, rows_in: int, rows: RowExamination, whole: TableExamination
) -> GateVerdict:
    bad, reasons = rows.bad_rows_sql(), {}
    quarantined = 0
    if bad:
        con.execute(f"CREATE TEMP TABLE rejected AS {bad}")
        quarantined = int(one_row(con, "SELECT count(*) FROM rejected")[0])
        each = con.execute(
            "SELECT reason, count(*) FROM (SELECT unnest(reasons) AS reason FROM rejected) GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        reasons = {str(reason): int(n) for reason, n in each}
    results = {r.rule: r for r in (*rows.results, *whole.results)}
    ordered = tuple(results[rule.name] for rule in suite.rules)
    outcome, why = decide(
        rules=ordered, rows_in=rows_in, quarantined=quarantined, max_quarantine_fraction=suite.max_quarantine_fraction
    )
    good = rows_in - quarantined
    counts = Counts(
        rows_in, quarantined=quarantined, admitted=good if outcome.is_admitted else 0, held=0 if outcome.is_admitted else good
    )
    return GateVerdict(
        suite.name, "", suite.fingerprint, outcome, counts, rules=ordered, held_because=why, quarantine_reasons=reasons
    )
