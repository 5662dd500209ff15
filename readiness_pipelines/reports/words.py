"""Why a candidate is held, in words that can be passed around: a report goes to people who may not see every column.

A verdict's own words can quote values: what a rule over the table observed, what a judge stumbled over, the first line of
a file that came without its header. Told here is what is known to hold none; of all else only that it is so.
"""

from __future__ import annotations

from readiness_pipelines.contracts import Table
from readiness_pipelines.flow import NOTHING, GateVerdict, RuleResult
from readiness_pipelines.layers.corrections import FRACTION
from readiness_pipelines.layers.tellable import classes_of, is_tellable

_MOST = 300  # characters of one reason
_NOT_TOLD = "not shown here, it may quote values: `readiness held show`"


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
        if rule.note and line == rule.note and is_tellable(rule, table):
            return line  # the key of a gold table: counts and column names
    c = verdict.counts
    if FRACTION in verdict.details and line.startswith(f"{c.quarantined} of {c.rows_in} rows are bad ("):
        return line
    return _refused(line)


def _failed(rule: RuleResult, line: str, table: Table) -> str:
    if rule.unexpected_count is not None and rule.element_count is None:  # a query: nobody counts what it looked at
        n = rule.unexpected_count
        return f"{rule.rule} failed: its query gives {n:,} row{'s' if n > 1 else ''}, expected none"
    if rule.unexpected_count is not None:
        return f"{rule.rule} failed: {rule.unexpected_count:,} of {rule.element_count:,} rows break it"
    if is_tellable(rule, table):
        return line
    return f"{rule.rule} failed; what it observed ({classes_of(rule, table)}) is not kept, it may quote values"


def _refused(line: str) -> str:
    """A file that does not fit: names that the contract has are told, what was read from the file is not."""
    if ": columns missing: " in line:
        return line
    cut = min((at for at in (line.find("'"), line.find('"')) if at >= 0), default=len(line))
    told = line[:cut].rstrip(" :(")
    return told if cut == len(line) else f"{told}; the rest is {_NOT_TOLD}"


def _cut(text: str) -> str:
    return text if len(text) <= _MOST else f"{text[:_MOST]} ..."
