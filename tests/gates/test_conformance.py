"""What a rule means is what Great Expectations does with it: its own test data, through the public entry."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from readiness_pipelines.errors import DeclarationError
from readiness_pipelines.gates import examine
from tests.gates.reference import same

CASES = Path(__file__).parent.parent.parent.parent / "shared" / "conformance" / "gx_cases.json"

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.slow,
    pytest.mark.skipif(not CASES.exists(), reason="needs ../shared/conformance"),
]

GONE = "expect_column_bootstrapped_ks_test_p_value_to_be_greater_than"  # two cases of an error, of an expectation that is gone

# text from Arrow is pandas' own `str`, not `object`: what these two cases say of object is not said of it
OBJECTS = (
    "dtype_object_and_type_object_still_has_aggregate_semantics_object_underscore",
    "dtype_object_and_type_object_still_has_aggregate_semantics_big_o",
)


def _table(dataset: dict[str, Any]) -> pa.Table:
    """Return the columns of the dataset that a table can hold: a column of mixed kinds is left out."""
    types = (dataset["schemas"] or {}).get("pandas") or {}
    columns = {}
    for name, values in dataset["data"].items():
        try:
            found = pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            continue
        if "datetime" in types.get(name, "") and pa.types.is_string(found.type):
            import pandas

            found = pa.array(pandas.to_datetime(pandas.Series(values)))
        columns[name] = found
    return pa.table(columns)


def _lacks(case: dict[str, Any], dataset: dict[str, Any], table: pa.Table) -> bool:
    gone = [name for name in dataset["data"] if name not in table.column_names]
    return bool(gone) and (
        case["expectation"].startswith("expect_table_column") or any(re.search(rf"\b{n}\b", str(case["kwargs"])) for n in gone)
    )


def _wrong(case: dict[str, Any], result: dict[str, Any]) -> list[str]:
    expected = case["expected"] or {}
    if case["error"] or "traceback_substring" in expected:
        return [] if result["exception_info"]["raised_exception"] else ["no error"]
    wrong = []
    if expected.get("success") is not None and result["success"] != expected["success"]:
        wrong.append(f"success {result['success']}: {result['exception_info']['exception_message']}")
    for name in ("observed_value", "unexpected_list", "unexpected_index_list"):
        if name in expected and not _close(result["result"].get(name), expected[name], case["tolerance"] or 1e-5):
            wrong.append(f"{name} {result['result'].get(name)!r}, expected {expected[name]!r}")
    return wrong


def _close(found: Any, expected: Any, tolerance: float) -> bool:
    if isinstance(found, float) and isinstance(expected, float | int):
        return abs(found - expected) <= tolerance * max(1, abs(expected))
    if isinstance(found, dict) and isinstance(expected, dict):
        return all(_close(found.get(k), v, tolerance) for k, v in expected.items())
    if isinstance(expected, list) and isinstance(found, list | tuple):
        return len(found) == len(expected) and all(_close(x, y, tolerance) for x, y in zip(found, expected, strict=True))
    return same(found, expected) or str(found) == str(expected).replace("T", " ")


def test_every_case_that_great_expectations_agrees_with_is_judged_alike(capsys: pytest.CaptureFixture[str]) -> None:
    raw = json.loads(CASES.read_text(encoding="utf-8"))
    datasets = {d["id"]: (d, _table(d)) for d in raw["datasets"] if isinstance(d["data"], dict)}
    said: Counter[str] = Counter()
    why: Counter[str] = Counter()
    wrong = []
    for case in raw["cases"]:
        if case["gx_1_24_1_pandas"] != "agree" or case["expectation"] == GONE or case["title"] in OBJECTS:
            continue
        dataset, table = datasets[case["dataset_id"]]
        if _lacks(case, dataset, table):
            said["no table can hold the data"] += 1
            continue
        try:
            listed = (case["expected"] or {}).get("unexpected_index_list") or [None]
            keys = ["pk_index"] if isinstance(listed[0], dict) else None
            if keys:  # the peer's tests number the rows in a column of this name
                table = table.append_column("pk_index", pa.array(range(table.num_rows)))
            suite = [{"type": case["expectation"], "kwargs": case["kwargs"]}]
            result = examine(table, suite, key_columns=keys).to_gx()["results"][0]
        except DeclarationError as error:
            said["refused"] += 1
            if not (case["error"] or "traceback_substring" in (case["expected"] or {})):
                wrong.append((case["id"], case["title"], str(error)))
            continue
        note = result["meta"]["readiness"]["note"]
        native = "Great Expectations itself" in note
        if result["exception_info"]["raised_exception"]:
            said["raised"] += 1
        else:
            said["judged by Great Expectations itself" if native else "compiled"] += 1
        if native:
            why[f"{case['expectation']}: {note.partition('(')[2][:60] or note[:60]}"] += 1
        problems = _wrong(case, result)
        if problems:
            wrong.append((case["id"], case["title"], str(case["kwargs"]), *problems))
    share = said["compiled"] / (said["compiled"] + said["judged by Great Expectations itself"])
    told = [f"{dict(said)}; compiled {share:.1%} of those judged", *(f"  {n:3} {reason}" for reason, n in why.most_common())]
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(told) + "\n")
    assert wrong == [], "\n".join(str(w) for w in wrong)
    assert share >= 0.85
