"""From the profiles of a history to the rules it speaks for, each with its evidence: a pure function.

A rule is `critical` where the history shows a hard limit (no exception, ends that half of the partitions share), `warning`
where its bound is an estimate. What cannot be learned is said too, with the reason.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from readiness_pipelines.gates.columns import NotCompiled, NotJudgeable, family
from readiness_pipelines.gates.compile import compile_row
from readiness_pipelines.gates.margins import Bound, at_least, lower, plain, upper, written
from readiness_pipelines.gates.profile import MOST_VALUES, ColumnProfile, Profile
from readiness_pipelines.gates.suite import parse_suite

NAME_ENDS = ("_present", "_unique", "_known", "_in_range", "_form", "_length")  # of a rule over one column, after its name
LEAST_VALUES = 100  # with fewer values even a rule that 3% of them break is likely to be seen unbroken
_NEARLY_ALL = 0.999
_CLOSED = 0.95  # share of rows that a vocabulary must cover to be one
_BY_CHANCE = 0.01  # of rows: an order that chance would break less often than that is no finding
_FEW = 20  # different values in a partition, at most, that are no codes
_WORDS = {"A": "[A-Z]", "a": "[a-z]", "9": "[0-9]"}
_ORDERED = ("integer", "float", "decimal", "date", "time")


@dataclass(frozen=True)
class Proposal:
    """One rule in Great Expectations' words, named by what it says of which columns, and what speaks for it."""

    expectation: str
    kwargs: Mapping[str, Any]
    severity: str
    name: str
    evidence: str

    @property
    def about(self) -> tuple[str, ...]:
        """What makes it the same rule with other arguments: the kind and the columns."""
        single = [self.kwargs[k] for k in ("column", "column_A", "column_B") if k in self.kwargs]
        ordered = self.kwargs.get("column_list", ()) if self.expectation.startswith("expect_compound") else ()
        return (self.expectation, *single, *ordered)

    @property
    def as_written(self) -> dict[str, Any]:
        return {"type": self.expectation, "kwargs": dict(self.kwargs), "severity": self.severity, "meta": {"name": self.name}}


@dataclass(frozen=True)
class Proposals:
    """The rules, in the order of the columns, and per column what could not be learned and why."""

    rules: tuple[Proposal, ...]
    unlearned: tuple[str, ...]


def propose(
    history: Sequence[Profile], *, hidden: Mapping[str, str] | None = None, ordered: bool = False, counted: bool = True
) -> Proposals:
    """Return the rules that `history` speaks for: one profile per partition, oldest first, all of the same columns.

    `hidden` columns (name -> why) get no rule that holds a value. `ordered`: the order of the columns is a rule;
    `counted`: so is the number of rows, which says nothing of blocks that were cut to one size.
    """
    if not history:
        return Proposals((), ())
    found: list[Proposal | str] = []
    types = history[-1].types
    if ordered:
        told = f"the {len(types)} columns of the file, in its order"
        found.append(
            Proposal("expect_table_columns_to_match_ordered_list", {"column_list": list(types)}, "critical", "columns", told)
        )
    if counted:
        found += _row_count(history)
    for column, type_ in types.items():
        found += _column(column, type_, [p.columns[column] for p in history], (hidden or {}).get(column))
    found += _keys(history)
    found += _pairs(history)
    rules = [rule for rule in _named_apart([each for each in found if isinstance(each, Proposal)]) if _is_compiled(rule, types)]
    return Proposals(tuple(rules), tuple(each for each in found if isinstance(each, str)))


def _is_compiled(rule: Proposal, types: Mapping[str, str]) -> bool:
    """Say whether DuckDB judges it: a rule that Great Expectations must judge is slow, and undecided over many rows."""
    parsed = parse_suite([rule.as_written]).rules[0]
    try:
        return not parsed.is_row_rule or bool(compile_row(parsed, types))
    except (NotCompiled, NotJudgeable):
        return False


def _named_apart(rules: Sequence[Proposal]) -> Iterator[Proposal]:
    taken: Counter[str] = Counter()
    for rule in rules:
        name = re.sub(r"[^A-Za-z0-9_]", "_", rule.name)[:95]
        taken[name.lower()] += 1
        n = taken[name.lower()]
        yield Proposal(rule.expectation, rule.kwargs, rule.severity, name if n == 1 else f"{name}_{n}", rule.evidence)


