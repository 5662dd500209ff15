"""When maintenance must not touch a table: where what is kept cannot be told from what is not, nothing goes."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from readiness_pipelines.errors import BrokenInvariant, LedgerBehindCatalog, ReadinessError
from readiness_pipelines.lakehouse.catalog import Lakehouse
from readiness_pipelines.lakehouse.maintenance.places import is_quarantine
from readiness_pipelines.lakehouse.maintenance.references import current_paths
from readiness_pipelines.lakehouse.snapshots import unsettled

if TYPE_CHECKING:
    from pyiceberg.table import Table


def refuse_elsewhere(lake: Lakehouse, table: str, kept: Collection[str]) -> None:
    """Raise ReadinessError if a file of `kept` is not in the warehouse as it is set today.

    What is named by a way that today's settings do not know cannot be told from what nothing refers to.
    """
    if elsewhere := sorted(path for path in kept if not lake.storage.holds(path)):
        raise ReadinessError(
            f"{table}: {len(elsewhere)} files that are kept do not lie in the warehouse {lake.settings.warehouse}, such as "
            f"{elsewhere[0]}; nothing was deleted: set READINESS_STATE and READINESS_WAREHOUSE as when they were written"
        )


def refuse_unjudged(lake: Lakehouse, table: str, iceberg: Table) -> None:
    """Raise LedgerBehindCatalog if the ledger has no verdict about a version on `main`: then it names too few files as kept."""
    if is_quarantine(iceberg):
        return
    current = lake.ledger.current_versions(table)
    current |= {version.partition: version for version in unsettled(lake, iceberg, table)}
    if wrong := lake.ledger.upkeep.unjudged(list(current.values())):
        raise LedgerBehindCatalog(
            f"{table}: the ledger has no verdict about {len(wrong)} versions on main, such as {wrong[0]}: it is an older copy, "
            "or was lost; nothing was changed: put it back from its backup, `readiness doctor` says what is wrong"
        )


def refuse_current(lake: Lakehouse, table: str, going: Collection[str]) -> None:
    """Raise BrokenInvariant if a file of `main`, as it is now, is among those that go: the last guard, beside the plan's own."""
    if wrong := sorted(current_paths(lake.load(table)).intersection(going)):
        raise BrokenInvariant(
            f"{table}: {len(wrong)} files of main were to be deleted, such as {wrong[0]}; nothing was: please report this"
        )
