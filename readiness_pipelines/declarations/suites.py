"""The suites of a product: one file per table, and every rule judged against the columns the contract declares.

A rule that could only ever be undecided at the gate is refused here: an undecided rule holds every partition.
"""

from __future__ import annotations

import datetime
import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from readiness_pipelines.declarations.binding import Binder, near_column
from readiness_pipelines.gates import Rule
from readiness_pipelines.gates.aggregates import compile_table
from readiness_pipelines.gates.arguments import as_written, is_parameter
from readiness_pipelines.gates.columns import NotCompiled, NotJudgeable, is_number, is_time
from readiness_pipelines.gates.compile import compile_row
from readiness_pipelines.gates.conditions import comparisons
from readiness_pipelines.located import shown

_KINDS = (".yaml", ".yml", ".json")
_OF_THE_COLUMN = ("expect_column_min_to_be_between", "expect_column_max_to_be_between")


def suite_folder(folder: Path, product: str | None, given: str | None) -> Path | None:
    """Return the folder of the suites: the given one, else the nearest quality_suites/<product> upwards; None if there is none."""
    if given is not None:
        return folder / given if (folder / given).is_dir() else None
    beside = [parent / "quality_suites" / str(product) for parent in folder.absolute().parents]
    return next((path for path in beside if path.is_dir()), None)


def suite_files(folder: Path | None) -> dict[str, Path]:
    """Return name -> path of the suite files in a folder, by name."""
    paths = sorted(folder.iterdir()) if folder is not None else []
    return {path.name: path for path in paths if path.suffix in _KINDS and path.is_file()}


def pair_files(
    folder: Path, files: Mapping[str, Path], wanted: Sequence[str], *, all_known: bool
) -> tuple[dict[str, Path], list[str]]:
    """Return (suite name -> its file, problems). A file of another name that is near a missing one is that suite, misnamed.

    `all_known`: every table is known, so that a file that belongs to none is an orphan.
    """
    found = {name: files[f"{name}.yaml"] for name in wanted if f"{name}.yaml" in files}
    missing = [name for name in wanted if name not in found]
    problems = []
    for path in [path for name, path in files.items() if path not in found.values()]:
        near = difflib.get_close_matches(path.stem, missing, n=1)
        if near:
            missing.remove(near[0])
            problems.append(f"{path}:1: document: found a file named {path.name}, expected {near[0]}.yaml?")
        elif all_known:
            problems.append(
                f"{path}:1: document: found the suite of no table, expected <layer>_<table>.yaml of a table of the product"
            )
    problems += [f"{folder / name}.yaml:1: document: found no such file, expected the suite of that table" for name in missing]
    return found, problems


def rule_problem(rule: Rule, types: Mapping[str, str], binder: Binder) -> tuple[list[str | int], str] | None:
    """Return (where below the rule, why it cannot be judged on columns of these types), or None."""
    return next(_rule_problems(rule, types, binder), None)


def _rule_problems(rule: Rule, types: Mapping[str, str], binder: Binder) -> Iterator[tuple[list[str | int], str]]:
    yield from _column_problems(rule, types)
    yield from _bound_problems(rule, types)
    yield from _set_problems(rule, types)
    yield from _pair_problems(rule, types)
    yield from _condition_problems(rule, types)
    if rule.elsewhere is not None and rule.is_ours:
        return  # its SQL is known where its tables are: declarations.across
    try:
        if rule.is_row_rule:
            predicates = compile_row(rule, types)
            expressions = [predicates.considered, predicates.bad]
        else:
            expressions = list(compile_table(rule, types).aggregates) or ["1"]
    except NotCompiled:
        return  # Great Expectations itself judges it
    except NotJudgeable as error:
        yield _place(rule), f"found a rule that cannot be judged ({error}), expected one that fits the column's type"
        return
    message = binder.expression_problem(expressions, types)
    if message:
        yield _place(rule), message


def _place(rule: Rule) -> list[str | int]:
    return ["kwargs", next((k for k in ("regex", "regex_list", "column", "column_A", "column_list") if k in rule.kwargs), "")]


