"""What somebody has to look at: opened once, told once to the owner, resolved when it is right again."""

from readiness_pipelines.incidents.alert import send
from readiness_pipelines.incidents.watch import Changes, reconcile, reconcile_drift, reconcile_waits

__all__ = ["Changes", "reconcile", "reconcile_drift", "reconcile_waits", "send"]
