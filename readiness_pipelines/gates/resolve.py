"""Find what the rules of a suite take from elsewhere, before the candidate is judged: bounds and sets become values.

Whoever knows tables and calendars hands in a `Surroundings`; here one scan per relation reads what the rules ask of it.
A rule whose bounds were learned from too little is learning; one whose table has no admitted version is undecided.
"""

from __future__ import annotations

import datetime
import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import duckdb

from readiness_pipelines.flow import Status, digest
from readiness_pipelines.gates.aggregates import compile_table
from readiness_pipelines.gates.around import table_name
from readiness_pipelines.gates.columns import NotCompiled, NotJudgeable, one_row, present, without_nan
from readiness_pipelines.gates.conditions import selected
from readiness_pipelines.gates.elsewhere import OTHER_TABLE, SETS, Found, OfHistory, OfPartitionEnd, OfTable, OfTables
from readiness_pipelines.gates.plan import Observed, TablePlan
from readiness_pipelines.gates.relation import column_types, count_rows, first_line
from readiness_pipelines.gates.suite import Rule, Suite

_NAMED = 5  # versions that a result lists one by one
_DEVIATION = 1.4826  # of a normal distribution: its standard deviation, in median absolute deviations
# A history that hardly varies says little about how much tomorrow may: the bounds lie at least so far from the median.
_LEAST_SHARE, _LEAST_COUNT, _LEAST_PROPORTION = 0.05, 1.0, 0.01
_COUNTS = ("expect_table_row_count_to_be_between", "expect_column_unique_value_count_to_be_between")


@dataclass(frozen=True)
class Source:
    """The admitted versions of one table to read: `sql` for FROM, and what each is called, oldest partition first."""

    sql: str
    versions: tuple[str, ...]


@dataclass(frozen=True)
class Past:
    """The table's own admitted versions before this partition: `sql` for FROM, with a column partition_key.

    `versions` names each by its partition, oldest first; `same_weekday` are those that lie whole weeks before this one.
    """

    sql: str
    versions: Mapping[str, str]
    same_weekday: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Surroundings:
    """What lies around a candidate. `types` are its own columns'; `ended` is when its partition had ended (UTC, no zone)."""

    types: Mapping[str, str]
    ended: datetime.datetime
    past: Callable[[int], Past | None]  # by how many partitions back; None: none of them was admitted
    tables: Mapping[str, Source] = field(default_factory=dict)


def resolve(con: duckdb.DuckDBPyConnection, suite: Suite, around: Surroundings) -> Suite:
    """Return the suite with what each rule takes from elsewhere found: bounds among its arguments, sets in `con`."""
    if all(rule.elsewhere is None for rule in suite.rules):
        return suite
    pasts = _Pasts(con, around, suite)
    return replace(suite, rules=tuple(_resolved(con, rule, around, pasts) for rule in suite.rules))


def named(versions: Iterable[str]) -> tuple[str, ...]:
    """Return what versions are called: each, or the first, the last, how many, and a digest of all."""
    every = list(versions)
    if len(every) <= _NAMED:
        return tuple(every)
    return (f"{every[0]} to {every[-1]}: {len(every)} versions, {digest(every)[:12]}",)


def chosen(history: OfHistory, past: Past | None) -> list[str]:
    """Return the partitions that bounds are learned from: whole weeks before this one, or all."""
    if past is None:
        return []
    weekly = [p for p in past.versions if p in past.same_weekday] if history.weekday else []
    return weekly if len(weekly) >= history.minimum else list(past.versions)


def _resolved(con: duckdb.DuckDBPyConnection, rule: Rule, around: Surroundings, pasts: _Pasts) -> Rule:
    try:
        match rule.elsewhere:
            case None:
                return rule
            case OfPartitionEnd():
                return _fresh(rule, rule.elsewhere, around)
            case OfHistory():
                return pasts.learned(rule, rule.elsewhere)
            case OfTable():
                return _compared(con, rule, rule.elsewhere, _there(around, rule.elsewhere.table))
            case OfTables():
                sources = {name: _there(around, name) for name in rule.elsewhere.tables}
                versions = [version for source in sources.values() for version in named(source.versions)]
                found = Found(rests_on=tuple(versions), sources={name: source.sql for name, source in sources.items()})
                return replace(rule, found=found)
    except (_NotThere, NotJudgeable, NotCompiled, duckdb.Error) as error:
        return replace(rule, found=Found(Status.UNDECIDED, first_line(error)))


