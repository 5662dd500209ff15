"""Arguments, coerced as Great Expectations' own models coerce them: "0" is 0.0, "2026-01-01" a date, true 1.0.

Its models are written with pydantic's first version, which pydantic still carries, so the same words are said to the
same library here, without importing Great Expectations. One thing is refused that it would take: an empty text or list
where it makes an empty suite parameter of it. A suite parameter stays as it is, and Great Expectations evaluates it.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal

from pydantic import v1 as pydantic

from readiness_pipelines.gates.conditions import condition_problem
from readiness_pipelines.gates.query import query_problem
from readiness_pipelines.gates.vocabulary import EXPECTATIONS, IGNORE_MANY, IGNORE_PAIR
from readiness_pipelines.located import shown, unknown

PARSERS = ("great_expectations", "great_expectations__experimental__", "pandas", "spark")


class _Quantiles(pydantic.BaseModel):
    quantiles: list[float]
    value_ranges: list[list[float | int | None]]


_SHARE: Any = pydantic.confloat(ge=0.0, le=1.0)
_NAME: Any = pydantic.constr(strict=True, min_length=1)

# what an argument takes: (its type in the models, the words for it). With "?" in the vocabulary it may be None too.
_TAKES: dict[str, tuple[Any, str]] = {
    "column": (_NAME, "a column name"),
    "mostly": (_SHARE, "0 to 1"),
    "share": (_SHARE, "0 to 1"),
    "bound": (float | datetime.date | datetime.datetime | None, "a number or an ISO date"),
    "rows": (int | datetime.datetime, "a whole number"),
    "number": (float, "a number"),
    "positive": (pydantic.confloat(ge=0), "a number from 0"),
    "whole": (int, "a whole number"),
    "flag": (bool, "true or false"),
    "text": (str, "text"),
    "strftime": (str, "a format as in %Y-%m-%d"),
    "query": (str, "one SELECT over {batch}"),
    "texts": (list[str], "a list of texts"),
    "values": (list[Any], "a list"),
    "pairs": (list[tuple[Any, Any]], "a list of pairs"),
    "columns": (list[str], "a list of column names"),
    "strict_columns": (list[_NAME], "a list of column names"),
    "names": (list[Any] | set[Any], "a list"),
    "mapping": (dict[Any, Any], "a mapping"),
    "quantiles": (_Quantiles, "quantiles and value_ranges"),
    "tolerance": (bool | str, "false or the word for an interpolation"),
    "match_on": (Literal["any", "all"], "any or all"),
    "outliers": (Literal["iqr", "std"], "iqr or std"),
    "ignore_pair": (Literal["both_values_are_missing", "either_value_is_missing", "neither"], ""),
    "ignore_many": (Literal["all_values_are_missing", "any_value_is_missing", "never"], ""),
    "parser": (Literal["great_expectations", "great_expectations__experimental__", "pandas", "spark"] | None, ""),
    "condition": (Any, "a condition"),
}


class _Config(pydantic.BaseConfig):
    smart_union = True
    arbitrary_types_allowed = True


@cache
def _model(takes: str) -> Any:
    type_ = _TAKES[takes.removesuffix("?")][0]
    return pydantic.create_model("Argument", __config__=_Config, value=(type_ | None if takes.endswith("?") else type_, ...))


def is_parameter(value: Any) -> bool:
    """Say whether the value is a suite parameter, as in {"$PARAMETER": "now() - timedelta(weeks=1)"}."""
    return isinstance(value, dict) and "$PARAMETER" in value


def coerced(takes: str, value: Any) -> Any:
    """Return `value` as Great Expectations' model keeps it. Raises ValueError if the model refuses it."""
    if is_parameter(value):
        return value
    if isinstance(value, dict) and takes.removesuffix("?") not in ("mapping", "quantiles", "condition"):
        raise ValueError("a mapping")
    if value is None and not takes.endswith("?") and takes not in ("bound", "condition", "parser"):
        raise ValueError("none")
    found = _model(takes)(value=value).value
    if isinstance(found, _Quantiles):
        return found.dict()
    return found


