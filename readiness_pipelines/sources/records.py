"""A delivered CSV file as records, none of which can get lost.

Records are framed by Python's own csv module, fed one physical line at a time, so that the lines each record took, and
with them its raw text, are known exactly. Every line of a file is the header's, a record's, a reject's, or blank.

Grammar (RFC 4180): a field is quoted if its first character is the quote; inside, two quotes are one; after the closing
quote only the delimiter or the end of the record may come. A quote inside an unquoted field is itself. Lines end in LF,
CRLF or CR. A blank line between records is no record, except in a table of one column.

A record that breaks the grammar rejects its first physical line only, and reading goes on with the next line: a lost
quote costs what it damaged, not the rest of the day.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa

from readiness_pipelines.sources.reader import (
    BATCH_CHARACTERS,
    BATCH_ROWS,
    CARRY,
    MAX_RECORD,
    ExtraColumns,
    FileProblem,
    RecordReader,
    is_text,
    shown,
)
from readiness_pipelines.sources.unpacked import unpacked

_MARK = "\ufeff"  # a byte order mark that the codec left


@dataclass(frozen=True)
class CsvFormat:
    """How a feed writes its csv files."""

    delimiter: str = ","
    encoding: str = "utf-8"


class _TooLong(Exception):
    """A record went on past MAX_RECORD."""


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
                text = io.TextIOWrapper(binary, encoding=self._fmt.encoding, errors=CARRY, newline="")
                yield from self._records(_Lines(text))
        except UnicodeError as error:
            raise FileProblem(
                f"cannot be decoded as {self._fmt.encoding} after record {self.records} ({str(error)[:80]}), expected text "
                "in the declared encoding: deliver it again, or declare what it is"
            ) from error

    def _records(self, lines: _Lines) -> Iterator[pa.RecordBatch]:
        reader = csv.reader(lines, delimiter=self._fmt.delimiter, strict=True)
        self._read_header(reader, lines)
        places = [] if self.problems else [self.header.index(column) for column in self.columns]
        rows: list[tuple[str, ...]] = []
        numbers: list[int] = []
        bad: list[tuple[int, str, str]] = []
        size = 0
        for fields, kind in self._framed(reader, lines):
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

    def _read_header(self, reader: Iterator[list[str]], lines: _Lines) -> None:
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
        self, reader: Iterator[list[str]], lines: _Lines, *, width: int | None = 0
    ) -> Iterator[tuple[list[str], str | None]]:
        """Yield (fields, kind of problem or None) per record. `width` None: the header, any number of fields."""
        while True:
            lines.taken.clear()
            try:
                fields = next(reader)
            except StopIteration:
                return
            except (csv.Error, _TooLong):
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


class _Lines:
    """Physical lines for the csv module, remembering those taken since `taken` was cleared, and their length."""

    def __init__(self, text: IO[str]) -> None:
        self._next_line = text.readline
        self._again: deque[str] = deque()
        self._begun = False
        self.length = 0
        self.taken: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if not self.taken:
            self.length = 0
        line = self._again.popleft() if self._again else self._fresh()
        self.taken.append(line)
        self.length += len(line)
        if self.length > MAX_RECORD and len(self.taken) > 1:
            raise _TooLong
        return line

    def _fresh(self) -> str:
        line = self._next_line(MAX_RECORD + 1)
        if not line:
            raise StopIteration
        if len(line) > MAX_RECORD:
            raise FileProblem(f"has a line of more than {MAX_RECORD} characters, expected one record on it: deliver it again")
        if not self._begun:
            self._begun = True
            return line.removeprefix(_MARK)
        return line

    def give_back_all_but_first(self) -> None:
        """The record could not be read: only its first line is spent, the others are read again."""
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]
