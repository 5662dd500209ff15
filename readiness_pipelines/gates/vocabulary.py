"""Every core expectation of Great Expectations 1.24, and what each of its arguments takes, in Great Expectations' words.

A `row` rule judges rows one by one and can put them in quarantine; a `table` rule judges the rows as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["row", "table"]


@dataclass(frozen=True)
class Expectation:
    """What a suite may write about one expectation: required and optional arguments, each with what it takes (arguments.py)."""

    kind: Kind
    required: Mapping[str, str] = field(default_factory=dict)
    optional: Mapping[str, str] = field(default_factory=dict)

    @property
    def arguments(self) -> dict[str, str]:
        return {**self.required, **self.optional}


_NOTHING: Mapping[str, str] = {}
_CONDITION = {"row_condition": "condition", "condition_parser": "parser"}
_STRICT = {"strict_min": "flag", "strict_max": "flag"}
_BOUNDS = {"min_value": "bound", "max_value": "bound"}
_NUMBERS = {"min_value": "number?", "max_value": "number?"}
_WHOLES = {"min_value": "whole?", "max_value": "whole?"}
_ROW = {"mostly": "mostly", **_CONDITION}


def _map(required: Mapping[str, str] = _NOTHING, /, **optional: str) -> Expectation:
    return Expectation("row", {"column": "column", **required}, {**optional, **_ROW})


def _pair(required: Mapping[str, str] = _NOTHING, /, **optional: str) -> Expectation:
    columns = {"column_A": "column", "column_B": "column"}
    return Expectation("row", {**columns, **required}, {**optional, "ignore_row_if": "ignore_pair", **_ROW})


def _many(required: Mapping[str, str] = _NOTHING, columns: str = "strict_columns") -> Expectation:
    return Expectation("row", {"column_list": columns, **required}, {"ignore_row_if": "ignore_many", **_ROW})


def _aggregate(required: Mapping[str, str] = _NOTHING, /, **optional: str) -> Expectation:
    return Expectation("table", {"column": "column", **required}, {**optional, **_CONDITION})


_LIKE = {"like_pattern": "text"}
_LIKES = {"like_pattern_list": "texts"}

EXPECTATIONS: dict[str, Expectation] = {
    "expect_column_values_to_not_be_null": _map(),
    "expect_column_values_to_be_null": _map(),
    "expect_column_values_to_be_in_set": _map({"value_set": "values"}),
    "expect_column_values_to_not_be_in_set": _map({"value_set": "values"}),
    "expect_column_values_to_be_between": _map(**_BOUNDS, **_STRICT),
    "expect_column_values_to_match_regex": _map(regex="text"),
    "expect_column_values_to_not_match_regex": _map({"regex": "text"}),
    "expect_column_values_to_match_regex_list": _map({"regex_list": "texts"}, match_on="match_on"),
    "expect_column_values_to_not_match_regex_list": _map({"regex_list": "texts"}),
    "expect_column_values_to_match_like_pattern": _map(_LIKE, escape="text?"),
    "expect_column_values_to_not_match_like_pattern": _map(_LIKE, escape="text?"),
    "expect_column_values_to_match_like_pattern_list": _map(_LIKES, match_on="match_on", escape="text?"),
    "expect_column_values_to_not_match_like_pattern_list": _map(_LIKES, escape="text?"),
    "expect_column_value_lengths_to_be_between": _map(**_WHOLES, **_STRICT),
    "expect_column_value_lengths_to_equal": _map({"value": "number"}),
    "expect_column_value_z_scores_to_be_less_than": _map({"threshold": "number", "double_sided": "flag"}),
    "expect_column_values_to_not_be_outliers": _map(method="outliers", multiplier="positive"),
    "expect_column_values_to_be_unique": _map(),
    "expect_column_values_to_be_increasing": _map(strictly="flag?"),
    "expect_column_values_to_be_decreasing": _map(strictly="flag?"),
    "expect_column_values_to_be_of_type": _map({"type_": "text"}),
    "expect_column_values_to_be_in_type_list": _map(type_list="texts?"),
    "expect_column_values_to_be_dateutil_parseable": _map(),
    "expect_column_values_to_be_json_parseable": _map(),
    "expect_column_values_to_match_json_schema": _map({"json_schema": "mapping"}),
    "expect_column_values_to_match_strftime_format": _map({"strftime_format": "strftime"}),
    "expect_column_pair_values_a_to_be_greater_than_b": _pair(or_equal="flag?"),
    "expect_column_pair_values_to_be_equal": _pair(),
    "expect_column_pair_values_to_be_in_set": _pair({"value_pairs_set": "pairs"}),
    "expect_compound_columns_to_be_unique": _many(columns="columns"),
    "expect_multicolumn_sum_to_equal": _many({"sum_total": "number"}),
    "expect_multicolumn_values_to_be_equal": _many(),
    "expect_select_column_values_to_be_unique_within_record": _many(columns="columns"),
    "expect_column_to_exist": Expectation("table", {"column": "column"}, {"column_index": "whole?"}),
    "expect_column_type_to_be": Expectation("table", {"column": "column", "type_": "text"}),
    "expect_table_columns_to_match_set": Expectation("table", {}, {"column_set": "names?", "exact_match": "flag?"}),
    "expect_table_columns_to_match_ordered_list": Expectation("table", {}, {"column_list": "names?"}),
    "expect_table_column_count_to_equal": Expectation("table", {"value": "whole"}),
    "expect_table_column_count_to_be_between": Expectation("table", {}, _BOUNDS),
    "expect_table_row_count_to_equal": Expectation("table", {"value": "whole"}, _CONDITION),
    "expect_table_row_count_to_equal_other_table": Expectation("table", {"other_table_name": "text"}, _CONDITION),
    "expect_table_row_count_to_be_between": Expectation(
        "table", {}, {"min_value": "rows?", "max_value": "rows?", **_STRICT, **_CONDITION}
    ),
    "expect_column_min_to_be_between": _aggregate(**_BOUNDS, **_STRICT),
    "expect_column_max_to_be_between": _aggregate(**_BOUNDS, **_STRICT),
    "expect_column_mean_to_be_between": _aggregate(**_BOUNDS, **_STRICT),
    "expect_column_sum_to_be_between": _aggregate(**_BOUNDS, **_STRICT),
    "expect_column_median_to_be_between": _aggregate(**_BOUNDS, **_STRICT),
    "expect_column_stdev_to_be_between": _aggregate(**_NUMBERS, **_STRICT),
    "expect_column_unique_value_count_to_be_between": _aggregate(**_WHOLES, **_STRICT),
    "expect_column_proportion_of_unique_values_to_be_between": _aggregate(**_NUMBERS, **_STRICT),
    "expect_column_proportion_of_non_null_values_to_be_between": _aggregate(**_NUMBERS, **_STRICT),
    "expect_column_distinct_values_to_be_in_set": _aggregate({"value_set": "values"}),
    "expect_column_distinct_values_to_contain_set": _aggregate({"value_set": "values"}),
    "expect_column_distinct_values_to_equal_set": _aggregate({"value_set": "values"}),
    "expect_column_most_common_value_to_be_in_set": _aggregate({"value_set": "values"}, ties_okay="flag?"),
    "expect_column_quantile_values_to_be_between": _aggregate({"quantile_ranges": "quantiles"}, allow_relative_error="tolerance"),
    "expect_column_kl_divergence_to_be_less_than": _aggregate(
        {},
        partition_object="mapping?",
        threshold="number?",
        internal_weight_holdout="share?",
        tail_weight_holdout="share?",
        bucketize_data="flag",
        **_BOUNDS,
    ),
    "unexpected_rows_expectation": Expectation("table", {"unexpected_rows_query": "query"}),
}

# Registered in Great Expectations, but no rule that it can judge over one table in memory: what to say instead.
NOT_HERE = {
    "expect_query_results_to_match_comparison": "it compares two data sources of Great Expectations",
    "expect_column_bootstrapped_ks_test_p_value_to_be_greater_than": "Great Expectations 1.x has no such expectation",
    "expect_column_chisquare_test_p_value_to_be_greater_than": "Great Expectations 1.x has no such expectation",
    "expect_column_pair_cramers_phi_value_to_be_less_than": "Great Expectations 1.x has no such expectation",
    "expect_column_parameterized_distribution_ks_test_p_value_to_be_greater_than": "Great Expectations 1.x has no such expectation",
}

IGNORE_PAIR = ("both_values_are_missing", "either_value_is_missing", "neither")
IGNORE_MANY = ("all_values_are_missing", "any_value_is_missing", "never")
