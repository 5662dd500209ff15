"""What can be wrong with a suite as it is written, before any table is known: keys, words, arguments, patterns.

Each problem is (where below the suite or the rule, what was found and expected). A misspelt key is told once, and not
again as the key that it should have been.
"""

from __future__ import annotations

import datetime
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from readiness_pipelines.gates.vocabulary import EXPECTATIONS, IGNORE_MANY, IGNORE_PAIR, Expectation
from readiness_pipelines.located import shown, unknown

SEVERITIES = ("critical", "warning", "info")
ON_FAIL = ("quarantine", "hold", "warn")

_SUITE_KEYS = ("name", "id", "meta", "expectations", "notes")
_SUITE_META = ("max_quarantine_fraction", "great_expectations_version", "notes")
_RULE_KEYS = ("type", "kwargs", "severity", "meta", "id", "notes", "description")
_RULE_META = ("name", "on_fail", "notes", "profiler_details")
# Look-around, back-references and possessive or atomic groups: Python has them, RE2 does not. The classes \d \w \s \b
# mean Unicode in Python and ASCII in RE2.
_NOT_RE2 = re.compile(r"\(\?[=!<>]|\\[1-9]|\(\?P=|[*+?}]\+|\\[dDwWsSbB]")


def suite_problems(data: Mapping[str, Any]) -> Iterator[tuple[list[str | int], str]]:
    keys = [str(key) for key in data]
    for key in keys:
        if key not in _SUITE_KEYS:
            yield [key], unknown(key, [k for k in _SUITE_KEYS if k not in keys]).replace("found", "found the unknown key", 1)
    expectations = data.get("expectations")
    if "expectations" in data and not isinstance(expectations, list):
        yield ["expectations"], f"found {shown(expectations)}, expected a list of expectations"
    elif "expectations" not in data and all(k in _SUITE_KEYS for k in keys):
        yield [], "found no key 'expectations', expected a list of them (it may be empty)"
    meta = data.get("meta")
    yield from _meta_problems(meta, _SUITE_META)
    if isinstance(meta, dict) and "max_quarantine_fraction" in meta:
        problem = fraction_problem(meta["max_quarantine_fraction"])
        if problem:
            yield ["meta", "max_quarantine_fraction"], problem


