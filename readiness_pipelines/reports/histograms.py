"""The worst columns of a window beside its reference, from the profiles that are kept of their versions."""

from __future__ import annotations

from readiness_pipelines.declarations import Monitor
from readiness_pipelines.drift.profile import total
from readiness_pipelines.drift.store import stored, stored_layout
from readiness_pipelines.flow import DriftReport, Kind
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.reports.bars import bars_of
from readiness_pipelines.reports.drift_columns import columns_of
from readiness_pipelines.reports.drift_plots import Histogram
from readiness_pipelines.reports.drift_words import TESTS, number

MOST = 6  # columns of a window


def histograms(lake: Lakehouse, monitor: Monitor, report: DriftReport, *, most: int = MOST) -> tuple[Histogram, ...]:
    """Return the worst columns of the report's window beside its reference, the worst first.

    None where the profiles of some of the versions, or the layout, are not kept any more.
    """
    m = report.measured
    layout = stored_layout(lake, m.product, m.reference.layout)
    sides = (m.reference.versions, m.versions)
    keys = {(each.partition, each.version_key) for side in sides for each in side}
    found = stored(lake, m.product, m.table, keys, layout) if layout else {}
    if layout is None or keys - found.keys():
        return ()
    reference, window = (total(layout, (found[v.partition, v.version_key] for v in side)) for side in sides)
    public = {each.name for each in monitor.columns if each.is_public}
    columns = [each for each in columns_of([report]) if each.kind is not Kind.CONCEPT and each.name in window.columns]
    worst = sorted((*w[1].order, each.name, *w) for each in columns if (w := each.worst(0)))
    return tuple(
        Histogram(
            name,
            f"{TESTS[test]} {number(cell.effect)}, {cell.level.value}",
            cell.level,
            bars_of(layout.by_column[name], reference.columns[name], window.columns[name], is_told=name in public),
        )
        for _, _, name, test, cell in worst[:most]
    )
