"""One disagreement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """What disagrees: where, what was found, what to do. `repair` mends it where that is safe, else None."""

    where: str
    found: str
    todo: str
    repair: Callable[[], None] | None = None

    def __str__(self) -> str:
        return f"{self.where}: {self.found}; {'readiness doctor --repair ' if self.repair else ''}{self.todo}"


def run_again(table: str, partition: str) -> str:
    """Return what to do where another run of the partition mends it: the command, as it can be given to a shell."""
    product = table.partition(".")[0]
    return f"run the partition again: readiness backfill {product} --again --from {partition} --to {partition}"