def fraction_problem(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return f"found {shown(value)}, expected 0 to 1"
    return None


def _meta_problems(meta: Any, known: Sequence[str]) -> Iterator[tuple[list[str | int], str]]:
    if meta is not None and not isinstance(meta, dict):
        yield ["meta"], f"found {shown(meta)}, expected a mapping"
        return
    for key in meta or {}:
        if key not in known:
            yield ["meta", str(key)], unknown(key, known).replace("found", "found the unknown key", 1)


def rule_problems(raw: Any) -> Iterator[tuple[list[str | int], str]]:
    if not isinstance(raw, dict):
        yield [], f"found {shown(raw)}, expected an expectation: a mapping with type and kwargs"
        return
    strange = [str(key) for key in raw if key not in _RULE_KEYS]
    for key in strange:
        yield [key], unknown(key, [k for k in _RULE_KEYS if k not in raw]).replace("found", "found the unknown key", 1)
    name = raw.get("type")
    expectation = EXPECTATIONS.get(name) if isinstance(name, str) else None
    if expectation is None:
        if "type" in raw:
            yield ["type"], f"{unknown(name, EXPECTATIONS)}; what is not compiled yet is an error, never skipped"
        elif not strange:
            yield [], "found no key 'type', expected an expectation's name"
        return
    meta = raw.get("meta")
    if raw.get("severity", "critical") not in SEVERITIES:
        yield ["severity"], unknown(raw.get("severity"), SEVERITIES)
    yield from _meta_problems(meta, _RULE_META)
    if isinstance(meta, dict):
        yield from _on_fail_problems(meta, expectation)
    kwargs = raw.get("kwargs")
    if kwargs is not None and not isinstance(kwargs, dict):
        yield ["kwargs"], f"found {shown(kwargs)}, expected a mapping"
    elif "kwargs" in raw or not strange:
        yield from _kwargs_problems(expectation, kwargs or {})


def _on_fail_problems(meta: Mapping[str, Any], expectation: Expectation) -> Iterator[tuple[list[str | int], str]]:
    on_fail = meta.get("on_fail")
    if on_fail is not None and on_fail not in ON_FAIL:
        yield ["meta", "on_fail"], unknown(on_fail, ON_FAIL)
    if on_fail == "quarantine" and expectation.kind == "table":
        yield ["meta", "on_fail"], "found quarantine, expected hold or warn: a rule over the table has no rows"
    if "name" in meta and not re.fullmatch(r"[A-Za-z0-9_]{1,100}", str(meta["name"])):
        yield ["meta", "name"], f"found {shown(str(meta['name']))}, expected up to 100 letters, digits and _"


def _kwargs_problems(expectation: Expectation, kwargs: Mapping[str, Any]) -> Iterator[tuple[list[str | int], str]]:
    lacking = [name for name in expectation.required if name not in kwargs]
    strange = [str(name) for name in kwargs if name not in expectation.arguments]
    for name in strange:
        near = difflib.get_close_matches(name, lacking, n=1) or (lacking[:] if len(lacking) == len(strange) == 1 else [])
        if near:
            lacking.remove(near[0])
            yield ["kwargs", name], f"found the unknown argument {name!r}, expected {near[0]!r}?"
        else:
            free = [a for a in expectation.arguments if a not in kwargs]
            yield ["kwargs", name], unknown(name, free).replace("found", "found the unknown argument", 1)
    for name in lacking:
        yield ["kwargs"], f"found no {name!r}, expected it"
    wrong = [
        (str(n), said) for n, v in kwargs.items() if n in expectation.arguments and (said := _value_problem(str(n), v, expectation))
    ]
    for name, message in wrong:
        yield ["kwargs", name], message
    if not strange and not wrong:
        yield from _bounds_problems(expectation, kwargs)


def _bounds_problems(expectation: Expectation, kwargs: Mapping[str, Any]) -> Iterator[tuple[list[str | int], str]]:
    bounds = [b for b in ("min_value", "max_value") if b in expectation.optional]
    if bounds and all(kwargs.get(b) is None for b in bounds):
        yield ["kwargs"], "found neither min_value nor max_value, expected at least one"


def _value_problem(name: str, value: Any, expectation: Expectation) -> str | None:
    match name:
        case "column" | "column_A" | "column_B" if not isinstance(value, str):
            return f"found {shown(value)}, expected a column name"
        case "mostly" if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            return f"found {shown(value)}, expected 0 to 1"
        case "min_value" | "max_value" if value is not None and coerced(value) is None:
            return f"found {shown(value)}, expected a number or an ISO date"
        case "value_set" | "column_list" | "column_set" if value is not None and not isinstance(value, list):
            return f"found {shown(value)}, expected a list"
        case "strict_min" | "strict_max" | "or_equal" | "exact_match" if not isinstance(value, bool):
            return f"found {shown(value)}, expected true or false"
        case "value" | "column_index" if isinstance(value, bool) or not isinstance(value, int):
            return f"found {shown(value)}, expected a whole number"
        case "ignore_row_if":
            allowed = IGNORE_MANY if "column_list" in expectation.required else IGNORE_PAIR
            return None if value in allowed else unknown(value, allowed)
        case "regex":
            return _regex_problem(value)
    return None


def _regex_problem(value: Any) -> str | None:
    if not isinstance(value, str):
        return f"found {shown(value)}, expected a regular expression"
    try:
        re.compile(value)
    except re.error as error:
        return f"found {shown(value)}, expected a regular expression ({error})"
    if found := _NOT_RE2.search(value):
        return f"found {found[0]!r}, which DuckDB's engine has not, or reads differently; expected it written out, as in [0-9]"
    return None


def coerced(value: Any) -> Any:
    """Return a bound as GX's models coerce it: "0" is 0.0, True is 1.0, ISO text is a date or time; None if it is none."""
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, int | float | datetime.date):
        return value
    if isinstance(value, str):
        for convert in (float, datetime.date.fromisoformat, datetime.datetime.fromisoformat):
            try:
                return convert(value)
            except ValueError:
                continue
    return None