class _NotThere(Exception):
    """There is nothing to compare with."""


def _there(around: Surroundings, name: str) -> Source:
    if name not in around.tables:
        raise _NotThere(f"of {name} no version is admitted, so there is nothing to compare with")
    return around.tables[name]


def _fresh(rule: Rule, end: OfPartitionEnd, around: Surroundings) -> Rule:
    """A column of days is compared as the instants at which its days begin."""
    low = None if end.oldest is None else around.ended - end.oldest
    high = None if end.newest is None else around.ended - end.newest
    if around.types[rule.kwargs["column"]] != "DATE":
        return _within(rule, low, high, Found())
    day = datetime.timedelta(days=1)
    first = None if low is None else low.date() + (day if low.time() != datetime.time() else datetime.timedelta())
    return _within(rule, first, None if high is None else high.date(), Found())


def _within(rule: Rule, low: Any, high: Any, found: Found) -> Rule:
    given = {name: bound for name, bound in (("min_value", low), ("max_value", high)) if bound is not None}
    return replace(rule, kwargs={**rule.kwargs, **given}, found=found)


def _compared(con: duckdb.DuckDBPyConnection, rule: Rule, of: OfTable, source: Source) -> Rule:
    found = Found(rests_on=named(source.versions))
    if rule.expectation in SETS:
        return replace(rule, found=replace(found, values=_value_set(con, rule, source.sql, of.columns)))
    if rule.expectation == OTHER_TABLE:
        return replace(rule, kwargs={**rule.kwargs, "other_rows": count_rows(con, source.sql)}, found=found)
    asked = {"column": of.columns[0]} if of.columns else {}
    plan = compile_table(replace(rule, kwargs=asked), column_types(con, source.sql))
    observed = _observe(plan, one_row(con, f"SELECT {', '.join(plan.aggregates)} FROM {source.sql}"))
    if observed.value is None:
        raise _NotThere(f"{of.table} has no value in {', '.join(of.columns)} to compare with")
    low, high = _around(observed, of.tolerance)
    return _within(rule, low, high, found)


def _observe(plan: TablePlan, values: Sequence[Any]) -> Observed:
    assert plan.observe is not None  # what is compared with bounds is one value of aggregates
    return plan.observe(values)


def _around(observed: Observed, tolerance: float) -> tuple[Any, Any]:
    """Return the value plus and minus a share of it; exact where no share is given and no sum was rounded."""
    value = observed.value
    if not tolerance and not observed.rounding:
        return value, value
    if isinstance(value, Decimal):
        reach = abs(value) * Decimal(repr(tolerance))
        return value - reach, value + reach
    far = abs(value) * tolerance + observed.rounding
    return value - far, value + far


def _value_set(con: duckdb.DuckDBPyConnection, rule: Rule, source: str, columns: Sequence[str]) -> str:
    """Make the table of the values that these columns have, nulls left out (of a pair: where both are null); return its name."""
    types, table = column_types(con, source), table_name("set", rule)
    cells = [without_nan(c, types) for c in columns]
    key = cells[0] if len(cells) == 1 else "{" + ", ".join(f"'k{i}': {cell}" for i, cell in enumerate(cells)) + "}"
    there = " OR ".join(present(c, types) for c in columns)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT DISTINCT {key} AS v FROM {source} WHERE {there}")
    return table


