"""From a row rule to SQL with the meaning it has in Great Expectations on pandas.

A row rule becomes two predicates that are never NULL: `considered` (the row takes part) and `bad` (it takes part and
breaks the rule). The same text counts the rows and picks them for quarantine, so the two cannot disagree.
NaN is null. A null is left out by rules over one column, except those about nulls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from readiness_pipelines.gates.arguments import is_parameter
from readiness_pipelines.gates.columns import (
    NotCompiled,
    NotJudgeable,
    compared,
    family,
    in_set,
    in_table,
    is_number,
    is_time,
    known,
    literal,
    present,
    quoted,
    without_nan,
)
from readiness_pipelines.gates.conditions import selected
from readiness_pipelines.gates.patterns import matches
from readiness_pipelines.gates.suite import Rule

__all__ = ["NotCompiled", "NotJudgeable", "RowPredicates", "compile_row", "is_number", "is_time"]

_OF_THE_COLUMN = (
    "be_null",
    "not_be_null",
    "be_of_type",
    "be_in_type_list",
    "z_scores",
    "not_be_outliers",
    "match_like",
    "not_match_like",
)
_TYPES_OF_ORDER = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE")  # unsigned differences wrap in pandas


@dataclass(frozen=True)
class RowPredicates:
    """SQL over one row, never NULL. `selected`: the rule speaks of the row; `unsure`: pandas may see the row otherwise.

    A rule that looks at other rows has one of: `keys` (repeated values of these cells are bad), `sequence` (column and
    SQL over `now` and `before`, the cell and the one before it), `spread` (column, threshold, double-sided).
    """

    considered: str
    bad: str
    selected: str = "true"
    unsure: str = "false"
    needs_rows: bool = False  # Great Expectations stumbles where no row is considered
    keys: tuple[str, ...] = ()
    sequence: tuple[str, str] | None = None
    spread: tuple[str, float, bool] | None = None
    of_value: tuple[str, str] | None = None  # of a rule over one text: bad and unsure by the value alone, where it is considered

    @property
    def looks_around(self) -> bool:
        return bool(self.keys or self.sequence or self.spread)


def compile_row(rule: Rule, types: Mapping[str, str]) -> RowPredicates:
    """Return the predicates of a row rule over columns of these DuckDB types.

    Raises NotJudgeable (no such column) and NotCompiled (judged by Great Expectations itself).
    """
    for column in rule.columns:
        known(column, types)
    without_parameters(rule.kwargs)
    condition = selected(rule.kwargs, types)
    if rule.expectation.startswith("expect_column_pair"):
        found = _pair(rule, types)
    elif "column_list" in rule.kwargs:
        found = _many(rule, types)
    else:
        found = _one(rule, types)
    if condition == "true":
        return found
    return replace(only_where(condition, found), selected=condition)


def only_where(condition: str, found: RowPredicates) -> RowPredicates:
    """Return the predicates for the rows alone where the condition holds."""
    considered, bad = f"({condition} AND {found.considered})", f"({condition} AND {found.bad})"
    unsure = "false" if found.unsure == "false" else f"({condition} AND {found.unsure})"
    return replace(found, considered=considered, bad=bad, unsure=unsure)


def without_parameters(kwargs: Mapping[str, Any]) -> None:
    if any(is_parameter(value) for value in kwargs.values()):
        raise NotCompiled("a suite parameter")


def _one(rule: Rule, types: Mapping[str, str]) -> RowPredicates:
    kwargs, column = rule.kwargs, rule.kwargs["column"]
    there, name, type_ = present(column, types), quoted(column), types[column]
    what = rule.expectation.removeprefix("expect_column_").removeprefix("values_to_").removeprefix("value_")
    if known(column, types) == "nothing" and not what.startswith(_OF_THE_COLUMN):
        return RowPredicates(there, "false")  # nobody is there to break it
    match what:
        case "not_be_null":
            return RowPredicates("true", f"(NOT {there})")
        case "be_null":
            return RowPredicates("true", there)
        case "be_unique":
            _only(type_, "integer", "float", "decimal", "text", "boolean", "date", "time")
            return RowPredicates(there, there, keys=(name,))
        case "be_increasing" | "be_decreasing":
            if type_ not in _TYPES_OF_ORDER and family(type_) != "time":
                raise NotCompiled(f"the order of a {type_}")
            return RowPredicates(there, there, sequence=(column, _breaks_order(what, kwargs, type_)))
        case "z_scores_to_be_less_than":
            if family(type_) != "integer" and type_ != "DOUBLE":
                raise NotCompiled(f"z-scores of a {type_}")
            return RowPredicates(there, there, spread=(column, kwargs["threshold"], kwargs["double_sided"]))
        case "match_regex" | "not_match_regex" | "match_regex_list" | "not_match_regex_list":
            good, unsure = _patterns(rule, name, type_)
            of_value = (f"NOT coalesce({good}, false)", unsure)
            return RowPredicates(there, _breaks(there, good), unsure=_doubt(there, unsure), of_value=of_value)
        case "be_in_set":
            good = _in_found_set(rule, [column], types) if rule.elsewhere else in_set(column, types, kwargs["value_set"])
        case "not_be_in_set":
            good = f"(NOT {in_set(column, types, kwargs['value_set'])})"
        case "be_between":
            good = _between(column, types, kwargs)
        case "lengths_to_be_between" | "lengths_to_equal":
            good = _length(name, type_, kwargs)
        case other:
            raise NotCompiled(f"{other} has no SQL here")
    return RowPredicates(there, _breaks(there, good))


def _in_found_set(rule: Rule, columns: list[str], types: Mapping[str, str]) -> str:
    assert rule.found is not None  # a rule that takes its set from elsewhere is judged only where it was found
    assert rule.found.values is not None
    return in_table(columns, types, rule.found.values)


def _breaks(considered: str, good: str) -> str:
    return f"({considered} AND NOT coalesce({good}, false))"


def _doubt(considered: str, unsure: str) -> str:
    return "false" if unsure == "false" else f"({considered} AND ({unsure}))"


def _only(type_: str, *families: str) -> None:
    if family(type_) not in families:
        raise NotCompiled(f"a column of type {type_}")


def bounds(kwargs: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return (operator, bound) for each bound that is given: inclusive unless strict, a bound of None is open."""
    found = []
    for name, operator, strict in (("min_value", ">", "strict_min"), ("max_value", "<", "strict_max")):
        if kwargs.get(name) is not None:
            found.append((operator if kwargs.get(strict) else f"{operator}=", kwargs[name]))
    return found


