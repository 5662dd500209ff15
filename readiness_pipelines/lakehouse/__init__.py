"""Iceberg tables and DuckDB: stage, publish, read. The only package that imports pyiceberg, and only when used."""

from readiness_pipelines.lakehouse.catalog import Lakehouse
from readiness_pipelines.lakehouse.publish import publish, recover
from readiness_pipelines.lakehouse.quarantine import quarantined, write_quarantine
from readiness_pipelines.lakehouse.read import file_list, relation
from readiness_pipelines.lakehouse.stage import stage
from readiness_pipelines.lakehouse.steps import reached
from readiness_pipelines.lakehouse.tables import ColumnSpec, TableSpec, ensure_table

__all__ = [
    "ColumnSpec",
    "Lakehouse",
    "TableSpec",
    "ensure_table",
    "file_list",
    "publish",
    "quarantined",
    "reached",
    "recover",
    "relation",
    "stage",
    "write_quarantine",
]
