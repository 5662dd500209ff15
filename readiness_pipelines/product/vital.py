"""Whether the process of a run still lives, and what follows for Dagster where it does not.

Dagster's default run launcher cannot tell: a run whose process was killed stays `STARTED` for ever, counts against the
concurrency limit, and nobody is told.
"""

from pathlib import Path

import dagster as dg

from readiness_pipelines.ledger.running import at_work, dead_for, is_at_work

__all__ = ["DEAD_SECONDS", "at_work", "bury", "dead_for", "is_at_work", "is_over"]

DEAD_SECONDS = 20  # a process of a run may die alone; its run is given this long to say so itself


def is_over(instance: dg.DagsterInstance, state: Path, run_id: str) -> bool:
    """Return whether a run does nothing any more: it has ended, or its process has died. Its lock is believed before Dagster.

    A run that this instance does not know (another's, or purged) is over unless it holds its lock.
    """
    if is_at_work(state, run_id):
        return False
    run = instance.get_run_by_id(run_id)
    return run is None or run.is_finished or (dead_for(state, run_id) or 0.0) >= DEAD_SECONDS


def bury(instance: dg.DagsterInstance, state: Path) -> list[str]:
    """Mark runs as failed whose process has died; return their ids. Dagster's own failure hooks and our incidents follow."""
    buried = []
    for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING])):
        known = dead_for(state, run.run_id)
        if known is None or known < DEAD_SECONDS:
            continue
        instance.report_run_failed(run, "The process of this run has died (killed, out of memory, or its host went down).")
        for name in (run.run_id, f"{run.run_id}.dead"):
            (state / "running" / name).unlink(missing_ok=True)
        buried.append(run.run_id)
    return buried
