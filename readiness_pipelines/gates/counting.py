"""One scan for many rules: how many rows each selects, considers, finds bad and is unsure of, and the aggregates that the
rules over the table ask of the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from readiness_pipelines.gates.columns import one_row
from readiness_pipelines.gates.compile import RowPredicates

_PARTS = ("selected", "considered", "bad", "unsure")

Counts = tuple[int, int, int, int]  # rows selected, considered, bad, unsure


@dataclass(frozen=True)
class Part:
    """Some of the rows to judge (SQL for FROM), and the rules that none of them breaks for certain."""

    relation: str
    settled: frozenset[str] = frozenset()

    def bad(self, name: str, predicates: RowPredicates) -> str:
        return "false" if name in self.settled else predicates.bad


def count_rules(
    con: duckdb.DuckDBPyConnection, parts: Sequence[Part], predicates: Mapping[str, RowPredicates], also: Sequence[str] = ()
) -> tuple[dict[str, Counts], dict[str, Any]]:
    """Return the counts of each rule over all parts, and the value of each aggregate of `also` over the first.

    One scan per part. What two rules ask alike is counted once.
    """
    total = dict.fromkeys(predicates, (0, 0, 0, 0))
    values: dict[str, Any] = {}
    for number, part in enumerate(parts):
        counted, read = _count(con, part, predicates, also if number == 0 else ())
        total = {name: _added(total[name], counted[name]) for name in predicates}
        values |= read
    return total, values


def _count(
    con: duckdb.DuckDBPyConnection, part: Part, predicates: Mapping[str, RowPredicates], also: Sequence[str]
) -> tuple[dict[str, Counts], dict[str, Any]]:
    wanted = {
        name: [part.bad(name, p) if what == "bad" else str(getattr(p, what)) for what in _PARTS] for name, p in predicates.items()
    }
    distinct = list(dict.fromkeys(sql for some in wanted.values() for sql in some if sql not in ("true", "false")))
    # the optimizer answers count_if, unlike count(*) FILTER, out of a file's statistics where they leave no doubt
    asked = ["count(*)", *(f"count_if({sql})" for sql in distinct), *also]
    row = one_row(con, f"SELECT {', '.join(asked)} FROM {part.relation}")
    value = {"true": row[0], "false": 0} | dict(zip(distinct, row[1:], strict=False))
    counted = {name: [int(value[sql] or 0) for sql in some] for name, some in wanted.items()}  # of no rows it is null
    read = dict(zip(also, row[1 + len(distinct) :], strict=True))
    return {name: (some[0], some[1], some[2], some[3]) for name, some in counted.items()}, read


def _added(a: Counts, b: Counts) -> Counts:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]
