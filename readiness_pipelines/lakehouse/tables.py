"""Iceberg tables come into being here, and nowhere else."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.lakehouse.catalog import Lakehouse, identifier
from readiness_pipelines.lakehouse.columns import iceberg_type
from readiness_pipelines.lakehouse.commits import Attempts

if TYPE_CHECKING:
    from pyiceberg.partitioning import PartitionSpec
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table
    from pyiceberg.types import IcebergType

PARTITION = "partition_key"

_PROPERTIES = {
    "format-version": "2",
    "write.parquet.compression-codec": "zstd",
    "commit.retry.num-retries": "0",  # a retry must look at main again first: ours does (commits.py), theirs does not
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "10",
    # Readers prune by partition here, and inside a file by Parquet's own statistics: Iceberg's would only slow commits.
    "write.metadata.metrics.default": "none",
}


@dataclass(frozen=True)
class ColumnSpec:
    """One column, its type in Iceberg's words (`string`, `long`, `decimal(9, 2)`, `list<string>` ...)."""

    name: str
    type: str
    required: bool = False
    doc: str = ""


@dataclass(frozen=True)
class TableSpec:
    """A table `<product>.<layer>.<name>`: its columns in order, and the columns it is partitioned by (identity)."""

    name: str
    columns: tuple[ColumnSpec, ...]
    partitioned_by: tuple[str, ...] = (PARTITION,)


def ensure_table(lake: Lakehouse, spec: TableSpec) -> Table:
    """Return the table: made with an empty root snapshot if it was not there, else its columns brought up to `spec`.

    New optional columns are added, and types widened where every old value keeps its meaning (int to long, float to
    double, decimal to more digits). Any other difference raises ReadinessError, which names it. Several processes may
    call this at the same time.
    """
    table = lake.find(spec.name)
    if table is None:
        table = _create(lake, spec)
    if table.current_snapshot() is None:
        table = _root(lake, spec.name)
    return table if _is_as_specified(table, spec) else _evolve(lake, spec)


def _create(lake: Lakehouse, spec: TableSpec) -> Table:
    from pyiceberg.exceptions import NamespaceAlreadyExistsError, TableAlreadyExistsError
    from sqlalchemy.exc import IntegrityError

    with suppress(NamespaceAlreadyExistsError, IntegrityError):  # the latter when another process makes it right now
        lake.catalog.create_namespace(identifier(spec.name)[:-1])
    schema = _schema(spec)
    statistics = {f"write.metadata.metrics.column.{name}": "full" for name in spec.partitioned_by}
    with suppress(TableAlreadyExistsError):  # another process made it
        lake.catalog.create_table(
            identifier(spec.name),
            schema=schema,
            partition_spec=_partition_spec(spec, schema),
            location=lake.location(spec.name),
            properties={**_PROPERTIES, **statistics},
        )
    return lake.load(spec.name)


def _root(lake: Lakehouse, name: str) -> Table:
    """Commit the empty root snapshot, unless another process has: a branch can only start from a snapshot."""
    for attempt in Attempts(f"begin {name}"):
        with attempt.once():
            table = lake.load(name)
            if table.current_snapshot() is None:
                with table.transaction() as transaction, transaction.update_snapshot().fast_append():
                    pass
            return table
    raise AssertionError("unreachable: the loop ends by return or raise")


def _schema(spec: TableSpec) -> Schema:
    from pyiceberg.schema import Schema, assign_fresh_schema_ids
    from pyiceberg.types import NestedField

    fields = [
        NestedField(field_id=n, name=c.name, field_type=iceberg_type(c.type), required=c.required, doc=c.doc or None)
        for n, c in enumerate(spec.columns, start=1)
    ]
    return assign_fresh_schema_ids(Schema(*fields))


def _partition_spec(spec: TableSpec, schema: Schema) -> PartitionSpec:
    from pyiceberg.partitioning import PARTITION_FIELD_ID_START, PartitionField, PartitionSpec
    from pyiceberg.transforms import IdentityTransform

    return PartitionSpec(
        *(
            PartitionField(
                source_id=schema.find_field(name).field_id,
                field_id=PARTITION_FIELD_ID_START + number,
                transform=IdentityTransform(),
                name=name,
            )
            for number, name in enumerate(spec.partitioned_by)
        )
    )


def _is_as_specified(table: Table, spec: TableSpec) -> bool:
    there = {f.name: (str(f.field_type), f.required) for f in table.schema().fields}
    return there == {c.name: (str(iceberg_type(c.type)), c.required) for c in spec.columns}


def _evolve(lake: Lakehouse, spec: TableSpec) -> Table:
    for attempt in Attempts(f"change the columns of {spec.name}"):
        with attempt.once():
            table = lake.load(spec.name)
            if _is_as_specified(table, spec):
                return table
            if problems := _differences(table, spec):
                raise ReadinessError(
                    f"{spec.name}: {'; '.join(problems)}. A column keeps its name, and its type but for widening: "
                    "restore it, or declare a new column or table"
                )
            _bring_up(table, spec)
    raise AssertionError("unreachable: the loop ends by return or raise")


def _differences(table: Table, spec: TableSpec) -> list[str]:
    """Return what no schema update could bring about without changing the meaning of rows that are there."""
    there = {f.name: f for f in table.schema().fields}
    wanted = {c.name: c for c in spec.columns}
    problems = [f"column {name!r} is in the table and not declared any more" for name in there if name not in wanted]
    for name, column in wanted.items():
        found = there.get(name)
        if found is None:
            if column.required:
                problems.append(f"column {name!r} is new and required, but rows that are there have no value for it")
            continue
        there_type, declared = found.field_type, iceberg_type(column.type)
        if str(there_type) != str(declared) and not _widens(there_type, declared):
            problems.append(f"column {name!r} is {there_type} in the table and declared as {declared}")
        if found.required != column.required:
            word = {True: "required", False: "optional"}
            problems.append(f"column {name!r} is {word[found.required]} in the table, declared {word[column.required]}")
    return problems


def _widens(old: IcebergType, new: IcebergType) -> bool:
    """Return whether every value of `old` is the same value in `new`. pyiceberg itself would also change a scale."""
    from pyiceberg.types import DecimalType

    if isinstance(old, DecimalType) and isinstance(new, DecimalType):
        return old.scale == new.scale and old.precision <= new.precision
    return (str(old), str(new)) in {("int", "long"), ("float", "double")}


def _bring_up(table: Table, spec: TableSpec) -> None:
    there = {f.name: f for f in table.schema().fields}
    with table.update_schema() as update:
        for column in spec.columns:
            type_ = iceberg_type(column.type)
            if column.name not in there:
                update.add_column(column.name, type_, doc=column.doc or None)
            elif str(there[column.name].field_type) != str(type_):
                update.update_column(column.name, field_type=type_)
