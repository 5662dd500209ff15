"""A proposal beside the suite that is there: what it would add, tighten or loosen, and what it has no evidence for."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from readiness_pipelines.gates.arguments import as_written
from readiness_pipelines.gates.propose import NAME_ENDS, Proposal
from readiness_pipelines.gates.rehearsal import Rehearsal, Tally
from readiness_pipelines.gates.suite import Rule, Suite, parse_suite

Kind = Literal["add", "tighten", "loosen", "change", "same", "no evidence"]
_SAME: tuple[Kind, str] = ("same", "")
_FLAGS = ("strict_min", "strict_max", "or_equal")
_COMPARED = ("min_value", "max_value", "mostly", "value_set", "regex", "value", *_FLAGS, "on_fail")
_UNIQUE = ("expect_column_values_to_be_unique", "expect_column_proportion_of_unique_values_to_be_between")


@dataclass(frozen=True)
class Difference:
    """One rule: `add` and what the proposal knows of it, or a rule of the suite and how its arguments would change."""

    kind: Kind
    name: str
    proposed: Proposal | None = None
    tally: Tally | None = None
    said: str = ""


def differences(suite: Suite, found: Rehearsal) -> list[Difference]:
    """Compare rule by rule: the same expectation over the same columns is the same rule with other arguments.

    A rule of the suite that the proposal does not have is not wrong: the history only does not speak for it. Rules with a
    row_condition, or over other things than columns and rows, are never proposed. One that takes its bounds or its set from
    elsewhere has no arguments to compare, and stands for what would be proposed.
    """
    proposed = {_of_columns(rule.about): (rule, tally) for rule, tally in found.rules}
    result, met = [], set()
    for rule in suite.rules:
        about = _about(rule)
        if about not in proposed or rule.kwargs.get("row_condition"):
            result.append(Difference("no evidence", rule.name, said=_why(rule, found.unlearned)))
            continue
        met.add(about)
        other, tally = proposed[about]
        kind, said = _judged(rule, other)
        result.append(Difference(kind, rule.name, other, tally, said))
    result += [Difference("add", rule.name, rule, tally) for about, (rule, tally) in proposed.items() if about not in met]
    return result


def _judged(rule: Rule, other: Proposal) -> tuple[Kind, str]:
    if rule.elsewhere is not None:
        return "same", "it takes from elsewhere what the proposal has as numbers or values"
    if other.expectation != rule.expectation:
        return _SAME
    here = {**rule.kwargs, "on_fail": rule.on_fail}
    (there,) = parse_suite([other.as_written]).rules
    return _compared(here, {**there.kwargs, "on_fail": there.on_fail})


def _of_columns(about: tuple[str, ...]) -> tuple[str, ...]:
    """A key is the same in any order of its columns."""
    return (about[0], *sorted(about[1:])) if about[0].startswith("expect_compound") else about


def _about(rule: Rule) -> tuple[str, ...]:
    kind = _UNIQUE[0] if rule.expectation == _UNIQUE[1] and rule.kwargs.get("min_value") == 1 else rule.expectation
    columns = rule.domain if not kind.startswith("expect_table") else ()
    return _of_columns((kind, *columns))


def _why(rule: Rule, unlearned: Sequence[str]) -> str:
    columns = [str(rule.kwargs["column"])] if "column" in rule.kwargs else []
    starts = [f"{column}{end}:" for column in columns for end in ("", *NAME_ENDS)]
    return "; ".join(line for line in unlearned if line.startswith(tuple(starts)))


def _compared(present: Mapping[str, Any], proposed: Mapping[str, Any]) -> tuple[Kind, str]:
    kinds, said = set[str](), []
    for name in _COMPARED:
        old, new = present.get(name), proposed.get(name)
        if name in _FLAGS:
            old, new = bool(old), bool(new)
        if name == "mostly":
            old, new = 1.0 if old is None else old, 1.0 if new is None else new
        change = None if old == new else _change(name, old, new)
        if change is not None:
            kinds.add(change[0])
            said.append(change[1])
    if not kinds:
        return _SAME
    only = kinds.pop() if len(kinds) == 1 else "change"
    return ("tighten" if only == "tighten" else "loosen" if only == "loosen" else "change"), "; ".join(said)


def _change(name: str, old: Any, new: Any) -> tuple[str, str] | None:
    if name == "value_set":
        return _of_sets(old or [], new or [])
    said = f"{name} {_shown(old)} -> {_shown(new)}"
    if name in ("regex", "value"):
        return "change", said
    if name in _FLAGS:
        return ("tighten" if new == (name != "or_equal") else "loosen"), said
    if name == "on_fail":
        return ("tighten" if old == "warn" else "loosen" if new == "warn" else "change"), f"on_fail {old} -> {new}"
    if old is None or new is None:
        return ("tighten" if old is None else "loosen"), said
    try:
        rises = bool(new > old)
    except TypeError:
        return "change", said
    return ("tighten" if rises != (name == "max_value") else "loosen"), said


def _of_sets(old: Sequence[Any], new: Sequence[Any]) -> tuple[str, str] | None:
    gone, more = [v for v in old if v not in new], [v for v in new if v not in old]
    if not gone and not more:
        return None
    parts = [f"without {', '.join(map(repr, gone))}"] if gone else []
    parts += [f"with {', '.join(map(repr, more))}"] if more else []
    return ("change" if gone and more else "tighten" if gone else "loosen"), f"value_set {' and '.join(parts)}"


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    return str(value) if isinstance(value, datetime.date) else as_written(value)


_SIGNS: Mapping[Kind, str] = {"add": "+", "tighten": "~", "loosen": "~", "change": "~", "no evidence": "?", "same": "="}
_TITLES: Mapping[Kind, str] = {
    "add": "rules it would add",
    "tighten": "rules it would tighten",
    "loosen": "rules it would loosen",
    "change": "rules it would write otherwise",
    "no evidence": "rules it has no evidence for, and leaves alone",
    "same": "rules it would leave as they are",
}


def told(found: Sequence[Difference], as_text: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of the diff, kind by kind. `as_text` holds the proposed rules to add, as YAML, by name."""
    for kind, title in _TITLES.items():
        some = [each for each in found if each.kind == kind]
        if not some:
            continue
        yield f"# {title}: {len(some)}"
        for each in some:
            if kind == "add":
                yield from (f"+ {line}" for line in as_text[each.name].splitlines())
            else:
                yield f"{_SIGNS[kind]} {each.name}{f': {each.said}' if each.said else ''}"
