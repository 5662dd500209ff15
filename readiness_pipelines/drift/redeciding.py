"""Today's rule, applied to what was measured: no row and no profile is read, so it works when the warehouse is gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from readiness_pipelines.declarations import Product
from readiness_pipelines.drift.judging import judged, version_notes
from readiness_pipelines.drift.past import Past
from readiness_pipelines.drift.reference import monitors_of, turn
from readiness_pipelines.drift.rule import rule_of
from readiness_pipelines.flow import DriftReport
from readiness_pipelines.lakehouse import Lakehouse


def redecide(product: Product, lake: Lakehouse, *, monitor: str | None = None) -> Iterator[tuple[DriftReport | None, DriftReport]]:
    """Judge what was measured by the rules that are declared now; yield (report before, report now) of each window.

    Of one monitor or of all, windows in order. A report that says something else than before, or says it by another rule, is
    stored and is its event's from now on; where nothing changes, both are the same. The report before is None where
    whoever measured was cut short before the judgement. Where a threshold lies in a bracket now, the column is `undecided`,
    and `measure` reads its rows. Safe to stop and to repeat. Raises ReadinessError for no such monitor.
    """
    for each in monitors_of(product, monitor):
        rule, past = rule_of(each), Past(product, lake, each)
        for window in past.windows:
            with turn(lake, each):
                before = lake.ledger.drift.report_of(past.events[window])
                measured = before.measured if before is not None else lake.ledger.drift.measured(past.events[window])
                assert measured is not None  # the ledger has told this event
                superseded = lake.ledger.drift.superseded_by(measured)
                now = judged(each, measured, rule, past, superseded=superseded, notes=version_notes(product, lake, each, measured))
                if before is not None and replace(now, notes=()) == replace(before, notes=()):
                    now = before
                else:
                    lake.ledger.drift.judge(now)
            past.add(now)
            yield before, now
