"""What of a rule's result may be kept and passed around: no value of a column that is not public.

The ledger, Dagster's metadata, messages and reports all take it from the verdict, so it is left out where the verdict is made.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from readiness_pipelines.contracts import Table
from readiness_pipelines.flow import RuleResult
from readiness_pipelines.gates.elsewhere import OTHER_TABLE

# What these observe is a number of rows, values or columns, a type or the names of columns, and no value of a row.
_COUNTED = (
    "expect_table_row_count_to_equal",
    "expect_table_row_count_to_be_between",
    OTHER_TABLE,
    "expect_table_column_count_to_equal",
    "expect_table_column_count_to_be_between",
    "expect_table_columns_to_match_set",
    "expect_table_columns_to_match_ordered_list",
    "expect_column_to_exist",
    "expect_column_values_to_be_of_type",
    "expect_column_values_to_be_in_type_list",
    "expect_column_unique_value_count_to_be_between",
    "expect_column_proportion_of_unique_values_to_be_between",
    "expect_column_proportion_of_non_null_values_to_be_between",
    "expect_compound_columns_to_be_unique",
)
_BOUNDS = ("min_value", "max_value")


def tellable(result: RuleResult, table: Table) -> RuleResult:
    """Return the result without what it observed of columns that are not public; `table` is the contract's.

    A number of rows is always told. Bounds that were taken from elsewhere are values too. A note ends where it begins to quote:
    a judge that stumbles says over what.
    """
    if is_tellable(result, table):
        return result
    unsaid, kwargs = f"not kept ({classes_of(result, table)})", result.kwargs
    if result.rests_on:
        kwargs = {k: unsaid if k in _BOUNDS and v is not None else v for k, v in kwargs.items()}
    is_hidden = result.observed_value is not None and result.unexpected_count is None
    observed = unsaid if is_hidden else result.observed_value
    return dataclasses.replace(result, kwargs=kwargs, observed_value=observed, note=_before_quotes(result.note))


def is_tellable(rule: RuleResult, table: Table) -> bool:
    """Return whether what the rule observed holds no value of a column that is not public."""
    if rule.expectation in _COUNTED:
        return True
    classes = list(_classes(rule.kwargs, table))
    return bool(classes) and set(classes) == {"public"}


def classes_of(rule: RuleResult, table: Table) -> str:
    """Return the classes that forbid to tell what the rule observed, in words."""
    return ", ".join(sorted(set(_classes(rule.kwargs, table)) - {"public"})) or "unknown columns"


def _classes(kwargs: Any, table: Table) -> Iterator[str]:
    """Yield the class of each column that a rule is about; of what the contract does not know, and of conditions, `unknown`."""
    known = {column.name: column.classification for column in table.columns}
    listed = kwargs.get("column_list") or ()
    names = [kwargs[k] for k in ("column", "column_A", "column_B") if k in kwargs]
    for name in (*names, *(listed if isinstance(listed, list | tuple) else ())):
        yield known.get(str(name), "unknown")
    if kwargs.get("row_condition"):
        yield "unknown"


def _before_quotes(note: str) -> str:
    cut = min((at for at in (note.find("'"), note.find('"')) if at >= 0), default=len(note))
    return note if cut == len(note) else f"{note[:cut].rstrip(' :(')} ...; the rest is not kept, it may quote values"
