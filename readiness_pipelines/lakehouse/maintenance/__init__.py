"""Maintenance: what nothing keeps goes, what lies in many files comes into one. No current row changes.

    compact -> mark versions expired in the ledger -> drop snapshots -> delete files

Each step is done before the next begins, and a later run takes up what an earlier one has left: after a kill, files are
left that nobody needs, never the other way round.
"""

from readiness_pipelines.lakehouse.maintenance.compaction import Compaction, compact
from readiness_pipelines.lakehouse.maintenance.deletion import Sweep, sweep
from readiness_pipelines.lakehouse.maintenance.expiry import expired_now
from readiness_pipelines.lakehouse.maintenance.removal import Removed, refuse_foreign, remove
from readiness_pipelines.lakehouse.maintenance.table import LEAST_HOURS, Maintained, maintain

__all__ = [
    "LEAST_HOURS",
    "Compaction",
    "Maintained",
    "Removed",
    "Sweep",
    "compact",
    "expired_now",
    "maintain",
    "refuse_foreign",
    "remove",
    "sweep",
]
