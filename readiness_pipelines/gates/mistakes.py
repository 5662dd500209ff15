"""What can be wrong with a suite as it is written, before any table is known: keys, words, arguments, patterns.

Each problem is (where below the suite or the rule, what was found and expected). A misspelt key is told once, and not
again as the key that it should have been.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from readiness_pipelines.gates.arguments import argument_problem, coerced_kwargs, joint_problems
from readiness_pipelines.gates.elsewhere import elsewhere_problems, stands_for
from readiness_pipelines.gates.vocabulary import EXPECTATIONS, NOT_HERE, Expectation
from readiness_pipelines.located import shown, unknown

SEVERITIES = ("critical", "warning", "info")
ON_FAIL = ("quarantine", "hold", "warn")

_SUITE_KEYS = ("name", "id", "meta", "expectations", "notes")
_SUITE_META = ("max_quarantine_fraction", "fallback_max_rows", "great_expectations_version", "notes")
_RULE_KEYS = ("type", "kwargs", "severity", "meta", "id", "notes", "description", "rendered_content")
_RULE_META = ("name", "on_fail", "notes", "profiler_details", "value_set_from", "bounds_from")
# accepted among the arguments, as Great Expectations does, and of no meaning here: how to show or to raise
PRESENTATION = ("result_format", "catch_exceptions", "batch_id")


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
    most = meta.get("fallback_max_rows", 1) if isinstance(meta, dict) else 1
    if isinstance(most, bool) or not isinstance(most, int) or most < 0:
        yield ["meta", "fallback_max_rows"], f"found {shown(most)}, expected a number of rows"


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
            why = NOT_HERE.get(str(name))
            found = f"found {shown(name)}, expected another rule: {why}" if why else unknown(name, EXPECTATIONS)
            yield ["type"], f"{found}; what cannot be judged is an error, never skipped"
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
        given = {k: v for k, v in (kwargs or {}).items() if k not in PRESENTATION}
        yield from _kwargs_problems(str(name), expectation, given, left_out=stands_for(meta))
    yield from elsewhere_problems(str(name), kwargs, meta)


def _on_fail_problems(meta: Mapping[str, Any], expectation: Expectation) -> Iterator[tuple[list[str | int], str]]:
    on_fail = meta.get("on_fail")
    if on_fail is not None and on_fail not in ON_FAIL:
        yield ["meta", "on_fail"], unknown(on_fail, ON_FAIL)
    if on_fail == "quarantine" and expectation.kind == "table":
        yield ["meta", "on_fail"], "found quarantine, expected hold or warn: a rule over the table has no rows"
    if "name" in meta and not re.fullmatch(r"[A-Za-z0-9_]{1,100}", str(meta["name"])):
        yield ["meta", "name"], f"found {shown(str(meta['name']))}, expected up to 100 letters, digits and _"


def _kwargs_problems(
    name_of: str, expectation: Expectation, kwargs: Mapping[str, Any], *, left_out: Sequence[str]
) -> Iterator[tuple[list[str | int], str]]:
    """`left_out` are the arguments that `meta` says come from elsewhere."""
    lacking = [name for name in expectation.required if name not in kwargs and name not in left_out]
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
    takes = expectation.arguments
    wrong = [(str(n), said) for n, v in kwargs.items() if n in takes and (said := argument_problem(str(n), takes[n], v))]
    for name, message in wrong:
        yield ["kwargs", name], message
    if not strange and not wrong and not left_out:
        yield from joint_problems(name_of, coerced_kwargs(name_of, kwargs))
