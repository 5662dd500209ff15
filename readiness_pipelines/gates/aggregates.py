"""From a table rule to the aggregates it observes, and from their values to a finding.

All aggregates of a suite are read in one scan; what needs a grouping or an order is a query of its own.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from readiness_pipelines.gates.beyond import as_many, strange_values, unexpected_rows
from readiness_pipelines.gates.columns import (
    LARGEST_EXACT,
    NotCompiled,
    family,
    in_set,
    is_time,
    known,
    present,
    quoted,
)
from readiness_pipelines.gates.compile import bounds, without_parameters
from readiness_pipelines.gates.conditions import selected
from readiness_pipelines.gates.divergence import partition_plan
from readiness_pipelines.gates.elsewhere import OTHER_TABLE, QUERY
from readiness_pipelines.gates.plan import WHOLE, Finding, Observed, TablePlan
from readiness_pipelines.gates.schema_rules import judge_columns
from readiness_pipelines.gates.suite import Rule

_NEAR = 1e-9  # relative: nearer to a bound than this, only pandas' own order of adding up can say
_ROUNDING = 1e-8  # relative: two sums of the same floats in another order differ by less, and are far enough from a bound
_LISTED = 20  # values a result lists, as in Great Expectations
_MODES = 10_000


def compile_table(rule: Rule, types: Mapping[str, str]) -> TablePlan:
    """Return the plan of a table rule. Raises NotJudgeable (no such column) and NotCompiled."""
    kwargs = rule.kwargs
    without_parameters(kwargs)
    found = judge_columns(rule.expectation, kwargs, list(types))
    if found is not None:
        passed, result = found
        return TablePlan(lambda _: Finding(passed, result))
    rows = f"count(*) FILTER ({selected(kwargs, types)})"
    match rule.expectation:
        case "expect_table_row_count_to_equal":
            return TablePlan(lambda v: Finding(v[0] == kwargs["value"], {"observed_value": v[0]}), (rows,))
        case "expect_table_row_count_to_be_between":
            return _bounded(lambda v: v[0], kwargs, rows)
        case name if name == OTHER_TABLE:
            return as_many(kwargs, rows)
        case name if name == QUERY:
            return unexpected_rows(rule)
        case name if name.startswith("expect_column_distinct_values"):
            return _distinct(rule, types)
        case "expect_column_most_common_value_to_be_in_set":
            return _most_common(rule, types)
        case "expect_column_quantile_values_to_be_between":
            return _quantiles(rule, types)
        case "expect_column_kl_divergence_to_be_less_than":
            return _divergence(rule, types)
    return _observed(rule, types, rows)


def _observed(rule: Rule, types: Mapping[str, str], rows: str) -> TablePlan:
    kwargs, column = rule.kwargs, rule.kwargs["column"]
    where = f"{selected(kwargs, types)} AND {present(column, types)}"
    name, kind, there = quoted(column), known(column, types), f"count(*) FILTER ({where})"
    what = rule.expectation.removeprefix("expect_column_").removesuffix("_to_be_between")
    counted = ("unique_value_count", "proportion_of_unique_values")
    is_extreme = what in ("min", "max")
    if rule.elsewhere is not None and is_extreme and is_time(types[column]):  # its bounds are times of UTC without a zone
        cell = f"timezone('UTC', {name})" if kind == "other" else name
        return _bounded(lambda v: v[0], kwargs, f"{what}({cell}) FILTER ({where})")
    unfit = kind in ("other", "nothing") or (kind == "boolean" and what not in counted)
    if unfit and what != "proportion_of_non_null_values":
        raise NotCompiled(f"the {what} of a {types[column]}")
    distinct = f"count(DISTINCT {name}) FILTER ({where})"
    match what:
        case "unique_value_count":
            return _bounded(lambda v: v[0], kwargs, distinct)
        case "proportion_of_unique_values":
            return _bounded(lambda v: v[0] / v[1] if v[1] else 0, kwargs, distinct, there)
        case "proportion_of_non_null_values":
            return _bounded(lambda v: v[0] / v[1] if v[1] else 0, kwargs, there, rows)
        case "min" | "max":
            return _bounded(lambda v: v[0], kwargs, f"{what}({name}) FILTER ({where})")
        case "mean" | "sum" | "stdev" | "median":
            return _measured(what, name, types[column], where, rule)
    raise NotCompiled(f"{what} has no SQL here")


def _bounded(value: Callable[[Sequence[Any]], Any], kwargs: Mapping[str, Any], *aggregates: str) -> TablePlan:
    return TablePlan(lambda v: _between(value(v), kwargs), aggregates, observe=lambda v: Observed(value(v)))


def _measured(what: str, name: str, type_: str, where: str, rule: Rule) -> TablePlan:
    """Floats do not add up alike in every order, so a value near a bound is left to pandas, unless no sum was rounded.

    DuckDB adds up whole numbers exactly, of any size. pandas may not, and is no judge of bounds that were found elsewhere.
    """
    kwargs, is_integer = rule.kwargs, family(type_) == "integer"
    if (
        family(type_) not in ("integer", "float", "decimal")
        or type_ == "FLOAT"
        or (what == "median" and family(type_) == "decimal")
    ):
        raise NotCompiled(f"the {what} of a {type_}")
    cell = name if is_integer else f"CAST({name} AS DOUBLE)"
    function = {"mean": "avg", "sum": "sum", "stdev": "stddev_samp", "median": "median"}[what]
    whole = "true" if is_integer else f"coalesce(bool_and({cell} = trunc({cell})) FILTER ({where}), true)"
    size = f"coalesce(sum(abs(CAST({name} AS DOUBLE))) FILTER ({where}), 0)"
    count = f"count(*) FILTER ({where})"

    def judge(values: Sequence[Any]) -> Finding:
        observed, total, is_whole, n = values
        if observed is None:
            return _between(0 if what == "sum" else None, kwargs)
        if not (math.isfinite(observed) and math.isfinite(total)):
            raise NotCompiled(f"a {what} that is endless")
        is_ours = is_integer and rule.elsewhere is not None
        if what == "sum" and abs(observed) >= 2**63 and not is_ours:
            raise NotCompiled("a sum beyond 64 bits")
        exact = what != "stdev" and is_whole and (is_ours or total < LARGEST_EXACT)
        reach = max(abs(observed), total / n) if what != "sum" else total
        if not exact and any(_near(observed, bound, reach) for _, bound in bounds(kwargs)):
            raise NotCompiled(f"a {what} so near its bound that the order of adding up decides")
        return _between(observed, kwargs)

    def observe(values: Sequence[Any]) -> Observed:
        observed, total, is_whole, n = values
        if observed is None or not (math.isfinite(observed) and math.isfinite(total)):
            return Observed(0 if what == "sum" and observed is None else None)
        exact = what != "stdev" and is_whole and (is_integer or total < LARGEST_EXACT)
        reach = total if what == "sum" else max(abs(observed), total / n)
        return Observed(observed, 0.0 if exact else _ROUNDING * reach)

    return TablePlan(judge, (f"{function}({cell}) FILTER ({where})", size, whole, count), observe=observe)


def _near(observed: float, bound: Any, reach: float) -> bool:
    return isinstance(bound, float | int) and abs(observed - bound) <= _NEAR * max(reach, abs(bound))


def _between(observed: Any, kwargs: Mapping[str, Any]) -> Finding:
    """No value is no pass. Raises NotCompiled where Python would not compare the value with its bounds."""
    if observed is None:
        return Finding(False, {"observed_value": None})
    for _, bound in bounds(kwargs):
        if _kind(observed) != _kind(bound):
            raise NotCompiled("a value compared with a bound of another kind")
    passed = all(_COMPARE[operator](observed, bound) for operator, bound in bounds(kwargs))
    return Finding(passed, {"observed_value": observed})


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
}


def _kind(value: Any) -> str:
    if isinstance(value, datetime.datetime):
        return "time" if value.tzinfo is None else "time with a zone"
    if isinstance(value, datetime.date):
        return "date"
    return "number" if isinstance(value, int | float | Decimal) else type(value).__name__


def _distinct(rule: Rule, types: Mapping[str, str]) -> TablePlan:
    if rule.elsewhere is not None:
        return strange_values(rule, types)
    column, wanted = rule.kwargs["column"], list(rule.kwargs["value_set"])
    name, kind = quoted(column), known(column, types)
    if kind == "date" and any(not isinstance(v, datetime.date) or isinstance(v, datetime.datetime) for v in wanted):
        raise NotCompiled("texts in a value set for a column of dates")
    if kind in ("time", "nothing") or any(isinstance(v, list | dict) for v in wanted):
        raise NotCompiled(f"a set of values of a {types[column]}")
    inside = in_set(column, types, wanted)
    there = f"{selected(rule.kwargs, types)} AND {present(column, types)}"
    strange = f"SELECT DISTINCT {name} AS v FROM {WHOLE} WHERE {there} AND NOT coalesce({inside}, false)"
    found = f"SELECT DISTINCT {name} AS v FROM {WHOLE} WHERE {there} AND coalesce({inside}, false)"
    queries = (
        f"SELECT count(*), list(v ORDER BY v) FILTER (place <= {_LISTED}) "
        f"FROM (SELECT v, row_number() OVER (ORDER BY v) AS place FROM ({strange}))",
        f"SELECT list(v) FROM ({found})",
    )
    parts = {"be_in_set": (True, False), "contain_set": (False, True), "equal_set": (True, True)}
    outside, lacking = parts[rule.expectation.removeprefix("expect_column_distinct_values_to_")]

    def judge(values: Sequence[Any]) -> Finding:
        (unexpected, some), (there_,) = values
        missing = [v for v in set(wanted) if v not in set(there_ or ())]
        result: dict[str, Any] = {"observed_value": None}
        if outside:
            result |= {"unexpected_count": unexpected, "partial_unexpected_list": list(some or ())}
        if lacking:
            result |= {"missing_count": len(missing), "partial_missing_list": missing[:_LISTED]}
        wrong = [f"{unexpected} values are not in the set"] if outside and unexpected else []
        wrong += [f"{len(missing)} values of the set are missing"] if lacking and missing else []
        return Finding(not wrong, result, " and ".join(wrong))

    return TablePlan(judge, queries=queries)


def _most_common(rule: Rule, types: Mapping[str, str]) -> TablePlan:
    column, wanted = rule.kwargs["column"], set(rule.kwargs["value_set"])
    if known(column, types) in ("time", "boolean", "other", "nothing"):
        raise NotCompiled(f"the most common value of a {types[column]}")
    there = f"{selected(rule.kwargs, types)} AND {present(column, types)}"
    counted = f"SELECT {quoted(column)} AS v, count(*) AS n FROM {WHOLE} WHERE {there} GROUP BY ALL"
    query = f"SELECT list(v ORDER BY v), count(*) FROM (SELECT v FROM ({counted}) QUALIFY n = max(n) OVER ())"

    def judge(values: Sequence[Any]) -> Finding:
        modes, count = values[0]
        if count > _MODES:
            raise NotCompiled(f"{count} most common values")
        inside = len(wanted.intersection(modes or ()))
        passed = inside > 0 if rule.kwargs.get("ties_okay") else count == 1 and inside == 1
        return Finding(passed, {"observed_value": list(modes or ())})

    return TablePlan(judge, queries=(query,))


def _quantiles(rule: Rule, types: Mapping[str, str]) -> TablePlan:
    """pandas takes the nearest of the values in order, half a place to the even one: never a value between two."""
    column, ranges = rule.kwargs["column"], rule.kwargs["quantile_ranges"]
    if (
        family(types.get(column, "")) not in ("integer", "float")
        or types[column] == "FLOAT"
        or rule.kwargs.get("allow_relative_error")
    ):
        raise NotCompiled(f"quantiles of a {types.get(column)}, or between two values")
    quantiles = [float(q) for q in ranges["quantiles"]]
    if any(not 0 <= q <= 1 for q in quantiles):
        raise NotCompiled("a quantile outside 0 to 1")
    there = f"{selected(rule.kwargs, types)} AND {present(column, types)}"

    def by_place(counted: Sequence[Any]) -> tuple[str, ...]:
        """Half a place on, `quantile_disc` can take no other value than the one at the place: no sort of all rows is needed."""
        n = counted[0]
        places = [(round((n - 1) * (q * 100 / 100)) + 0.5) / n for q in quantiles] if n else []
        wanted = [f"quantile_disc({quoted(column)}, {place!r}::DOUBLE) FILTER ({there})" for place in places]
        return (f"SELECT [{', '.join(wanted or ['NULL'] * len(quantiles))}] FROM {WHOLE}",)

    def judge(values: Sequence[Any]) -> Finding:
        observed = list(values[1][0] or ())
        details = [_in_range(v, r) for v, r in zip(observed, ranges["value_ranges"], strict=True)]
        result = {"observed_value": {"quantiles": quantiles, "values": observed}, "details": {"success_details": details}}
        return Finding(all(details), result)

    return TablePlan(judge, (f"count(*) FILTER ({there})",), then=by_place)


def _divergence(rule: Rule, types: Mapping[str, str]) -> TablePlan:
    there = f"{selected(rule.kwargs, types)} AND {present(rule.kwargs['column'], types)}"
    plan = partition_plan(rule.kwargs, rule.kwargs["column"], types, where=there)

    def judge(values: Sequence[Any]) -> Finding:
        observed, result = plan.judge(values)
        threshold = rule.kwargs.get("threshold")
        if threshold is not None and math.isfinite(observed) and _near(observed, threshold, 1.0):
            raise NotCompiled("a divergence so near its threshold that rounding decides")
        passed = threshold is None or bool(observed <= threshold)
        return Finding(passed, {"observed_value": observed if math.isfinite(observed) else None, **result})

    return TablePlan(judge, plan.aggregates, plan.queries)


def _in_range(value: float | None, range_: Sequence[float | None]) -> bool:
    """Inclusive, and as tolerant as Great Expectations: 1e-4 of the bound."""
    if value is None:
        return False
    low, high = (-math.inf if range_[0] is None else range_[0]), (math.inf if range_[1] is None else range_[1])
    near = any(math.isfinite(b) and abs(value - b) <= 1e-8 + 1e-4 * abs(b) for b in (low, high))
    return near or low <= value <= high
