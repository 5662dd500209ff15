"""Table rules about the columns themselves: no row is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any


def judge_columns(expectation: str, kwargs: Mapping[str, Any], columns: Sequence[str]) -> tuple[bool, dict[str, Any]] | None:
    """Return (passed, Great Expectations' result) of a rule about columns, None for any other rule.

    An index of 0 is taken for none given, and a list or set of None as Great Expectations takes it.
    """
    match expectation:
        case "expect_column_to_exist":
            index = kwargs.get("column_index")
            if not index:
                return kwargs["column"] in columns, {}
            return -len(columns) <= index < len(columns) and columns[index] == kwargs["column"], {}
        case "expect_table_column_count_to_equal":
            return len(columns) == kwargs["value"], {"observed_value": len(columns)}
        case "expect_table_column_count_to_be_between":
            low, high = kwargs.get("min_value"), kwargs.get("max_value")
            passed = (low is None or len(columns) >= low) and (high is None or len(columns) <= high)
            return passed, {"observed_value": len(columns)}
        case "expect_table_columns_to_match_set":
            return _match_set(kwargs, columns)
        case "expect_table_columns_to_match_ordered_list":
            return _match_list(kwargs.get("column_list"), columns)
    return None


def _match_set(kwargs: Mapping[str, Any], columns: Sequence[str]) -> tuple[bool, dict[str, Any]]:
    wanted, there = set(kwargs.get("column_set") or ()), set(columns)
    result: dict[str, Any] = {"observed_value": sorted(there)}
    if wanted == there:
        return True, result
    mismatched = {}
    if there - wanted:
        mismatched["unexpected"] = sorted(there - wanted)
    if wanted - there:
        mismatched["missing"] = sorted(str(c) for c in wanted - there)
    return not kwargs.get("exact_match", True) and not wanted - there, {**result, "details": {"mismatched": mismatched}}


def _match_list(wanted: Any, columns: Sequence[str]) -> tuple[bool, dict[str, Any]]:
    result: dict[str, Any] = {"observed_value": list(columns)}
    if wanted is None or list(wanted) == list(columns):
        return True, result
    mismatched = [
        {"Expected Column Position": i, "Expected": expected, "Found": found}
        for i, (expected, found) in enumerate(zip_longest(wanted, columns))
        if expected != found
    ]
    return False, {**result, "details": {"mismatched": mismatched}}
