"""Kullback-Leibler divergence of a column from a partition that the rule gives: bins with weights, or values with weights.

Formula: sum of p log(p/q) in nats, p the observed and q the expected weights, each scaled to sum 1; infinite where
something was observed that has no expected weight. A bin holds its lower edge, the last one both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from readiness_pipelines.gates.columns import NotCompiled, in_set, known, literal, quoted
from readiness_pipelines.gates.plan import WHOLE

_MOST_BINS = 100


@dataclass(frozen=True)
class PartitionPlan:
    """What to count, as in a TablePlan, and how to judge the counts."""

    judge: Callable[[Sequence[Any]], tuple[float, dict[str, Any]]]
    aggregates: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()


def partition_plan(kwargs: Mapping[str, Any], column: str, types: Mapping[str, str], *, where: str) -> PartitionPlan:
    """Return the plan over the rows for which `where` is true.

    Raises NotCompiled for a partition to be guessed from the data, and for one that is not sound.
    """
    partition = kwargs.get("partition_object") or {}
    tail, internal = kwargs.get("tail_weight_holdout", 0) or 0, kwargs.get("internal_weight_holdout", 0) or 0
    weights = [float(w) for w in partition.get("weights") or ()]
    tails = [float(w) for w in partition.get("tail_weights") or ()]
    if not weights or abs(sum(weights) + sum(tails) - 1) > 1e-6:
        raise NotCompiled("a partition that is not given, or whose weights do not sum to one")
    if "values" in partition:
        if internal or tails or "bins" in partition or len(partition["values"]) != len(weights):
            raise NotCompiled("a partition of values with more than weights")
        return _of_values(partition["values"], weights, tail, column, types, where=where)
    bins = [float(b) for b in partition.get("bins") or ()]
    if len(bins) != len(weights) + 1 or len(bins) > _MOST_BINS or any(b <= a for a, b in zip(bins, bins[1:], strict=False)):
        raise NotCompiled("a partition whose bins are not in order, or too many")
    if kwargs.get("bucketize_data", True) is False or (tails and (tail or len(tails) != 2)):
        raise NotCompiled("a partition of bins with holdouts that do not fit")
    return _of_bins(bins, weights, tails, tail, internal, column, types, where=where)


def _of_bins(
    bins: list[float],
    weights: list[float],
    tails: list[float],
    tail: float,
    internal: float,
    column: str,
    types: Mapping[str, str],
    *,
    where: str,
) -> PartitionPlan:
    if known(column, types) not in ("integer", "float") or types[column] == "FLOAT":
        raise NotCompiled(f"bins of a {types[column]}")
    left, right = bins[0] == -math.inf, bins[-1] == math.inf
    if (left or right) and tails or (left and right and tail):
        raise NotCompiled("tail weights beside bins without end")
    cell = f"CAST({quoted(column)} AS DOUBLE)"
    last = len(bins) - 2
    cuts = [
        f" AND {cell} >= {literal(a)} AND {cell} {'<=' if i == last else '<'} {literal(b)}"
        for i, (a, b) in enumerate(zip(bins, bins[1:], strict=False))
    ]
    cuts += [f" AND {cell} < {literal(bins[0])}", f" AND {cell} > {literal(bins[-1])}", ""]
    expected = [w * (1 - tail - internal) for w in weights]
    zeros = expected.count(0)
    if internal and zeros:
        expected = [w or internal / zeros for w in expected]
    before, after = tails or ([tail / 2, tail / 2] if not (left or right) else [tail, tail])

    def judge(counts: Sequence[Any]) -> tuple[float, dict[str, Any]]:
        *inside, below, above, n = counts
        if not n:
            raise NotCompiled("no value to divide")
        seen = [c / n for c in inside]
        start, end = (1 if left else 0), (len(seen) - 1 if right else len(seen))
        p = [*([] if left else [below / n]), *seen, *([] if right else [above / n])]
        q = [*([] if left else [before]), *expected, *([] if right else [after])]
        edges = bins[start : len(bins) - 1 if right else len(bins)]
        details = {
            name: {"bins": edges, "weights": w[start:end], "tail_weights": [t[0], t[-1]]}
            for name, w, t in (("observed_partition", seen, p), ("expected_partition", expected, q))
        }
        return entropy(p, q), {"details": details}

    return PartitionPlan(judge, tuple(f"count(*) FILTER ({where}{cut})" for cut in cuts))


def _of_values(
    values: Sequence[Any], weights: list[float], tail: float, column: str, types: Mapping[str, str], *, where: str
) -> PartitionPlan:
    """What was observed and not expected shares the tail's weight."""
    if known(column, types) not in ("integer", "text") or len(set(values)) < len(values):
        raise NotCompiled(f"values of a {types[column]}, or one twice")
    if not all(isinstance(v, str) == (known(column, types) == "text") and not isinstance(v, bool) for v in values):
        raise NotCompiled("values of another kind than the column's")
    in_set(column, types, values)  # refuses what floats do not hold
    query = (
        f"SELECT list(v ORDER BY v), list(n ORDER BY v) FROM "
        f"(SELECT {quoted(column)} AS v, count(*) AS n FROM {WHOLE} WHERE {where} GROUP BY ALL LIMIT 10001)"
    )

    def judge(rows: Sequence[Any]) -> tuple[float, dict[str, Any]]:
        found = dict(zip(rows[0][0] or (), rows[0][1] or (), strict=True))
        if not found or len(found) > 10_000:
            raise NotCompiled(f"{len(found)} values")
        strange, n = [v for v in found if v not in values], sum(found.values())
        p = [found.get(v, 0) / n for v in (*values, *strange)]
        q = [w * (1 - tail if strange else 1) for w in weights] + [tail / len(strange) for _ in strange]
        named = [*values, *strange]
        details = {"observed_partition": {"values": named, "weights": p}, "expected_partition": {"values": named, "weights": q}}
        return entropy(p, q), {"details": details}

    return PartitionPlan(judge, queries=(query,))


def entropy(p: Sequence[float], q: Sequence[float]) -> float:
    """Return the divergence of p from q; a term without observed weight is 0."""
    total_p, total_q = sum(p), sum(q)
    if not total_p or not total_q:
        return math.nan
    terms = [(a / total_p, b / total_q) for a, b in zip(p, q, strict=True)]
    return sum(0.0 if a == 0 else math.inf if b == 0 else a * math.log(a / b) for a, b in terms)
