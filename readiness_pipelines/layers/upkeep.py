"""The maintenance of a product: every table of it and every quarantine, one after the other, and its profiles of drift."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator

from readiness_pipelines.declarations import Product
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.lakehouse.maintenance import Maintained, maintain
from readiness_pipelines.lakehouse.profiles import profiles_table
from readiness_pipelines.lakehouse.quarantine import quarantine_table

KEEP_DAYS = 30  # where the contract has no retention
OLDER_THAN_HOURS = 24.0


def keep_days_of(product: Product) -> float:
    """Return for how many days a superseded version is kept: the contract's `retention`, else 30."""
    declared = product.contract.retention_days
    return KEEP_DAYS if declared is None else declared


def maintain_product(
    product: Product,
    lake: Lakehouse,
    *,
    now: datetime.datetime,
    keep_days: float | None = None,
    older_than_hours: float = OLDER_THAN_HOURS,
    dry_run: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Maintained]:
    """Maintain each table of the product and yield what that came to. `keep_days` is the contract's retention by default."""
    lake.require_catalog()
    days = keep_days_of(product) if keep_days is None else keep_days
    tables = [name for declared in product.tables for name in (declared.full_name, quarantine_table(declared.full_name))]
    for table in (*tables, profiles_table(product.name)):
        yield maintain(lake, table, keep_days=days, older_than_hours=older_than_hours, now=now, dry_run=dry_run, say=say)


def in_words(done: list[Maintained]) -> dict[str, int]:
    """Return the totals of several tables, by what a reader calls them."""
    return {
        "partitions_compacted": sum(each.compacted for each in done),
        "versions_expired": sum(each.expired for each in done),
        "snapshots_dropped": sum(each.snapshots for each in done),
        "files_deleted": sum(each.files + each.orphans for each in done),
        "bytes_freed": sum(each.bytes for each in done),
    }
