"""A text file's physical lines, in pieces that end where a line ends, for readers that must know every line they took."""

from __future__ import annotations

import codecs
import io
from collections import deque
from typing import IO

from readiness_pipelines.sources.reader import CARRY, MAX_RECORD, FileProblem

PIECE = 1 << 22  # bytes read at once
_MARK = "\ufeff"  # a byte order mark that the codec left
_BY_BYTE = {"utf-8", "utf-8-sig", "ascii", "iso8859-1", "iso8859-15", "cp1252", "cp1250"}  # a line end is one byte, of one meaning


class TooLong(Exception):
    """A record went on past MAX_RECORD."""


class Lines:
    """The lines of a text, for the csv module, remembering those taken since `taken` was cleared, and their length.

    Between two records `next_piece` gives bytes as they are, if the encoding allows: whoever takes them has read them;
    given back with `read_line_by_line` they are lines like all others. A byte order mark at the beginning is left out.
    """

    def __init__(self, binary: IO[bytes], encoding: str) -> None:
        name = codecs.lookup(encoding).name
        self._pieces = _Pieces(binary) if name in _BY_BYTE else None
        self._encoding = "utf-8" if name == "utf-8-sig" else encoding
        self._text: IO[str] = io.StringIO()
        if self._pieces is None:
            self._text = io.TextIOWrapper(binary, encoding=encoding, errors=CARRY, newline="")
        self._size = 0  # of the text that the piece at hand has become
        self._again: deque[str] = deque()
        self._begun = False
        self.length = 0
        self.taken: list[str] = []

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        if not self.taken:
            self.length = 0
        line = self._again.popleft() if self._again else self._fresh()
        self.taken.append(line)
        self.length += len(line)
        if self.length > MAX_RECORD and len(self.taken) > 1:
            raise TooLong
        return line

    def next_piece(self) -> bytes | None:
        """Return the bytes up to some line's end, if the next record begins with them and they can be had; else None."""
        if self._pieces is None or not self._begun or self._again or self._text.tell() != self._size:
            return None
        return self._pieces.read() or None

    def read_line_by_line(self, piece: bytes) -> None:
        text = piece.decode(self._encoding, CARRY)
        self._text, self._size = io.StringIO(text, newline=""), len(text)

    def give_back_all_but_first(self) -> None:
        """The record could not be read: only its first line is spent, the others are read again."""
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]

    def _fresh(self) -> str:
        line = self._text.readline(MAX_RECORD + 1)
        if not line and self._pieces is not None:
            self.read_line_by_line(self._pieces.read())
            line = self._text.readline(MAX_RECORD + 1)
        if not line:
            raise StopIteration
        if len(line) > MAX_RECORD:
            raise FileProblem(f"has a line of more than {MAX_RECORD} characters, expected one record on it: deliver it again")
        if not self._begun:
            self._begun = True
            return line.removeprefix(_MARK)
        return line


class _Pieces:
    """A file's bytes in pieces that end where a line ends; the first is the first line."""

    def __init__(self, binary: IO[bytes]) -> None:
        self._binary, self._rest, self._first = binary, b"", True

    def read(self) -> bytes:
        """Return the next piece, nothing at the end. A line too long to be one ends a piece as well, for others to tell."""
        data = self._rest
        while True:
            more = self._binary.read(PIECE)
            data += more
            if not more:
                break
            if (cut := self._cut(data)) or len(data) > 4 * MAX_RECORD + 8:
                cut = cut or len(data)
                self._rest, self._first = data[cut:], False
                return data[:cut]
        cut = (self._cut(data) if self._first else 0) or len(data)
        self._rest, self._first = data[cut:], False
        return data[:cut]

    def _cut(self, data: bytes) -> int:
        """Return where the last line in `data` that is whole ends (the first, at the beginning); 0: none is."""
        if self._first:
            return data.find(b"\n") + 1
        newest = data.rfind(b"\n") + 1
        if newest:
            return newest
        at = data.rfind(b"\r", 0, -1)  # the very last might be half of a CRLF
        return at + 1
