"""Time that passes for Dagster's runs, and for nothing else."""

from __future__ import annotations

import dagster as dg
import sqlalchemy as sa


def let_pass(instance: dg.DagsterInstance, minutes: int) -> None:
    """Let every run of the instance, whose storage is SQLite, have changed last so many minutes earlier."""
    earlier = sa.text("UPDATE runs SET update_timestamp = datetime(update_timestamp, :by)")
    with instance.run_storage.connect() as connection:  # type: ignore[attr-defined]  # of every SQL storage
        connection.execute(earlier, {"by": f"-{minutes} minutes"})