def _between(column: str, types: Mapping[str, str], kwargs: Mapping[str, Any]) -> str:
    return "(" + " AND ".join(compared(column, types, operator, bound) for operator, bound in bounds(kwargs)) + ")"


def _length(name: str, type_: str, kwargs: Mapping[str, Any]) -> str:
    _only(type_, "text")  # of another type pandas takes the length of how Python would print it
    wanted = [("=", kwargs["value"])] if "value" in kwargs else bounds(kwargs)
    return "(" + " AND ".join(f"length({name}) {operator} {literal(float(bound))}" for operator, bound in wanted) + ")"


def _patterns(rule: Rule, name: str, type_: str) -> tuple[str, str]:
    _only(type_, "text")
    patterns = rule.kwargs.get("regex_list") or [rule.kwargs.get("regex", "(?s).*")]
    found = [matches(name, pattern) for pattern in patterns]
    word = " AND " if rule.kwargs.get("match_on") == "all" else " OR "
    good = f"({word.join(match for match, _ in found)})"
    unsure = " OR ".join(dict.fromkeys(text for _, text in found if text != "false")) or "false"
    return (f"(NOT {good})" if "_not_match_" in rule.expectation else good), unsure


def _breaks_order(what: str, kwargs: Mapping[str, Any], type_: str) -> str:
    operator = "<" if what == "be_increasing" else ">"
    if not kwargs.get("strictly"):
        return f"now {operator} before"
    endless = " AND NOT (isinf(now) AND now = before)" if family(type_) == "float" else ""  # their difference is NaN
    return f"now {operator}= before{endless}"


def _alike(columns: list[str], types: Mapping[str, str]) -> set[str]:
    """Return the families of columns that are compared with each other. Raises NotCompiled where pandas would convert."""
    families = {family(types[c]) for c in columns}
    if not (len(families) == 1 or families == {"integer", "float"}) or "other" in families:
        raise NotCompiled(f"columns of types {', '.join(types[c] for c in columns)} compared")
    if "FLOAT" in [types[c] for c in columns] and len({types[c] for c in columns}) > 1:
        raise NotCompiled("32-bit floats compared with another type")
    return families


