"""What windows are compared with: how a reference comes to be, and how it is kept.

A range of days is resolved once, to the versions that were admitted when all of it had been run, and stays what it is
until the declaration or a person says otherwise. Its versions are pinned, so that they never expire. The previous window
is another reference for each window, and a training set is registered by whoever promotes the model.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from readiness_pipelines.declarations import Product
from readiness_pipelines.declarations.drift import ReferenceRange
from readiness_pipelines.declarations.monitors import Monitor
from readiness_pipelines.drift.profile import Layout
from readiness_pipelines.drift.rows import compared_rows
from readiness_pipelines.drift.sums import Sums
from readiness_pipelines.drift.windows import partitions_of, window_of_range
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import Reference, TableVersion, TrainingSet, Window, digest
from readiness_pipelines.lakehouse import Lakehouse, pin, pins, reached, unpin
from readiness_pipelines.layers import StandingKind, Standings
from readiness_pipelines.ledger.drift import Registered

_MEANING = 1  # one more whenever the same rows give other numbers: what was measured before is then another event
COMPLETE = "the range is complete, and nothing has been measured yet"
CHANGED = "it was declared otherwise when it was measured; `readiness drift measure` measures every window as it is declared now"
READY = (COMPLETE, CHANGED)  # there can be a reference, and whoever measures registers it
DECLARED = "declared"  # by whom a range is registered that nobody registered


@dataclass(frozen=True)
class Waiting:
    """There is no reference yet, or nothing to compare with it, and why: a sentence."""

    why: str


def admitted(lake: Lakehouse, monitor: Monitor, partitions: Sequence[str]) -> tuple[TableVersion, ...]:
    """Return the current versions of those of the partitions that have one with rows, oldest first."""
    current = lake.ledger.current_versions(monitor.table.full_name, partitions)
    return tuple(current[key] for key in partitions if key in current and not current[key].is_nothing)


def newest_decided(lake: Lakehouse, monitor: Monitor) -> str | None:
    """Return the newest partition of the monitor's table that any verdict is about, None if there is none."""
    return max(lake.ledger.latest_outcomes(monitor.table.full_name), default=None)


def reference_of(monitor: Monitor, name: str, versions: Sequence[TableVersion], layout: Layout) -> Reference:
    """Return the reference that these versions are for the monitor as it is declared now."""
    return Reference(_id(monitor, versions, layout.id), name, tuple(versions), layout.id)


def as_measured_now(monitor: Monitor, registered: Registered) -> Reference:
    """Return the registered reference under the id that it has by today's statistics."""
    return replace(registered.reference, id=_id(monitor, registered.reference.versions, registered.reference.layout))


def is_of(reference: Reference, monitor: Monitor, versions: Sequence[TableVersion]) -> bool:
    """Return whether a reference that was used before is what these versions are for the monitor as it is declared now."""
    return reference.id == _id(monitor, versions, reference.layout)


def layout_from(lake: Lakehouse, monitor: Monitor, versions: Sequence[TableVersion]) -> Layout:
    """Return the bins that the rows of these versions give the watched columns. The same versions give the same."""
    from readiness_pipelines.drift.layout import layout_of

    told = [column.name for column in monitor.columns if column.is_public]
    categories = [column.name for column in monitor.columns if column.kind == "category"]
    with lake.connect() as con:
        rows = compared_rows(lake, monitor, versions)
        return layout_of(con, rows, [column.name for column in monitor.columns], told=told, as_categories=categories)


def standing(product: Product, lake: Lakehouse, monitor: Monitor, *, now: datetime.datetime) -> Registered | Waiting:
    """Return the monitor's registered reference, or what it waits for. Nothing is changed.

    A range waits until its last partition, or a newer one, was decided, none of its partitions is there to be run by `now`
    (UTC), and it has enough rows; what is held or missing is not waited for. Of a monitor that is compared with the previous
    window it is always Waiting: each window has its own.
    """
    registered = lake.ledger.drift.reference(product.name, monitor.name)
    if registered is not None and registered.declared == monitor.measuring:
        return registered
    said = monitor.words.reference
    if said == "training_set":
        return Waiting("no training set has been registered")
    if isinstance(said, str):
        return Waiting("each window is compared with the one before")
    range_ = window_of_range(product, said)
    why = (
        _not_over(lake, monitor, range_)
        or _not_run(product, lake, monitor, range_, now)
        or _too_few(product, lake, monitor, range_)
    )
    return why or Waiting(COMPLETE if registered is None else CHANGED)


