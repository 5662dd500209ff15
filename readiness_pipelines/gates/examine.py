"""Judge rows and tables in DuckDB: one counts scan for all row rules, one GROUP BY per uniqueness rule, one scan for all
rules over the table. Rows are looked at again only where a row rule failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from readiness_pipelines.flow import RuleResult, Status, digest
from readiness_pipelines.gates import compile as sql
from readiness_pipelines.gates.suite import Rule, Suite

_RULES_PER_SCAN = 40  # planning a wide statement grows faster than linearly
_FAILING_KEYS = 5


@dataclass(frozen=True)
class RowExamination:
    """The results of all row rules, and the way to the rows that broke a quarantining one."""

    results: tuple[RuleResult, ...]
    _source: str
    _row_key: str
    _bad: tuple[tuple[str, str], ...]  # (reason, predicate) of failed rules that quarantine, in suite order

    def bad_rows_sql(self) -> str | None:
        """Return `SELECT <row key>, reasons` for every row that goes to quarantine, all reasons listed; None if none does."""
        if not self._bad:
            return None
        reasons = ", ".join(f"CASE WHEN {predicate} THEN {sql.literal(name)} END" for name, predicate in self._bad)
        any_bad = " OR ".join(predicate for _, predicate in self._bad)
        return (
            f"SELECT {self._row_key}, list_filter([{reasons}], lambda r: r IS NOT NULL) AS reasons "
            f"FROM {self._source} WHERE {any_bad}"
        )


def examine_rows(
    con: duckdb.DuckDBPyConnection, source: str, suite: Suite, *, row_key: str = "row_id", unjudged: str | None = None
) -> RowExamination:
    """Judge every row of `source` (SQL for FROM) by the suite's row rules.

    `unjudged` names a VARCHAR[] column that lists columns whose cell could not be cast: a rule that touches one of them
    neither considers nor faults that row. A rule that cannot be judged at all is undecided, and no other rule suffers.
    """
    types = _types(con, source)
    rules = [rule for rule in suite.rules if rule.is_row_rule]
    compiled: dict[str, sql.RowPredicates] = {}
    notes: dict[str, str] = {}
    for rule in rules:
        try:
            compiled[rule.name] = _guarded(con, source, rule, sql.compile_row(rule, types), unjudged)
        except (sql.NotJudgeable, duckdb.Error) as error:
            notes[rule.name] = str(error).splitlines()[0][:200]
    counts = _counts(con, source, compiled, notes)
    results = tuple(
        _row_result(con, source, rule, compiled.get(rule.name), counts.get(rule.name), notes.get(rule.name), row_key)
        for rule in rules
    )
    bad = tuple((r.rule, compiled[r.rule].bad) for r in results if r.status is Status.FAILED and r.on_fail == "quarantine")
    return RowExamination(results, source, row_key, bad)


def _types(con: duckdb.DuckDBPyConnection, source: str) -> dict[str, str]:
    return {row[0]: str(row[1]) for row in con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}


def _guarded(
    con: duckdb.DuckDBPyConnection, source: str, rule: Rule, found: sql.RowPredicates, unjudged: str | None
) -> sql.RowPredicates:
    """Leave rows with an unjudged cell out, and turn a uniqueness rule's `bad` into a look-up of the repeated keys."""
    considered, bad = found.considered, found.bad
    if unjudged is not None:
        touched = ", ".join(sql.literal(c) for c in rule.columns)
        judged = f"NOT list_has_any({sql.quoted(unjudged)}, [{touched}])"
        considered, bad = f"({considered} AND {judged})", f"({bad} AND {judged})"
    if found.keys:
        keys = ", ".join(sql.quoted(k) for k in found.keys)
        table = f"_repeated_{digest(rule.name)[:16]}"  # names of tables ignore case, names of rules do not
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS "
            f"SELECT {keys} FROM {source} WHERE {considered} GROUP BY ALL HAVING count(*) > 1"
        )
        # as text, with a character that no text holds for null: two nulls in a key are equal, which SQL's IN denies
        key = f"[{', '.join(f'coalesce(CAST({sql.quoted(k)} AS VARCHAR), chr(0))' for k in found.keys)}]"
        bad = f"({considered} AND {key} IN (SELECT {key} FROM {table}))"
    return sql.RowPredicates(considered, bad)


def _counts(
    con: duckdb.DuckDBPyConnection, source: str, compiled: Mapping[str, sql.RowPredicates], notes: dict[str, str]
) -> dict[str, tuple[int, int, int]]:
    """Return (rows, considered, bad) per rule. If a scan fails its rules are tried one by one, to name the culprit."""
    counted: dict[str, tuple[int, int, int]] = {}
    names = list(compiled)
    for start in range(0, len(names), _RULES_PER_SCAN):
        batch = names[start : start + _RULES_PER_SCAN]
        try:
            counted |= _scan(con, source, compiled, batch)
        except duckdb.Error:
            for name in batch:
                try:
                    counted |= _scan(con, source, compiled, [name])
                except duckdb.Error as error:
                    notes[name] = str(error).splitlines()[0][:200]
    return counted


