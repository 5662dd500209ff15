"""From what was measured to a report: the declared rule, applied beside the windows before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from readiness_pipelines.declarations import Product
from readiness_pipelines.declarations.monitors import Monitor
from readiness_pipelines.drift.past import Past
from readiness_pipelines.drift.reference import changed
from readiness_pipelines.drift.rule import Rule
from readiness_pipelines.flow import DriftReport, Measured
from readiness_pipelines.lakehouse import Lakehouse

_MOST_NAMES = 5  # in a note


def judged(
    monitor: Monitor, measured: Measured, rule: Rule, past: Past, *, superseded: str = "", notes: Sequence[str] = ()
) -> DriftReport:
    """Return what the rule says of a window beside those before it; `notes` are facts that a reader wants with it."""
    from readiness_pipelines.drift.decide import decide
    from readiness_pipelines.drift.trends import MOST_WINDOWS, trends_of

    history = [each.measured if each else None for each in past.apart(measured, MOST_WINDOWS - 1)]
    trends = trends_of([*history, measured], rule, last_of=partial(past.last_of, measured.window))
    earlier = past.before(measured, max((of for _, of in rule.persistence.values()), default=1) - 1)
    report = decide(measured, rule, trends=trends, earlier=earlier, superseded=superseded)
    return replace(report, notes=(*report.notes, *notes))


def version_notes(product: Product, lake: Lakehouse, monitor: Monitor, measured: Measured) -> tuple[str, ...]:
    """Return what a reader has to know about the versions of a window and its reference, as the ledger has it now."""
    outcomes = {v.partition: lake.ledger.latest_outcome(v.table, v.partition) for v in measured.versions}
    held = [partition for partition, found in outcomes.items() if found is not None and not found[1].is_admitted]
    notes = changed(product, lake, monitor, measured.reference)
    if not held:
        return notes
    more = f" and {len(held) - _MOST_NAMES} more" if len(held) > _MOST_NAMES else ""
    return *notes, f"measured as admitted before, a newer candidate is held: {', '.join(held[:_MOST_NAMES])}{more}"
