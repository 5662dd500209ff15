"""Whether the process of a run still lives: it holds a file locked for as long as it works.

The system lets go of a lock when its holder dies, however it dies. State lies on a local disk, so the lock is a local one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path


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
