"""Where things live. The only module that reads the environment.

| variable | meaning | default |
|---|---|---|
| `READINESS_STATE` | folder of catalog, warehouse, archive, ledger and the Dagster instance | `.readiness` |
| `READINESS_LANDING` | folder that feeds' file patterns are relative to | `data/landing` |
| `READINESS_MEMORY` | DuckDB's memory limit, in DuckDB's words (`1GB`) | DuckDB's own |

Relative paths are relative to the working directory.
"""

from __future__ import annotations

import os
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


def with_variables(text: str) -> str:
    """Return `text` with each $NAME replaced by that environment variable. Raises KeyError naming one that is not set."""
    return string.Template(text).substitute(os.environ)


@dataclass(frozen=True)
class Settings:
    """Resolved, absolute places. Nothing is created by making one."""

    state: Path
    landing: Path
    duckdb_memory: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        env = os.environ if environment is None else environment
        return cls(
            state=Path(env.get("READINESS_STATE", ".readiness")).absolute(),
            landing=Path(env.get("READINESS_LANDING", "data/landing")).absolute(),
            duckdb_memory=env.get("READINESS_MEMORY"),
        )

    def replaced(self, given: Mapping[str, str]) -> Settings:
        """Return these settings with the variables in `given` put in their place."""
        mine = {"READINESS_STATE": str(self.state), "READINESS_LANDING": str(self.landing)}
        if self.duckdb_memory:
            mine["READINESS_MEMORY"] = self.duckdb_memory
        return Settings.from_environment({**mine, **given})

    @property
    def warehouse(self) -> Path:
        return self.state / "warehouse"

    @property
    def catalog_file(self) -> Path:
        return self.state / "catalog.db"

    @property
    def ledger_file(self) -> Path:
        return self.state / "ledger.db"

    @property
    def archive(self) -> Path:
        return self.state / "archive"

    @property
    def staging(self) -> Path:
        """Staged files live inside the warehouse's filesystem, so that publishing needs no copy."""
        return self.state / "warehouse" / "_staged"

    @property
    def dagster_home(self) -> Path:
        return self.state / "dagster"
