"""From a rule to SQL with the meaning it has in Great Expectations on pandas.

A row rule becomes two predicates that are never NULL: `considered` (the row takes part) and `bad` (it takes part and
breaks the rule). The same text counts the rows and picks them for quarantine, so the two cannot disagree.
NaN is null. A null is left out by rules over one column, except those about nulls.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from readiness_pipelines.gates.suite import Rule

_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_FLOATS = ("FLOAT", "DOUBLE")


class NotJudgeable(Exception):
    """The rule cannot be judged on this column: undecided, never passed."""


@dataclass(frozen=True)
class RowPredicates:
    """SQL over one row. `keys`: the rule is about repeated values of these columns (their duplicates are looked up)."""

    considered: str
    bad: str
    keys: tuple[str, ...] = ()


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(value: Any) -> str:
    """Return a Python value as SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime.datetime):
        return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
    if isinstance(value, datetime.date):
        return f"DATE '{value.isoformat()}'"
    return "'" + str(value).replace("'", "''") + "'"


def is_number(type_: str) -> bool:
    return type_ in _NUMBERS or type_ in _FLOATS or type_.startswith("DECIMAL")


def is_time(type_: str) -> bool:
    return type_ == "DATE" or type_.startswith("TIMESTAMP")


def present(column: str, types: Mapping[str, str]) -> str:
    """Return SQL that is true where the cell is neither null nor NaN. Raises NotJudgeable if there is no such column."""
    if column not in types:
        raise NotJudgeable(f"there is no column {column!r}")
    name = quoted(column)
    return f"({name} IS NOT NULL AND NOT isnan({name}))" if types[column] in _FLOATS else f"({name} IS NOT NULL)"


def compile_row(rule: Rule, types: Mapping[str, str]) -> RowPredicates:
    """Return the predicates of a row rule over columns of these DuckDB types. Raises NotJudgeable."""
    kwargs = rule.kwargs
    if rule.expectation.startswith("expect_column_pair"):
        return _pair(rule, types)
    if rule.expectation == "expect_compound_columns_to_be_unique":
        return _compound(rule, types)
    column = kwargs["column"]
    there, type_, name = present(column, types), types.get(column, ""), quoted(column)
    match rule.expectation.removeprefix("expect_column_"):
        case "values_to_not_be_null":
            return RowPredicates("true", f"(NOT {there})")
        case "values_to_be_null":
            return RowPredicates("true", there)
        case "values_to_be_unique":
            return RowPredicates(there, there, keys=(column,))
        case "values_to_be_in_set":
            good = "true" if kwargs["value_set"] is None else in_set(name, type_, kwargs["value_set"])
        case "values_to_not_be_in_set":
            good = "true" if kwargs["value_set"] is None else f"(NOT {in_set(name, type_, kwargs['value_set'])})"
        case "values_to_be_between":
            good = between(name, type_, kwargs)
        case "values_to_match_regex":
            good = f"regexp_matches({_text(name, type_)}, {literal(kwargs['regex'])})"
        case "values_to_not_match_regex":
            good = f"(NOT regexp_matches({_text(name, type_)}, {literal(kwargs['regex'])}))"
        case "value_lengths_to_be_between":
            good = between(f"length({_text(name, type_)})", "BIGINT", kwargs)
        case "value_lengths_to_equal":
            good = f"length({_text(name, type_)}) = {literal(kwargs['value'])}"
        case other:
            raise NotJudgeable(f"{other} is not compiled")
    return RowPredicates(there, f"({there} AND NOT coalesce({good}, false))")


def in_set(name: str, type_: str, values: Sequence[Any]) -> str:
    """Return SQL that is true where the value is in the set. A value of another kind than the column matches nothing."""
    fitting = [v for v in values if v is not None and _fits(v, type_)]
    return f"({name} IN ({', '.join(literal(v) for v in fitting)}))" if fitting else "false"


def _fits(value: Any, type_: str) -> bool:
    if is_number(type_):
        return isinstance(value, int | float) and not isinstance(value, bool)
    if type_ == "BOOLEAN":
        return isinstance(value, bool)
    if is_time(type_):
        return isinstance(value, datetime.date)
    return isinstance(value, str)


