"""The one order in which drift is told: report, incident, page, terminal and Dagster name the same column first."""

from __future__ import annotations

from collections.abc import Iterable

from readiness_pipelines.flow.drift import Finding, Severity, Test

SAYS_MOST = (Test.NULLS, Test.UNSEEN, Test.PERFORMANCE, Test.KS, Test.PSI)  # psi sees missing and unseen values too


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return all findings: by severity, then by column, the largest effect over its threshold first, then by name.

    Those of one column and severity are together. The first of them says how it stands: of alarms the test that says most, of
    what is no alarm the largest effect over its threshold. By its effect alone the column is placed: PSI has no upper
    end, and would put whatever it sees before all else. What a column is worth as a prediction stands for itself.
    """
    groups: dict[tuple[Severity, str, bool], list[Finding]] = {}
    for each in findings:
        groups.setdefault((each.severity, each.column, each.test is Test.PERFORMANCE), []).append(each)
    told = [sorted(group, key=_telling) for group in groups.values()]
    told.sort(key=lambda group: (-group[0].severity.rank, -group[0].share, group[0].column, group[0].test))
    return tuple(each for group in told for each in group)


def worst_of_columns(findings: Iterable[Finding], severity: Severity) -> dict[str, Finding]:
    """Return the columns at this severity, the worst first, each with the finding that says how it stands."""
    found: dict[str, Finding] = {}
    for each in worst_first(each for each in findings if each.severity is severity):
        found.setdefault(each.column, each)
    return found


def _telling(finding: Finding) -> tuple[int, float]:
    return SAYS_MOST.index(finding.test) if finding.severity is not Severity.NONE else 0, -finding.share