def fixed(product: Product, lake: Lakehouse, monitor: Monitor, *, now: datetime.datetime) -> Registered | Waiting:
    """Return what `standing` does; a range that is complete is registered here, if nobody has.

    Safe to kill, to repeat and for several at once.
    """
    said = monitor.words.reference
    found = standing(product, lake, monitor, now=now)
    if isinstance(found, Registered) or found.why not in READY or not isinstance(said, ReferenceRange):
        return found
    with turn(lake, monitor):
        found = standing(product, lake, monitor, now=now)  # somebody else may have had the turn before
        if isinstance(found, Registered) or found.why not in READY:
            return found
        return _register(product, lake, monitor, said, by=DECLARED, reason="the range was complete")


def register(product: Product, lake: Lakehouse, monitor: str, *, by: str, reason: str) -> Registered:
    """Take what is admitted of the declared range now for the monitor's reference, and say who wants so, and why.

    Partitions that were never run are not waited for. From then on windows are other events: those that are measured again
    supersede what was measured of them before.
    Raises ReadinessError for no such monitor or one without a declared range, for a range that is not complete or has too few
    rows, and where nobody or nothing is said for it.
    """
    (watched,) = monitors_of(product, monitor)
    said = watched.words.reference
    if not by.strip() or not reason.strip():
        raise ReadinessError("found no name or no reason, expected who registers the reference and why")
    if not isinstance(said, ReferenceRange):
        raise ReadinessError(f"{product.name}/{monitor} is compared with {said}, expected a range of days to register anew")
    range_ = window_of_range(product, said)
    if why := _not_over(lake, watched, range_) or _too_few(product, lake, watched, range_):
        raise ReadinessError(f"{product.name}/{monitor} cannot have its reference now: {why.why}")
    with turn(lake, watched):
        return _register(product, lake, watched, said, by=by, reason=reason)


def register_training_set(
    product: Product, lake: Lakehouse, training_set: TrainingSet, *, by: str, reason: str
) -> tuple[Registered, ...]:
    """Make what a model was trained on the reference of each monitor that is compared with the training set; return them.

    Of a table that the training set was read from: its versions of the partitions that were trained on, which its own pin keeps
    although they may be superseded by now. Of another table: what is admitted now of these partitions; where nothing is, the
    monitor keeps what it has. A monitor whose reference is of this training set already is left as it is. Safe to kill and to
    repeat.
    """
    found = []
    for monitor in (each for each in product.monitors if each.words.reference == "training_set"):
        with turn(lake, monitor):
            registered = _of_training_set(product, lake, monitor, training_set, by=by, reason=reason)
        if registered is not None:
            found.append(registered)
    return tuple(found)


def monitors_of(product: Product, name: str | None) -> Sequence[Monitor]:
    """Return the monitor of this name, or all of the product. Raises ReadinessError for no such monitor, or none at all."""
    found = [each for each in product.monitors if name in (None, each.name)]
    if not found:
        there = ", ".join(each.name for each in product.monitors)
        named = f"{name!r}, expected one of: {there}" if there else "at all, expected `drift:` in its defs.yaml"
        raise ReadinessError(f"{product.name}: found no monitor {named}")
    return found


def turn(lake: Lakehouse, monitor: Monitor) -> AbstractContextManager[None]:
    """Wait until nobody else records or registers anything of this monitor, and keep others out meanwhile."""
    return lake.ledger.alone(f"{monitor.product}.drift.{monitor.name}", "")


def changed(product: Product, lake: Lakehouse, monitor: Monitor, reference: Reference) -> tuple[str, ...]:
    """Say what of a reference is not what is admitted now, and what of its range is admitted and no part of it."""
    said, known = monitor.words.reference, {version.partition: version.version_key for version in reference.versions}
    in_range = partitions_of(product, window_of_range(product, said)) if isinstance(said, ReferenceRange) else []
    current = {v.partition: v.version_key for v in admitted(lake, monitor, sorted({*in_range, *known}))}
    old = [partition for partition, key in known.items() if current.get(partition) != key]
    new = [partition for partition in current if partition not in known]
    notes = []
    if old:
        notes.append(
            f"the reference has {_first_of(old)} in a version that is not current any more; it stays until registered anew"
        )
    if new:
        notes.append(f"the reference lacks {_first_of(new)}, admitted after it was registered; it stays until registered anew")
    return tuple(notes)


def _first_of(partitions: Sequence[str]) -> str:
    more = f" and {len(partitions) - 1} more" if len(partitions) > 1 else ""
    return f"{partitions[0]}{more}"