def between(expression: str, type_: str, kwargs: Mapping[str, Any]) -> str:
    """Return SQL that is true within the bounds; inclusive unless strict, a bound of None is open. Raises NotJudgeable."""
    parts = []
    for bound, operator, strict in (("min_value", ">", "strict_min"), ("max_value", "<", "strict_max")):
        value = kwargs.get(bound)
        if value is None:
            continue
        if not (is_number(type_) and isinstance(value, int | float)) and not (is_time(type_) and isinstance(value, datetime.date)):
            raise NotJudgeable(f"a {type_} cannot be compared with {bound} {value!r}")
        parts.append(f"{expression} {operator}{'' if kwargs.get(strict) else '='} {literal(value)}")
    return f"({' AND '.join(parts)})"


def _text(name: str, type_: str) -> str:
    if type_ != "VARCHAR":
        raise NotJudgeable(f"column {name} is {type_}, expected text")
    return name


def _pair(rule: Rule, types: Mapping[str, str]) -> RowPredicates:
    """One side null makes the comparison false, so the row is bad unless `ignore_row_if` leaves it out."""
    a, b = rule.kwargs["column_A"], rule.kwargs["column_B"]
    first, second = present(a, types), present(b, types)
    if is_number(types[a]) != is_number(types[b]) or is_time(types[a]) != is_time(types[b]):
        raise NotJudgeable(f"{a} is {types[a]} and {b} is {types[b]}: they cannot be compared")
    considered = {
        "both_values_are_missing": f"({first} OR {second})",
        "either_value_is_missing": f"({first} AND {second})",
        "neither": "true",
    }[rule.kwargs.get("ignore_row_if") or "both_values_are_missing"]
    operator = "="
    if rule.expectation == "expect_column_pair_values_a_to_be_greater_than_b":
        operator = ">=" if rule.kwargs.get("or_equal") else ">"
    good = f"({first} AND {second} AND {quoted(a)} {operator} {quoted(b)})"
    return RowPredicates(considered, f"({considered} AND NOT coalesce({good}, false))")


def _compound(rule: Rule, types: Mapping[str, str]) -> RowPredicates:
    """Two nulls in a key are equal here, as they are in pandas."""
    columns = tuple(rule.kwargs["column_list"])
    there = [present(c, types) for c in columns]
    considered = {
        "all_values_are_missing": f"({' OR '.join(there)})",
        "any_value_is_missing": f"({' AND '.join(there)})",
        "never": "true",
    }[rule.kwargs.get("ignore_row_if") or "all_values_are_missing"]
    return RowPredicates(considered, considered, keys=columns)


def aggregate_of(rule: Rule, types: Mapping[str, str]) -> str | None:
    """Return the aggregate a table rule observes, as SQL; None for a rule that looks at columns only. Raises NotJudgeable."""
    match rule.expectation:
        case "expect_table_row_count_to_equal" | "expect_table_row_count_to_be_between":
            return "count(*)"
        case name if "column" not in rule.kwargs or name == "expect_column_to_exist":
            return None
    column = rule.kwargs["column"]
    there, name, type_ = present(column, types), quoted(rule.kwargs["column"]), types.get(column, "")
    what = rule.expectation.removeprefix("expect_column_").removesuffix("_to_be_between")
    if what in ("mean", "sum", "median", "stdev") and not is_number(type_):
        raise NotJudgeable(f"column {column!r} is {type_}, expected a number")
    match what:
        case "min" | "max" | "sum" | "median":
            return f"{what}({name}) FILTER ({there})"
        case "mean":
            return f"avg({name}) FILTER ({there})"
        case "stdev":
            return f"stddev_samp({name}) FILTER ({there})"
        case "unique_value_count":
            return f"count(DISTINCT {name}) FILTER ({there})"
        case "proportion_of_unique_values":
            return f"count(DISTINCT {name}) FILTER ({there}) / nullif(count(*) FILTER ({there}), 0)"
        case "proportion_of_non_null_values":
            return f"count(*) FILTER ({there}) / nullif(count(*), 0)"
    return f"list_sort(list(DISTINCT {name}) FILTER ({there}))"
