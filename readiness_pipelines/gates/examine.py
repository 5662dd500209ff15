"""Judge rows and tables in DuckDB: one counts scan for all row rules, one GROUP BY per uniqueness rule, one scan for all
rules over the table. Rows are looked at again only where a row rule failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
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
    """The results of all row rules, and the way to the rows that go to quarantine."""

    results: tuple[RuleResult, ...]
    _source: str
    _row_key: str
    _bad: tuple[tuple[str, str], ...]  # (reason, predicate): cells that could not be cast, then failed rules in suite order

    def bad_rows_sql(self) -> str | None:
        """Return `SELECT <row key>, reasons` for every row that goes to quarantine, all reasons listed; None if none can."""
        if not self._bad:
            return None
        reasons = ", ".join(f"CASE WHEN {predicate} THEN {sql.literal(name)} END" for name, predicate in self._bad)
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
) -> RowExamination:
    """Judge every row of `source` (SQL for FROM) by the suite's row rules.

    `uncast` names, per column, a boolean column that is true where the cell could not be cast: such a row goes to
    quarantine for `cast:<column>`, and a rule that touches the cell neither considers nor faults it. A rule that cannot
    be judged at all is undecided, and no other rule suffers.
    """
    types, uncast = _types(con, source), uncast or {}
    rules = [rule for rule in suite.rules if rule.is_row_rule]
    compiled: dict[str, sql.RowPredicates] = {}
    notes: dict[str, str] = {}
    for rule in rules:
        try:
            compiled[rule.name] = _looked_up(con, source, rule, _guarded(rule, sql.compile_row(rule, types), uncast))
        except (sql.NotJudgeable, duckdb.Error) as error:
            notes[rule.name] = str(error).splitlines()[0][:200]
    counts = _counts(con, source, compiled, notes)
    keys = _failing_keys(con, source, {n: p for n, p in compiled.items() if n in counts and counts[n][2]}, row_key)
    results = tuple(
        _row_result(rule, counts[rule.name], keys.get(rule.name, ()))
        if rule.name in counts
        else _undecided(rule, notes.get(rule.name) or "could not be judged")
        for rule in rules
    )
    failed = [(r.rule, compiled[r.rule].bad) for r in results if r.status is Status.FAILED and r.on_fail == "quarantine"]
    cells = [(f"cast:{column}", sql.quoted(flag)) for column, flag in uncast.items()]
    return RowExamination(results, source, row_key, (*cells, *failed))


def lost_anyway(con: duckdb.DuckDBPyConnection, source: str, suite: Suite, *, uncast: Mapping[str, str] | None = None) -> str:
    """Return SQL that is true for rows of `source` that go to quarantine whatever other rows there are; never NULL.

    So they can be set aside before the examination. The others may still be refused by it: uniqueness looks at other
    rows, and a rule with `mostly` quarantines only when too many rows break it.
    """
    types, uncast = _types(con, source), uncast or {}
    wanted = [sql.quoted(flag) for flag in uncast.values()]
    for rule in suite.rules:
        if rule.is_row_rule and rule.on_fail == "quarantine" and float(rule.kwargs.get("mostly", 1.0)) == 1.0:
            with suppress(sql.NotJudgeable):  # the examination will say so
                found = _guarded(rule, sql.compile_row(rule, types), uncast)
                wanted += [] if found.keys else [found.bad]
    return " OR ".join(wanted) or "false"


def _types(con: duckdb.DuckDBPyConnection, source: str) -> dict[str, str]:
    return {row[0]: str(row[1]) for row in con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}


def _guarded(rule: Rule, found: sql.RowPredicates, uncast: Mapping[str, str]) -> sql.RowPredicates:
    """Leave rows out whose cell, one that the rule touches, could not be cast."""
    touched = [uncast[c] for c in rule.columns if c in uncast]
    if not touched:
        return found
    judged = f"NOT ({' OR '.join(sql.quoted(flag) for flag in touched)})"
    return sql.RowPredicates(f"({found.considered} AND {judged})", f"({found.bad} AND {judged})", found.keys)


def _looked_up(con: duckdb.DuckDBPyConnection, source: str, rule: Rule, found: sql.RowPredicates) -> sql.RowPredicates:
    """Turn a uniqueness rule's `bad` into a look-up of the repeated keys."""
    if not found.keys:
        return found
    types = _types(con, source)  # 0.0 and -0.0 are one value, and two texts
    plain = [f"({sql.quoted(k)} + 0.0)" if types[k] in ("FLOAT", "DOUBLE") else sql.quoted(k) for k in found.keys]
    named = [f"k{number}" for number in range(len(plain))]
    keys = ", ".join(f"{expression} AS {name}" for expression, name in zip(plain, named, strict=True))
    table = f"_repeated_{digest(rule.name)[:16]}"  # names of tables ignore case, names of rules do not
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS "
        f"SELECT {keys} FROM {source} WHERE {found.considered} GROUP BY ALL HAVING count(*) > 1"
    )
    # as text, with a character that no text holds for null: two nulls in a key are equal, which SQL's IN denies
    key, there = (f"[{', '.join(f'coalesce(CAST({k} AS VARCHAR), chr(0))' for k in each)}]" for each in (plain, named))
    return sql.RowPredicates(found.considered, f"({found.considered} AND {key} IN (SELECT {there} FROM {table}))")


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


def _failing_keys(
    con: duckdb.DuckDBPyConnection, source: str, failing: Mapping[str, sql.RowPredicates], row_key: str
) -> dict[str, tuple[str, ...]]:
    """Return the smallest few keys of the rows that break each of these rules, from one more look at the rows."""
    found: dict[str, tuple[str, ...]] = {}
    names = list(failing)
    for start in range(0, len(names), _RULES_PER_SCAN):
        some = names[start : start + _RULES_PER_SCAN]
        each = ", ".join(f"min({row_key}, {_FAILING_KEYS}) FILTER ({failing[name].bad})" for name in some)
        row = con.execute(f"SELECT {each} FROM {source}").fetchone()
        found |= {name: tuple(str(k) for k in keys or ()) for name, keys in zip(some, row or (), strict=True)}
    return found


def _row_result(rule: Rule, counts: tuple[int, int, int], keys: tuple[str, ...]) -> RuleResult:
    rows, considered, bad = counts
    mostly = float(rule.kwargs.get("mostly", 1.0))
    # GX's own expression, in its own order of operations: 0 rows considered is a pass
    passed = considered == 0 or (float(considered) - float(bad)) / float(considered) >= mostly
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
