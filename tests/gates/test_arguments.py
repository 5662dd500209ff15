"""Arguments are coerced as Great Expectations' own models coerce them: every kind of argument, odd values."""

from __future__ import annotations

import datetime
import math
import os
import warnings
from typing import Any

import pytest

from readiness_pipelines.gates.arguments import argument_problem, coerced
from readiness_pipelines.gates.vocabulary import EXPECTATIONS, NOT_HERE

pytestmark = pytest.mark.slow  # Great Expectations takes some seconds to import

ODD: list[Any] = [
    None, True, False, 0, 1, 3, -1, 2.5, 1.0, 1e300, float("inf"), "0", "1", "1.5", "abc", "yes", "true", "2026-01-01",
    "2026-1-2", "2026-01-01T10:00:00", "2026-01-01 10:00", "2026-13-01", datetime.date(2026, 1, 1), datetime.datetime(2026, 1, 1, 2),
    [1], ["a", "b"], [["a", 1]], [1, None], ["a", 1], (1, 2), "any", "iqr", "both_values_are_missing",
    {"quantiles": [0, "0.5"], "value_ranges": [[0, 1], [None, 2]]},
]  # fmt: skip
SKIPPED = (
    "query",
    "condition",
    "parser",
    "quantiles",
    "strftime",
    "columns",
    "strict_columns",
)  # judged as a whole, by tests of their own


def test_every_core_expectation_is_known_and_each_argument_is_coerced_alike() -> None:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations.expectations.core  # noqa: F401 - registers them
        from great_expectations.expectations.registry import get_expectation_impl, list_registered_expectation_implementations

    registered = set(list_registered_expectation_implementations())
    assert registered - set(EXPECTATIONS) - set(NOT_HERE) == {"expect_multicolumn_values_to_be_unique"} & registered
    assert set(EXPECTATIONS) <= registered
    wrong = []
    for name, expectation in EXPECTATIONS.items():
        model = get_expectation_impl(name)
        for argument, takes in expectation.arguments.items():
            if takes in SKIPPED:
                continue
            for value in ODD:
                theirs, error = model.__fields__[argument].validate(value, {}, loc=argument)
                if argument == "ignore_row_if" and name.startswith("expect_select"):
                    continue  # Great Expectations refuses a strange word only when it judges
                refused = argument_problem(argument, takes, value) is not None
                ours = ValueError if refused else coerced(takes, value)
                if not _alike(ours, ValueError if error else theirs):
                    wrong.append((name, argument, value, ours, "refused" if error else theirs))
    assert wrong == [], "\n".join(map(str, wrong))


def _alike(ours: Any, theirs: Any) -> bool:
    if ours is ValueError and isinstance(theirs, dict):
        return True  # an empty suite parameter, made of nothing: refused here
    if isinstance(ours, float) and isinstance(theirs, float) and math.isnan(ours):
        return math.isnan(theirs)
    return (type(ours) is type(theirs) or isinstance(theirs, bool)) and bool(ours == theirs)
