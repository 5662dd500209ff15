"""Suites as text: a proposal as YAML with its evidence, and any suite file as Great Expectations' JSON, nothing lost."""

from __future__ import annotations

import datetime
import json
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from readiness_pipelines.errors import DeclarationError
from readiness_pipelines.gates.propose import Proposal
from readiness_pipelines.gates.rehearsal import Rehearsal, Tally
from readiness_pipelines.gates.suite import read_suite
from readiness_pipelines.located import Dumper

_WIDTH = 118


def as_yaml(name: str, found: Rehearsal, *, about: Sequence[str]) -> str:
    """Return the proposed suite as YAML: `about` on top, each rule below its evidence, what could not be learned at the end."""
    rules = "\n".join(rule_as_yaml(rule, tally) for rule, tally in found.rules)
    head = "\n".join(comment(line, indent="") for line in (*about, *together(found)))
    tail = [comment(line) for line in ("Not proposed:", *found.unlearned)] if found.unlearned else []
    body = f"expectations:\n{rules}" if rules else "expectations: []"
    return "\n".join([head, _line({"name": name}), body, *tail]) + "\n"


def together(found: Rehearsal) -> tuple[str, str]:
    """Return what a reader asks first: how often any rule, and any critical one, would have alarmed."""
    return f"Any rule at all: {found.together}.", f"Any critical rule: {found.critical}."


def rule_as_yaml(rule: Proposal, tally: Tally) -> str:
    """Return one rule as an item of a suite's expectations, its evidence above it."""
    lines = [
        comment(f"{rule.evidence[:1].upper()}{rule.evidence[1:]}. {str(tally).capitalize()}."),
        f"  - type: {rule.expectation}",
        f"    kwargs: {_flow(rule.kwargs)}",
        f"    severity: {rule.severity}",
        f"    meta: {_flow({'name': rule.name})}",
    ]
    return "\n".join(lines)


def comment(text: str, *, indent: str = "  ") -> str:
    """Return the text as comment lines."""
    return textwrap.fill(
        " ".join(text.split()),
        _WIDTH,
        initial_indent=f"{indent}# ",
        subsequent_indent=f"{indent}# ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _flow(data: Mapping[str, Any]) -> str:
    width = _WIDTH - 14
    text = str(yaml.dump(dict(data), None, Dumper, default_flow_style=True, sort_keys=False, allow_unicode=True, width=width))
    return text.strip().replace("\n", "\n     ")


def _line(data: Mapping[str, Any]) -> str:
    return str(yaml.dump(dict(data), None, Dumper, sort_keys=False, allow_unicode=True)).strip()


def as_gx_json(path: Path) -> str:
    """Return the suite in `path` as the JSON that Great Expectations keeps suites in, which this package reads too.

    All that the file says is kept: arguments, severities, conditions, notes, and our words in `meta`, which Great
    Expectations carries along. Comments are not: JSON has none. Days and times become text.
    Raises DeclarationError for a suite that is not sound.
    """
    reading = read_suite(path)
    if reading.problems:
        raise DeclarationError(list(reading.problems))
    data = reading.document.data
    suite = {"name": reading.suite.name, **data, "meta": data.get("meta") or {}}
    suite["expectations"] = [{**each, "kwargs": each.get("kwargs") or {}} for each in data["expectations"]]
    return json.dumps(suite, indent=2, ensure_ascii=False, default=_as_text) + "\n"


def _as_text(value: Any) -> str:
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise TypeError(f"found a value of type {type(value).__name__} in a suite")