def coerced_kwargs(expectation: str, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return all arguments of an expectation, coerced. Raises ValueError."""
    takes = EXPECTATIONS[expectation].arguments
    return {name: coerced(takes[name], value) for name, value in kwargs.items()}


def argument_problem(name: str, takes: str, value: Any) -> str | None:
    """Return `found ..., expected ...` if the model refuses the value of this argument, else None."""
    if takes in ("ignore_pair", "ignore_many", "parser"):
        known = {"ignore_pair": IGNORE_PAIR, "ignore_many": IGNORE_MANY, "parser": PARSERS}[takes]
        return None if value in known or (takes == "parser" and value is None) else unknown(value, known)
    if is_parameter(value):
        return "found a suite parameter, expected the SELECT itself" if takes == "query" else None
    try:
        found = coerced(takes, value)
    except (ValueError, TypeError, OverflowError):
        return f"found {shown(value)}, expected {_TAKES[takes.removesuffix('?')][1]}"
    return _of_value(name, takes, found)


def _of_value(name: str, takes: str, value: Any) -> str | None:
    if takes in ("columns", "strict_columns") and len(value) < 2:
        return f"found {len(value)} columns, expected at least two"
    if name in ("regex_list", "like_pattern_list") and not value:
        return "found an empty list, expected at least one pattern"
    if name == "escape" and value is not None and len(value) != 1:
        return f"found {shown(value)}, expected one character"
    if takes == "strftime":
        return _format_problem(value)
    if takes == "query":
        return query_problem(value)
    if takes == "quantiles":
        return _quantiles_problem(value)
    return None


def _format_problem(value: str) -> str | None:
    try:
        datetime.datetime.strptime(datetime.datetime.now(tz=datetime.UTC).strftime(value), value)  # noqa: DTZ007 - only whether it can be read
    except ValueError:
        return f"found {shown(value)}, expected a format that reads what it writes, as %Y-%m-%d does"
    return None


def _quantiles_problem(value: Mapping[str, Any]) -> str | None:
    ranges = value["value_ranges"]
    if any(None not in r and r != sorted(r) for r in ranges):
        return "found value_ranges that are not in order, expected the lower bound first"
    if len(value["quantiles"]) != len(ranges):
        return f"found {len(value['quantiles'])} quantiles and {len(ranges)} value_ranges, expected as many of each"
    return None


def joint_problems(expectation: str, kwargs: Mapping[str, Any]) -> Iterator[tuple[list[str | int], str]]:
    """Yield what is wrong with coerced arguments together: each is sound by itself, and the rule could never be judged."""
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if any(is_parameter(v) for v in kwargs.values()):
        return
    if expectation in _NEEDS_A_BOUND and low is None and high is None:
        yield ["kwargs"], "found neither min_value nor max_value, expected at least one"
    if expectation in _NEEDS_ORDER and low is not None and high is not None and _above(low, high):
        yield ["kwargs", "min_value"], f"found {as_written(low)} above max_value {as_written(high)}, expected it below"
    if expectation == "expect_column_distinct_values_to_be_in_set" and not kwargs.get("value_set"):
        yield ["kwargs", "value_set"], "found an empty list, expected at least one value"
    if kwargs.get("row_condition") is not None:
        problem = condition_problem(kwargs["row_condition"], kwargs.get("condition_parser"))
        if problem:
            yield ["kwargs", "row_condition"], problem


_NEEDS_A_BOUND = ("expect_column_values_to_be_between", "expect_column_value_lengths_to_be_between")
_NEEDS_ORDER = ("expect_column_values_to_be_between", "expect_table_row_count_to_be_between")


def as_written(value: Any) -> str:
    """Return a coerced bound as its author wrote it: 2000, not 2000.0."""
    return shown(int(value) if isinstance(value, float) and value.is_integer() else value)


def _above(low: Any, high: Any) -> bool:
    try:
        return bool(low > high)
    except TypeError:
        return False
