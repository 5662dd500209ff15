"""Commits on Iceberg tables: tried on fresh metadata until they are in, or somebody else's made them pointless."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

from readiness_pipelines.errors import PublishConflict, ServiceUnreachable

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.02, 2.0  # full jitter: 8 writers of one table keep out of step
_PATIENCE_S, _PATIENCE_UNREACHABLE_S = 120.0, 45.0  # the latter outlasts a restart, and somebody who locks for 30 s
_BY_ANOTHER = ("sequence number", "Snapshot with snapshot id")
_UNDONE_BY_POSTGRESQL = ("40001", "40P01")  # serialization failure, deadlock: nothing of the transaction is there


@dataclass
class Attempts:
    """Attempts at one commit. Each turn of the loop must look at the table anew, because another writer was faster.

        for attempt in Attempts("publish ...", turn=partial(lake.ledger.committing, table)):
            with attempt.once(): ...

    An attempt that lost against another writer, or whose fate is unknown, is swallowed and the loop turns after a
    random wait; so the body must first check whether what it wants is already there, and leave the loop by `return`
    when it is done. Each attempt is made in its `turn`, so that our own writers of one table seldom lose. Any other error
    passes. Raises PublishConflict when two minutes of attempts were not enough, and
    ServiceUnreachable when the catalog could not be reached for most of one.
    """

    what: str
    turn: Callable[[], AbstractContextManager[None]] = nullcontext
    lost: int = 0
    _began: float = field(default_factory=time.monotonic)
    _unreachable: ServiceUnreachable | None = None

    def __iter__(self) -> Iterator[Attempts]:
        while True:
            yield self
            self._lose_patience(time.monotonic() - self._began)
            time.sleep(random.uniform(_FIRST_WAIT_S, min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** (self.lost + 1))))

    def _lose_patience(self, waited_s: float) -> None:
        if self._unreachable is not None and waited_s > _PATIENCE_UNREACHABLE_S:
            raise self._unreachable
        if waited_s > _PATIENCE_S:
            raise PublishConflict(f"{self.what}: lost against other writers {self.lost} times in {_PATIENCE_S:.0f} s; run it again")

    @contextmanager
    def once(self) -> Iterator[None]:
        """Run one attempt, in its turn: swallow exactly the errors that a turn of the loop on fresh metadata can mend."""
        try:
            with self.turn():
                yield
        except Exception as error:  # narrowed on the next line: one of them has no class of its own
            if not is_worth_repeating(error):
                raise
            self.lost += 1
            self._unreachable = error if isinstance(error, ServiceUnreachable) else None


def is_worth_repeating(error: Exception) -> bool:
    """Return whether the same commit may succeed on fresh metadata, or may have succeeded already.

    A ledger that cannot be reached is not: this process may have lost its turn with the connection.
    """
    from pyiceberg.exceptions import CommitFailedException, CommitStateUnknownException
    from sqlalchemy.exc import DBAPIError

    if isinstance(error, CommitFailedException | CommitStateUnknownException):
        return True
    if isinstance(error, ServiceUnreachable):
        return error.service == "catalog"
    if isinstance(error, DBAPIError):
        return getattr(error.orig, "pgcode", None) in _UNDONE_BY_POSTGRESQL
    # pyiceberg's bare ValueErrors when, since ours was loaded, another reference of the table was committed, or a snapshot
    # that ours would drop was dropped
    return type(error) is ValueError and any(words in str(error) for words in _BY_ANOTHER)