class _Pasts:
    """The table's own past, as far back as any of its rules looks: one scan for all aggregates of as many partitions."""

    def __init__(self, con: duckdb.DuckDBPyConnection, around: Surroundings, suite: Suite) -> None:
        self.con, self.around = con, around
        self._rules = [rule for rule in suite.rules if isinstance(rule.elsewhere, OfHistory) and rule.expectation not in SETS]
        self._known: dict[int, Past | None] = {}
        self._values: dict[int, dict[str, dict[str, Observed]]] = {}

    def learned(self, rule: Rule, history: OfHistory) -> Rule:
        past = self._past(history.partitions)
        if past is None:
            return replace(rule, found=_learning(0, history))
        if rule.expectation in SETS:
            partitions = chosen(history, past)
            found = self._found(past, partitions)
            if len(partitions) < history.minimum:
                return replace(rule, found=replace(found, status=Status.LEARNING, note=_too_few(len(partitions), history)))
            listed = ", ".join(f"'{p}'" for p in partitions)
            where = f"partition_key IN ({listed}) AND {selected(rule.kwargs, column_types(self.con, past.sql))}"
            source = f"(FROM {past.sql} WHERE {where})"
            return replace(rule, found=replace(found, values=_value_set(self.con, rule, source, rule.domain)))
        values = self._observed(history.partitions, past).get(rule.name)
        if values is None:
            raise NotCompiled("its value has no SQL here, so the past cannot be asked for it")
        there = {p: v for p in past.versions if (v := values.get(p)) is not None and v.value is not None}
        partitions = chosen(history, replace(past, versions={p: past.versions[p] for p in there}))
        found = self._found(past, partitions)
        if len(partitions) < history.minimum:
            return replace(rule, found=replace(found, status=Status.LEARNING, note=_too_few(len(partitions), history)))
        low, high = learned_bounds(rule.expectation, [float(there[p].value) for p in partitions], history.width)
        return _within(rule, low, high, found)

    def _past(self, partitions: int) -> Past | None:
        if partitions not in self._known:
            self._known[partitions] = self.around.past(partitions)
        return self._known[partitions]

    def _found(self, past: Past, partitions: Sequence[str]) -> Found:
        return Found(rests_on=named(past.versions[p] for p in partitions))

    def _observed(self, partitions: int, past: Past) -> dict[str, dict[str, Observed]]:
        """Return, by rule and partition, what the rule's own aggregate came to. A version without rows has its value too."""
        if partitions not in self._values:
            types = column_types(self.con, past.sql)
            rules = [r for r in self._rules if isinstance(r.elsewhere, OfHistory) and r.elsewhere.partitions == partitions]
            plans = {rule.name: plan for rule in rules if (plan := _plan(rule, types)) is not None}
            wanted = list(dict.fromkeys(sql for plan in plans.values() for sql in plan.aggregates))
            each = self.con.execute(f"SELECT partition_key, {', '.join(wanted)} FROM {past.sql} GROUP BY ALL").fetchall()
            empty = one_row(self.con, f"SELECT {', '.join(wanted)} FROM {past.sql} WHERE false")
            rows = {partition: empty for partition in past.versions} | {str(row[0]): tuple(row[1:]) for row in each}
            cells = {partition: dict(zip(wanted, row, strict=True)) for partition, row in rows.items()}
            self._values[partitions] = {
                name: {p: _observe(plan, [found[sql] for sql in plan.aggregates]) for p, found in cells.items()}
                for name, plan in plans.items()
            }
        return self._values[partitions]


def _plan(rule: Rule, types: Mapping[str, str]) -> TablePlan | None:
    try:
        return compile_table(rule, types)
    except (NotCompiled, NotJudgeable):
        return None


def _too_few(n: int, history: OfHistory) -> str:
    return f"learned from {n} of the {history.minimum} partitions that it needs, so it judges nothing yet"


def _learning(n: int, history: OfHistory) -> Found:
    return Found(Status.LEARNING, _too_few(n, history))


def learned_bounds(expectation: str, values: Sequence[float], width: float) -> tuple[float, float]:
    """Return median -/+ `width` x 1.4826 x MAD of `values` (at least one), both ends inclusive.

    MAD is the median absolute deviation from the median, and 1.4826 MAD estimates the standard deviation of normal values
    (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993; their modified z-score flags beyond 3.5). The bounds lie
    at least 0.01 from the median for a proportion, else at least 5% of it, and for a count at least 1. They never leave 0 to 1
    for a proportion, or go below 0 for a count; below 1 only where a count was 0 before: nothing at all is no usual volume.

    >>> learned_bounds("expect_column_sum_to_be_between", [100.0, 102.0, 98.0, 104.0, 96.0], 3.5)
    (89.6218, 110.3782)
    >>> learned_bounds("expect_table_row_count_to_be_between", [10.0, 10.0, 10.0], 3.5)
    (9.0, 11.0)
    >>> learned_bounds("expect_table_row_count_to_be_between", [2.0, 10.0, 18.0], 3.5)
    (1.0, 51.5128)
    """
    middle = statistics.median(values)
    spread = width * _DEVIATION * statistics.median([abs(v - middle) for v in values])
    least = _LEAST_PROPORTION if "proportion" in expectation else _LEAST_SHARE * abs(middle)
    if expectation in _COUNTS:
        least = max(least, _LEAST_COUNT)
    far = max(spread, least)
    low, high = (middle - far, middle + far) if math.isfinite(far) else (middle, middle)
    if expectation in _COUNTS:
        return max(low, 1.0 if min(values) > 0 else 0.0), high
    return (max(low, 0.0), min(high, 1.0)) if "proportion" in expectation else (low, high)
