"""One process at a time in one step: from what it reads to what it publishes, the ledger must not move under it."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def alone(state: Path, table: str, partition: str) -> Iterator[None]:
    """Wait until no other process or thread is in the step of this partition of this table, and keep others out until the end.

    The lock is a local one (state lies on a local disk), and the system lets go of it when its holder dies. There are
    1,024 files at most: two steps that share one by chance only wait for each other.
    """
    folder = state / "steps"
    folder.mkdir(parents=True, exist_ok=True)
    place = int(hashlib.sha256(f"{table}/{partition}".encode()).hexdigest(), 16) % 1024
    with (folder / f"{place:04d}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
