"""Commits on Iceberg tables: tried on fresh metadata until they are in, or somebody else's made them pointless."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from readiness_pipelines.errors import PublishConflict

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.02, 2.0  # full jitter: 8 writers of one table keep out of step
_PATIENCE_S = 120.0


@dataclass
class Attempts:
    """Attempts at one commit. Each turn of the loop must look at the table anew, because another writer was faster.

        for attempt in Attempts("publish ..."):
            with attempt.once(): ...

    An attempt that lost against another writer, or whose fate is unknown, is swallowed and the loop turns after a
    random wait; so the body must first check whether what it wants is already there, and leave the loop by `return`
    when it is done. Any other error passes. Raises PublishConflict when two minutes of attempts were not enough.
    """

    what: str
    _deadline: float = field(default_factory=lambda: time.monotonic() + _PATIENCE_S)
    lost: int = 0

    def __iter__(self) -> Iterator[Attempts]:
        while True:
            yield self
            if time.monotonic() > self._deadline:
                raise PublishConflict(
                    f"{self.what}: lost against other writers {self.lost} times in {_PATIENCE_S:.0f} s; run it again"
                )
            time.sleep(random.uniform(_FIRST_WAIT_S, min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** (self.lost + 1))))

    @contextmanager
    def once(self) -> Iterator[None]:
        """Run one attempt: swallow exactly the errors that a turn of the loop on fresh metadata can mend."""
        try:
            yield
        except Exception as error:  # narrowed on the next line: one of them has no class of its own
            if not is_worth_repeating(error):
                raise
            self.lost += 1


def is_worth_repeating(error: Exception) -> bool:
    """Return whether the same commit may succeed on fresh metadata, or may have succeeded already."""
    from pyiceberg.exceptions import CommitFailedException, CommitStateUnknownException
    from sqlalchemy.exc import OperationalError

    if isinstance(error, CommitFailedException | CommitStateUnknownException):
        return True
    if isinstance(error, OperationalError):
        return isinstance(error.orig, sqlite3.OperationalError) and "locked" in str(error.orig)
    # pyiceberg's bare ValueError when another reference of the table was committed since ours was loaded
    return type(error) is ValueError and "sequence number" in str(error)