def _column_problems(rule: Rule, types: Mapping[str, str]) -> Iterator[tuple[list[str | int], str]]:
    for key in ("column", "column_A", "column_B"):
        if key in rule.kwargs and rule.kwargs[key] not in types:
            yield ["kwargs", key], near_column(str(rule.kwargs[key]), list(types))
    for key in ("column_list", "column_set"):
        for i, name in enumerate(rule.kwargs.get(key) or ()):
            if name not in types:
                yield ["kwargs", key, i], near_column(str(name), list(types))


def _bound_problems(rule: Rule, types: Mapping[str, str]) -> Iterator[tuple[list[str | int], str]]:
    bounds = {b: v for b in ("min_value", "max_value") if (v := rule.kwargs.get(b)) is not None and not is_parameter(v)}
    if len(bounds) == 2 and not _in_order(bounds["min_value"], bounds["max_value"]):
        low, high = as_written(bounds["min_value"]), as_written(bounds["max_value"])
        yield ["kwargs", "min_value"], f"found {low} above max_value {high}, expected it below"
    of_column = rule.expectation in _OF_THE_COLUMN
    type_ = (
        types.get(str(rule.kwargs.get("column")), "")
        if of_column or rule.expectation == "expect_column_values_to_be_between"
        else "BIGINT"
    )
    for name, bound in bounds.items():
        wanted = "a number" if is_number(type_) else "a day or time" if is_time(type_) else ""
        if not wanted:
            yield ["kwargs", "column"], f"found a column of type {type_}, expected a number or time: it is compared with {name}"
        elif isinstance(bound, datetime.date) != is_time(type_):
            yield ["kwargs", name], f"found {as_written(bound)}, expected {wanted}: the values are {type_}"


def _in_order(low: Any, high: Any) -> bool:
    if isinstance(low, datetime.date) and isinstance(high, datetime.date):
        return low.isoformat() <= high.isoformat()
    return isinstance(low, datetime.date) or isinstance(high, datetime.date) or bool(low <= high)


def _set_problems(rule: Rule, types: Mapping[str, str]) -> Iterator[tuple[list[str | int], str]]:
    values, type_ = rule.kwargs.get("value_set"), types.get(str(rule.kwargs.get("column")), "")
    if values is None:
        return
    if not values:
        yield ["kwargs", "value_set"], "found an empty list, expected at least one value"
    for i, value in enumerate(values):
        if said := _unfit(value, type_):
            yield ["kwargs", "value_set", i], said


def _pair_problems(rule: Rule, types: Mapping[str, str]) -> Iterator[tuple[list[str | int], str]]:
    pairs = rule.kwargs.get("value_pairs_set")
    columns = [str(rule.kwargs.get(key)) for key in ("column_A", "column_B")]
    for i, pair in enumerate(() if pairs is None or is_parameter(pairs) else pairs):
        for j, (column, value) in enumerate(zip(columns, pair, strict=True)):
            if said := _unfit(value, types.get(column, "")):
                yield ["kwargs", "value_pairs_set", i, j], said


def _condition_problems(rule: Rule, types: Mapping[str, str]) -> Iterator[tuple[list[str | int], str]]:
    condition = rule.kwargs.get("row_condition")
    if is_parameter(condition):
        return
    for where, column, value in comparisons(condition, rule.kwargs.get("condition_parser")):
        if column not in types:
            yield ["kwargs", "row_condition", *where], near_column(column, list(types))
        elif said := _unfit(value, types[column], is_condition=True):
            yield ["kwargs", "row_condition", *where], said


def _unfit(value: Any, type_: str, *, is_condition: bool = False) -> str:
    """Return why no cell of the type can equal the value, or nothing. A condition's day or time may be text: pandas reads it."""
    wanted, fits = _kind_of(type_)
    if value is None or not type_ or fits(value) or (is_condition and is_time(type_) and isinstance(value, str)):
        return ""
    quote = "; YAML reads an unquoted yes, no, on and off as true or false" if isinstance(value, bool) else ""
    return f"found {shown(value)}, expected {wanted}: the column is {type_}{quote}"


def _kind_of(type_: str) -> tuple[str, Any]:
    if is_number(type_):
        return "a number", lambda v: isinstance(v, int | float) and not isinstance(v, bool)
    if type_ == "BOOLEAN":
        return "true or false", lambda v: isinstance(v, bool)
    if is_time(type_):
        return "a day or time", lambda v: isinstance(v, datetime.date)
    return "text", lambda v: isinstance(v, str)