def _pair(rule: Rule, types: Mapping[str, str]) -> RowPredicates:
    """One side null makes the comparison false, so the row is bad unless `ignore_row_if` leaves it out."""
    a, b = rule.kwargs["column_A"], rule.kwargs["column_B"]
    first, second = present(a, types), present(b, types)
    considered = {
        "both_values_are_missing": f"({first} OR {second})",
        "either_value_is_missing": f"({first} AND {second})",
        "neither": "true",
    }[rule.kwargs.get("ignore_row_if") or "both_values_are_missing"]
    if rule.expectation == "expect_column_pair_values_to_be_in_set":
        if rule.elsewhere:
            return RowPredicates(considered, _breaks(considered, _in_found_set(rule, [a, b], types)))
        pairs = [f"({_is(a, x, types)} AND {_is(b, y, types)})" for x, y in rule.kwargs["value_pairs_set"]]
        return RowPredicates(considered, _breaks(considered, f"({' OR '.join(pairs) or 'false'})"), needs_rows=True)
    operator = "="
    families = _alike([a, b], types)
    if rule.expectation == "expect_column_pair_values_a_to_be_greater_than_b":
        if "boolean" in families:
            raise NotCompiled("the order of true and false")
        operator = ">=" if rule.kwargs.get("or_equal") else ">"
    return RowPredicates(considered, _breaks(considered, f"({first} AND {second} AND {quoted(a)} {operator} {quoted(b)})"))


def _is(column: str, value: Any, types: Mapping[str, str]) -> str:
    there = present(column, types)
    return f"(NOT {there})" if value is None else f"({there} AND {in_set(column, types, [value])})"


def _many(rule: Rule, types: Mapping[str, str]) -> RowPredicates:
    columns = list(rule.kwargs["column_list"])
    there = [present(c, types) for c in columns]
    considered = {
        "all_values_are_missing": f"({' OR '.join(there)})",
        "any_value_is_missing": f"({' AND '.join(there)})",
        "never": "true",
    }[rule.kwargs.get("ignore_row_if") or "all_values_are_missing"]
    match rule.expectation:
        case "expect_compound_columns_to_be_unique":  # two nulls in a key are equal here, as they are in pandas
            for column in columns:
                _only(types[column], "integer", "float", "decimal", "text", "boolean", "date", "time")
            return RowPredicates(considered, considered, keys=tuple(without_nan(c, types) for c in columns))
        case "expect_multicolumn_sum_to_equal":
            good = _sum(columns, there, types, rule.kwargs["sum_total"])
        case "expect_multicolumn_values_to_be_equal":
            _alike(columns, types)
            good = " AND ".join(_same(columns[0], c, types) for c in columns[1:])
        case _:
            if not _alike(columns, types) <= {"integer", "float", "text"} or len(set(columns)) < len(columns):
                raise NotCompiled("values of these types within one row")
            good = " AND ".join(f"NOT {_same(x, y, types)}" for x, y in combinations(columns, 2))
    return RowPredicates(considered, _breaks(considered, f"({good})"))


def _same(a: str, b: str, types: Mapping[str, str]) -> str:
    """Equal, or both null."""
    x, y = present(a, types), present(b, types)
    return f"coalesce(({x} AND {y} AND {quoted(a)} = {quoted(b)}) OR NOT ({x} OR {y}), false)"


def _sum(columns: list[str], there: list[str], types: Mapping[str, str], total: float) -> str:
    """Integers add up in any order; more than two floats do not, and pandas' order is its own."""
    whole = all(family(types[c]) == "integer" for c in columns)
    if not whole and (len(columns) > 2 or any(family(types[c]) != "integer" and types[c] != "DOUBLE" for c in columns)):
        raise NotCompiled("the sum of more than two floats, or of other types")
    type_ = "BIGINT" if whole else "DOUBLE"
    sum_ = " + ".join(f"CAST({quoted(c)} AS {type_})" for c in columns)
    return f"{' AND '.join(there)} AND CAST({sum_} AS DOUBLE) = {literal(total)}"
