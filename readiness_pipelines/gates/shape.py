"""Results in Great Expectations' shape, as its ExpectationSuiteValidationResult holds them: plain data, no import of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from readiness_pipelines.flow import RuleResult, Status
from readiness_pipelines.gates.suite import Rule, Suite

FORMATS = ("BOOLEAN_ONLY", "BASIC", "SUMMARY", "COMPLETE")
_PARTIAL = 20
_ABOUT_NULLS = ("expect_column_values_to_be_null", "expect_column_values_to_not_be_null")
_CALM = {"raised_exception": False, "exception_traceback": None, "exception_message": None}


def row_result(
    rule: Rule,
    found: RuleResult,
    values: Sequence[Any],
    keys: Sequence[Any],
    positions: Sequence[int],
    result_format: str,
    key_columns: Sequence[str],
) -> dict[str, Any]:
    """Return the `result` of a row rule. Percentages are 0 to 100, None where nothing was counted; rules about nulls have no
    missing values, so none of the numbers that need them."""
    elements, bad = found.element_count or 0, found.unexpected_count or 0
    considered = elements - (found.missing_count or 0)
    nonmissing = bad / considered * 100 if considered else None
    result: dict[str, Any] = {"element_count": elements, "unexpected_count": bad, "unexpected_percent": nonmissing}
    result["partial_unexpected_list"] = list(values[:_PARTIAL])
    if key_columns:
        result["unexpected_index_column_names"] = list(key_columns)
    if rule.expectation not in _ABOUT_NULLS:
        result["missing_count"] = found.missing_count
        result["missing_percent"] = (found.missing_count or 0) / elements * 100 if elements else None
        result["unexpected_percent_total"] = bad / elements * 100 if elements else None
        result["unexpected_percent_nonmissing"] = nonmissing
    if result_format in ("SUMMARY", "COMPLETE"):
        result["partial_unexpected_counts"] = _most_frequent(values)
        result["partial_unexpected_index_list"] = list(keys[:_PARTIAL])
    if result_format == "COMPLETE":
        result["unexpected_list"] = list(values)
        result["unexpected_index_list"] = list(keys)
        result["unexpected_index_query"] = f"df.filter(items={list(positions)}, axis=0)"
    return result


def _most_frequent(values: Sequence[Any]) -> list[dict[str, Any]]:
    plain = [tuple(v.values()) if isinstance(v, dict) else v for v in values]
    try:
        counted = Counter(plain).most_common(_PARTIAL)
        return [{"value": value, "count": n} for value, n in sorted(counted, key=lambda x: (-x[1], x[0]))]
    except TypeError:
        return [{"error": "partial_exception_counts requires a hashable type"}]


def suite_result(suite: Suite, found: Sequence[tuple[RuleResult, dict[str, Any], Mapping[str, Any] | None]]) -> dict[str, Any]:
    """Return the results of a suite: `success` only if every rule passed."""
    results = [_rule_result(rule, *one) for rule, one in zip(suite.rules, found, strict=True)]
    passed = sum(r["success"] for r in results)
    return {
        "success": passed == len(results),
        "results": results,
        "suite_name": suite.name,
        "suite_parameters": {},
        "statistics": {
            "evaluated_expectations": len(results),
            "successful_expectations": passed,
            "unsuccessful_expectations": len(results) - passed,
            "success_percent": passed / len(results) * 100 if results else None,
        },
        "meta": {},
    }


def _rule_result(rule: Rule, found: RuleResult, result: dict[str, Any], info: Mapping[str, Any] | None) -> dict[str, Any]:
    undecided = found.status is Status.UNDECIDED
    told = {"raised_exception": True, "exception_traceback": None, "exception_message": found.note} if undecided else _CALM
    return {
        "success": found.status is Status.PASSED,
        "expectation_config": {
            "type": rule.expectation,
            "kwargs": dict(rule.kwargs),
            "severity": rule.severity,
            "meta": {"readiness": {"name": rule.name, "on_fail": rule.on_fail}},
        },
        "result": result,
        "meta": {"readiness": {"status": found.status.value, "note": found.note}},
        "exception_info": dict(info) if info and info.get("raised_exception") else told,
    }
