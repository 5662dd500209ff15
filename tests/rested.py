"""Time that passes for Dagster's runs, and for nothing else."""

from __future__ import annotations

import dagster as dg
import sqlalchemy as sa


def let_be_older(instance: dg.DagsterInstance, minutes: int) -> None:
    """Let every run of the instance, whose storage is SQLite, have been created so many minutes earlier."""
    _shift(instance, "create_timestamp", minutes)


def let_pass(instance: dg.DagsterInstance, minutes: int) -> None:
    """Let every run of the instance, whose storage is SQLite, have changed last so many minutes earlier."""
    _shift(instance, "update_timestamp", minutes)


def _shift(instance: dg.DagsterInstance, column: str, minutes: int) -> None:
    earlier = sa.text(f"UPDATE runs SET {column} = datetime({column}, :by)")
    with instance.run_storage.connect() as connection:  # type: ignore[attr-defined]  # of every SQL storage
        connection.execute(earlier, {"by": f"-{minutes} minutes"})
