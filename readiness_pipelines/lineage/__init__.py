"""Where each column comes from, as values and as a picture."""

from readiness_pipelines.lineage.columns import column_lineage
from readiness_pipelines.lineage.picture import Box, lineage_picture

__all__ = ["Box", "column_lineage", "lineage_picture"]
