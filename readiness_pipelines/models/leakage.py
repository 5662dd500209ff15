"""What of the features must not be known when a score is wanted: one that alone tells the label nearly perfectly.

No feature of the world does that; a column that was filled in afterwards does. Looked for in the rows that are trained on:

- a number whose ROC AUC alone, in either direction, is .98 or more: AUC = P(x of a positive > x of a negative) + P(equal) / 2,
  over the rows that have a value (Hanley and McNeil 1982);
- a feature (a null is a value of its own) whose values alone tell it as well: each row is given the share of positives among the
  other rows with its value. Without the row itself, so that values that occur once tell nothing;
- a feature that the rows of one class alone have, where chance gives so to fewer than one in a million: p = s^m for m rows
  with a value, s the share of their class. Below 30 such rows it is not judged.

With fewer than 10 rows of either class nothing is judged: chance alone could do it.
"""

from __future__ import annotations

import math

import duckdb

from readiness_pipelines.declarations import Feature, ModelSpec
from readiness_pipelines.gates.columns import one_row, quoted
from readiness_pipelines.models.point_in_time import TRAIN

TELLS_IT = 0.98  # AUC from which on a single feature is taken for the label in disguise
LEAST_OF_CLASS = 10  # positives, and negatives: below, an AUC of .98 comes about by chance
LEAST_WITH_VALUE = 30
CHANCE = 1e-6

# Rows are counted by value, so that nothing is as long as the table where values repeat; sums are of whole numbers.
_BY_VALUE = """
    CREATE OR REPLACE TEMP TABLE _by_value AS
    SELECT {column} AS x, count_if(label)::BIGINT AS p, count_if(NOT label)::BIGINT AS n
    FROM {rows} WHERE part = '{train}' GROUP BY x
"""
_AUC = """
    SELECT sum(p)::BIGINT, sum(n)::BIGINT, sum(p::DOUBLE * (below + n / 2.0))
    FROM (
        SELECT p, n, coalesce(sum(n) OVER (ORDER BY x ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::DOUBLE AS below
        FROM {counted}
    )
"""
_WITH_VALUE = "(SELECT x, p, n FROM _by_value WHERE x IS NOT NULL)"
# Each row's score is the share of positives among the others with its value; alone with it, that of all rows.
_BY_OTHERS = """(
    SELECT x, sum(p)::BIGINT AS p, sum(n)::BIGINT AS n FROM (
        SELECT CASE WHEN p + n = 1 THEN {share} ELSE (p - 1) / (p + n - 1) END AS x, p, 0 AS n FROM _by_value WHERE p > 0
        UNION ALL
        SELECT CASE WHEN p + n = 1 THEN {share} ELSE p / (p + n - 1) END, 0, n FROM _by_value WHERE n > 0
    ) GROUP BY x
)"""


def leaks(con: duckdb.DuckDBPyConnection, rows: str, spec: ModelSpec) -> tuple[str, ...]:
    """Return a sentence for each feature that gives the label away, in the order of the features; none: nothing was found.

    `rows` is a table of `con` as `lay_out` makes it; only those that are trained on are looked at. No values are told.
    """
    classes = "count(*) FILTER (label), count(*) FILTER (NOT label)"  # count_if is null over no rows
    positives, negatives = one_row(con, f"SELECT {classes} FROM {rows} WHERE part = '{TRAIN}'")
    if min(positives, negatives) < LEAST_OF_CLASS:
        return ()
    said = [_leak(con, rows, spec, feature, positives, negatives) for feature in spec.features]
    return tuple(sentence for sentence in said if sentence)


def _leak(
    con: duckdb.DuckDBPyConnection, rows: str, spec: ModelSpec, feature: Feature, positives: int, negatives: int
) -> str | None:
    name, label = feature.name, spec.words.label
    if spec.labels.name == spec.scored.name and name == label.column:
        return f"{name} is the label"
    con.execute(_BY_VALUE.format(column=quoted(name), rows=rows, train=TRAIN))
    values, mixed, p, n = one_row(
        con,
        "SELECT count(x), count_if(p > 0 AND n > 0), sum(p) FILTER (x IS NOT NULL), sum(n) FILTER (x IS NOT NULL) FROM _by_value",
    )
    with_value = (int(p or 0), int(n or 0))
    if values == 2 and not mixed and with_value == (positives, negatives):
        return f"{name} is the label, row by row: one of its two values for each class"
    if only := _only_of_one_class(name, with_value, positives, negatives):
        return only
    if feature.kind == "number" and (area := _auc(con, _WITH_VALUE)) is not None and max(area, 1 - area) >= TELLS_IT:
        return f"{name} alone tells {label.column}: ROC AUC {max(area, 1 - area):.3f} over {sum(with_value):,} rows that have it"
    area = _auc(con, _BY_OTHERS.format(share=positives / (positives + negatives)))
    if area is not None and area >= TELLS_IT:
        return f"{name} alone tells {label.column}: ROC AUC {area:.3f} by its values, each row told by the others with its value"
    return None


def _only_of_one_class(name: str, with_value: tuple[int, int], positives: int, negatives: int) -> str | None:
    p, n = with_value
    m = p + n
    if min(p, n) > 0 or m < LEAST_WITH_VALUE:
        return None
    of_class, whose = (positives, "positive") if p else (negatives, "negative")
    if m * math.log(of_class / (positives + negatives)) > math.log(CHANCE):
        return None
    return f"{name} has a value in {m:,} rows, all of them of the {whose} class: it is filled in when the label is known"


def _auc(con: duckdb.DuckDBPyConnection, counted: str) -> float | None:
    """Return the AUC of x, counted by value in columns x, p (positives), n (negatives); None with too few of a class."""
    positives, negatives, above = one_row(con, _AUC.format(counted=counted))
    if min(positives or 0, negatives or 0) < LEAST_OF_CLASS:
        return None
    return float(above) / (float(positives) * float(negatives))
