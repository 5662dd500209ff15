"""A suite: the rules of one table, in Great Expectations' words, YAML or GX's own JSON.

Whatever is not understood is an error at load: an expectation that is skipped would be a gate that is open.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from readiness_pipelines import located
from readiness_pipelines.errors import DeclarationError
from readiness_pipelines.flow import digest
from readiness_pipelines.gates.arguments import coerced_kwargs
from readiness_pipelines.gates.conditions import columns_of
from readiness_pipelines.gates.elsewhere import OTHER_TABLE, QUERY, SETS, Elsewhere, Found, elsewhere_of
from readiness_pipelines.gates.mistakes import PRESENTATION, fraction_problem, rule_problems, suite_problems
from readiness_pipelines.gates.query import BATCH, tables_of
from readiness_pipelines.gates.vocabulary import EXPECTATIONS
from readiness_pipelines.located import shown

DEFAULT_MAX_QUARANTINE_FRACTION = 0.05
DEFAULT_FALLBACK_MAX_ROWS = 1_000_000  # about a gigabyte of memory for a dozen columns, and seconds for each rule


@dataclass(frozen=True)
class Rule:
    """One expectation with its coerced arguments, what breaking it does, and its name: check name and reason.

    `elsewhere`: what it takes from other tables or times; `found`: what that came to for the candidate at hand.
    """

    name: str
    expectation: str
    kwargs: Mapping[str, Any]
    severity: str
    on_fail: str
    elsewhere: Elsewhere | None = None
    found: Found | None = None

    @property
    def is_ours(self) -> bool:
        """Whether Great Expectations has no words for it, so that it can never be asked to judge it."""
        return self.expectation in (QUERY, OTHER_TABLE) or (self.elsewhere is not None and self.expectation in SETS)

    @property
    def is_row_rule(self) -> bool:
        return EXPECTATIONS[self.expectation].kind == "row"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it looks at."""
        single = [self.kwargs[k] for k in ("column", "column_A", "column_B") if k in self.kwargs]
        listed = self.kwargs.get("column_list") if self.is_row_rule else ()
        condition = columns_of(self.kwargs.get("row_condition"), self.kwargs.get("condition_parser"))
        return tuple(dict.fromkeys((*single, *(listed or ()), *condition)))

    @property
    def domain(self) -> tuple[str, ...]:
        """The columns whose values a result lists: without those of the row_condition."""
        names = [self.kwargs[k] for k in ("column", "column_A", "column_B") if k in self.kwargs]
        return tuple(names) or tuple(self.kwargs.get("column_list") or ())


@dataclass(frozen=True)
class Suite:
    """All rules of one table. More than `max_quarantine_fraction` of bad rows holds the whole candidate.

    A rule that only Great Expectations itself can judge is undecided above `fallback_max_rows` rows (just as many are judged).
    """

    name: str
    rules: tuple[Rule, ...]
    max_quarantine_fraction: float = DEFAULT_MAX_QUARANTINE_FRACTION
    fallback_max_rows: int = DEFAULT_FALLBACK_MAX_ROWS

    @property
    def fingerprint(self) -> str:
        """A digest of all that a verdict depends on: comments and order of keys do not count."""
        rules = [
            [r.name, r.expectation, {k: str(v) for k, v in r.kwargs.items()}, r.severity, r.on_fail]
            + ([str(r.elsewhere)] if r.elsewhere is not None else [])
            for r in self.rules
        ]
        return digest(rules, self.max_quarantine_fraction, self.fallback_max_rows)


@dataclass(frozen=True)
class SuiteReading:
    """What could be understood of a suite: its sound rules, each with its place, and what is wrong with the others."""

    document: located.Document
    suite: Suite
    places: Mapping[str, int]
    problems: tuple[str, ...]


def load_suite(path: Path) -> Suite:
    """Return the suite in `path`. Raises DeclarationError with one `path:line: where: found, expected` per problem."""
    return _sound(read_suite(path))


def read_suite(path: Path) -> SuiteReading:
    """Return what `path` says, with all that is wrong with it. Raises DeclarationError only where it is no YAML."""
    document = located.read(path)
    reading = _parse(document)
    name = document.data.get("name") if isinstance(document.data, dict) else None
    if name is None or name == path.stem:
        return reading
    problem = document.problem(["name"], f"found {shown(name)}, expected the file's own name, {path.stem!r}")
    return SuiteReading(document, reading.suite, reading.places, (problem, *reading.problems))


