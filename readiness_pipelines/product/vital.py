"""Whether the process of a run still lives: it holds a file locked for as long as it works.

Dagster's default run launcher cannot tell: a run whose process was killed stays `STARTED` for ever, counts against the
concurrency limit, and nobody is told. The system lets go of a lock when its holder dies, however it dies. State lies on
a local disk, so the lock is a local one.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

DEAD_SECONDS = 20  # a process of a run may die alone; its run is given this long to say so itself


@contextlib.contextmanager
def at_work(state: Path, run_id: str) -> Iterator[None]:
    """Hold the run's file locked until the end of the block, then remove it."""
    folder = state / "running"
    folder.mkdir(parents=True, exist_ok=True)
    path, unborn = folder / run_id, folder / f".{run_id}-{os.getpid()}"
    with unborn.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        unborn.rename(path)  # only now: a file of that name is never seen unlocked while its run lives
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def dead_for(state: Path, run_id: str) -> float | None:
    """Return for how many seconds it has been known that the run's process is dead, or None if it lives or never worked."""
    path, found_dead = state / "running" / run_id, state / "running" / f"{run_id}.dead"
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not found_dead.exists():
                found_dead.touch()
            return time.time() - found_dead.stat().st_mtime
    except (FileNotFoundError, BlockingIOError):
        return None


def is_over(instance: dg.DagsterInstance, state: Path, run_id: str) -> bool:
    """Return whether a run does nothing any more: it has ended, or its process has died. Its lock is believed before Dagster.

    A run that this instance does not know (another's, or purged) is over unless it holds its lock.
    """
    if is_at_work(state, run_id):
        return False
    run = instance.get_run_by_id(run_id)
    return run is None or run.is_finished or (dead_for(state, run_id) or 0.0) >= DEAD_SECONDS


def is_at_work(state: Path, run_id: str) -> bool:
    """Return whether the run's process lives, and is between the beginning and the end of its work."""
    try:
        with (state / "running" / run_id).open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True


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
