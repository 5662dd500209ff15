"""What row rules and table rules have in common: a relation to judge, and how a result begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import duckdb

from readiness_pipelines.flow import RuleResult, Status
from readiness_pipelines.gates.columns import one_row
from readiness_pipelines.gates.suite import Rule, Suite

if TYPE_CHECKING:
    import pandas

RULES_PER_SCAN = 200  # planning was seen to grow no faster than the rules do: 0.06 s for 200, 0.3 s for 1,000

Native = Mapping[str, Mapping[str, Any]]  # Great Expectations' own results, by rule


def column_types(con: duckdb.DuckDBPyConnection, source: str) -> dict[str, str]:
    return {row[0]: str(row[1]) for row in con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}


def count_rows(con: duckdb.DuckDBPyConnection, source: str) -> int:
    return int(one_row(con, f"SELECT count(*) FROM {source}")[0])


def frame_of(con: duckdb.DuckDBPyConnection, source: str, judged: str, order: str | None) -> pandas.DataFrame:
    ordered = f" ORDER BY {order}" if order else ""
    frame: pandas.DataFrame = con.sql(f"SELECT * FROM {source} WHERE {judged}{ordered}").to_arrow_table().to_pandas()
    return frame


def bare_result(rule: Rule, status: Status, note: str = "") -> RuleResult:
    rests_on = rule.found.rests_on if rule.found else ()
    return RuleResult(rule.name, rule.expectation, rule.kwargs, rule.severity, rule.on_fail, status, note=note, rests_on=rests_on)


def undecided_beforehand(rule: Rule) -> RuleResult | None:
    """Return the result of a rule that takes from elsewhere what is not there: not yet (learning), or not at all."""
    if rule.elsewhere is None or (rule.found is not None and rule.found.status is None):
        return None
    if rule.found is None or rule.found.status is None:
        return bare_result(rule, Status.UNDECIDED, "it takes from elsewhere what one table by itself has not")
    return bare_result(rule, rule.found.status, rule.found.note)


def by_gx(why: str) -> str:
    return f"judged by Great Expectations itself, over all rows ({why})"


def too_many(rows: int, suite: Suite, why: str) -> str:
    return f"{rows} rows are more than fallback_max_rows ({suite.fallback_max_rows}) lets Great Expectations itself judge ({why})"


def first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200]
