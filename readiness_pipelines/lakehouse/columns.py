"""One type in three languages: Iceberg's (the table's truth), DuckDB's (to compute), Arrow's (in a Parquet footer)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from readiness_pipelines.errors import ReadinessError

if TYPE_CHECKING:
    from pyiceberg.schema import Schema
    from pyiceberg.types import IcebergType

_PLAIN: dict[str, tuple[str, pa.DataType]] = {
    "string": ("VARCHAR", pa.string()),
    "int": ("INTEGER", pa.int32()),
    "long": ("BIGINT", pa.int64()),
    "float": ("FLOAT", pa.float32()),
    "double": ("DOUBLE", pa.float64()),
    "boolean": ("BOOLEAN", pa.bool_()),
    "date": ("DATE", pa.date32()),
    "time": ("TIME", pa.time64("us")),
    "timestamp": ("TIMESTAMP", pa.timestamp("us")),
    "timestamptz": ("TIMESTAMP WITH TIME ZONE", pa.timestamp("us", tz="UTC")),
    "binary": ("BLOB", pa.binary()),
}


def iceberg_type(text: str) -> IcebergType:
    """Return the Iceberg type written as `text`: a plain name, `decimal(p, s)`, or `list<...>` of one.

    Ids inside are placeholders; Iceberg gives real ones when the table is made. Raises ReadinessError for another type.
    """
    from pyiceberg.types import DecimalType, ListType, PrimitiveType

    if text.startswith("list<") and text.endswith(">"):
        return ListType(element_id=-1, element_type=iceberg_type(text[5:-1]), element_required=False)
    if text.startswith("decimal(") and text.endswith(")"):
        precision, scale = text[8:-1].split(",")
        return DecimalType(int(precision), int(scale))
    if text in _PLAIN:
        return PrimitiveType.model_validate(text)
    raise ReadinessError(f"found column type {text!r}; expected one of {', '.join(_PLAIN)}, decimal(p, s), list<...>")


def duckdb_type(type_: IcebergType) -> str:
    """Return DuckDB's name of the type, spelled as DESCRIBE spells it."""
    from pyiceberg.types import DecimalType, ListType

    if isinstance(type_, ListType):
        return f"{duckdb_type(type_.element_type)}[]"
    if isinstance(type_, DecimalType):
        return f"DECIMAL({type_.precision},{type_.scale})"
    return _PLAIN[str(type_)][0]


def field_ids(schema: Schema) -> str:
    """Return DuckDB's FIELD_IDS for COPY, the elements of lists included."""
    return "{" + ", ".join(f"{literal(f.name)}: {_ids(f.field_id, f.field_type)}" for f in schema.fields) + "}"


def _ids(field_id: int, type_: IcebergType) -> str:
    from pyiceberg.types import ListType

    if isinstance(type_, ListType):
        return f"{{__duckdb_field_id: {field_id}, element: {_ids(type_.element_id, type_.element_type)}}}"
    return str(field_id)


def read_map(schema: Schema) -> str:
    """Return read_parquet's `schema` argument: columns are found by field id, and named and typed as they are now."""
    columns = []
    for f in schema.fields:
        type_ = literal(duckdb_type(f.field_type))
        columns.append(f'{f.field_id}: {{name: {literal(f.name)}, "type": {type_}, default_value: NULL}}')
    return f"MAP {{{', '.join(columns)}}}"


def footer_problems(schema: Schema, footer: pa.Schema) -> list[str]:
    """Return how a Parquet footer differs from the table: columns, order, types and field ids, one line each."""
    wanted = [f.name for f in schema.fields]
    if footer.names != wanted:
        return [f"columns are {', '.join(footer.names)}; the table's are {', '.join(wanted)}"]
    return [p for f in schema.fields for p in _problems(f.name, f.field_id, f.field_type, footer.field(f.name))]


def _problems(where: str, field_id: int, type_: IcebergType, found: pa.Field) -> list[str]:
    from pyiceberg.types import DecimalType, ListType

    tag = (found.metadata or {}).get(b"PARQUET:field_id", b"none").decode()
    problems = [] if tag == str(field_id) else [f"{where} has field id {tag}, the table says {field_id}"]
    if isinstance(type_, ListType):
        if not pa.types.is_list(found.type):
            return [*problems, f"{where} is {found.type}, the table says {type_}"]
        return problems + _problems(f"{where}.element", type_.element_id, type_.element_type, found.type.value_field)
    wanted = _PLAIN[str(type_)][1] if str(type_) in _PLAIN else None
    if isinstance(type_, DecimalType):
        wanted = pa.decimal128(type_.precision, type_.scale)
    if found.type != wanted:
        problems.append(f"{where} is {found.type}, the table says {type_}")
    return problems


def literal(text: str) -> str:
    """Return `text` as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """Return `name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
