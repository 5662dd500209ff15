"""What a rule may take from elsewhere than the rows at hand: another table, the table's own past, the partition's end.

`meta: {bounds_from: ...}` stands for min_value and max_value, `meta: {value_set_from: ...}` for the value set; a query
names tables in braces. Here it is read and checked; `resolve` finds the values, and nobody here knows where tables are.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from readiness_pipelines.flow import Status
from readiness_pipelines.located import shown, unknown

Where = list[str | int]

SETS = (
    "expect_column_values_to_be_in_set",
    "expect_column_pair_values_to_be_in_set",
    "expect_column_distinct_values_to_be_in_set",
)
PAIRS = "expect_column_pair_values_to_be_in_set"
BOUNDED = (
    "expect_table_row_count_to_be_between",
    "expect_column_min_to_be_between",
    "expect_column_max_to_be_between",
    "expect_column_mean_to_be_between",
    "expect_column_sum_to_be_between",
    "expect_column_median_to_be_between",
    "expect_column_stdev_to_be_between",
    "expect_column_unique_value_count_to_be_between",
    "expect_column_proportion_of_unique_values_to_be_between",
    "expect_column_proportion_of_non_null_values_to_be_between",
)
NEWEST = "expect_column_max_to_be_between"
OTHER_TABLE = "expect_table_row_count_to_equal_other_table"
QUERY = "unexpected_rows_expectation"


@dataclass(frozen=True)
class OfTable:
    """The admitted versions of a table that this one reads. `columns` are that table's; none for a count of rows."""

    table: str
    columns: tuple[str, ...] = ()
    tolerance: float = 0.0


@dataclass(frozen=True)
class OfHistory:
    """The table's own admitted versions of the `partitions` partitions before this one; fewer than `minimum` are too few.

    `weekday`: those whole weeks before this one alone, where there are `minimum` of them. `width` is how many standard
    deviations the bounds lie from the median, the deviation taken as 1.4826 times the median absolute one.
    """

    partitions: int = 28
    minimum: int = 7
    weekday: bool = False
    width: float = 3.5


@dataclass(frozen=True)
class OfPartitionEnd:
    """The instant at which the partition has ended: the newest value lies from `oldest` to `newest` before it, inclusive."""

    oldest: datetime.timedelta | None = None
    newest: datetime.timedelta | None = None


@dataclass(frozen=True)
class OfTables:
    """Tables that a query reads beside the batch."""

    tables: tuple[str, ...]


Elsewhere = OfTable | OfHistory | OfPartitionEnd | OfTables


@dataclass(frozen=True)
class Found:
    """What was found elsewhere for one rule, and from which versions (`rests_on`, bounded).

    `status` is set where there is nothing to judge by, yet or at all: learning or undecided; `note` says why. `values`
    names a table of the connection whose column `v` holds the value set; `sources` are relations by the name in the query.
    """

    status: Status | None = None
    note: str = ""
    rests_on: tuple[str, ...] = ()
    values: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)


def elsewhere_of(
    expectation: str, kwargs: Mapping[str, Any], meta: Mapping[str, Any], tables: Sequence[str] = ()
) -> Elsewhere | None:
    """Return what a sound rule takes from elsewhere, if anything. `tables` are those that its query names."""
    if expectation == OTHER_TABLE:
        return OfTable(str(kwargs["other_table_name"]))
    if tables:
        return OfTables(tuple(tables))
    given = meta.get("value_set_from") or meta.get("bounds_from")
    if given is None:
        return None
    if "history" in given:
        return OfHistory(**(given["history"] or {}))
    if "partition_end" in given:
        return OfPartitionEnd(**{name: duration(text) for name, text in given["partition_end"].items()})
    columns = given.get("columns") or [c for c in (given.get("column", kwargs.get("column")),) if c is not None]
    return OfTable(given["table"], tuple(columns), float(given.get("tolerance", 0.0)))


def duration(text: Any) -> datetime.timedelta:
    """Return the time that `6h`, `90m`, `300s` or `2d` names. Raises ValueError."""
    found = re.fullmatch(r"(\d{1,6})([smhd])", text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"no duration: {shown(text)}")
    return datetime.timedelta(seconds=int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]])


def stands_for(meta: Any) -> tuple[str, ...]:
    """Return the arguments that are left out because `meta` says where they come from."""
    if not isinstance(meta, dict):
        return ()
    sets = ("value_set", "value_pairs_set") if "value_set_from" in meta else ()
    return (*sets, *(("min_value", "max_value") if "bounds_from" in meta else ()))


def elsewhere_problems(expectation: str, kwargs: Any, meta: Any) -> Iterator[tuple[Where, str]]:
    """Yield what is wrong with what `meta` says about elsewhere, before any table is known."""
    for key, fitting, forms in (("value_set_from", SETS, ("table", "history")), ("bounds_from", BOUNDED, _BOUNDS_FORMS)):
        if not isinstance(meta, dict) or key not in meta:
            continue
        given = meta[key]
        if expectation not in fitting:
            yield ["meta", key], f"found {key} on {expectation}, expected it on one of {', '.join(fitting)}"
        elif not isinstance(given, dict):
            yield ["meta", key], f"found {shown(given)}, expected a mapping with one of {', '.join(forms)}"
        else:
            yield from _form_problems(key, given, forms, expectation)
        for argument in stands_for({key: given}) if isinstance(kwargs, dict) else ():
            if argument in kwargs:
                yield ["kwargs", argument], f"found {argument} beside meta.{key}, expected one of the two"