def _row_count(history: Sequence[Profile]) -> Iterator[Proposal]:
    rows = [p.rows for p in history]
    low, high = lower(rows), upper(rows)
    kwargs: dict[str, Any] = {"min_value": max(1, low.value)} if low.value is not None else {"min_value": 1}
    kwargs |= {"max_value": high.value} if high.value is not None else {}
    told = f"{min(rows):,} to {max(rows):,} rows in {len(rows)} partitions; {_ends(low, high)}"
    if min(rows) > 0:
        yield Proposal("expect_table_row_count_to_be_between", kwargs, "warning", "row_count", told)


def _column(column: str, type_: str, parts: Sequence[ColumnProfile], why_hidden: str | None) -> Iterator[Proposal | str]:
    rows, nulls = sum(p.rows for p in parts), sum(p.nulls for p in parts)
    if rows == nulls:
        yield f"{column}: no value in {rows:,} rows, so nothing to learn from"
        return
    yield from _presence(column, parts, rows, nulls)
    kind, filled = family(type_), [p for p in parts if p.present]
    if rows - nulls < LEAST_VALUES:
        yield f"{column}: {rows - nulls} values, fewer than {LEAST_VALUES}: nothing about them is proposed"
        return
    unique = all(p.unique for p in filled)
    if unique:
        told = f"no value twice in any of {len(filled)} partitions, {rows - nulls:,} values"
        yield Proposal("expect_column_values_to_be_unique", {"column": column}, "critical", f"{column}_unique", told)
    if why_hidden and kind in (*_ORDERED, "text"):
        yield f"{column}: {why_hidden}, so neither set nor range: they would show values"
    if kind == "text":
        yield from _text(column, filled, why_hidden)
    elif kind in _ORDERED and not why_hidden and not (unique and kind == "integer"):
        yield from _range(column, filled)


def _presence(column: str, parts: Sequence[ColumnProfile], rows: int, nulls: int) -> Iterator[Proposal | str]:
    shares = [p.present / p.rows for p in parts if p.rows]
    full = sum(1 for p in parts if p.rows and not p.nulls)
    told, name = f"{nulls:,} of {rows:,} rows null; none in {full} of {len(shares)} partitions", f"{column}_present"
    if not nulls:
        yield Proposal("expect_column_values_to_not_be_null", {"column": column}, "critical", name, told)
        return
    least = at_least(shares)
    if least.value is None:
        yield f"{column}: {told}: {least.why}"
        return
    kwargs = {"column": column, "mostly": least.value}
    yield Proposal("expect_column_values_to_not_be_null", kwargs, "warning", name, f"{told}; {least.why}")


def _text(column: str, parts: Sequence[ColumnProfile], why_hidden: str | None) -> Iterator[Proposal | str]:
    if not why_hidden and all(p.values is not None for p in parts):
        yield from _value_set(column, [p.values or {} for p in parts])
        return
    if max(p.distinct for p in parts) < _FEW:
        return  # what so few values have in common is an accident
    forms = [p.forms for p in parts]
    runs = _common_runs([form for some in forms for form in some or ()]) if all(forms) else None
    told = f"all {sum(p.present for p in parts):,} values, in {len(parts)} partitions"
    if runs and any(kind == "9" for kind, _ in runs):
        regex = "^" + "".join(_run(kind, lengths) for kind, lengths in runs) + "$"
        yield Proposal(
            "expect_column_values_to_match_regex", {"column": column, "regex": regex}, "critical", f"{column}_form", told
        )
        return
    lengths = {len(form) for some in forms for form in some or ()} if all(forms) else set()
    if len(lengths) == 1:
        kwargs: dict[str, Any] = {"column": column, "value": lengths.pop()}
        yield Proposal("expect_column_value_lengths_to_equal", kwargs, "critical", f"{column}_length", told)


