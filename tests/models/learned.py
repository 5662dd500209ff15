"""Rows with a label that can be learned, and a product's model over them, without a product."""

from __future__ import annotations

from readiness_pipelines.declarations.drift import Drift  # noqa: F401
