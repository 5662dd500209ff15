"""What a rule means is what Great Expectations does with it: its own test data, for every expectation that is compiled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from readiness_pipelines.errors import DeclarationError
from readiness_pipelines.flow import RuleResult, Status
from readiness_pipelines.gates import Suite, examine_rows, examine_table, parse_suite
from readiness_pipelines.gates.vocabulary import EXPECTATIONS

CASES = Path(__file__).parent.parent.parent.parent / "shared" / "conformance" / "gx_cases.json"

pytestmark = [pytest.mark.conformance, pytest.mark.skipif(not CASES.exists(), reason="needs ../shared/conformance")]


def _judge(suite: Suite, data: dict[str, list[Any]], types: dict[str, str]) -> RuleResult | None:
    """Return the result of the suite's one rule, or None where the values are of mixed types that no table can hold."""
    try:
        table = pa.table({name: pa.array(values) for name, values in data.items()})
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return None
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    con.register("given", table)
    columns = [f'TRY_CAST("{c}" AS TIMESTAMP) AS "{c}"' if "datetime" in types.get(c, "") else f'"{c}"' for c in table.column_names]
    con.execute(f"CREATE TABLE t AS SELECT {', '.join(columns)}, CAST(row_number() OVER () AS VARCHAR) AS row_id FROM given")
    if suite.rules[0].is_row_rule:
        return examine_rows(con, "t", suite).results[0]
    return examine_table(con, "(SELECT * EXCLUDE (row_id) FROM t)", suite)[0]


def test_no_case_is_judged_otherwise_than_great_expectations_does() -> None:
    raw = json.loads(CASES.read_text(encoding="utf-8"))
    datasets = {d["id"]: d for d in raw["datasets"]}
    equal, undecided, wrong = 0, 0, []
    for case in raw["cases"]:
        expected = case["expected"] or {}
        if case["gx_1_24_1_pandas"] != "agree" or case["expectation"] not in EXPECTATIONS or expected.get("success") is None:
            continue
        kwargs = {k: v for k, v in (case["kwargs"] or {}).items() if k not in ("result_format", "catch_exceptions", "meta")}
        try:
            suite = parse_suite([{"type": case["expectation"], "kwargs": kwargs}])
        except DeclarationError:
            undecided += 1  # refused at load: never judged, so never wrongly
            continue
        dataset = datasets[case["dataset_id"]]
        result = _judge(suite, dataset["data"], (dataset["schemas"] or {}).get("pandas") or {})
        if result is None or result.status is Status.UNDECIDED:
            undecided += 1
            continue
        same = (result.status is Status.PASSED) == expected["success"]
        if expected.get("unexpected_list") is not None and result.unexpected_count is not None:
            same &= result.unexpected_count == len(expected["unexpected_list"])
        equal += same
        if not same:
            wrong.append((case["id"], case["title"], kwargs))
    assert wrong == []
    assert equal >= 118, f"{equal} judged, {undecided} not"
