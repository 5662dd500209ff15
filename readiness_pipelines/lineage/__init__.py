"""Where each column comes from."""

from readiness_pipelines.lineage.columns import column_lineage

__all__ = ["column_lineage"]
