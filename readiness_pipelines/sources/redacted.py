"""A delivered file without what it says of some records: the same format, every record at its number, the others as they came.

In csv each run of characters that mean nothing to the grammar becomes one `*`: quotes, delimiters and line ends stay, so
that no other record is read otherwise. In JSON lines the values become null, in Parquet all columns of the row.
"""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from readiness_pipelines.sources.formats import Format
from readiness_pipelines.sources.json_lines import JsonLinesReader
from readiness_pipelines.sources.reader import BATCH_ROWS, CARRY
from readiness_pipelines.sources.records import CsvFormat, CsvReader

MASK = "*"


def redact(source: Path, target: Path, *, name: str, form: Format, csv: CsvFormat, records: Collection[int]) -> None:
    """Write `target`: the file at `source`, which was delivered under `name`, without what these records say (0: the header).

    The same source and records give the same bytes. Raises FileProblem where the source cannot be read to its end.
    """
    if form == "parquet":
        _redact_parquet(source, target, records)
        return
    with _packed(target, name) as sink:
        if form == "jsonl":
            for number, line in JsonLinesReader(source, name=name, columns=[]).raw():
                sink.write((_nulls(line) if number in records else line).encode("utf-8", CARRY) + b"\n")
            return
        encoding = "utf-8" if csv.encoding.lower().replace("_", "-") == "utf-8-sig" else csv.encoding
        text = io.TextIOWrapper(sink, encoding=encoding, errors=CARRY, newline="")
        meaningless = re.compile(rf'[^"\r\n{re.escape(csv.delimiter)}]+')
        for number, line in CsvReader(source, name=name, columns=[], fmt=csv, extra_columns="ignore").raw():
            text.write(meaningless.sub(MASK, line) if number in records else line)
        text.flush()
        text.detach()


def _nulls(line: str) -> str:
    """Return the record with null for each value; keys stay, because which there are decides about the whole file."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return "{}"
    return json.dumps(dict.fromkeys(found), ensure_ascii=False) if isinstance(found, dict) else "{}"


@contextmanager
def _packed(target: Path, name: str) -> Iterator[IO[bytes]]:
    """Open `target` for writing, compressed as the name says, and without the time in it."""
    with target.open("wb") as file:
        if name.lower().endswith(".gz"):
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
                yield cast("IO[bytes]", packed)
        elif name.lower().endswith(".zst"):
            with pa.CompressedOutputStream(pa.PythonFile(file, "w"), "zstd") as stream:
                yield cast("IO[bytes]", _Writable(stream))
        else:
            yield file


class _Writable(io.RawIOBase):
    """Arrow's compressed stream as one that a TextIOWrapper takes."""

    def __init__(self, stream: pa.NativeFile) -> None:
        self._stream = stream

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._stream.write(bytes(data))
        return len(data)


def _redact_parquet(source: Path, target: Path, records: Collection[int]) -> None:
    with pq.ParquetFile(source, pre_buffer=False) as file:
        # A dictionary would keep the values that no row has any more, metadata may say anything, and a field that must
        # not be null has to be.
        schema = pa.schema([pa.field(f.name, _without_dictionary(f.type)) for f in file.schema_arrow])
        with pq.ParquetWriter(target, schema, compression="zstd") as writer:
            first = 1
            for batch in file.iter_batches(batch_size=BATCH_ROWS, use_threads=False):
                places = pa.array([None if first + i in records else i for i in range(batch.num_rows)], pa.int64())
                columns = [_decoded(batch.column(i)).take(places) for i in range(batch.num_columns)]
                writer.write_table(pa.Table.from_arrays(columns, schema=schema))
                first += batch.num_rows


def _without_dictionary(type_: pa.DataType) -> pa.DataType:
    return type_.value_type if pa.types.is_dictionary(type_) else type_


def _decoded(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
