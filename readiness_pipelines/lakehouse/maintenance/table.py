"""The maintenance of one table, from beginning to end."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass

from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.lakehouse.catalog import Lakehouse
from readiness_pipelines.lakehouse.maintenance.compaction import compact, compactable, complete
from readiness_pipelines.lakehouse.maintenance.deletion import plan_sweep, sweep
from readiness_pipelines.lakehouse.maintenance.expiry import expired_now
from readiness_pipelines.lakehouse.maintenance.guards import refuse_elsewhere, refuse_unjudged
from readiness_pipelines.lakehouse.maintenance.references import references
from readiness_pipelines.lakehouse.snapshots import droppable, expire_snapshots
from readiness_pipelines.lakehouse.steps import reached

LEAST_HOURS = 1.0  # a file younger than that may be of a run that is about to publish it


@dataclass(frozen=True)
class Maintained:
    """What maintenance did to one table, or with `dry_run` would have done."""

    table: str
    compacted: int = 0
    expired: int = 0
    snapshots: int = 0
    files: int = 0
    orphans: int = 0
    bytes: int = 0
    young: int = 0


def maintain(
    lake: Lakehouse,
    table: str,
    *,
    keep_days: float,
    older_than_hours: float,
    now: datetime.datetime,
    dry_run: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Maintained:
    """Compact, expire and sweep one table (`<product>.<layer>.<name>`, or a quarantine); return what that came to.

    Nothing is changed with `dry_run`. A table that was never made needs nothing. Safe beside runs that publish, safe to
    kill, and a later run completes what this one leaves. `say` is told of every file and version that goes. `now` is UTC.
    Raises CatalogBehindLedger where the catalog cannot be believed, ReadinessError for `older_than_hours` under one, and
    where a file that is kept does not lie in the warehouse as it is set today; LedgerBehindCatalog where a version on `main`
    has no verdict. Nothing is changed then.
    """
    if older_than_hours < LEAST_HOURS:
        raise ReadinessError(f"found {older_than_hours:g} hours, expected at least {LEAST_HOURS:g}: longer than the longest run")
    iceberg = lake.find(table)
    if iceberg is None or iceberg.current_snapshot() is None:
        return Maintained(table)
    refuse_unjudged(lake, table, iceberg)
    refuse_elsewhere(lake, table, references(lake, table, released_before=now).kept)
    several = compactable(lake, table)
    if dry_run:
        expiring = expired_now(lake, table, keep_days=keep_days, now=now)
        dropping = droppable(lake, iceberg, table, newest=1)
        compacted = len(several)
    else:
        complete(lake, table)
        compacted = sum(compact(lake, each.version) is not None for each in several)
        expiring = expired_now(lake, table, keep_days=keep_days, now=now)
        lake.ledger.upkeep.record_expired(expiring)
        reached("expiry_recorded")
        dropping = [0] * expire_snapshots(lake, table)
        reached("snapshots_dropped")
    for version in expiring:
        say(f"expired {version}")
    plan = plan_sweep(
        lake,
        table,
        older_than_hours=older_than_hours,
        now=now,
        expiring=expiring if dry_run else (),
        dropping=dropping if dry_run else (),
    )
    gone = []
    for found in (*plan.expired, *plan.orphans) if dry_run else sweep(lake, plan):
        say(f"deleted {found.path} ({found.bytes:,} bytes)")
        gone.append(found)  # fewer than were planned, if a candidate was proposed with some again
    orphans = len({*gone} & {*plan.orphans})
    freed = sum(found.bytes for found in gone)
    return Maintained(table, compacted, len(expiring), len(dropping), len(gone) - orphans, orphans, freed, plan.young)
