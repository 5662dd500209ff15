"""Runs, artifacts and aliases in MLflow: the only module that knows it. The ledger is the truth; MLflow follows."""

from __future__ import annotations

from typing import Any

from readiness_pipelines.settings import Settings


def client(settings: Settings) -> Any:
    """Return MLflow's client for the tracking server of these settings."""
    import mlflow

    return mlflow.MlflowClient(f"sqlite:///{settings.state / 'mlflow.db'}")
