"""Table rules that Great Expectations has no way to judge on pandas: a query, another table's rows, a set found elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from readiness_pipelines.gates.columns import in_table, present, quoted
from readiness_pipelines.gates.conditions import selected
from readiness_pipelines.gates.plan import WHOLE, Finding, TablePlan
from readiness_pipelines.gates.query import BATCH, counting
from readiness_pipelines.gates.suite import Rule


def as_many(kwargs: Mapping[str, Any], rows: str) -> TablePlan:
    """`other_rows` was counted in the other table."""
    there = kwargs.get("other_rows")
    return TablePlan(lambda v: Finding(v[0] == there, {"observed_value": {"self": v[0], "other": there}}), (rows,))


def unexpected_rows(rule: Rule) -> TablePlan:
    """The rows themselves are not kept: they may hold what is classified, and nobody knows what their columns are."""
    sources = {BATCH: WHOLE, **(rule.found.sources if rule.found else {})}
    query = counting(rule.kwargs["unexpected_rows_query"], sources)

    def judge(values: Sequence[Any]) -> Finding:
        n = int(values[0][0])
        note = f"its query gives {n} row{'s' if n > 1 else ''}, expected none" if n else ""
        return Finding(not n, {"observed_value": n, "unexpected_count": n}, note)

    return TablePlan(judge, queries=(query,))


def strange_values(rule: Rule, types: Mapping[str, str]) -> TablePlan:
    """Count the values that are not in a set found elsewhere, and name none: the column may be classified."""
    assert rule.found is not None  # a rule that takes its set from elsewhere is judged only where it was found
    assert rule.found.values is not None
    column = rule.kwargs["column"]
    there = f"{selected(rule.kwargs, types)} AND {present(column, types)}"
    inside = f"coalesce({in_table([column], types, rule.found.values)}, false)"
    query = f"SELECT count(DISTINCT {quoted(column)}) FROM {WHOLE} WHERE {there} AND NOT {inside}"

    def judge(values: Sequence[Any]) -> Finding:
        strange = int(values[0][0])
        note = f"{strange} value{'s are' if strange > 1 else ' is'} not in the set" if strange else ""
        return Finding(not strange, {"observed_value": None, "unexpected_count": strange}, note)

    return TablePlan(judge, queries=(query,))