def _of_training_set(
    product: Product, lake: Lakehouse, monitor: Monitor, training_set: TrainingSet, *, by: str, reason: str
) -> Registered | None:
    name = f"training set {training_set.id[:12]}"
    known = lake.ledger.drift.reference(product.name, monitor.name)
    if known is not None and (known.declared, known.reference.name) == (monitor.measuring, name):
        return known
    partitions = training_set.trained_on
    own = tuple(v for v in training_set.versions if v.table == monitor.table.full_name and v.partition in partitions)
    versions = own or admitted(lake, monitor, partitions)
    return _taken(lake, monitor, versions, name=name, by=by, reason=reason, pinned=bool(own)) if versions else None


def _register(product: Product, lake: Lakehouse, monitor: Monitor, said: ReferenceRange, *, by: str, reason: str) -> Registered:
    """Register what is admitted of a range. The caller is alone with the monitor."""
    range_ = window_of_range(product, said)
    versions = admitted(lake, monitor, partitions_of(product, range_))
    partitions = len(partitions_of(product, range_))
    part = f", {len(versions)} of {partitions} partitions" if len(versions) < partitions else ""
    return _taken(lake, monitor, versions, name=f"{range_}{part}", by=by, reason=reason)


def _taken(
    lake: Lakehouse, monitor: Monitor, versions: Sequence[TableVersion], *, name: str, by: str, reason: str, pinned: bool = False
) -> Registered:
    """Pin, read, register, and let go of what the monitor had before. The caller is alone with the monitor.

    `pinned`: somebody else keeps these versions, who need not be current any more, for as long as they are the reference.
    """
    table = monitor.table.full_name
    own = f"{_pins_of(monitor)}{digest([str(version) for version in versions])[:12]}"
    if not pinned:
        pin(lake, versions, name=own)
    reached("reference_pinned")
    layout = layout_from(lake, monitor, versions)
    Sums(lake, monitor).of(layout, versions)  # keeps the layout too, so that whoever finds the reference finds its bins
    before = lake.ledger.drift.reference(monitor.product, monitor.name)
    reference = reference_of(monitor, name, versions, layout)
    registered = Registered(monitor.product, monitor.name, monitor.measuring, reference, reason, by)
    lake.ledger.drift.register(registered)
    reached("reference_registered")
    for table_before in {table, *((version.table for version in before.reference.versions) if before else ())}:
        for other in pins(lake, table_before):
            if other.startswith(_pins_of(monitor)) and (pinned or (table_before, other) != (table, own)):
                unpin(lake, table_before, name=other)
    return registered


def _not_over(lake: Lakehouse, monitor: Monitor, range_: Window) -> Waiting | None:
    newest = newest_decided(lake, monitor)
    if newest is not None and newest >= range_.last:
        return None
    return Waiting(f"its reference {range_} is complete when {range_.last} has been run; the newest is {newest or 'none'}")


def _not_run(product: Product, lake: Lakehouse, monitor: Monitor, range_: Window, now: datetime.datetime) -> Waiting | None:
    """Wait for what was not run and could be: windows must not be compared with a part of the range for ever."""
    decided, standings = lake.ledger.latest_outcomes(monitor.table.full_name), Standings(product, lake, now=now)
    undecided = [key for key in partitions_of(product, range_) if key not in decided]
    absent = [key for key in undecided if standings.of(monitor.table.name, key).kind is StandingKind.ABSENT]
    return Waiting(f"its reference {range_} waits for {_first_of(absent)} to be run") if absent else None


def _too_few(product: Product, lake: Lakehouse, monitor: Monitor, range_: Window) -> Waiting | None:
    rows = sum(_rows(lake, version) for version in admitted(lake, monitor, partitions_of(product, range_)))
    if rows >= monitor.words.min_rows:
        return None
    return Waiting(f"its reference {range_} has {rows:,} admitted rows, and must have {monitor.words.min_rows:,} (min_rows)")


def _rows(lake: Lakehouse, version: TableVersion) -> int:
    verdict = lake.ledger.verdict_of(version.table, version.partition, version.version_key)
    return verdict.counts.admitted if verdict is not None else 0


def _id(monitor: Monitor, versions: Sequence[TableVersion], layout: str) -> str:
    keys = [[version.partition, version.version_key] for version in versions]
    return digest(_MEANING, monitor.product, monitor.name, monitor.measuring, keys, layout)


def _pins_of(monitor: Monitor) -> str:
    return f"drift-{monitor.product}-{monitor.name}-"
