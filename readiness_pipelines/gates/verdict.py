"""From rule results to an outcome: a pure function."""

from __future__ import annotations

from collections.abc import Sequence

from readiness_pipelines.flow import Outcome, RuleResult, Status
from readiness_pipelines.gates.arguments import as_written


def decide(
    *, rules: Sequence[RuleResult], rows_in: int, quarantined: int, max_quarantine_fraction: float
) -> tuple[Outcome, tuple[str, ...]]:
    """Return the outcome and why the candidate is held (empty exactly when it is admitted).

    Held: a rule with on_fail `hold` failed, or one with `quarantine` that names no row; or more than
    `max_quarantine_fraction` of the rows in are bad (just as many is allowed). Undecided: a rule whose failure would matter
    could not be judged. `learning` never holds.
    """
    held = [_failed(r) for r in rules if r.status is Status.FAILED and (r.on_fail == "hold" or _names_no_row(r))]
    if rows_in and quarantined / rows_in > max_quarantine_fraction:
        held.append(
            f"{quarantined} of {rows_in} rows are bad ({quarantined / rows_in:.2%}), more than the "
            f"{max_quarantine_fraction:.2%} that the suite allows"
        )
    undecided = [f"{r.rule} could not be judged: {r.note}" for r in rules if r.status is Status.UNDECIDED and r.on_fail != "warn"]
    if held:
        return Outcome.HELD, (*held, *undecided)
    if undecided:
        return Outcome.UNDECIDED, tuple(undecided)
    return (Outcome.ADMITTED_WITH_QUARANTINE if quarantined else Outcome.ADMITTED), ()


def _names_no_row(rule: RuleResult) -> bool:
    return rule.on_fail == "quarantine" and not rule.unexpected_count


def _failed(rule: RuleResult) -> str:
    note = f"; {rule.note}" if rule.note else ""
    if rule.unexpected_count is not None and rule.element_count is not None:
        return f"{rule.rule} failed: {rule.unexpected_count} of {rule.element_count} rows break it{note}"
    if rule.unexpected_count is not None:  # a query: what it is stands in the suite
        return f"{rule.rule} failed: {rule.note}"
    wanted = ", ".join(f"{k} {as_written(v)}" for k, v in rule.kwargs.items() if k != "column")
    if not wanted:  # a set that was found elsewhere
        return f"{rule.rule} failed: {rule.note}"
    return f"{rule.rule} failed: observed {str(rule.observed_value)[:200]}, expected {wanted[:200]}{note}"
