"""Where things live. The only module that reads the environment.

| variable | meaning | default |
|---|---|---|
| `READINESS_STATE` | folder of archive, locks, Dagster instance, and of what is not placed elsewhere | `.readiness` |
| `READINESS_CATALOG` | SQLAlchemy URL of the Iceberg catalog (`postgresql+psycopg2://...`) | `catalog.db` in the state folder |
| `READINESS_LEDGER` | SQLAlchemy URL of the ledger's database | `ledger.db` in the state folder |
| `READINESS_WAREHOUSE` | where tables and staged files lie: `s3://bucket/prefix`, or a folder | `warehouse` in the state folder |
| `READINESS_MLFLOW` | MLflow's tracking URI (`https://...`) | `mlflow.db` in the state folder, artifacts beside it in `mlflow` |
| `READINESS_LANDING` | folder that feeds' file patterns are relative to | `data/landing` |
| `READINESS_ERASURE_KEY` | secret under which erased subjects are hashed | `erasure.key` in the state folder, made on first use |
| `READINESS_MEMORY` | DuckDB's memory limit, in DuckDB's words (`1GB`) | DuckDB's own |

Relative paths are relative to the working directory. An S3 warehouse is reached as AWS's own tools reach theirs: keys by
`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` (or a profile, or the host's role), `AWS_REGION`, and `AWS_ENDPOINT_URL_S3`
or `AWS_ENDPOINT_URL` for a store that is not Amazon's.
"""

from __future__ import annotations

import os
import string
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")  # in AWS's own order


def with_variables(text: str) -> str:
    """Return `text` with each $NAME replaced by that environment variable. Raises KeyError naming one that is not set."""
    return string.Template(text).substitute(os.environ)


@dataclass(frozen=True)
class Settings:
    """Resolved, absolute places. Nothing is created by making one, and none of them is a password when it is shown."""

    state: Path
    landing: Path
    duckdb_memory: str | None = None
    catalog_url: str | None = field(default=None, repr=False)  # these may hold a password
    ledger_url: str | None = field(default=None, repr=False)
    mlflow_uri: str | None = field(default=None, repr=False)
    warehouse_uri: str | None = None
    s3_endpoint: str | None = None
    erasure_key: str | None = field(default=None, repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        env = os.environ if environment is None else environment
        return cls(
            state=_real(env.get("READINESS_STATE") or ".readiness"),
            landing=Path(env.get("READINESS_LANDING") or "data/landing").absolute(),
            duckdb_memory=env.get("READINESS_MEMORY") or None,
            catalog_url=env.get("READINESS_CATALOG") or None,
            ledger_url=env.get("READINESS_LEDGER") or None,
            mlflow_uri=env.get("READINESS_MLFLOW") or None,
            warehouse_uri=env.get("READINESS_WAREHOUSE") or None,
            erasure_key=env.get("READINESS_ERASURE_KEY") or None,
            s3_endpoint=next((env[name] for name in _ENDPOINTS if env.get(name)), None),
        )

    def replaced(self, *, state: str | None = None, landing: str | None = None) -> Settings:
        """Return these settings with the given folders in their place."""
        return replace(
            self,
            state=self.state if state is None else _real(state),
            landing=self.landing if landing is None else Path(landing).absolute(),
        )

    @property
    def warehouse(self) -> str:
        """The warehouse: a real path, or a URI, without a slash at the end."""
        found = str(self.state / "warehouse") if self.warehouse_uri is None else self.warehouse_uri
        return (found if "://" in found else str(_real(found))).rstrip("/")

    @property
    def catalog_file(self) -> Path:
        """The catalog, unless `catalog_url` places it elsewhere."""
        return self.state / "catalog.db"

    @property
    def ledger_file(self) -> Path:
        """The ledger, unless `ledger_url` places it elsewhere."""
        return self.state / "ledger.db"

    @property
    def mlflow(self) -> str:
        """MLflow's tracking URI."""
        return self.mlflow_uri or f"sqlite:///{self.state / 'mlflow.db'}"

    @property
    def mlflow_artifacts(self) -> Path:
        """Where models and cards lie, unless a tracking server keeps them."""
        return self.state / "mlflow"

    @property
    def archive(self) -> Path:
        return self.state / "archive"

    @property
    def staging(self) -> str:
        """Staged files live inside the warehouse, so that publishing needs no copy."""
        return f"{self.warehouse}/_staged"

    @property
    def dagster_home(self) -> Path:
        return self.state / "dagster"


def _real(path: str) -> Path:
    """Return the absolute path without `..` and links: a place has one spelling, and what is kept under it too."""
    return Path(os.path.realpath(path))
