"""A delivered CSV file as records, none of which can get lost.

Records are framed by Python's own csv module, fed one physical line at a time, so that the lines each record took, and
with them its raw text, are known exactly. Every line of a file is the header's, a record's, readable or not, or blank.

Grammar (RFC 4180): a field is quoted if its first character is the quote; inside, two quotes are one; after the closing
quote only the delimiter or the end of the record may come. A quote inside an unquoted field is itself. Lines end in LF,
CRLF or CR. A blank line between records is no record, except in a table of one column.

Of a record that breaks the grammar only the first physical line is unreadable, and reading goes on with the next line: a lost
quote costs what it damaged, not the rest of the day.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv

from readiness_pipelines.sources.lines import Lines, TooLong
from readiness_pipelines.sources.reader import (
    BATCH_CHARACTERS,
    BATCH_ROWS,
    MAX_RECORD,
    ExtraColumns,
    FileProblem,
    RecordReader,
    is_text,
    shown,
)
from readiness_pipelines.sources.unpacked import unpacked


@dataclass(frozen=True)
class CsvFormat:
    """How a feed writes its csv files."""

    delimiter: str = ","
    encoding: str = "utf-8"


class CsvReader(RecordReader):
    """The records of a csv file. The header is no record, and says which column stands where.

    Problems of a record: too_few_fields, too_many_fields, nul_byte, malformed_quotes, or not_<encoding> (not_utf8).
    While the file as a whole is wrong its records are counted and not given.
    """

    _nothing = "has a header and no record"

    def __init__(
        self, path: Path, *, name: str, columns: Sequence[str], fmt: CsvFormat, extra_columns: ExtraColumns = "hold"
    ) -> None:
        super().__init__(path, name=name, columns=columns, extra_columns=extra_columns)
        self._fmt = fmt
        self._undecodable = "not_" + "".join(c for c in fmt.encoding.lower() if c.isalnum())
        self.header: tuple[str, ...] = ()

    def _read(self) -> Iterator[pa.RecordBatch]:
        # The limit is one for the whole process; ours is the larger one, and a smaller one would refuse good records.
        csv.field_size_limit(max(csv.field_size_limit(), MAX_RECORD))
        try:
            with unpacked(self.path, name=self.name, so_far=lambda: self.records) as binary:
                yield from self._records(Lines(binary, self._fmt.encoding))
        except UnicodeError as error:
            raise FileProblem(
                f"cannot be decoded as {self._fmt.encoding} after record {self.records} ({str(error)[:80]}), expected text "
                "in the declared encoding: deliver it again, or declare what it is"
            ) from error

    def raw(self) -> Iterator[tuple[int, str]]:
        """Yield the text of the header (number 0) and of each record with its number, also where the file is wrong as a whole.

        Blank lines that are no records are left out. Raises FileProblem where the file cannot be read on.
        """
        csv.field_size_limit(max(csv.field_size_limit(), MAX_RECORD))
        with unpacked(self.path, name=self.name, so_far=lambda: self.records) as binary:
            lines = Lines(binary, self._fmt.encoding)
            reader = csv.reader(lines, delimiter=self._fmt.delimiter, strict=True)
            self._read_header(reader, lines)
            yield 0, "".join(lines.taken)
            for _ in self._framed(reader, lines):
                self.records += 1
                yield self.records, "".join(lines.taken)

    def _records(self, lines: Lines) -> Iterator[pa.RecordBatch]:
        reader = csv.reader(lines, delimiter=self._fmt.delimiter, strict=True)
        self._read_header(reader, lines)
        places = [] if self.problems else [self.header.index(column) for column in self.columns]
        rows: list[tuple[str, ...]] = []
        numbers: list[int] = []
        bad: list[tuple[int, str, str]] = []
        size = 0
        framed = self._framed(reader, lines)
        while True:
            while (piece := lines.next_piece()) is not None:
                whole = self._at_once(piece)
                if whole is None:
                    lines.read_line_by_line(piece)
                    break
                if rows or bad:
                    yield self._batch(numbers, rows, bad, places)
                    rows, numbers, bad, size = [], [], [], 0
                yield from self._batches_of(whole, places)
            fields, kind = next(framed, (None, None))
            if fields is None:
                break
            self.records += 1
            if kind is not None:
                self.rejects[kind] += 1
                if not self.problems:
                    bad.append((self.records, kind, shown("".join(lines.taken))))
            elif not self.problems:
                numbers.append(self.records)
                rows.append(tuple(fields))
            size += lines.length
            if len(rows) + len(bad) >= BATCH_ROWS or size >= BATCH_CHARACTERS:
                yield self._batch(numbers, rows, bad, places)
                rows, numbers, bad, size = [], [], [], 0
        if rows or bad:
            yield self._batch(numbers, rows, bad, places)

    def _at_once(self, piece: bytes) -> pa.Table | None:
        """Return all records of a piece, all columns of the header, if nothing in it needs care: else None.

        Without a quote and a NUL, and with as many fields on every line as the header has, a record is a line and a field
        is what stands between two delimiters: Arrow cuts it up as the csv module would, and tells where a line is not so.
        """
        if b'"' in piece or b"\0" in piece or not (self.header and self._fmt.delimiter.isascii()):
            return None
        if piece.startswith(codecs.BOM_UTF8):  # inside a file it is part of a value, and Arrow would take it away
            return None
        if len(piece) > MAX_RECORD and max(map(len, piece.splitlines())) > MAX_RECORD:
            return None
        if not piece.isascii() and not (self._undecodable == "not_utf8" and _is_utf8(piece)):
            return None
        names = [str(place) for place in range(len(self.header))]
        try:
            return pacsv.read_csv(
                pa.BufferReader(piece),
                read_options=pacsv.ReadOptions(column_names=names, use_threads=False, block_size=len(piece) + 1),
                parse_options=pacsv.ParseOptions(
                    delimiter=self._fmt.delimiter, quote_char=False, ignore_empty_lines=len(names) > 1
                ),
                convert_options=pacsv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=False
                ),
            )
        except pa.ArrowInvalid:
            return None

    def _batches_of(self, table: pa.Table, places: list[int]) -> Iterator[pa.RecordBatch]:
        first = self.records + 1
        self.records += table.num_rows
        if self.problems or not table.num_rows:
            return
        nothing = pa.nulls(table.num_rows, pa.string())
        numbers = pa.array(range(first, self.records + 1), pa.int64())
        columns = [table.column(place) for place in places]
        yield from pa.Table.from_arrays([numbers, nothing, nothing, *columns], schema=self.schema).to_batches(BATCH_ROWS)

    def _read_header(self, reader: Iterator[list[str]], lines: Lines) -> None:
        header, unreadable = next(self._framed(reader, lines, width=None), (None, None))
        if header is None:
            self._wrong(f"is empty, expected a header with {len(self.columns)} columns: deliver it again")
            return
        self.header = tuple(header)
        if unreadable is not None:
            self._wrong(f"its first line cannot be read ({unreadable}), expected the header: deliver it again")
        else:
            self._judge_columns(self.header)
        what = self._what_it_is() if self.problems else None
        if what is not None:
            self.problems = ()
            self._wrong(f"is {what}, expected csv text in {self._fmt.encoding}: deliver it again")

    def _framed(
        self, reader: Iterator[list[str]], lines: Lines, *, width: int | None = 0
    ) -> Iterator[tuple[list[str], str | None]]:
        """Yield (fields, kind of problem or None) per record. `width` None: the header, any number of fields."""
        while True:
            lines.taken.clear()
            try:
                fields = next(reader)
            except StopIteration:
                return
            except (csv.Error, TooLong):
                lines.give_back_all_but_first()
                yield [], "malformed_quotes"
                continue
            if not fields:
                if len(self.header) != 1:
                    continue
                fields = [""]
            expected = len(fields) if width is None else len(self.header)
            yield fields, self._problem(fields, lines.taken, expected)

    def _problem(self, fields: Sequence[str], taken: Sequence[str], expected: int) -> str | None:
        for line in taken:
            if "\0" in line:
                return "nul_byte"
            if not is_text(line):
                return self._undecodable
        if len(fields) != expected:
            return "too_few_fields" if len(fields) < expected else "too_many_fields"
        return None

    def _batch(
        self, numbers: list[int], rows: list[tuple[str, ...]], bad: list[tuple[int, str, str]], places: list[int]
    ) -> pa.RecordBatch:
        by_place = list(zip(*rows, strict=True)) if rows else [()] * len(self.header)
        nothing = [None] * len(bad)
        return pa.RecordBatch.from_arrays(
            [
                pa.array([*numbers, *(n for n, _, _ in bad)], pa.int64()),
                pa.array([*([None] * len(rows)), *(kind for _, kind, _ in bad)], pa.string()),
                pa.array([*([None] * len(rows)), *(raw for _, _, raw in bad)], pa.string()),
                *(pa.array([*by_place[place], *nothing], pa.string()) for place in places),
            ],
            schema=self.schema,
        )


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
