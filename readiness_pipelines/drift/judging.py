"""From what was measured to a report: the declared rule, applied beside the windows before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from readiness_pipelines.declarations.monitors import Monitor
from readiness_pipelines.drift.past import Past
from readiness_pipelines.drift.rule import Rule
from readiness_pipelines.flow import DriftReport, Measured


def judged(
    monitor: Monitor, measured: Measured, rule: Rule, past: Past, *, superseded: str = "", notes: Sequence[str] = ()
) -> DriftReport:
    """Return what the rule says of a window beside those before it; `notes` are facts that a reader wants with it."""
    from readiness_pipelines.drift.decide import decide
    from readiness_pipelines.drift.trends import MOST_WINDOWS, trends_of

    history = [each.measured if each else None for each in past.apart(measured.window, MOST_WINDOWS - 1)]
    trends = trends_of([*history, measured], rule, last_of=partial(past.last_of, measured.window))
    earlier = past.before(measured.window, max((of for _, of in rule.persistence.values()), default=1) - 1)
    report = decide(measured, rule, trends=trends, earlier=earlier, superseded=superseded)
    return replace(report, notes=(*report.notes, *notes))
