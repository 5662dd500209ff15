"""Data files of Iceberg tables: find those of a partition, check and describe a staged one, swap some for others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from readiness_pipelines.errors import BrokenInvariant
from readiness_pipelines.flow import StagedFile
from readiness_pipelines.lakehouse.catalog import path_of, uri_of
from readiness_pipelines.lakehouse.snapshots import drop
from readiness_pipelines.lakehouse.stage import check_footer, check_values
from readiness_pipelines.lakehouse.storage import Storage

if TYPE_CHECKING:
    from pyiceberg.expressions import BooleanExpression
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table


def one_of(column: str, values: Iterable[str]) -> BooleanExpression:
    """Return Iceberg's condition that `column` is one of `values`."""
    from pyiceberg.expressions import In

    return In(column, set(values))  # type: ignore[call-arg, arg-type]  # pydantic hides its constructor


def planned(iceberg: Table, condition: BooleanExpression | None = None, *, snapshot_id: int | None = None) -> list[DataFile]:
    """Return the data files whose partition meets `condition` (default: all), at a snapshot (default: the newest).

    Raises BrokenInvariant if another engine has marked rows in them as deleted: we would read those rows.
    """
    from pyiceberg.expressions import AlwaysTrue

    tasks = list(iceberg.scan(row_filter=condition or AlwaysTrue(), snapshot_id=snapshot_id).plan_files())
    if marked := [task.file.file_path for task in tasks if task.delete_files]:
        raise BrokenInvariant(
            f"{len(marked)} files have delete files, which another engine must have written: {path_of(marked[0])} ...; "
            "their deleted rows would be read. Compact the table there, or publish the partition anew"
        )
    return [task.file for task in tasks]


def are_there(storage: Storage, files: Iterable[StagedFile]) -> bool:
    """Return whether every one of the files exists."""
    return all(storage.size(path_of(file.path)) is not None for file in files)


def replace_files(
    iceberg: Table,
    *,
    going: Sequence[DataFile],
    coming: Sequence[DataFile],
    properties: dict[str, str],
    dropping: Collection[int] = (),
) -> int:
    """Commit one snapshot on `main` without the files `going` and with the files `coming`; return its id.

    With neither, the snapshot is empty and only carries its properties. The same commit drops the snapshots `dropping`.
    """
    from readiness_pipelines.lakehouse.manifests import producer_for
    from readiness_pipelines.lakehouse.sqlcatalog import QuickTransaction

    with QuickTransaction(iceberg) as transaction:
        drop(transaction, dropping)
        with producer_for(transaction, properties, overwrites=bool(going)) as producer:
            for file in going:
                producer.delete_data_file(file)
            for file in coming:
                producer.append_data_file(file)
    return producer.snapshot_id


def data_file(iceberg: Table, storage: Storage, file: StagedFile, partition: Mapping[str, str]) -> DataFile:
    """Return Iceberg's entry for a staged file, after checking the file against what the verdict says and the table.

    Raises BrokenInvariant if its bytes, rows, columns or field ids are not what they must be, if a required column has
    a null, or if a row of it lies outside `partition`.
    """
    from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
    from pyiceberg.typedef import Record

    path, schema = path_of(file.path), iceberg.schema()
    size = storage.size(path)
    if size != file.bytes or storage.sha256(path) != file.sha256:
        found = "is gone" if size is None else "has other bytes than its verdict examined"
        raise BrokenInvariant(f"staged file {file.path} {found}; nothing was published: run the partition again")
    footer = check_footer(schema, storage, path, rows=file.rows)
    check_values(footer, partition=partition, required=[f.name for f in schema.fields if f.required], file=file.path)
    return DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=uri_of(file.path),
        file_format=FileFormat.PARQUET,
        partition=Record(*(partition[f.name] for f in iceberg.spec().fields)),
        file_size_in_bytes=file.bytes,
        sort_order_id=None,
        spec_id=iceberg.spec().spec_id,
        equality_ids=None,
        key_metadata=None,
        **_statistics(iceberg, footer),
    )


def _statistics(iceberg: Table, footer: object) -> dict[str, Any]:
    from pyiceberg.io.pyarrow import (
        compute_statistics_plan,
        data_file_statistics_from_parquet_metadata,
        parquet_path_to_id_mapping,
    )

    statistics = data_file_statistics_from_parquet_metadata(
        parquet_metadata=footer,
        stats_columns=compute_statistics_plan(iceberg.schema(), iceberg.properties),
        parquet_column_mapping=parquet_path_to_id_mapping(iceberg.schema()),
    )
    return statistics.to_serialized_dict()