def _scan(
    con: duckdb.DuckDBPyConnection, source: str, compiled: Mapping[str, sql.RowPredicates], names: Sequence[str]
) -> dict[str, tuple[int, int, int]]:
    wanted = [f"count(*) FILTER ({p})" for name in names for p in (compiled[name].considered, compiled[name].bad)]
    distinct = list(dict.fromkeys(wanted))
    row = con.execute(f"SELECT count(*), {', '.join(distinct)} FROM {source}").fetchone()
    assert row is not None
    value = dict(zip(distinct, row[1:], strict=True))
    return {name: (int(row[0]), int(value[wanted[2 * i]]), int(value[wanted[2 * i + 1]])) for i, name in enumerate(names)}


def _row_result(
    con: duckdb.DuckDBPyConnection,
    source: str,
    rule: Rule,
    found: sql.RowPredicates | None,
    counts: tuple[int, int, int] | None,
    note: str | None,
    row_key: str,
) -> RuleResult:
    if found is None or counts is None:
        return _undecided(rule, note or "could not be judged")
    rows, considered, bad = counts
    mostly = float(rule.kwargs.get("mostly", 1.0))
    # GX's own expression, in its own order of operations: 0 rows considered is a pass
    passed = considered == 0 or (float(considered) - float(bad)) / float(considered) >= mostly
    keys: tuple[str, ...] = ()
    if bad:
        few = con.execute(f"SELECT {row_key} FROM {source} WHERE {found.bad} ORDER BY {row_key} LIMIT {_FAILING_KEYS}").fetchall()
        keys = tuple(str(k) for (k,) in few)
    return RuleResult(
        rule=rule.name,
        expectation=rule.expectation,
        kwargs=rule.kwargs,
        severity=rule.severity,
        on_fail=rule.on_fail,
        status=Status.PASSED if passed else Status.FAILED,
        element_count=rows,
        missing_count=rows - considered,
        unexpected_count=bad,
        unexpected_percent=100.0 * bad / considered if considered else None,
        failing_keys=keys,
    )


def _undecided(rule: Rule, note: str) -> RuleResult:
    return RuleResult(rule.name, rule.expectation, rule.kwargs, rule.severity, rule.on_fail, Status.UNDECIDED, note=note)


def examine_table(con: duckdb.DuckDBPyConnection, source: str, suite: Suite) -> tuple[RuleResult, ...]:
    """Judge `source` as a whole by the suite's table rules. An aggregate over no values is None, and no pass."""
    types = _types(con, source)
    results = []
    for rule in suite.rules:
        if rule.is_row_rule:
            continue
        try:
            aggregate = sql.aggregate_of(rule, types)
            row = con.execute(f"SELECT {aggregate} FROM {source}").fetchone() if aggregate else None
            observed, passed = _judge(rule, row[0] if row else None, list(types))
        except (sql.NotJudgeable, duckdb.Error) as error:
            results.append(_undecided(rule, str(error).splitlines()[0][:200]))
            continue
        results.append(
            RuleResult(
                rule.name,
                rule.expectation,
                rule.kwargs,
                rule.severity,
                rule.on_fail,
                Status.PASSED if passed else Status.FAILED,
                observed_value=observed,
            )
        )
    return tuple(results)


def _judge(rule: Rule, observed: Any, columns: Sequence[str]) -> tuple[Any, bool]:
    """Return (observed value, passed) of a rule over the table."""
    kwargs = rule.kwargs
    match rule.expectation:
        case "expect_column_to_exist":
            index = kwargs.get("column_index")
            there = kwargs["column"] in columns
            return None, there and (index is None or list(columns).index(kwargs["column"]) == index)
        case "expect_table_columns_to_match_set":
            wanted = set(kwargs["column_set"] or ())
            exact = kwargs.get("exact_match", True)
            return list(columns), set(columns) == wanted if exact else wanted <= set(columns)
        case "expect_table_columns_to_match_ordered_list":
            wanted_order = kwargs["column_list"]  # None is vacuously true, as it is in GX
            return list(columns), wanted_order is None or list(columns) == list(wanted_order)
        case "expect_table_column_count_to_equal":
            return len(columns), len(columns) == kwargs["value"]
        case "expect_table_column_count_to_be_between":
            return len(columns), _within(len(columns), kwargs)
        case "expect_table_row_count_to_equal":
            return observed, observed == kwargs["value"]
    if rule.expectation.startswith("expect_column_distinct_values"):
        return _distinct(rule.expectation, list(observed or ()), list(kwargs["value_set"] or ()))
    return observed, observed is not None and _within(observed, kwargs)


def _distinct(expectation: str, observed: list[Any], wanted: list[Any]) -> tuple[Any, bool]:
    compare: Callable[[set[Any], set[Any]], bool] = {
        "expect_column_distinct_values_to_be_in_set": set.issubset,
        "expect_column_distinct_values_to_contain_set": set.issuperset,
        "expect_column_distinct_values_to_equal_set": set.__eq__,
    }[expectation]
    shown = observed if len(observed) <= 20 else [*observed[:20], "..."]
    return shown, bool(compare(set(observed), set(wanted)))


def _within(value: Any, kwargs: Mapping[str, Any]) -> bool:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    above = low is None or (value > low if kwargs.get("strict_min") else value >= low)
    below = high is None or (value < high if kwargs.get("strict_max") else value <= high)
    return bool(above and below)
