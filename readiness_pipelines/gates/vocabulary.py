"""The expectations that are compiled, and the arguments each takes, in Great Expectations' words.

A `row` rule judges rows one by one and can put them in quarantine; a `table` rule judges the rows as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["row", "table"]


@dataclass(frozen=True)
class Expectation:
    """What a suite may write about one expectation: required and optional arguments."""

    kind: Kind
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def arguments(self) -> tuple[str, ...]:
        return self.required + self.optional


_BOUNDS = ("min_value", "max_value")
_STRICT = (*_BOUNDS, "strict_min", "strict_max")


def _map(*required: str, optional: tuple[str, ...] = ()) -> Expectation:
    return Expectation("row", ("column", *required), (*optional, "mostly"))


def _aggregate(*required: str, optional: tuple[str, ...] = ()) -> Expectation:
    return Expectation("table", ("column", *required), optional)


EXPECTATIONS: dict[str, Expectation] = {
    "expect_column_values_to_not_be_null": _map(),
    "expect_column_values_to_be_null": _map(),
    "expect_column_values_to_be_in_set": _map("value_set"),
    "expect_column_values_to_not_be_in_set": _map("value_set"),
    "expect_column_values_to_be_between": _map(optional=_STRICT),
    "expect_column_values_to_match_regex": _map("regex"),
    "expect_column_values_to_not_match_regex": _map("regex"),
    "expect_column_value_lengths_to_be_between": _map(optional=_STRICT),
    "expect_column_value_lengths_to_equal": _map("value"),
    "expect_column_values_to_be_unique": _map(),
    "expect_column_pair_values_a_to_be_greater_than_b": Expectation(
        "row", ("column_A", "column_B"), ("or_equal", "ignore_row_if", "mostly")
    ),
    "expect_column_pair_values_to_be_equal": Expectation("row", ("column_A", "column_B"), ("ignore_row_if", "mostly")),
    "expect_compound_columns_to_be_unique": Expectation("row", ("column_list",), ("ignore_row_if", "mostly")),
    "expect_column_to_exist": Expectation("table", ("column",), ("column_index",)),
    "expect_table_columns_to_match_set": Expectation("table", ("column_set",), ("exact_match",)),
    "expect_table_columns_to_match_ordered_list": Expectation("table", ("column_list",)),
    "expect_table_column_count_to_equal": Expectation("table", ("value",)),
    "expect_table_column_count_to_be_between": Expectation("table", (), _BOUNDS),
    "expect_table_row_count_to_equal": Expectation("table", ("value",)),
    "expect_table_row_count_to_be_between": Expectation("table", (), _STRICT),
    "expect_column_min_to_be_between": _aggregate(optional=_STRICT),
    "expect_column_max_to_be_between": _aggregate(optional=_STRICT),
    "expect_column_mean_to_be_between": _aggregate(optional=_STRICT),
    "expect_column_sum_to_be_between": _aggregate(optional=_STRICT),
    "expect_column_median_to_be_between": _aggregate(optional=_STRICT),
    "expect_column_stdev_to_be_between": _aggregate(optional=_STRICT),
    "expect_column_unique_value_count_to_be_between": _aggregate(optional=_STRICT),
    "expect_column_proportion_of_unique_values_to_be_between": _aggregate(optional=_STRICT),
    "expect_column_proportion_of_non_null_values_to_be_between": _aggregate(optional=_STRICT),
    "expect_column_distinct_values_to_be_in_set": _aggregate("value_set"),
    "expect_column_distinct_values_to_contain_set": _aggregate("value_set"),
    "expect_column_distinct_values_to_equal_set": _aggregate("value_set"),
}

IGNORE_PAIR = ("both_values_are_missing", "either_value_is_missing", "neither")
IGNORE_MANY = ("all_values_are_missing", "any_value_is_missing", "never")
