"""What Great Expectations itself says of a table on pandas, and in what two results differ."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

NUMBERS = ("element_count", "missing_count", "unexpected_count")
PERCENTAGES = ("missing_percent", "unexpected_percent", "unexpected_percent_total", "unexpected_percent_nonmissing")
LISTS = ("unexpected_list", "unexpected_index_list", "partial_unexpected_list", "partial_unexpected_index_list")


def judged_by_gx(
    table: pa.Table, suite: Sequence[Mapping[str, Any]], *, key_columns: list[str] | None = None
) -> list[dict[str, Any]]:
    """Return (success, result, raised) per expectation. An argument that a model refuses raises there and then."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from great_expectations.core.batch import Batch
        from great_expectations.execution_engine import PandasExecutionEngine
        from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
        from great_expectations.validator.validator import Validator

        wanted: dict[str, Any] = {"result_format": "COMPLETE"}
        if key_columns:
            wanted["unexpected_index_column_names"] = key_columns
        found = []
        for one in suite:
            validator = Validator(execution_engine=PandasExecutionEngine(), batches=[Batch(data=table.to_pandas())])
            validator.metrics_calculator.show_progress_bars = False
            config = ExpectationConfiguration(type=one["type"], kwargs=dict(one["kwargs"]))
            config.to_domain_obj()  # its model may refuse the arguments
            runtime = {"catch_exceptions": True, "result_format": wanted}
            try:
                result = validator.graph_validate(configurations=[config], runtime_configuration=runtime)[0]
            except Exception:  # noqa: BLE001 - the reference raises what it raises
                found.append({"success": False, "result": {}, "raised": True})
                continue
            info = result.exception_info
            infos = [info] if "raised_exception" in info else list(info.values())
            found.append(
                {
                    "success": bool(result.success),
                    "result": dict(result.result),
                    "raised": any(i["raised_exception"] for i in infos),
                }
            )
        return found


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Return in what one of our results (of `to_gx`) differs from Great Expectations' own: empty if in nothing."""
    raised = bool(ours["exception_info"]["raised_exception"])
    if raised or theirs["raised"]:
        return (
            []
            if raised == theirs["raised"]
            else [f"raised {raised}, expected {theirs['raised']}: {ours['exception_info']['exception_message']}"]
        )
    found, expected = ours["result"], theirs["result"]
    wrong = [] if ours["success"] == theirs["success"] else [f"success {ours['success']}"]
    for name in (*NUMBERS, *PERCENTAGES, *LISTS, "observed_value", "partial_missing_list", "details"):
        if (name in found) != (name in expected):
            wrong.append(f"{name}: there {name in found}, expected {name in expected}")
        elif name in found and not same(found[name], expected[name], unordered="partial_missing" in name):
            wrong.append(f"{name}: {found[name]!r}, expected {expected[name]!r}")
    return wrong


def same(a: Any, b: Any, *, unordered: bool = False) -> bool:
    """Equal as values; NaN and NaT are null, floats as near as two ways to add them up."""
    a, b = _plain(a), _plain(b)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        if unordered:
            a, b = sorted(a, key=repr), sorted(b, key=repr)
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, int | float | Decimal) and isinstance(b, int | float | Decimal):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)
    return bool(a == b)


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") and not hasattr(value, "isoformat") else value
    if hasattr(value, "to_pydatetime"):
        value = None if str(value) == "NaT" else value.to_pydatetime()
    if isinstance(value, float) and math.isnan(value):
        return None
    return list(value) if isinstance(value, tuple | set) else value