_BOUNDS_FORMS = ("table", "partition_end", "history")


def _form_problems(key: str, given: Mapping[Any, Any], forms: Sequence[str], expectation: str) -> Iterator[tuple[Where, str]]:
    form = next((f for f in forms if f in given), None)
    column = "columns" if expectation == PAIRS else "column"
    beside: tuple[str, ...] = ()
    if form == "table":
        beside = (column,) if key == "value_set_from" else (*(() if "row_count" in expectation else (column,)), "tolerance")
    for name in given:
        if name not in (form, *beside):
            expected = unknown(name, [f for f in (*((form,) if form else forms), *beside) if f not in given])
            yield ["meta", key, str(name)], expected.replace("found", "found the unknown key", 1)
    if form is None:
        if all(name in forms for name in given):
            yield ["meta", key], f"found none of {', '.join(forms)}, expected one of them"
        return
    if form == "table":
        yield from _table_problems(key, given, column, expectation)
    else:
        words = _HISTORY if form == "history" else _PARTITION_END
        yield from _word_problems(["meta", key, form], given[form], words)
        if form == "partition_end":
            yield from _end_problems(["meta", key, form], given[form], expectation)
        elif isinstance(given[form], dict):
            yield from _history_problems(["meta", key, form], given[form])


def _table_problems(key: str, given: Mapping[Any, Any], column: str, expectation: str) -> Iterator[tuple[Where, str]]:
    if not isinstance(given["table"], str):
        yield (
            ["meta", key, "table"],
            f"found {shown(given['table'])}, expected an input, or a table it is checked against",
        )
    if key == "value_set_from" and column not in given and all(k in ("table", column) for k in given):
        yield ["meta", key], f"found no {column!r}, expected it: whose values are the set"
    if column == "columns" and "columns" in given:
        two = given["columns"]
        if not (isinstance(two, list) and len(two) == 2 and all(isinstance(c, str) for c in two)):
            yield ["meta", key, "columns"], f"found {shown(two)}, expected two columns of that table"
    elif column in given and not isinstance(given[column], str):
        yield ["meta", key, column], f"found {shown(given[column])}, expected a column name"
    if "tolerance" in given and (said := _is_share(given["tolerance"])):
        yield ["meta", key, "tolerance"], f"found {shown(given['tolerance'])}, expected {said}"


def _end_problems(where: Where, given: Any, expectation: str) -> Iterator[tuple[Where, str]]:
    if expectation != NEWEST:
        yield where, f"found partition_end on {expectation}, expected it on {NEWEST}"
    if not isinstance(given, dict):
        return
    if not given:
        yield where, "found neither oldest nor newest, expected at least one"
    oldest, newest = given.get("oldest"), given.get("newest")
    if _is_duration(oldest) == _is_duration(newest) == "" and duration(oldest) < duration(newest):
        yield [*where, "oldest"], f"found {shown(oldest)}, which is less than newest {shown(newest)}, expected it to be more"


def _history_problems(where: Where, given: Mapping[Any, Any]) -> Iterator[tuple[Where, str]]:
    if any(_HISTORY[name](value) for name, value in given.items() if name in _HISTORY):
        return
    partitions, minimum = given.get("partitions", OfHistory.partitions), given.get("minimum", OfHistory.minimum)
    if minimum > partitions:
        place = "minimum" if "minimum" in given else "partitions"
        yield [*where, place], f"found a minimum of {minimum} among {partitions} partitions, expected at most as many"


def _word_problems(where: Where, given: Any, words: Mapping[str, Callable[[Any], str]]) -> Iterator[tuple[Where, str]]:
    if not isinstance(given, dict) and not (given is None and words is _HISTORY):
        yield where, f"found {shown(given)}, expected a mapping with {', '.join(words)}"
        return
    for name, value in (given or {}).items():
        if name not in words:
            free = [w for w in words if w not in (given or {})]
            yield [*where, str(name)], unknown(name, free).replace("found", "found the unknown key", 1)
        elif said := words[name](value):
            yield [*where, str(name)], f"found {shown(value)}, expected {said}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> str:
    fits = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MOST
    return "" if fits else f"a whole number from 1 to {_MOST}"


def _is_share(value: Any) -> str:
    return "" if _is_number(value) and 0 <= value < 1 else "a share from 0 to below 1, as in 0.01"


def _is_duration(value: Any) -> str:
    try:
        duration(value)
    except ValueError:
        return "a duration as in 6h, 90m, 300s or 2d"
    return ""


_MOST = 10_000  # partitions: more than a year of hours, and still one scan
_HISTORY: Mapping[str, Callable[[Any], str]] = {
    "partitions": _is_count,
    "minimum": lambda v: "a whole number from 2" if not _is_count(v) and v == 1 else _is_count(v),
    "weekday": lambda v: "" if isinstance(v, bool) else "true or false",
    "width": lambda v: "" if _is_number(v) and 0 < v < float("inf") else "a number above 0",
}
_PARTITION_END: Mapping[str, Callable[[Any], str]] = {"oldest": _is_duration, "newest": _is_duration}
