"""Rows that go to quarantine whatever other rows there are can be set aside while a candidate is written: nobody has to
read the others again to find that they are none of these."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import duckdb

from readiness_pipelines.gates.columns import NotCompiled, NotJudgeable, quoted
from readiness_pipelines.gates.compile import RowPredicates, compile_row, only_where
from readiness_pipelines.gates.relation import column_types, undecided_beforehand
from readiness_pipelines.gates.suite import Rule, Suite


@dataclass(frozen=True)
class Sifted:
    """A source told apart: `kept` and `aside` (SQL for FROM, None: no row) together are its rows.

    `settled`: rules with the SQL, as `lost_anyway` gives it, that is true for no row of `kept`.
    """

    kept: str | None
    aside: str | None
    settled: Mapping[str, str] = field(default_factory=dict)


def lost_anyway(
    con: duckdb.DuckDBPyConnection, source: str, suite: Suite, *, uncast: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return, per reason, SQL that is true for rows of `source` that go to quarantine whatever other rows there are.

    Never NULL. The other rows may still be refused by the examination: uniqueness looks at other rows, a rule with
    `mostly` quarantines only when too many rows break it, and some rules Great Expectations judges.
    """
    types, uncast = column_types(con, source), uncast or {}
    found = {f"cast:{column}": quoted(flag) for column, flag in uncast.items()}
    rules = [rule for rule in suite.rules if rule.is_row_rule and undecided_beforehand(rule) is None]
    for rule in rules:
        if rule.on_fail == "quarantine" and float(rule.kwargs.get("mostly", 1.0)) == 1.0:
            with suppress(NotJudgeable, NotCompiled):  # the examination will say so
                predicates = guarded(rule, compile_row(rule, types), uncast)
                found |= {} if predicates.looks_around else {rule.name: certain(predicates)}
    return found


def certain(predicates: RowPredicates) -> str:
    """Return SQL that is true where the row is bad and nobody sees it otherwise."""
    return predicates.bad if predicates.unsure == "false" else f"({predicates.bad} AND NOT {predicates.unsure})"


def untouched(rule: Rule, uncast: Mapping[str, str]) -> str:
    """Return SQL that is true where every cell that the rule touches could be cast."""
    touched = [quoted(uncast[c]) for c in rule.columns if c in uncast]
    return f"NOT ({' OR '.join(touched)})" if touched else "true"


def guarded(rule: Rule, found: RowPredicates, uncast: Mapping[str, str]) -> RowPredicates:
    """Leave rows out whose cell, one that the rule touches, could not be cast."""
    judged = untouched(rule, uncast)
    return found if judged == "true" else only_where(judged, found)
