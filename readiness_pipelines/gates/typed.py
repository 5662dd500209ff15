"""A set's days and times, where they are written as text: JSON has no other way, and a typed column says what is meant."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from readiness_pipelines.gates.columns import is_time
from readiness_pipelines.gates.suite import Rule


def as_typed(rule: Rule, types: Mapping[str, str]) -> Rule:
    """Return the rule with ISO texts of its sets read as days (of a DATE column) or times (of a TIMESTAMP).

    What is no such text stays as it is. Only a declared product knows its types: a rule over a table in memory, whose types
    were found, keeps Great Expectations' meaning, to which a text is no day.
    """
    kwargs = dict(rule.kwargs)
    if isinstance(values := kwargs.get("value_set"), list):
        kwargs["value_set"] = [_typed(v, types.get(str(kwargs.get("column")), "")) for v in values]
    if isinstance(pairs := kwargs.get("value_pairs_set"), list):
        first, second = (types.get(str(kwargs.get(key)), "") for key in ("column_A", "column_B"))
        kwargs["value_pairs_set"] = [(_typed(a, first), _typed(b, second)) for a, b in pairs]
    return replace(rule, kwargs=kwargs)


def _typed(value: Any, type_: str) -> Any:
    if not isinstance(value, str) or not is_time(type_):
        return value
    try:
        return datetime.date.fromisoformat(value) if type_ == "DATE" else datetime.datetime.fromisoformat(value)
    except ValueError:
        return value
