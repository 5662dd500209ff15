"""A suite: the rules of one table, in Great Expectations' words, YAML or GX's own JSON.

Whatever is not understood is an error at load: an expectation that is skipped would be a gate that is open.
"""

from __future__ import annotations

import datetime
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from readiness_pipelines import located
from readiness_pipelines.errors import DeclarationError
from readiness_pipelines.flow import digest
from readiness_pipelines.gates.vocabulary import EXPECTATIONS, IGNORE_MANY, IGNORE_PAIR, Expectation

SEVERITIES = ("critical", "warning", "info")
ON_FAIL = ("quarantine", "hold", "warn")
DEFAULT_MAX_QUARANTINE_FRACTION = 0.05

_SUITE_KEYS = ("name", "id", "meta", "expectations", "notes")
_RULE_KEYS = ("type", "kwargs", "severity", "meta", "id", "notes", "description")
_RULE_META = ("name", "on_fail")
# Look-around, back-references and possessive or atomic groups: Python has them, RE2 does not. The classes \d \w \s \b
# mean Unicode in Python and ASCII in RE2.
_NOT_RE2 = re.compile(r"\(\?[=!<>]|\\[1-9]|\(\?P=|[*+?}]\+|\\[dDwWsSbB]")


@dataclass(frozen=True)
class Rule:
    """One expectation with its coerced arguments, what breaking it does, and its name: check name and reason."""

    name: str
    expectation: str
    kwargs: Mapping[str, Any]
    severity: str
    on_fail: str

    @property
    def is_row_rule(self) -> bool:
        return EXPECTATIONS[self.expectation].kind == "row"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it looks at."""
        single = [self.kwargs[k] for k in ("column", "column_A", "column_B") if k in self.kwargs]
        return tuple(single) + tuple(self.kwargs.get("column_list") or ())


@dataclass(frozen=True)
class Suite:
    """All rules of one table. More than `max_quarantine_fraction` of bad rows holds the whole candidate."""

    name: str
    rules: tuple[Rule, ...]
    max_quarantine_fraction: float = DEFAULT_MAX_QUARANTINE_FRACTION

    @property
    def fingerprint(self) -> str:
        """A digest of all that a verdict depends on: comments and order of keys do not count."""
        rules = [[r.name, r.expectation, {k: str(v) for k, v in r.kwargs.items()}, r.severity, r.on_fail] for r in self.rules]
        return digest(rules, self.max_quarantine_fraction)


def load_suite(path: Path) -> Suite:
    """Return the suite in `path`. Raises DeclarationError with one `path:line: where: found, expected` per problem."""
    return _parse(located.read(path))


def parse_suite(expectations: Sequence[Mapping[str, Any]], *, name: str = "suite") -> Suite:
    """Return a suite from expectations as plain data. Raises DeclarationError."""
    return _parse(located.Document(Path(name), {"name": name, "expectations": list(expectations)}, None))


def _parse(document: located.Document) -> Suite:
    data = document.data
    if not isinstance(data, dict):
        raise DeclarationError([document.problem([], "found no mapping, expected name and expectations")])
    problems = [document.problem([key], _unknown(str(key), _SUITE_KEYS)) for key in data if key not in _SUITE_KEYS]
    meta = data.get("meta") or {}
    fraction = meta.get("max_quarantine_fraction", DEFAULT_MAX_QUARANTINE_FRACTION)
    if isinstance(fraction, bool) or not isinstance(fraction, int | float) or not 0 <= fraction <= 1:
        problems.append(document.problem(["meta", "max_quarantine_fraction"], f"found {fraction!r}, expected 0 to 1"))
    rules: list[Rule] = []
    for i, raw in enumerate(data.get("expectations") or []):
        found = list(_rule_problems(raw))
        problems += [document.problem(["expectations", i, *where], message) for where, message in found]
        if not found:
            rule = _rule(raw)
            if rule.name in {r.name for r in rules}:
                problems.append(document.problem(["expectations", i], f"the name {rule.name!r} is taken; set meta.name"))
            rules.append(rule)
    if problems:
        raise DeclarationError(problems)
    return Suite(str(data.get("name") or document.path.stem), tuple(rules), float(fraction))


def _rule_problems(raw: Any) -> Iterator[tuple[list[str | int], str]]:
    if not isinstance(raw, dict):
        yield [], f"found {type(raw).__name__}, expected an expectation with type and kwargs"
        return
    for key in raw:
        if key not in _RULE_KEYS:
            yield [str(key)], _unknown(str(key), _RULE_KEYS)
    name = raw.get("type")
    expectation = EXPECTATIONS.get(str(name))
    if expectation is None:
        yield ["type"], f"{_unknown(str(name), EXPECTATIONS)}; an expectation that is not compiled yet is an error, never skipped"
        return
    severity, meta = raw.get("severity", "critical"), raw.get("meta") or {}
    if severity not in SEVERITIES:
        yield ["severity"], _unknown(str(severity), SEVERITIES)
    on_fail = meta.get("on_fail")
    if on_fail is not None and on_fail not in ON_FAIL:
        yield ["meta", "on_fail"], _unknown(str(on_fail), ON_FAIL)
    if on_fail == "quarantine" and expectation.kind == "table":
        yield ["meta", "on_fail"], "found quarantine, expected hold or warn: a rule over the table has no rows"
    if "name" in meta and not re.fullmatch(r"[A-Za-z0-9_]{1,100}", str(meta["name"])):
        yield ["meta", "name"], f"found {str(meta['name'])[:60]!r}, expected up to 100 letters, digits and _"
    yield from _kwargs_problems(expectation, raw.get("kwargs") or {})


def _kwargs_problems(expectation: Expectation, kwargs: Mapping[str, Any]) -> Iterator[tuple[list[str | int], str]]:
    for name in expectation.required:
        if name not in kwargs:
            yield ["kwargs"], f"found no {name!r}, expected it"
    for name, value in kwargs.items():
        where: list[str | int] = ["kwargs", str(name)]
        if name not in expectation.arguments:
            yield where, _unknown(str(name), expectation.arguments)
        elif (message := _value_problem(str(name), value, expectation)) is not None:
            yield where, message
    bounds = [b for b in ("min_value", "max_value") if b in expectation.optional]
    if bounds and all(kwargs.get(b) is None for b in bounds):
        yield ["kwargs"], "found neither min_value nor max_value, expected at least one"


def _value_problem(name: str, value: Any, expectation: Expectation) -> str | None:
    match name:
        case "column" | "column_A" | "column_B" if not isinstance(value, str):
            return f"found {value!r}, expected a column name"
        case "mostly" if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            return f"found {value!r}, expected 0 to 1"
        case "min_value" | "max_value" if value is not None and coerced(value) is None:
            return f"found {value!r}, expected a number or an ISO date"
        case "value_set" | "column_list" | "column_set" if value is not None and not isinstance(value, list):
            return f"found {value!r}, expected a list"
        case "strict_min" | "strict_max" | "or_equal" | "exact_match" if not isinstance(value, bool):
            return f"found {value!r}, expected true or false"
        case "value" | "column_index" if isinstance(value, bool) or not isinstance(value, int):
            return f"found {value!r}, expected a whole number"
        case "ignore_row_if":
            allowed = IGNORE_MANY if "column_list" in expectation.required else IGNORE_PAIR
            return None if value in allowed else _unknown(str(value), allowed)
        case "regex":
            return _regex_problem(value)
    return None


def _regex_problem(value: Any) -> str | None:
    if not isinstance(value, str):
        return f"found {value!r}, expected a regular expression"
    try:
        re.compile(value)
    except re.error as error:
        return f"is no regular expression: {error}"
    if found := _NOT_RE2.search(value):
        return f"found {found[0]!r}, which DuckDB's engine has not, or reads differently; write it out, as in [0-9]"
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


def _rule(raw: Mapping[str, Any]) -> Rule:
    expectation = EXPECTATIONS[raw["type"]]
    kwargs = {
        k: coerced(v) if k in ("min_value", "max_value") and v is not None else v for k, v in (raw.get("kwargs") or {}).items()
    }
    severity, meta = raw.get("severity", "critical"), raw.get("meta") or {}
    strongest = "quarantine" if expectation.kind == "row" else "hold"
    on_fail = meta.get("on_fail") or (strongest if severity == "critical" else "warn")
    rule = Rule(str(meta.get("name") or ""), raw["type"], kwargs, severity, on_fail)
    return rule if rule.name else Rule(_derived_name(rule), rule.expectation, rule.kwargs, severity, on_fail)


def _derived_name(rule: Rule) -> str:
    verb = rule.expectation.removeprefix("expect_")
    for noise in ("column_values_to_", "column_value_", "column_pair_values_", "column_"):
        if verb.startswith(noise):
            verb = verb.removeprefix(noise)
            break
    return re.sub(r"[^A-Za-z0-9_]", "_", "_".join([*rule.columns, verb]))[:100]


def _unknown(found: str, known: Mapping[str, Any] | Sequence[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(found, names, n=1)
    if near:
        return f"found {found[:80]!r}, expected {near[0]!r}?"
    return f"found {found[:80]!r}, expected one of {', '.join(names[:8])}{' ...' if len(names) > 8 else ''}"