def _value_set(column: str, parts: Sequence[Mapping[str, int]]) -> Iterator[Proposal | str]:
    """Rare values (in fewer than half of the partitions) show how those not seen yet will come (Good, 1953): few at a time.

    So where there are some, or one value alone, it is a warning, and twice the largest share of rows that rare values ever
    had may be new, at least one row in a thousand; a vocabulary that changes for good changes more than that.
    """
    seen = Counter(value for values in parts for value in values)
    rare = {value for value, n in seen.items() if n < len(parts) / 2}
    each = [(sum(n for value, n in values.items() if value in rare), sum(values.values())) for values in parts]
    worst = max(n / rows for n, rows in each)
    if len(seen) > MOST_VALUES or 1 - 2 * worst < _CLOSED:
        yield f"{column}: {len(seen)} different values, {len(rare)} of them in fewer than half of the partitions: no closed set"
        return
    told = f"{len(seen)} different among {sum(rows for _, rows in each):,} values in {len(parts)} partitions"
    kwargs: dict[str, Any] = {"column": column, "value_set": sorted(seen)}
    if not rare and len(seen) > 1:
        told += ", each in at least half of them"
        yield Proposal("expect_column_values_to_be_in_set", kwargs, "critical", f"{column}_known", told)
        return
    kwargs["mostly"] = min(_NEARLY_ALL, math.floor((1 - 2 * worst) * 1000) / 1000)
    told += f", {len(rare)} of them in fewer than half; those were at most {worst:.2%} of a partition's values"
    yield Proposal("expect_column_values_to_be_in_set", kwargs, "warning", f"{column}_known", told)


def _range(column: str, parts: Sequence[ColumnProfile]) -> Iterator[Proposal | str]:
    lows, highs = [p.low for p in parts], [p.high for p in parts]
    if not all(math.isfinite(end) for end in (*lows, *highs) if isinstance(end, float)):
        yield f"{column}: holds an infinite number, so no range"
        return
    low, high = lower(lows), upper(highs)
    kwargs: dict[str, Any] = {"column": column}
    kwargs |= {"min_value": plain(low.value, upwards=False)} if low.value is not None else {}
    kwargs |= {"max_value": plain(high.value, upwards=True)} if high.value is not None else {}
    if len(kwargs) == 1:
        yield f"{column}: no range, both ends move on from partition to partition"
        return
    severity = "critical" if all(b.hard or b.value is None for b in (low, high)) else "warning"
    told = f"{written(min(lows))} to {written(max(highs))} in {sum(p.present for p in parts):,} values; {_ends(low, high)}"
    yield Proposal("expect_column_values_to_be_between", kwargs, severity, f"{column}_in_range", told)


def _ends(low: Bound, high: Bound) -> str:
    return f"below: {low.why}; above: {high.why}"


def _keys(history: Sequence[Profile]) -> Iterator[Proposal]:
    for key in history[0].keys:
        if all(p.keys.get(key, False) for p in history):
            told = f"no two of {sum(p.rows for p in history):,} rows agree in them, within any of {len(history)} partitions"
            name = f"{'_'.join(key)}_unique"
            yield Proposal("expect_compound_columns_to_be_unique", {"column_list": list(key)}, "critical", name, told)


def _pairs(history: Sequence[Profile]) -> Iterator[Proposal]:
    for a, b in dict.fromkeys(pair for p in history for pair in p.pairs):
        seen = [p.pairs.get((a, b)) for p in history if p.columns[a].present and p.columns[b].present]
        found = [pair for pair in seen if pair is not None]
        if len(found) < len(seen) or any(pair.broken for pair in found) or not any(pair.differ for pair in found):
            continue
        both, chance = sum(pair.both for pair in found), sum(pair.by_chance for pair in found)
        if both >= LEAST_VALUES and chance >= _BY_CHANCE * both:
            told = f"{a} <= {b} in all {both:,} rows with both, {chance / both:.0%} of which would break it if paired at random"
            kwargs = {"column_A": b, "column_B": a, "or_equal": True, "ignore_row_if": "either_value_is_missing"}
            name = f"{a}_at_most_{b}"
            yield Proposal("expect_column_pair_values_a_to_be_greater_than_b", kwargs, "critical", name, told)


def _common_runs(forms: Collection[str]) -> list[tuple[str, set[int]]] | None:
    """Return the runs that all forms are made of (a letter class, a digit, or a character itself), each with its lengths seen."""
    split = [[(run[0], len(run)) for run in re.findall(r"A+|a+|9+|.", form, re.DOTALL)] for form in forms]
    if not split or any([k for k, _ in one] != [k for k, _ in split[0]] for one in split):
        return None
    runs = [(kind, {one[at][1] for one in split}) for at, (kind, _) in enumerate(split[0])]
    others = [kind for kind, _ in runs if kind not in _WORDS]
    return runs if runs and all(kind.isascii() and kind.isprintable() and not kind.isalnum() for kind in others) else None


def _run(kind: str, lengths: Collection[int]) -> str:
    if kind not in _WORDS:
        return f"\\{kind}" if kind in r".^$*+?{}[]\|()" else kind
    return _WORDS[kind] + ("+" if len(lengths) > 1 else f"{{{min(lengths)}}}" if min(lengths) > 1 else "")
