"""`row_condition`: which rows a rule speaks of. Condition objects of Great Expectations 1.24, and the older strings.

A comparison with a null is false, but `!=` and NOT_IN are true of it, as they are in pandas.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from readiness_pipelines.gates.columns import NotCompiled, family, in_set, known, literal, present, quoted

_OPERATORS = ("==", "!=", "<", "<=", ">", ">=", "IN", "NOT_IN")
_KEYS = {
    "comparison": ("column", "operator", "parameter"),
    "nullity": ("column", "is_null"),
    "and": ("conditions",),
    "or": ("conditions",),
    "pass_through": ("pass_through_filter",),
}
_MOST = 100
_OWN = ("great_expectations", "great_expectations__experimental__")
_NUMBER = r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?"
_TEXT = r"\"(?P<double>[^\"'\\]+)\"|'(?P<single>[^\"'\\]+)'"
_COL = re.compile(
    rf'\s*col\("(?P<column>[^"]+)"\)\s*(?:(?P<notnull>\.notnull\(\))|(?P<op>[<>]=?|==|!=)\s*(?:(?P<number>{_NUMBER})|{_TEXT}))\s*'
)
_QUERY = re.compile(rf"\s*(?P<column>[A-Za-z_]\w*)\s*(?P<op>[<>]=?|==|!=)\s*(?:(?P<number>-?\d+(?:\.\d+)?)|{_TEXT})\s*")
_WORDS = ("True", "False", "None", "and", "or", "not", "in", "index")


def condition_problem(condition: Any, parser: Any) -> str | None:
    """Return `found ..., expected ...` for a condition that Great Expectations refuses, else None."""
    if isinstance(condition, str):
        if parser in _OWN and _COL.fullmatch(condition) is None:
            return 'found a condition that is not understood, expected col("name") compared with a number or a quoted text'
        return None
    return next(_problems(condition), None) or _nesting_problem(condition)


def _problems(condition: Any) -> Iterator[str]:
    kind = condition.get("type") if isinstance(condition, dict) else None
    if kind not in _KEYS:
        yield f"found no condition, expected a mapping whose type is one of {', '.join(_KEYS)}"
        return
    missing = [key for key in _KEYS[kind] if key not in condition]
    if missing:
        yield f"found a condition of type {kind} without {missing[0]!r}, expected it"
    elif kind in ("and", "or"):
        for inner in condition["conditions"] if isinstance(condition["conditions"], list) else [None]:
            yield from _problems(inner)
    elif kind in ("comparison", "nullity") and not isinstance(
        condition["column"].get("name") if isinstance(condition["column"], dict) else None, str
    ):
        yield "found a condition without its column's name, expected column: {name: ...}"
    elif kind == "comparison":
        yield from _comparison_problems(condition["operator"], condition["parameter"])


def _comparison_problems(operator: Any, parameter: Any) -> Iterator[str]:
    if operator not in _OPERATORS:
        yield f"found the operator {operator!r}, expected one of {', '.join(_OPERATORS)}"
    elif parameter is None:
        yield "found a comparison with nothing, expected a condition of type nullity"
    elif operator in ("IN", "NOT_IN"):
        if not isinstance(parameter, list):
            yield f"found {operator} something that is no list, expected a list"
        elif not (all(type(v) in (int, float) for v in parameter) or all(type(v) is str for v in parameter)):
            yield f"found {operator} a mixed list, expected numbers only or texts only"


def _nesting_problem(condition: Mapping[str, Any]) -> str | None:
    if _count(condition) > _MOST:
        return f"found {_count(condition)} conditions, expected at most {_MOST}"
    if condition["type"] == "and" and _holds_or(condition):
        return "found an 'or' inside an 'and', expected them the other way round"
    if condition["type"] == "or" and any(_holds_or(c) or c["type"] == "or" for c in condition["conditions"]):
        return "found an 'or' inside an 'or', expected one level"
    return None


def _count(condition: Mapping[str, Any]) -> int:
    return sum(_count(c) for c in condition["conditions"]) if condition["type"] in ("and", "or") else 1


def _holds_or(condition: Mapping[str, Any]) -> bool:
    return condition["type"] == "and" and any(c["type"] == "or" or _holds_or(c) for c in condition["conditions"])


def parsed(condition: Any, parser: Any) -> Mapping[str, Any]:
    """Return the condition as an object; a string that is no plain comparison stays a pass-through."""
    if not isinstance(condition, str):
        if condition.get("type") != "pass_through":
            return dict(condition)
        condition, parser = condition["pass_through_filter"], None
    found = (_COL if parser in _OWN else _QUERY).fullmatch(condition)
    if found is None or found["column"] in _WORDS:
        return {"type": "pass_through", "pass_through_filter": condition}
    column = {"name": found["column"]}
    if parser in _OWN and found["notnull"]:
        return {"type": "nullity", "column": column, "is_null": False}
    value: Any = found["double"] or found["single"]
    if found["number"] is not None:
        value = float(found["number"]) if re.search(r"[.eE]", found["number"]) else int(found["number"])
    return {"type": "comparison", "column": column, "operator": found["op"], "parameter": value}


def columns_of(condition: Any, parser: Any) -> tuple[str, ...]:
    """Return the columns a condition looks at, as far as it says so."""
    if condition is None:
        return ()
    found = parsed(condition, parser)
    if found["type"] in ("and", "or"):
        return tuple(name for inner in found["conditions"] for name in columns_of(inner, None))
    return (found["column"]["name"],) if "column" in found else ()


def comparisons(condition: Any, parser: Any, where: tuple[str | int, ...] = ()) -> Iterator[tuple[list[str | int], str, Any]]:
    """Yield (where below the condition, column, value) of each value that a sound condition compares a column with."""
    if condition is None or condition == "":
        return
    found = parsed(condition, parser)
    for i, inner in enumerate(found["conditions"] if found["type"] in ("and", "or") else ()):
        yield from comparisons(inner, None, (*where, "conditions", i))
    if found["type"] != "comparison":
        return
    place = [] if isinstance(condition, str) or "parameter" not in condition else [*where, "parameter"]
    column, value = str(found["column"]["name"]), found["parameter"]
    if isinstance(value, list):
        yield from (([*place, i], column, each) for i, each in enumerate(value))
    else:
        yield place, column, value


def selected(kwargs: Mapping[str, Any], types: Mapping[str, str]) -> str:
    """Return SQL, never NULL, that is true for the rows a rule speaks of. Raises NotCompiled, NotJudgeable."""
    condition = kwargs.get("row_condition")
    return "true" if condition is None or condition == "" else _sql(parsed(condition, kwargs.get("condition_parser")), types)


def _sql(condition: Mapping[str, Any], types: Mapping[str, str]) -> str:
    kind = condition["type"]
    if kind in ("and", "or"):
        if not condition["conditions"]:
            raise NotCompiled("an empty row_condition")
        return "(" + f" {kind.upper()} ".join(_sql(inner, types) for inner in condition["conditions"]) + ")"
    if kind == "pass_through":
        raise NotCompiled("a row_condition in pandas' own language")
    there = present(condition["column"]["name"], types)
    if kind == "nullity":
        return f"(NOT {there})" if condition["is_null"] else there
    return _comparison(condition["column"]["name"], there, condition["operator"], condition["parameter"], types)


def _comparison(column: str, there: str, operator: str, value: Any, types: Mapping[str, str]) -> str:
    kind = known(column, types)
    values = list(value) if operator in ("IN", "NOT_IN") else [value]
    fits = all(_fits(v, types[column]) for v in values)
    if not fits or family(types[column]) not in ("integer", "float", "text"):
        raise NotCompiled(f"a row_condition that compares a {types[column]} with {str(value)[:60]!r}")
    if operator in ("IN", "NOT_IN", "==", "!="):
        inside = f"({there} AND coalesce({in_set(column, types, values)}, false))"
        return f"(NOT {inside})" if operator in ("NOT_IN", "!=") else inside
    cell = f"CAST({quoted(column)} AS DOUBLE)" if isinstance(value, float) and kind == "integer" else quoted(column)
    return f"({there} AND {cell} {operator} {literal(value)})"


def _fits(value: Any, type_: str) -> bool:
    if type_ == "FLOAT":  # pandas compares 32 bits with 32 bits
        return False
    return isinstance(value, str) if type_ == "VARCHAR" else isinstance(value, int | float) and not isinstance(value, bool)
