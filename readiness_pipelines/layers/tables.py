"""The Iceberg table behind a declared table: our system columns, then the contract's."""

from __future__ import annotations

from readiness_pipelines.contracts.types import iceberg_type
from readiness_pipelines.declarations import Gold, TableDeclaration
from readiness_pipelines.lakehouse import ColumnSpec, Lakehouse, TableSpec, ensure_table

_ID = (
    ColumnSpec("row_id", "string", doc="names this row for ever"),
    ColumnSpec("partition_key", "string", doc="the partition this row was delivered for"),
)
_PROVENANCE = (
    ColumnSpec("delivery_sha256", "string", doc="sha256 of the delivered file"),
    ColumnSpec("delivery_name", "string", doc="name it was delivered under"),
    ColumnSpec("record_number", "long", doc="1-based number of the record in the file, header not counted"),
    ColumnSpec("received_at", "string", doc="UTC time of arrival, ISO 8601"),
)
_SOURCE = (ColumnSpec("source_row_id", "string", doc="row_id of the one input row this row was made from"),)


def spec(table: TableDeclaration) -> TableSpec:
    """Return the Iceberg table's columns, in order."""
    system: tuple[ColumnSpec, ...] = _ID
    if table.layer == "bronze":
        system += _PROVENANCE
    if isinstance(table, Gold) and table.carries_source_row_id:
        system += _SOURCE
    declared = tuple(ColumnSpec(c.name, iceberg_type(c.type), doc=c.description) for c in table.table.columns)
    return TableSpec(table.full_name, system + declared)


def ensure(lake: Lakehouse, table: TableDeclaration) -> None:
    """Make sure the table exists with these columns."""
    ensure_table(lake, spec(table))
