"""Two profiles of one layout, compared: every statistic of every column of a window. Pure; imports numpy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from readiness_pipelines.declarations.monitors import Watched
from readiness_pipelines.drift.family import DEGREES, SHARE
from readiness_pipelines.drift.profile import LEAST_ROWS, ColumnKind, ColumnLayout, ColumnProfile, Layout, Profile
from readiness_pipelines.drift.statistics import binned, ks, psi
from readiness_pipelines.drift.statistics.jensen_shannon import jensen_shannon
from readiness_pipelines.drift.statistics.proportions import difference
from readiness_pipelines.drift.statistics.unseen import unseen
from readiness_pipelines.flow import Kind, Measurement, Test

_NO_ROWS = "no row of one side has a value"


def compared(watched: Sequence[Watched], layout: Layout, reference: Profile, window: Profile) -> Iterator[Measurement]:
    """Yield all that two profiles of `layout` say of the watched columns, in their order.

    Of numbers KS (a bracket, exact only where every bin has one value), PSI over the coarse bins and the nulls; of
    categories PSI over the categories and the nulls (rare ones, the others and unseen ones together), and what there is more of
    unseen ones than the reference lets expect (where it has not too many to tell); of every
    column that has a null on either side the change of the share of nulls. A label without a value is one that is not
    known yet: labels are compared by their known rows alone.
    """
    for column in watched:
        both = reference.columns[column.name], window.columns[column.name]
        bins = layout.by_column[column.name]
        if bins.kind is ColumnKind.NUMBER:
            yield _ks(column, bins, *both)
        yield _psi(column, bins, *both)
        if bins.kind is ColumnKind.CATEGORY and bins.known is not None:
            yield _unseen(column, bins, *both)
        if column.role is not Kind.LABEL and (both[0].nulls or both[1].nulls):
            yield _nulls(column, *both)


def exactly(column: Watched, measurement: Measurement, d: float, distance: float | None) -> Measurement:
    """Return the KS measurement with the D that was found in the rows, and their Wasserstein distance beside it."""
    if not _may_tell(column, measurement.n_reference, measurement.n_window):
        distance = None
    p = ks.p_value(d, measurement.n_reference, measurement.n_window)
    more = dict(measurement.more) | _finite({"wasserstein": distance})
    return replace(measurement, effect=d, p=p, effect_high=None, p_low=None, more=more)


def _ks(column: Watched, bins: ColumnLayout, a: ColumnProfile, b: ColumnProfile) -> Measurement:
    sides = {"reference": a, "window": b}
    told = {name: side for name, side in sides.items() if _may_tell(column, side.finite)}
    more = {f"mean_{name}": side.mean for name, side in told.items()} | {f"sd_{name}": side.sd for name, side in told.items()}
    found = ks.bracket(a.counts, b.counts, single=bins.single)
    if found is None:
        return Measurement(column.name, column.role, Test.KS, None, None, a.n, b.n, note=_NO_ROWS, more=_finite(more))
    low, high = found
    exact = Measurement(column.name, column.role, Test.KS, low, ks.p_value(low, a.n, b.n), a.n, b.n, more=_finite(more))
    return exact if low == high else replace(exact, effect_high=high, p_low=ks.p_value(high, a.n, b.n))


def _psi(column: Watched, bins: ColumnLayout, a: ColumnProfile, b: ColumnProfile) -> Measurement:
    known_only = column.role is Kind.LABEL
    n = (a.n, b.n) if known_only else (a.rows, b.rows)
    nulls = (0, 0) if known_only else (a.nulls, b.nulls)
    rows, beside = [bins.coarsened(side.counts) for side in (a, b)], [nulls]
    if bins.kind is ColumnKind.NUMBER:
        found = binned.numbers(*rows, nulls=nulls)
    else:
        beside += [(a.other, b.other), (0, b.unseen or 0)]
        found = binned.categories(*rows, other=(a.other, b.other), unseen=b.unseen or 0, nulls=nulls)
    if found is None:
        return Measurement(column.name, column.role, Test.PSI, None, None, *n, note=_NO_ROWS)
    every = [(*row, *(each[side] for each in beside)) for side, row in enumerate(rows)]
    more = {"jensen_shannon": jensen_shannon(*every), "psi": psi.psi(*every), DEGREES: float(found.degrees)}
    return Measurement(column.name, column.role, Test.PSI, found.effect, found.p, *n, more=_finite(more))


def _unseen(column: Watched, bins: ColumnLayout, a: ColumnProfile, b: ColumnProfile) -> Measurement:
    found = unseen(bins.singles, a.n, b.unseen or 0, b.n)
    if found is None:
        return Measurement(column.name, column.role, Test.UNSEEN, None, None, a.n, b.n, note=_NO_ROWS)
    more = {SHARE: bins.singles / a.n, "share_window": (b.unseen or 0) / b.n}
    return Measurement(column.name, column.role, Test.UNSEEN, max(0.0, found.change), found.p, a.n, b.n, more=more)


def _nulls(column: Watched, a: ColumnProfile, b: ColumnProfile) -> Measurement:
    found = difference(a.nulls, a.rows, b.nulls, b.rows)
    if found is None:
        return Measurement(column.name, Kind.MISSINGNESS, Test.NULLS, None, None, a.rows, b.rows, note=_NO_ROWS)
    more = {SHARE: a.nulls / a.rows, "share_window": b.nulls / b.rows}
    return Measurement(column.name, Kind.MISSINGNESS, Test.NULLS, abs(found.change), found.p, a.rows, b.rows, more=more)


def _may_tell(column: Watched, *rows: int) -> bool:
    """Return whether a moment of so many rows says nothing of one of them, or may."""
    return column.is_public or min(rows) >= LEAST_ROWS


def _finite(more: Mapping[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in more.items() if value is not None and math.isfinite(value)}