def parse_suite(expectations: Sequence[Mapping[str, Any]], *, name: str = "suite") -> Suite:
    """Return a suite from expectations as plain data. Raises DeclarationError.

    Rules of the same kind over the same columns, which nobody named, are told apart by a number.
    """
    document = located.Document(Path(name), {"name": name, "expectations": list(expectations)}, None)
    return _sound(_parse(document, numbered=True))


def _sound(reading: SuiteReading) -> Suite:
    if reading.problems:
        raise DeclarationError(list(reading.problems))
    return reading.suite


def _parse(document: located.Document, *, numbered: bool = False) -> SuiteReading:
    data = document.data
    if not isinstance(data, dict):
        found = "an empty file" if data is None else shown(data)
        problem = document.problem([], f"found {found}, expected a mapping with name and expectations")
        return SuiteReading(document, Suite(document.path.stem, ()), {}, (problem,))
    problems = [document.problem(where, message) for where, message in suite_problems(data)]
    rules: list[Rule] = []
    places: dict[str, int] = {}
    expectations = data.get("expectations")
    for i, raw in enumerate(expectations if isinstance(expectations, list) else []):
        found_problems = list(rule_problems(raw))
        problems += [document.problem(["expectations", i, *where], message) for where, message in found_problems]
        if found_problems:
            continue
        rule = _rule(raw)
        if numbered and not (raw.get("meta") or {}).get("name"):
            rule = _told_apart(rule, places)
        if rule.name.lower() in places:
            message = (
                f"found the name {rule.name!r} twice (first in line {document.line(['expectations', places[rule.name.lower()]])})"
            )
            where: list[str | int] = ["meta", "name"] if "name" in (raw.get("meta") or {}) else []
            problems.append(document.problem(["expectations", i, *where], f"{message}, expected another: set meta.name"))
            continue
        places[rule.name.lower()] = i  # a check and a reason by each name: case alone tells nobody apart
        rules.append(rule)
    meta = data.get("meta")
    fraction = meta.get("max_quarantine_fraction") if isinstance(meta, dict) else None
    most = meta.get("fallback_max_rows") if isinstance(meta, dict) else None
    suite = Suite(
        str(data.get("name") or document.path.stem),
        tuple(rules),
        DEFAULT_MAX_QUARANTINE_FRACTION if fraction_problem(fraction) else float(fraction or 0.0),
        most if isinstance(most, int) else DEFAULT_FALLBACK_MAX_ROWS,
    )
    return SuiteReading(document, suite, places, tuple(problems))


def _rule(raw: Mapping[str, Any]) -> Rule:
    expectation = EXPECTATIONS[raw["type"]]
    given = {k: v for k, v in (raw.get("kwargs") or {}).items() if k not in PRESENTATION}
    kwargs = coerced_kwargs(raw["type"], given)
    severity, meta = raw.get("severity", "critical"), raw.get("meta") or {}
    strongest = "quarantine" if expectation.kind == "row" else "hold"
    on_fail = meta.get("on_fail") or (strongest if severity == "critical" else "warn")
    named = [t for t in tables_of(kwargs["unexpected_rows_query"]) if t != BATCH] if raw["type"] == QUERY else []
    elsewhere = elsewhere_of(raw["type"], kwargs, meta, named)
    rule = Rule(str(meta.get("name") or ""), raw["type"], kwargs, severity, on_fail, elsewhere)
    return rule if rule.name else replace(rule, name=_derived_name(rule))


def _told_apart(rule: Rule, names: Mapping[str, int]) -> Rule:
    free = (name for n in count(1) if (name := rule.name if n == 1 else f"{rule.name[:90]}_{n}").lower() not in names)
    return replace(rule, name=next(free))


def _derived_name(rule: Rule) -> str:
    verb = rule.expectation.removeprefix("expect_")
    for noise in ("column_values_to_", "column_value_", "column_pair_values_", "column_"):
        if verb.startswith(noise):
            verb = verb.removeprefix(noise)
            break
    return re.sub(r"[^A-Za-z0-9_]", "_", "_".join([*rule.domain, verb]))[:100]
