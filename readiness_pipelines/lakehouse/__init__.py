"""Iceberg tables and DuckDB: stage, publish, read. The only package that imports pyiceberg, and only when used."""

from readiness_pipelines.lakehouse.catalog import Lakehouse
from readiness_pipelines.lakehouse.files import are_there
from readiness_pipelines.lakehouse.pins import pin, pins, unpin
from readiness_pipelines.lakehouse.publish import publish, recover
from readiness_pipelines.lakehouse.quarantine import quarantined, write_quarantine
from readiness_pipelines.lakehouse.read import file_list, files_on_main, relation
from readiness_pipelines.lakehouse.stage import stage
from readiness_pipelines.lakehouse.steps import reached
from readiness_pipelines.lakehouse.tables import ColumnSpec, TableSpec, ensure_table

__all__ = [
    "ColumnSpec",
    "Lakehouse",
    "TableSpec",
    "are_there",
    "ensure_table",
    "file_list",
    "files_on_main",
    "pin",
    "pins",
    "publish",
    "quarantined",
    "reached",
    "recover",
    "relation",
    "stage",
    "unpin",
    "write_quarantine",
]
