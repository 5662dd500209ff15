"""A delivered Parquet file as records, a batch at a time, every value as text.

The text of a value is what its type shows: whole numbers as digits, others in the shortest plain decimals that say the
same value (10.0 is 10; no exponent), true and false, days and times in ISO 8601, with Z where the file says that they
are UTC. NaN and infinities are these words, which no contract's number is. Null is null.
"""

from __future__ import annotations

import decimal
import json
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from readiness_pipelines.sources.reader import BATCH_ROWS, CARRY, FileProblem, RecordReader, few, shown

_BUFFER = 1 << 20  # of each column while it is read; without it a whole row group is
_PLAIN: tuple[Callable[[pa.DataType], bool], ...] = (
    *(pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_date),
    *(pa.types.is_timestamp, pa.types.is_time, pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
    *(pa.types.is_binary, pa.types.is_large_binary, pa.types.is_null),
)
_BYTES = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)


class ParquetReader(RecordReader):
    """The records of a Parquet file; a record's number is its place. Problems of a record: nul_byte or not_utf8.

    Declared columns must hold plain values: a file in which one is nested, or of a type without a text, is wrong as a
    whole, and so is one that is cut short or damaged, wherever that is met.
    """

    def _read(self) -> Iterator[pa.RecordBatch]:
        try:
            file = pq.ParquetFile(self.path, pre_buffer=False, buffer_size=_BUFFER, page_checksum_verification=True)
            with file:
                yield from self._records(file)
        except MemoryError:
            raise  # of this machine: what is held for it would stay held with more
        except (pa.ArrowException, OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # a disk's failure, and not what the file holds
            why = (str(error).splitlines() or [type(error).__name__])[0][:120]
            raise FileProblem(
                f"cannot be read as Parquet after record {self.records} ({why}), expected one whole file: deliver it again"
            ) from error

    def _records(self, file: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
        fields = {field.name: field.type for field in file.schema_arrow}
        self._judge_columns(file.schema_arrow.names)
        odd = [f"{c} is {str(fields[c])[:60]}" for c in self.columns if c in fields and not _is_plain(fields[c])]
        if odd:
            self._wrong(f"columns that are no plain values: {few(odd)}; expected numbers, text, days or times: deliver it again")
        if self.problems:
            self.records = file.metadata.num_rows
            return
        for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=self.columns, use_threads=False):
            yield self._batch(batch)

    def _batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        found = [batch.column(batch.schema.get_field_index(column)) for column in self.columns]
        numbers = list(range(self.records + 1, self.records + 1 + batch.num_rows))
        self.records += batch.num_rows
        kinds = _problems(found, batch.num_rows)
        good = [place for place in range(batch.num_rows) if place not in kinds]
        bad = sorted(kinds)
        for place in bad:
            self.rejects[kinds[place]] += 1
        if bad:
            raws: list[str | None] = [_raw(self.columns, [column[place] for column in found]) for place in bad]
            found = [column.take(pa.array(good, pa.int64())) for column in found]
        else:
            raws = []
        nothing = pa.nulls(len(bad), pa.string())
        return pa.RecordBatch.from_arrays(
            [
                pa.array([*(numbers[place] for place in good), *(numbers[place] for place in bad)], pa.int64()),
                pa.array([*([None] * len(good)), *(kinds[place] for place in bad)], pa.string()),
                pa.array([*([None] * len(good)), *raws], pa.string()),
                *(pa.concat_arrays([as_text(column), nothing]) for column in found),
            ],
            schema=self.schema,
        )


def as_text(values: pa.Array) -> pa.Array:
    """Return the values as text, null as null. Raises ArrowInvalid for bytes that are no UTF-8."""
    type_ = values.type
    if pa.types.is_dictionary(type_):
        return as_text(values.dictionary_decode())
    if pa.types.is_timestamp(type_) and type_.tz is not None:
        values = values.cast(pa.timestamp(type_.unit, "UTC"))
    if any(is_kind(type_) for is_kind in _BYTES):
        return values.cast(pa.binary()).cast(pa.string())
    text = values.cast(pa.string())
    if pa.types.is_timestamp(type_) or pa.types.is_time(type_):
        # A table keeps microseconds: zeros beyond them say nothing, anything else there fails its cast by name.
        return pc.replace_substring_regex(text, r"(\.[0-9]{6})000(Z?)$", r"\1\2")
    if pa.types.is_decimal(type_):  # its scale is the writer's, and no part of the value: 10.00 is 10
        return pc.replace_substring_regex(_without_exponent(text), r"^(-?[0-9]+)(?:\.0*|(\.[0-9]*[1-9])0*)$", r"\1\2")
    if pa.types.is_floating(type_):
        return _without_exponent(text)
    return text


def _without_exponent(text: pa.Array) -> pa.Array:
    has = pc.fill_null(pc.match_substring_regex(text, "^-?[0-9.]+[eE]"), False)
    if not pc.any(has).as_py():
        return text
    both = zip(text.to_pylist(), has.to_pylist(), strict=True)
    return pa.array([format(decimal.Decimal(value), "f") if wide else value for value, wide in both], pa.string())


def _is_plain(type_: pa.DataType) -> bool:
    if pa.types.is_dictionary(type_):
        return _is_plain(type_.value_type)
    return any(is_kind(type_) for is_kind in _PLAIN)


def _problems(columns: list[pa.Array], rows: int) -> dict[int, str]:
    """Return place -> problem of the records whose text is none, or holds a NUL."""
    found: dict[int, str] = {}
    for column in columns:
        values = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        if not any(is_kind(values.type) for is_kind in _BYTES):
            continue
        values = values.cast(pa.binary())
        try:
            has_nul = pc.any(pc.match_substring(values.cast(pa.string()), "\0")).as_py()
        except pa.ArrowInvalid:
            has_nul = True  # one of them is no text: look at each
        if has_nul:
            found = _each(values, rows) | found
    return found


def _each(values: pa.Array, rows: int) -> dict[int, str]:
    found = {}
    for place in range(rows):
        value = values[place].as_py() or b""
        try:
            value.decode("utf-8")
        except UnicodeDecodeError:
            found[place] = "not_utf8"
        if b"\0" in value:
            found[place] = "nul_byte"
    return found


def _raw(columns: list[str], values: list[Any]) -> str:
    """Return an unreadable record's values by column, as JSON; bytes that are no text are escaped."""
    told = {}
    for column, value in zip(columns, values, strict=True):
        if any(is_kind(value.type) for is_kind in _BYTES):
            data = value.cast(pa.binary()).as_py()
            told[column] = None if data is None else shown(data.decode("utf-8", CARRY))
        else:
            told[column] = as_text(pa.array([value.as_py()], value.type))[0].as_py()
    return json.dumps(told, ensure_ascii=False)
