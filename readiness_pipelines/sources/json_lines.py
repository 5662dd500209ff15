"""A delivered JSON-lines file as records: one object a line, its keys the columns, every value as its own text.

Numbers keep the digits they were written with, true and false are these words, null is null. Blank lines are no records.
A line that is not one such object is an unreadable record by itself; columns are judged over the whole file, because there is no
header: one that no record has is missing from the file, one that only some have is missing from the others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

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

_BOM = b"\xef\xbb\xbf"
_MOST_NAMES = 1_000  # unknown keys remembered; a file whose keys are data has more than anybody reads
_NAMED = 8


class JsonLinesReader(RecordReader):
    """The records of a JSON-lines file in UTF-8.

    Problems of a record: malformed_json (also NaN and infinities, which JSON has not), duplicate_key (case apart),
    missing_key, nested_value (an array or object where the contract has a column), nul_byte or not_utf8.
    """

    def __init__(self, path: Path, *, name: str, columns: Sequence[str], extra_columns: ExtraColumns = "hold") -> None:
        super().__init__(path, name=name, columns=columns, extra_columns=extra_columns)
        self._seen: set[str] = set()  # declared columns that any record had
        self._unknown: dict[str, int] = {}  # key -> first record that had it
        self._decode = json.JSONDecoder(
            object_pairs_hook=_pairs, parse_float=str, parse_int=str, parse_constant=_no_constant
        ).decode

    def _read(self) -> Iterator[pa.RecordBatch]:
        what = self._what_it_is() if not self.name.lower().endswith((".gz", ".zst")) else None
        if what is not None:
            raise FileProblem(f"is {what}, expected JSON lines in UTF-8: deliver it again")
        with unpacked(self.path, name=self.name, so_far=lambda: self.records) as binary:
            yield from self._records(binary)
        missing = [name for name in self.columns if name not in self._seen]
        if missing and self._seen | self._unknown.keys():
            self._judge_columns([name for name in self.columns if name in self._seen])
        if self._unknown:
            firsts = [f"{name[:60]!r} (first in record {number})" for name, number in list(self._unknown.items())[:_NAMED]]
            more = len(self._unknown) - len(firsts)
            self._judge_unknown(", ".join(firsts) + (f" and {more} more" if more else ""))

    def raw(self) -> Iterator[tuple[int, str]]:
        """Yield the text of each record with its number. Raises FileProblem where the file cannot be read on."""
        with unpacked(self.path, name=self.name, so_far=lambda: self.records) as binary:
            for line in _lines(binary):
                self.records += 1
                yield self.records, line.decode("utf-8", CARRY)

    def _records(self, binary: IO[bytes]) -> Iterator[pa.RecordBatch]:
        good: list[tuple[int, list[str | None]]] = []
        bad: list[tuple[int, str, str]] = []
        size = 0
        for line in _lines(binary):
            self.records += 1
            values = self._record(line)
            if isinstance(values, str):
                self.rejects[values] += 1
                bad.append((self.records, values, shown(line.decode("utf-8", CARRY))))
            else:
                good.append((self.records, values))
            size += len(line)
            if len(good) + len(bad) >= BATCH_ROWS or size >= BATCH_CHARACTERS:
                yield self._batch(good, bad)
                good, bad, size = [], [], 0
        if good or bad:
            yield self._batch(good, bad)

    def _record(self, line: bytes) -> list[str | None] | str:
        """Return the values of the declared columns, or what is wrong with the record."""
        if b"\0" in line:
            return "nul_byte"
        try:
            found = self._decode(line.decode("utf-8"))
        except UnicodeDecodeError:
            return "not_utf8"
        except _DuplicateKey:
            return "duplicate_key"
        except (ValueError, RecursionError):
            return "malformed_json"
        if not isinstance(found, dict):
            return "malformed_json"
        if len({key.lower() for key in found}) != len(found):
            return "duplicate_key"
        self._remember(found)
        try:
            values = [_text(found[column]) for column in self.columns]
        except KeyError:
            return "missing_key"
        except TypeError:
            return "nested_value"
        return _escaped_problem(values) or values if b"\\u" in line else values

    def _remember(self, found: dict[str, Any]) -> None:
        """Note which columns there are. A key that was not declared counts also where its record is unreadable."""
        for key in found:
            if key in self._seen or key in self._unknown:
                continue
            if key in self.columns:
                self._seen.add(key)
            elif len(self._unknown) < _MOST_NAMES:
                self._unknown[shown(key)] = self.records

    def _batch(self, good: list[tuple[int, list[str | None]]], bad: list[tuple[int, str, str]]) -> pa.RecordBatch:
        by_column = list(zip(*(values for _, values in good), strict=True)) if good else [()] * len(self.columns)
        nothing = [None] * len(bad)
        return pa.RecordBatch.from_arrays(
            [
                pa.array([*(n for n, _ in good), *(n for n, _, _ in bad)], pa.int64()),
                pa.array([*([None] * len(good)), *(kind for _, kind, _ in bad)], pa.string()),
                pa.array([*([None] * len(good)), *(raw for _, _, raw in bad)], pa.string()),
                *(pa.array([*values, *nothing], pa.string()) for values in by_column),
            ],
            schema=self.schema,
        )


class _DuplicateKey(ValueError):
    """An object has a key twice: which of them was meant, nobody knows."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _DuplicateKey
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    raise TypeError


def _escaped_problem(values: Sequence[str | None]) -> str | None:
    """JSON can write in escapes what no text may hold: a NUL, or one half of a character."""
    for value in values:
        if value is not None and "\0" in value:
            return "nul_byte"
        if value is not None and not is_text(value):
            return "not_utf8"
    return None


def _lines(binary: IO[bytes]) -> Iterator[bytes]:
    """Yield every line that is not blank, without its end."""
    line = binary.readline(MAX_RECORD + 1).removeprefix(_BOM)
    while line:
        if len(line) > MAX_RECORD:
            raise FileProblem(f"has a line of more than {MAX_RECORD} bytes, expected one record on it: deliver it again")
        if not line.isspace():
            yield line.rstrip(b"\r\n")
        line = binary.readline(MAX_RECORD + 1)
