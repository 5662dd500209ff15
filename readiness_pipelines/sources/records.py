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
import gzip
import io
import zlib
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa

MAX_RECORD = 16 * 1024 * 1024  # characters; a quote that is still open after that was never meant to be one
_BATCH_ROWS = 20_000


@dataclass(frozen=True)
class CsvFormat:
    """How a feed writes its files. A name ending in .gz is decompressed."""

    delimiter: str = ","
    encoding: str = "utf-8"


class _TooLong(Exception):
    """A record went on past MAX_RECORD."""


class RecordReader:
    """The records of one delivered file, in order, as Arrow batches; the totals are right once they are exhausted.

    A batch has `record_number` (1-based, header not counted, rejects counted), `parse_problem` (null for a good record,
    else too_few_fields, too_many_fields, nul_byte, not_utf8 or malformed_quotes), `raw` (a reject's text, bytes that
    are not text escaped; null for a good record) and the declared columns by name, as delivered: an empty field is ''.

    `problems` lists what is wrong with the file as a whole (unreadable, no header, columns missing, unknown or twice);
    then no record can be trusted, so all are counted and none is given.
    """

    def __init__(self, path: Path, *, name: str, columns: Sequence[str], fmt: CsvFormat) -> None:
        self._path, self._name, self._columns, self._fmt = path, name, list(columns), fmt
        self.problems: tuple[str, ...] = ()
        self.header: tuple[str, ...] = ()
        self.records = 0
        self.rejects: Counter[str] = Counter()
        self.schema = pa.schema(
            [("record_number", pa.int64()), ("parse_problem", pa.string()), ("raw", pa.string())]
            + [(column, pa.string()) for column in columns]
        )

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield all records. What stops a file half-way (a truncated archive) becomes a problem, not an exception."""
        # The limit is one for the whole process; ours is the larger one, and a smaller one would refuse good records.
        csv.field_size_limit(max(csv.field_size_limit(), MAX_RECORD))
        try:
            with self._open() as text:
                yield from self._read(_Lines(text))
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            self.problems += (f"{self._name}: cannot be decompressed after record {self.records} ({type(error).__name__})",)
        except OSError as error:
            self.problems += (f"{self._name}: cannot be read ({type(error).__name__}), expected a readable file",)
        except LookupError:
            self.problems += (f"{self._name}: unknown encoding {self._fmt.encoding!r}",)

    def _open(self) -> IO[str]:
        compressed = self._name.lower().endswith(".gz")
        binary = gzip.open(self._path, "rb") if compressed else self._path.open("rb")  # noqa: SIM115 closed by the wrapper
        encoding = "utf-8-sig" if self._fmt.encoding.lower() in ("utf-8", "utf8") else self._fmt.encoding
        return io.TextIOWrapper(binary, encoding=encoding, errors="surrogateescape", newline="")

    def _read(self, lines: _Lines) -> Iterator[pa.RecordBatch]:
        reader = csv.reader(lines, delimiter=self._fmt.delimiter, strict=True)
        self._read_header(reader, lines)
        places = self._places()
        rows: list[tuple[str, ...]] = []
        numbers: list[int] = []
        bad: list[tuple[int, str, str]] = []
        for fields, kind in self._framed(reader, lines):
            self.records += 1
            if kind is not None:
                self.rejects[kind] += 1
                if not self.problems:
                    bad.append((self.records, kind, _shown("".join(lines.taken))))
            elif not self.problems:
                numbers.append(self.records)
                rows.append(tuple(fields))
            if len(rows) + len(bad) >= _BATCH_ROWS:
                yield self._batch(numbers, rows, bad, places)
                rows, numbers, bad = [], [], []
        if rows or bad:
            yield self._batch(numbers, rows, bad, places)
        if self.records == 0 and not self.problems:
            self.problems += (f"{self._name}: has a header and no record, expected at least one",)

    def _read_header(self, reader: Iterator[list[str]], lines: _Lines) -> None:
        header, unreadable = next(self._framed(reader, lines, width=None), (None, None))
        if unreadable is not None:
            self.problems += (f"{self._name}: its first line cannot be read ({unreadable}), expected the header",)
            return
        if header is None:
            self.problems += (f"{self._name}: is empty, expected a header with {len(self._columns)} columns",)
            return
        self.header = tuple(header)
        folded = Counter(name.lower() for name in header)
        twice = [name for name in header if folded[name.lower()] > 1]
        missing = [c for c in self._columns if c not in header]
        unknown = [name for name in header if name not in self._columns]
        if twice:
            self.problems += (f"{self._name}: columns named twice (case apart): {_few(twice)}",)
        if missing:
            self.problems += (f"{self._name}: columns missing: {_few(missing)}",)
        if unknown:
            self.problems += (f"{self._name}: columns the contract does not know: {_few(unknown)}",)

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
            if not line.isascii() and _has_undecoded(line):
                return "not_utf8"
        if len(fields) != expected:
            return "too_few_fields" if len(fields) < expected else "too_many_fields"
        return None

    def _places(self) -> list[int]:
        """Where each declared column stands in the header: columns are read by name."""
        return [] if self.problems else [self.header.index(column) for column in self._columns]

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
    """Physical lines for the csv module, remembering those taken since `taken` was cleared."""

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self._again: deque[str] = deque()
        self._length = 0
        self.taken: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if not self.taken:
            self._length = 0
        line = self._again.popleft() if self._again else next(self._text)
        self.taken.append(line)
        self._length += len(line)
        if self._length > MAX_RECORD and len(self.taken) > 1:
            raise _TooLong
        return line

    def give_back_all_but_first(self) -> None:
        """The record could not be read: only its first line is spent, the others are read again."""
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


def _has_undecoded(line: str) -> bool:
    """Bytes that are no text in the file's encoding were carried as lone surrogates."""
    try:
        line.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _shown(raw: str) -> str:
    """Return raw text with its undecodable bytes and NULs escaped, so that a table can hold it."""
    text = raw.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return text.rstrip("\r\n").replace("\0", "\\x00")


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name[:60]) for name in names[:8])
    return shown if len(names) <= 8 else f"{shown} and {len(names) - 8} more"
