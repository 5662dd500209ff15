"""Why a candidate is held, in words that can be passed around: a report goes to people who may not see every column.

A verdict's own words can quote values: what a rule over the table observed, what a judge stumbled over, the first line of
a file that came without its header. Told here is what is known to hold none; of all else only that it is so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from readiness_pipelines.contracts import Table
from readiness_pipelines.flow import NOTHING, GateVerdict, RuleResult
from readiness_pipelines.layers.corrections import FRACTION

_MOST = 300  # characters of one reason
_NOT_TOLD = "not shown here, it may quote values: `readiness held show`"

# What these observe is a number of rows, values or columns, and no value of a row.
_COUNTED = (
    "expect_table_row_count_to_equal",
    "expect_table_row_count_to_be_between",
    "expect_table_column_count_to_equal",
    "expect_table_column_count_to_be_between",
    "expect_column_unique_value_count_to_be_between",
    "expect_column_proportion_of_unique_values_to_be_between",
    "expect_column_proportion_of_non_null_values_to_be_between",
    "expect_compound_columns_to_be_unique",
)


def why_held(verdict: GateVerdict, table: Table) -> tuple[str, ...]:
    """Return why the candidate is held, one reason each, without any value of a column that is not public.

    Empty exactly when it is admitted. `table` is the contract's, which says who may see what.
    """
    if verdict.version_key == NOTHING:  # withdrawn: the words are those of the decision
        return tuple(_cut(line) for line in verdict.held_because)
    rules = {each.rule: each for each in verdict.rules}
    return tuple(_cut(_in_words(line, rules, verdict, table)) for line in verdict.held_because)


def _in_words(line: str, rules: dict[str, RuleResult], verdict: GateVerdict, table: Table) -> str:
    for rule in rules.values():
        if line.startswith(f"{rule.rule} failed: "):
            return _failed(rule, line, table)
        if line.startswith(f"{rule.rule} could not be judged: "):
            return line if is_tellable(rule, table) else f"{rule.rule} could not be judged; why is {_NOT_TOLD}"
        if rule.note and line == rule.note and rule.expectation in _COUNTED:
            return line  # the key of a gold table: counts and column names
    c = verdict.counts
    if FRACTION in verdict.details and line.startswith(f"{c.quarantined} of {c.rows_in} rows are bad ("):
        return line
    return _refused(line)


def _failed(rule: RuleResult, line: str, table: Table) -> str:
    if rule.unexpected_count is not None:
        return f"{rule.rule} failed: {rule.unexpected_count:,} of {rule.element_count or 0:,} rows break it"
    if is_tellable(rule, table):
        return line
    classes = ", ".join(sorted(set(_classes(rule.kwargs, table)) - {"public"})) or "unknown columns"
    return f"{rule.rule} failed; what it observed ({classes}) is {_NOT_TOLD}"


def _refused(line: str) -> str:
    """A file that does not fit: names that the contract has are told, what was read from the file is not."""
    if ": columns missing: " in line:
        return line
    cut = min((at for at in (line.find("'"), line.find('"')) if at >= 0), default=len(line))
    told = line[:cut].rstrip(" :(")
    return told if cut == len(line) else f"{told}; the rest is {_NOT_TOLD}"


def is_tellable(rule: RuleResult, table: Table) -> bool:
    """Return whether what the rule observed holds no value of a column that is not public."""
    if rule.expectation in _COUNTED:
        return True
    classes = list(_classes(rule.kwargs, table))
    return bool(classes) and set(classes) == {"public"}


def _classes(kwargs: Any, table: Table) -> Iterator[str]:
    """Yield the class of each column that a rule is about; of what the contract does not know, and of conditions, `unknown`."""
    known = {column.name: column.classification for column in table.columns}
    listed = kwargs.get("column_list") or ()
    names = [kwargs[k] for k in ("column", "column_A", "column_B") if k in kwargs]
    for name in (*names, *(listed if isinstance(listed, list | tuple) else ())):
        yield known.get(str(name), "unknown")
    if kwargs.get("row_condition"):
        yield "unknown"


def _cut(text: str) -> str:
    return text if len(text) <= _MOST else f"{text[:_MOST]} ..."
