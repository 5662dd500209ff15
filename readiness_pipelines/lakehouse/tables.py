"""Iceberg tables come into being here, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.lakehouse.catalog import Lakehouse, identifier

if TYPE_CHECKING:
    from pyiceberg.table import Table

PARTITION = "partition_key"

# zstd: a third smaller than snappy at the same scan time. Merging manifests keeps planning flat as partitions come.
_PROPERTIES = {
    "format-version": "2",
    "write.parquet.compression-codec": "zstd",
    "commit.manifest-merge.enabled": "true",
    "commit.manifest.min-count-to-merge": "20",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    "commit.retry.num-retries": "0",  # ours is the retry: it looks again at what the partition holds
}


@dataclass(frozen=True)
class ColumnSpec:
    """One column, its type in Iceberg's words (`string`, `long`, `list<string>` ...). DuckDB writes every column nullable."""

    name: str
    type: str
    doc: str = ""


@dataclass(frozen=True)
class TableSpec:
    """A table `<product>.<layer>.<name>`, its columns in order, and the columns it is partitioned by (identity)."""

    name: str
    columns: tuple[ColumnSpec, ...]
    partitioned_by: tuple[str, ...] = (PARTITION,)


def ensure_table(lake: Lakehouse, spec: TableSpec) -> Table:
    """Return the table, made with an empty root snapshot if it was not there, with new optional columns added.

    Raises ReadinessError if a column that is there has another type now: such a change needs a new table.
    """
    from pyiceberg.exceptions import NamespaceAlreadyExistsError, NoSuchTableError, TableAlreadyExistsError

    try:
        return _with_new_columns(lake.load(spec.name), spec)
    except NoSuchTableError:
        pass
    try:
        lake.catalog.create_namespace(identifier(spec.name)[:-1])
    except NamespaceAlreadyExistsError:
        pass
    try:
        schema = _schema(spec)
        table = lake.catalog.create_table(
            identifier(spec.name),
            schema=schema,
            partition_spec=_partition_spec(spec, schema),
            location=lake.location(spec.name),
            properties={**_PROPERTIES, "schema.name-mapping.default": schema.name_mapping.model_dump_json()},
        )
    except TableAlreadyExistsError:
        return _with_new_columns(lake.load(spec.name), spec)
    return table


def _schema(spec: TableSpec) -> Any:
    from pyiceberg.schema import Schema, assign_fresh_schema_ids
    from pyiceberg.types import NestedField

    fields = [
        NestedField(field_id=i, name=c.name, field_type=_type(c.type), doc=c.doc or None)
        for i, c in enumerate(spec.columns, start=1)
    ]
    return assign_fresh_schema_ids(Schema(*fields))


def _type(name: str) -> Any:
    from pyiceberg.types import ListType, StringType

    if name == "list<string>":
        return ListType(element_id=-1, element_type=StringType(), element_required=False)
    return _named(name)


def _named(name: str) -> Any:
    from pyiceberg import types

    if name.startswith("decimal"):
        precision, scale = name.removeprefix("decimal(").removesuffix(")").split(",")
        return types.DecimalType(int(precision), int(scale))
    return {
        "string": types.StringType,
        "long": types.LongType,
        "double": types.DoubleType,
        "boolean": types.BooleanType,
        "date": types.DateType,
        "timestamptz": types.TimestamptzType,
    }[name]()


def _partition_spec(spec: TableSpec, schema: Any) -> Any:
    from pyiceberg.partitioning import PartitionField, PartitionSpec
    from pyiceberg.transforms import IdentityTransform

    return PartitionSpec(
        *(
            PartitionField(source_id=schema.find_field(name).field_id, field_id=1000 + i, transform=IdentityTransform(), name=name)
            for i, name in enumerate(spec.partitioned_by)
        )
    )


def _with_new_columns(table: Table, spec: TableSpec) -> Table:
    there = {f.name: f for f in table.schema().fields}
    new = [c for c in spec.columns if c.name not in there]
    for column in spec.columns:
        found = there.get(column.name)
        if found is not None and str(found.field_type) != str(_type(column.type)):
            raise ReadinessError(
                f"{spec.name}: column {column.name!r} is {found.field_type} in the table and {column.type} in the contract; "
                "a column keeps its type: declare a new column or a new table"
            )
    if new:
        with table.update_schema() as update:
            for column in new:
                update.add_column(column.name, _type(column.type), doc=column.doc or None)
    return table
